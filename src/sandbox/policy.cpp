// The policy itself: the files, system calls and limits of each driver family.
#include "sandbox/policy.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ranges>
#include <string_view>

#include "sandbox/syscall_lists.h"

namespace hesper::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

// A worker keeps one fd for each blob that its client maps.
constexpr std::uint64_t kOpenFiles = 65536;

bool has(const HostDrivers& drivers, Family family) {
  return drivers.families.empty() || std::ranges::contains(drivers.families, Family::unknown) ||
         std::ranges::contains(drivers.families, family);
}

bool is_view(const HostDrivers& drivers) { return std::ranges::contains(drivers.families, Family::view); }

// A process without a driver opens nothing at all.
bool needs_files(const HostDrivers& drivers) {
  constexpr auto is_driver = [](Family family) { return family != Family::none && family != Family::view; };
  return drivers.families.empty() || std::ranges::any_of(drivers.families, is_driver);
}

platform::Limits limits_for(const HostDrivers& drivers, const Choices& choices) {
  const std::uint64_t memory = platform::physical_memory();
  platform::Limits limits{.open_files = choices.open_files.value_or(kOpenFiles)};
  // lavapipe takes 0.8 GiB, 0.7 of them thread stacks and heaps, and what the client allocates; drivers of GPUs also
  // map the GPU's memory. NVIDIA's reserves addresses for all memory that the host and its GPUs can ever have.
  if (!has(drivers, Family::nvidia)) limits.address_space = 64 * kGiB + 4 * memory;
  if (choices.address_space) limits.address_space = *choices.address_space;
  if (limits.address_space == 0) limits.address_space.reset();
  // Recordings have the size that they have.
  if (memory != 0 && !is_view(drivers)) limits.file_size = memory;  // shared memory beyond this could never be filled
  return limits;
}

platform::SyscallFilter allowed_calls(const HostDrivers& drivers, bool report_all) {
  platform::SyscallFilter filter;
  bool silent = false;
  const auto add = [&](std::string_view name) {
    const SyscallList list = syscall_list(name);
    filter.lists.push_back(list.rules);
    silent = silent || list.silent;
  };
  if (has(drivers, Family::lavapipe)) add("lavapipe");
  if (has(drivers, Family::mesa)) add("mesa");
  if (has(drivers, Family::nvidia)) add("nvidia");
  if (is_view(drivers)) add("view");
  // Of two filters that both refuse a call, the kernel takes the answer of the last: it must be the same one.
  add("denied");
  add("common");
  filter.silent = silent && !report_all;
  return filter;
}

// Whether a folder may be shown because a driver's library lies in it: not if it is a place where people keep their
// own.
bool is_for_libraries(const fs::path& folder, const fs::path& home) {
  constexpr std::array kShared = {"/",     "/tmp",  "/var/tmp", "/dev", "/dev/shm",
                                  "/home", "/root", "/run",     "/var", "/etc"};
  if (std::ranges::contains(kShared, folder.native())) return false;
  const auto end = std::ranges::mismatch(folder, home).in1;
  return home.empty() || end != folder.end();  // neither home nor above it
}

// The library, and its folder, where its own libraries may lie; of what is installed in /opt, all.
void show_library(const fs::path& library, const fs::path& home, std::vector<fs::path>& readable) {
  std::error_code error;
  for (const fs::path& path : {library, fs::canonical(library, error)}) {
    if (path.empty()) continue;
    const auto text = path.native();
    if (text.starts_with("/opt/")) readable.push_back(fs::path(text.substr(0, text.find('/', 5))));
    readable.push_back(is_for_libraries(path.parent_path(), home) ? path.parent_path() : path);
  }
}

std::vector<fs::path> readable_files(const HostDrivers& drivers, const Getenv& environment) {
  std::vector<fs::path> paths = {
      "/usr", "/lib", "/lib64", "/lib32",
      // Linker, Vulkan loader and drivers read these; of the rest of /etc nothing.
      "/etc/ld.so.cache", "/etc/alternatives", "/etc/vulkan", "/etc/xdg/vulkan", "/etc/drirc",
      // Systems that keep programs elsewhere.
      "/nix/store", "/gnu/store", "/run/opengl-driver", "/run/opengl-driver-32", "/sys/devices/system"};
  if (has(drivers, Family::mesa) || has(drivers, Family::nvidia))
    for (const char* path : {"/sys/devices", "/sys/dev", "/sys/class/drm", "/sys/bus/pci", "/sys/module/nvidia",
                             "/etc/libdrm", "/etc/nvidia", "/etc/glvnd", "/etc/OpenCL"})
      paths.emplace_back(path);
  const fs::path home = environment("HOME").value_or("");
  for (const auto part : std::views::split(environment("LD_LIBRARY_PATH").value_or(""), ':')) {
    const fs::path folder(part.begin(), part.end());
    if (folder.is_absolute() && is_for_libraries(folder, home)) paths.push_back(folder);
  }
  for (const auto& file : drivers.files) {
    if (file.extension() == ".json")
      paths.push_back(file);
    else
      show_library(file, home, paths);
  }
  // A folder comes before what lies in it.
  std::ranges::sort(paths);
  paths.erase(std::ranges::unique(paths).begin(), paths.end());
  std::ranges::stable_sort(paths, {}, [](const fs::path& path) { return std::ranges::distance(path); });
  return paths;
}

std::vector<fs::path> devices(const HostDrivers& drivers) {
  std::vector<fs::path> paths = {"/dev/null",    "/dev/zero",    "/dev/full",           "/dev/random",
                                 "/dev/urandom", "/dev/udmabuf", "/dev/dma_heap/system"};
  if (has(drivers, Family::mesa)) {
    paths.emplace_back("/dev/dri");
    paths.emplace_back("/dev/kfd");
  }
  if (!has(drivers, Family::nvidia)) return paths;
  // nvidia0, nvidiactl, nvidia-uvm, nvidia-modeset, nvidia-caps/...: as many as there are GPUs.
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error))
    if (entry.path().filename().native().starts_with("nvidia")) paths.push_back(entry.path());
  if (!std::ranges::contains(paths, fs::path("/dev/dri"))) paths.emplace_back("/dev/dri");
  return paths;
}

std::vector<fs::path> process_files(const HostDrivers& drivers) {
  std::vector<fs::path> paths = {"/proc/cpuinfo", "/proc/meminfo"};
  if (has(drivers, Family::nvidia))
    for (const char* path : {"/proc/driver/nvidia", "/proc/driver/nvidia-uvm", "/proc/driver/nvidia-nvlink",
                             "/proc/driver/nvidia-nvswitch", "/proc/driver/nvidia-caps", "/proc/devices",
                             "/proc/modules", "/proc/version", "/proc/filesystems", "/proc/sys/vm/mmap_min_addr",
                             "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/max_map_count"})
      paths.emplace_back(path);
  return paths;
}

}  // namespace

Policy policy_for(const HostDrivers& drivers, const Choices& choices, const Getenv& environment) {
  Policy policy;
  policy.limits = limits_for(drivers, choices);
  policy.forbidden.lists = {syscall_list("denied").rules};
  policy.forbidden.unlisted = platform::SyscallFilter::Unlisted::allow;
  if (needs_files(drivers)) {
    policy.files.readable = readable_files(drivers, environment);
    policy.files.devices = devices(drivers);
    policy.files.process = process_files(drivers);
  } else if (is_view(drivers)) {
    // How many processors and NUMA nodes there are, for threads of codecs; x265's library asks each time.
    policy.files.readable = {"/sys/devices/system/cpu", "/sys/devices/system/node"};
  }
  policy.allowed = allowed_calls(drivers, choices.report_all);
  policy.forbidden.silent = policy.allowed.silent;
  // Without a cache of their own choice, workers have none: a shared one would let a client choose the code of the
  // next.
  if (choices.shader_cache.empty()) {
    policy.environment.emplace_back("MESA_SHADER_CACHE_DISABLE", "true");
    policy.environment.emplace_back("__GL_SHADER_DISK_CACHE", "0");
  } else {
    policy.files.writable = {choices.shader_cache};
    policy.environment.emplace_back("MESA_SHADER_CACHE_DIR", choices.shader_cache.native());
    policy.environment.emplace_back("__GL_SHADER_DISK_CACHE_PATH", choices.shader_cache.native());
  }
  policy.environment.emplace_back("TMPDIR", "/tmp");
  return policy;
}

}  // namespace hesper::sandbox
