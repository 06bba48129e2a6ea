// PCI's display controllers, /sys/class/drm, /dev/dxg, system_profiler.
#include "host/gpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "host/fact.h"
#include "host/pci.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr const char* kDrm = "/sys/class/drm";
constexpr std::size_t kMostNodes = 256;

// ---- DRM ------------------------------------------------------------------------------------------------------------

struct DrmDevice {
  std::string name;  // "card0", "renderD128"
  std::string path;  // of /sys/devices, as its link has it
  std::vector<Connector> connectors;
};

bool is_node_name(std::string_view name) {
  for (const std::string_view prefix : {"card", "renderD"})
    if (name.starts_with(prefix) && small_number_in(name.substr(prefix.size()))) return true;
  return false;
}

std::vector<DrmDevice> drm_devices(const System& system) {
  std::vector<DrmDevice> devices;
  const auto names = system.list(kDrm);
  if (!names) return devices;
  for (const std::string& name : *names) {
    if (!is_node_name(name) || devices.size() == kMostNodes) continue;
    DrmDevice device{.name = name, .path = system.read_link(Path(kDrm) / name).value_or(""), .connectors = {}};
    for (const std::string& other : *names) {  // "card0-HDMI-A-1"
      if (!other.starts_with(name + "-") || device.connectors.size() == kMostNodes) continue;
      device.connectors.push_back({.name = shown(other.substr(name.size() + 1), 64),
                                   .connected = line_or_nothing(system, Path(kDrm) / other / "status") == "connected"});
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

DrmNode node_of(const System& system, const Path& path, bool render) {
  DrmNode node{.path = path, .render = render, .may_open = opens(system, path), .group = {}};
  if (const auto status = system.status(path)) node.group = status->group;
  return node;
}

void add_drm(const System& system, const DrmDevice& device, Gpu& gpu) {
  gpu.nodes.push_back(node_of(system, Path("/dev/dri") / device.name, device.name.starts_with("renderD")));
  gpu.connectors.insert(gpu.connectors.end(), device.connectors.begin(), device.connectors.end());
}

// ---- On the PCI bus
// ---------------------------------------------------------------------------------------------------

// /dev/nvidia0 and so on, which NVIDIA's driver has beside DRM nodes, or without any.
std::optional<Path> nvidia_node(const System& system, const std::string& address) {
  const auto text = system.read(Path("/proc/driver/nvidia/gpus") / address / "information");
  const auto minor = text ? value_of(*text, "Device Minor", ':') : std::nullopt;
  const auto number = minor ? small_number_in(*minor) : std::nullopt;
  return number ? std::optional<Path>(fmt::format("/dev/nvidia{}", *number)) : std::nullopt;
}

std::vector<std::string> users_of(const System& system, const Gpu& gpu) {
  std::vector<Path> files;
  for (const DrmNode& node : gpu.nodes) files.push_back(node.path);
  if (gpu.pci) {
    if (const auto node = nvidia_node(system, gpu.pci->address)) files.push_back(*node);
    if (gpu.pci->iommu_group) files.emplace_back(fmt::format("/dev/vfio/{}", *gpu.pci->iommu_group));
  }
  std::vector<std::string> users;
  for (const Holder& holder : system.holders(files)) {
    std::string user = fmt::format("{} ({})", holder.program.empty() ? "?" : shown(holder.program, 64), holder.process);
    if (!std::ranges::contains(users, user)) users.push_back(std::move(user));
  }
  return users;
}

// No file says so. Intel's are at 00:02.0; AMD's share their slot with functions of the processor, which have another
// vendor id than those of cards.
Fact<bool> integrated(const Gpu& gpu) {
  const PciFunction& pci = *gpu.pci;
  const std::string source = fmt::format("/sys/bus/pci/devices/{}", pci.address);
  switch (pci.vendor) {
    case kIntel: return known(pci.address.ends_with(":00:02.0"), source);
    case kNvidia: return known(false, source);
    case kAti:
    case kAmd:
      return known(std::ranges::any_of(gpu.siblings, [](const PciFunction& each) { return each.vendor == kAmd; }),
                   source);
    default: return unknown<bool>("Nothing is known about that for GPUs of this vendor.", source);
  }
}

// Those of the aliases that can match, which the file has thousands beside.
std::vector<std::string> modules_of(const System& system, const OperatingSystem& os, const PciFunction& pci) {
  if (!os.kernel.known()) return {};
  const std::string modalias = fmt::format("pci:v{:08X}d{:08X}sv{:08X}sd{:08X}bc{:02X}sc{:02X}i{:02X}", pci.vendor,
                                           pci.device, pci.subsystem_vendor, pci.subsystem_device, pci.pci_class >> 16,
                                           (pci.pci_class >> 8) & 0xff, pci.pci_class & 0xff);
  const std::vector<std::string> beginnings = {
      fmt::format("alias pci:v{:08X}d{:08X}", pci.vendor, pci.device), fmt::format("alias pci:v{:08X}d\\*", pci.vendor),
      fmt::format("alias pci:v{:08X}d*", pci.vendor), "alias pci:v*d*sv*sd*bc03"};
  for (const char* root : {"/lib/modules", "/run/booted-system/kernel-modules/lib/modules"}) {
    const Path file = Path(root) / *os.kernel.value / "modules.alias";
    if (const auto text = system.excerpt(file, beginnings)) return modules_for(*text, modalias);
  }
  return {};
}

Gpu gpu_of(const System& system, const OperatingSystem& os, const PciFunction& pci,
           const std::vector<PciFunction>& functions) {
  const Path folder = Path("/sys/bus/pci/devices") / pci.address;
  Gpu gpu{.name = pci.name.empty() ? fmt::format("{:04x}:{:04x}", pci.vendor, pci.device) : pci.name,
          .vendor = vendor_name(pci.vendor),
          .pci = pci,
          .siblings = {}};
  for (const PciFunction& other : functions)
    if (other.address != pci.address && slot_of(other.address) == slot_of(pci.address)) gpu.siblings.push_back(other);
  gpu.driver = known(pci.driver.value_or(""), folder / "driver");
  gpu.modules = modules_of(system, os, pci);
  const auto boot = count_in(system, folder / "boot_vga");
  gpu.boot_vga = boot.known() ? known(*boot.value == 1, boot.source) : unknown<bool>(boot.why, boot.source);
  // Only VGA controllers have that file.
  if (!boot.known() && pci.pci_class >> 8 != 0x0300) gpu.boot_vga = known(false, folder / "class");
  gpu.integrated = integrated(gpu);
  return gpu;
}

// ---- Beside it
// --------------------------------------------------------------------------------------------------------

// What a platform's device says of itself: lines "DRIVER=asahi", "OF_COMPATIBLE_0=apple,agx-g13g".
Gpu platform_gpu(const System& system, const DrmDevice& device) {
  const Path file = Path(kDrm) / device.name / "device/uevent";
  const auto text = system.read(file);
  Gpu gpu;
  const std::string driver = text ? shown(value_of(*text, "DRIVER", '=').value_or(""), 64) : "";
  const std::string compatible = text ? shown(value_of(*text, "OF_COMPATIBLE_0", '=').value_or(""), 64) : "";
  gpu.driver = text ? known(driver, file) : unknown<std::string>(text.error().message, file);
  const auto [vendor, chip] = split_at(compatible, ',');
  gpu.vendor = vendor == "apple" ? "Apple" : std::string(vendor);
  if (driver.starts_with("virtio")) gpu.vendor = "virtio";
  gpu.name = !chip.empty() ? shown(chip) : !driver.empty() ? driver : device.name;
  gpu.boot_vga = unknown<bool>("It is on no PCI bus.", file);
  gpu.integrated = compatible.empty() ? unknown<bool>("It is on no PCI bus.", file) : known(true, file);
  return gpu;
}

// Drivers of virtual devices without hardware; they are nobody's GPU.
bool is_software(std::string_view driver) { return driver == "vkms" || driver == "vgem" || driver == "faux_driver"; }

// Display and GPU of systems on a chip are two DRM devices; nodes of one that cannot render are its screens.
std::vector<Gpu> platform_gpus(const System& system, const std::vector<DrmDevice>& devices) {
  std::map<std::string, Gpu> by_device;  // by path of /sys/devices
  for (const DrmDevice& device : devices) {
    if (address_in(device.path)) continue;
    const std::string key = device.path.empty() ? device.name : Path(device.path).parent_path().native();
    const auto found = by_device.find(key);
    Gpu& gpu =
        found != by_device.end() ? found->second : by_device.emplace(key, platform_gpu(system, device)).first->second;
    add_drm(system, device, gpu);
  }
  std::vector<Gpu> gpus, screens;
  for (auto& [key, gpu] : by_device) {
    if (is_software(gpu.driver.value_or(""))) continue;
    const bool renders = std::ranges::any_of(gpu.nodes, &DrmNode::render);
    (renders ? gpus : screens).push_back(std::move(gpu));
  }
  if (gpus.empty()) return screens;
  for (Gpu& screen : screens) {
    auto& nodes = gpus.front().nodes;
    nodes.insert(nodes.end(), screen.nodes.begin(), screen.nodes.end());
    auto& connectors = gpus.front().connectors;
    connectors.insert(connectors.end(), screen.connectors.begin(), screen.connectors.end());
  }
  return gpus;
}

std::optional<Gpu> gpu_of_wsl(const System& system) {
  constexpr const char* kDevice = "/dev/dxg";
  if (!is_there(system, kDevice)) return std::nullopt;
  Gpu gpu{.name = "the GPU of Windows", .vendor = "Microsoft", .pci = {}, .siblings = {}};
  gpu.driver = known<std::string>("dxgkrnl", kDevice);
  gpu.boot_vga = known(false, kDevice);
  gpu.integrated = unknown<bool>("Windows does not tell.", kDevice);
  gpu.nodes.push_back(node_of(system, kDevice, true));
  return gpu;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) noexcept {
  // Goes back to the last '*' only: what stands before it has matched and cannot do better.
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<std::string> modules_for(std::string_view aliases, std::string_view modalias) {
  std::vector<std::string> modules;
  for (const std::string_view line : lines_of(aliases)) {
    const auto words = words_of(line);
    if (words.size() != 3 || words[0] != "alias" || words[1].size() > 256 || !matches(words[1], modalias)) continue;
    std::string module = shown(words[2], 64);
    if (modules.size() < 16 && !std::ranges::contains(modules, module)) modules.push_back(std::move(module));
  }
  return modules;
}

Result<std::vector<Gpu>> gpus_of_system_profiler(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("SPDisplaysDataType") || !json["SPDisplaysDataType"].is_array())
    return fail("system_profiler prints no JSON with SPDisplaysDataType.");
  const std::string source = "system_profiler -json SPDisplaysDataType";
  const auto word = [](const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? shown(found->get_ref<const std::string&>()) : std::string();
  };
  std::vector<Gpu> gpus;
  for (const nlohmann::json& each : json["SPDisplaysDataType"]) {
    if (!each.is_object() || gpus.size() == 16) continue;
    Gpu gpu;
    gpu.name = word(each, "sppci_model");
    if (gpu.name.empty()) gpu.name = word(each, "_name");
    const std::string vendor = word(each, "spdisplays_vendor");  // "sppci_vendor_Apple", "NVIDIA (0x10de)"
    for (const char* name : {"Apple", "AMD", "ATI", "Intel", "NVIDIA"})
      if (gpu.vendor.empty() && (vendor.contains(name) || gpu.name.starts_with(name)))
        gpu.vendor = name == std::string_view("ATI") ? "AMD" : name;
    if (gpu.vendor.empty()) gpu.vendor = vendor;
    const std::string bus = word(each, "sppci_bus");
    gpu.driver = known<std::string>("Metal", source);
    gpu.boot_vga = unknown<bool>("macOS does not tell.", source);
    gpu.integrated =
        bus.empty() ? unknown<bool>("macOS does not tell.", source) : known(bus.contains("builtin"), source);
    if (const auto screens = each.find("spdisplays_ndrvs"); screens != each.end() && screens->is_array())
      for (const nlohmann::json& screen : *screens)
        if (screen.is_object() && gpu.connectors.size() < 64)
          gpu.connectors.push_back({.name = word(screen, "_name"), .connected = true});
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

std::vector<Gpu> look_at_gpus(const System& system, const OperatingSystem& os,
                              const std::vector<PciFunction>& functions) {
  if (os.kind == platform::System::macos) {
    const auto text =
        output_of(system, {"system_profiler", "-json", "SPDisplaysDataType"}, std::chrono::milliseconds(10'000));
    return text ? gpus_of_system_profiler(*text).value_or(std::vector<Gpu>()) : std::vector<Gpu>();
  }
  const std::vector<DrmDevice> devices = drm_devices(system);
  std::vector<Gpu> gpus;
  for (const PciFunction& function : functions) {
    if (!is_gpu(function) || gpus.size() == 64) continue;
    Gpu gpu = gpu_of(system, os, function, functions);
    for (const DrmDevice& device : devices)
      if (address_in(device.path) == function.address) add_drm(system, device, gpu);
    gpus.push_back(std::move(gpu));
  }
  for (Gpu& gpu : platform_gpus(system, devices)) gpus.push_back(std::move(gpu));
  if (auto wsl = gpu_of_wsl(system)) gpus.push_back(*std::move(wsl));
  for (Gpu& gpu : gpus) gpu.users = users_of(system, gpu);
  std::ranges::stable_sort(gpus, [](const Gpu& a, const Gpu& b) { return a.boot_vga.is(true) > b.boot_vga.is(true); });
  return gpus;
}

}  // namespace hesper::host
