// Environment: which variables steer the Vulkan loader and Venus, and what each side gets to see of them.
// Spec: Vulkan-Loader, LoaderInterfaceArchitecture.md, "Table of Debug Environment Variables".
#include "cli/environment.h"

#include <algorithm>
#include <ranges>

#include "cli/venus_icd.h"
#include "platform/process.h"

namespace hesper::cli {
namespace {

// What a worker may need to know of the user's environment; everything else, such as passwords for other programs and
// the sockets of the session, is none of its business. docs/sandbox.md has the list in words.
constexpr std::string_view kForWorkers[] = {
    // Hesper's own, and what any process may look at
    "HESPER_*", "HOME", "LANG", "LANGUAGE", "LC_*", "PATH", "TERM", "COLORTERM", "NO_COLOR", "TMPDIR", "TZ", "XDG_*",
    // the linker, the C library, sanitizers and coverage
    "LD_*", "DYLD_*", "GLIBC_TUNABLES", "MALLOC_*", "ASAN_*", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LLVM_*",
    "GCOV_*",
    // the Vulkan loader; layers, which are switched on and off by names of their own
    "VK_*", "VULKAN_*", "ENABLE_*", "DISABLE_*",
    // Mesa: all its drivers, then each
    "MESA_*", "DRI_PRIME", "DRIRC_*", "LIBGL_*", "NIR_*", "GALLIUM_*", "GALLIVM_*", "DRAW_*", "ST_*", "LP_*", "LVP_*",
    "ACO_*", "RADV_*", "RADEON_*", "AMD_*", "ANV_*", "HASVK_*", "INTEL_*", "NVK_*", "NAK_*", "NOUVEAU_*", "TU_*",
    "FD_*", "IR3_*", "PAN_*", "PANVK_*", "BIFROST_*", "V3D_*", "V3DV_*", "BROADCOM_*", "HK_*", "AGX_*", "ASAHI_*",
    "PVR_*", "DZN_*", "KK_*",
    // NVIDIA, AMDVLK, MoltenVK and Metal
    "__GL_*", "__VK_*", "__NV_*", "NVIDIA_*", "CUDA_*", "AMDVLK_*", "MVK_*", "MTL_*", "METAL_*"};

bool has_name(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

// The manifests of a ':'-separated list that are not Venus's.
std::string without_venus(std::string_view list) {
  std::string result;
  for (const auto part : std::views::split(list, ':')) {
    const std::string_view manifest(part.begin(), part.end());
    if (manifest.empty() || is_venus_icd(std::filesystem::path(manifest))) continue;
    if (!result.empty()) result += ':';
    std::error_code error;  // absolute, as a worker's folder is not ours
    result += std::filesystem::absolute(std::filesystem::path(manifest), error).native();
  }
  return result;
}

}  // namespace

Environment Environment::of_this_process() {
  Environment result;
  result.entries_ = platform::environment_of_this_process();
  return result;
}

std::optional<std::string> Environment::get(std::string_view name) const {
  const auto found = std::ranges::find_if(entries_, [&](const auto& entry) { return has_name(entry, name); });
  if (found == entries_.end()) return std::nullopt;
  return found->substr(name.size() + 1);
}

std::optional<std::string> Environment::get_filled(std::string_view name) const {
  auto value = get(name);
  return value && !value->empty() ? value : std::nullopt;
}

void Environment::set(std::string_view name, std::string_view value) {
  remove(name);
  entries_.push_back(std::string(name) + '=' + std::string(value));
}

void Environment::append(std::string_view name, std::string_view item) {
  const std::string list = get(name).value_or("");
  if (list.empty()) return set(name, item);
  for (const auto part : std::views::split(list, ','))
    if (std::string_view(part.begin(), part.end()) == item) return;
  set(name, list + ',' + std::string(item));
}

void Environment::remove(std::string_view name) {
  std::erase_if(entries_, [&](const auto& entry) { return has_name(entry, name); });
}

void Environment::keep(std::span<const std::string_view> names) {
  std::erase_if(entries_, [&](const auto& entry) {
    return std::ranges::none_of(names, [&](std::string_view name) {
      return name.ends_with('*') ? entry.starts_with(name.substr(0, name.size() - 1)) : has_name(entry, name);
    });
  });
}

Environment worker_environment(const Environment& everything, const std::optional<std::filesystem::path>& host_driver,
                               const std::vector<std::string>& passed) {
  std::vector<std::string_view> names(std::begin(kForWorkers), std::end(kForWorkers));
  names.insert(names.end(), passed.begin(), passed.end());
  Environment base = everything;
  base.keep(names);
  for (const char* list : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"}) {
    const auto value = base.get(list);
    if (!value) continue;
    const std::string rest = without_venus(*value);
    rest.empty() ? base.remove(list) : base.set(list, rest);
  }
  if (host_driver) {
    base.remove("VK_ADD_DRIVER_FILES");
    std::error_code error;
    const auto manifest = std::filesystem::absolute(*host_driver, error).native();
    base.set("VK_DRIVER_FILES", manifest);
    base.set("VK_ICD_FILENAMES", manifest);  // loaders before 1.3.207 know this name only
  }
  // A worker on Venus would be its own client.
  base.append("VK_LOADER_DRIVERS_DISABLE", kVenusIcdPattern);
  return base;
}

Environment client_environment(Environment base, std::string_view venus_icd, const std::filesystem::path& socket,
                               bool low_latency) {
  for (const char* filter : {"VK_ADD_DRIVER_FILES", "VK_LOADER_DRIVERS_SELECT", "VK_LOADER_DRIVERS_DISABLE"})
    base.remove(filter);
  base.set("VK_DRIVER_FILES", venus_icd);
  base.set("VK_ICD_FILENAMES", venus_icd);
  base.append("VN_DEBUG", "vtest");
  if (low_latency) base.append("VN_PERF", "no_fence_feedback");
  base.set("VTEST_SOCKET_NAME", socket.native());
  // Venus leaves a destructor of thread data behind, which crashes a thread that ends after the last instance: the
  // loader has unloaded the driver by then (Mesa 25.0 and 26.1; seen with OpenGL's driver threads at the end of a
  // program).
  base.set("VK_LOADER_DISABLE_DYNAMIC_LIBRARY_UNLOADING", "1");
  return base;
}

}  // namespace hesper::cli
