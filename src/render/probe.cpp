// probe_host: the report around memory_plan.h.
#include "render/probe.h"

#include <utility>

#include "render/extensions.h"
#include "render/loader.h"
#include "render/physical_device.h"

namespace hesper::render {
namespace {

const char* kind_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return "cpu";
    default: return "other";
  }
}

// Of what memory can be shared by, in one way or the other.
std::vector<std::string> missing_extensions(const InstanceProcs& procs, VkPhysicalDevice device) {
  std::vector<std::string> missing;
  const auto offered = device_extensions(procs, device);
  for (const char* name : {VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,
                           VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME})
    if (!contains(offered, name)) missing.emplace_back(name);
  return missing;
}

ProbeReport report_of(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy wanted) {
  VkPhysicalDeviceProperties base{};
  procs.vkGetPhysicalDeviceProperties(device, &base);
  ProbeReport report{.device = base.deviceName, .api_version = base.apiVersion};
  report.kind = kind_of(base.deviceType);
  if (base.apiVersion < VK_API_VERSION_1_1) {
    report.memory_reason = report.guest_reason = "Its driver is older than Vulkan 1.1.";
    report.missing = {"Vulkan 1.1"};
    return report;
  }
  DeviceIdentity identity = identify(procs, device);
  report.driver = std::move(identity.driver);
  report.device_uuid = std::move(identity.uuid);
  const auto guest_plan = plan_memory(procs, device, {.strategy = MemoryStrategy::hostptr, .ranges = true});
  report.guest_usable = guest_plan.has_value();
  report.guest_reason = guest_plan ? guest_plan->reason : guest_plan.error().message;
  report.memory_moves = guest_plan && guest_plan->replaceable;
  if (!report.guest_usable) report.missing = missing_extensions(procs, device);
  const auto plan = plan_memory(procs, device, {.strategy = wanted});
  if (!plan) {
    report.memory_reason = plan.error().message;
    return report;
  }
  report.usable = true;
  report.memory = name_of(plan->strategy);
  report.memory_reason = plan->reason;
  const Emulation emulation = plan_emulation(procs, device, plan->strategy, false);
  if (emulation.semaphore_sync_fd) report.emulated.emplace_back("sync_fd semaphores");
  if (emulation.fence_sync_fd) report.emulated.emplace_back("sync_fd fences");
  return report;
}

template <class Action>
Result<void> for_each_device(Action action) {
  auto loader = Loader::open();
  if (!loader) return std::unexpected(loader.error());
  auto instance = create_host_instance(**loader, nullptr, nullptr);
  if (!instance) return std::unexpected(instance.error());
  const InstanceProcs& procs = *(*instance)->procs;
  std::uint32_t count = 0;
  VkResult result = procs.vkEnumeratePhysicalDevices((*instance)->handle, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  if (result == VK_SUCCESS) result = procs.vkEnumeratePhysicalDevices((*instance)->handle, &count, devices.data());
  if (result < 0) return fail("The host's Vulkan drivers cannot be listed.", result);
  if (count == 0) {
    return fail(
        "The host's Vulkan drivers find no device; install one that does (Debian: apt install mesa-vulkan-drivers).");
  }
  for (VkPhysicalDevice device : devices) action(procs, device);
  return {};
}

}  // namespace

Result<std::vector<ProbeReport>> probe_host(MemoryStrategy wanted) {
  std::vector<ProbeReport> reports;
  auto tried = for_each_device([&](const InstanceProcs& procs, VkPhysicalDevice device) {
    reports.push_back(report_of(procs, device, wanted));
  });
  if (!tried) return std::unexpected(std::move(tried.error()));
  return reports;
}

Result<bool> memory_can_be_moved(std::uint64_t granularity) {
  bool all = true;
  auto tried = for_each_device([&](const InstanceProcs& procs, VkPhysicalDevice device) {
    const auto plan =
        plan_memory(procs, device, {.strategy = MemoryStrategy::hostptr, .ranges = true, .granularity = granularity});
    if (plan) all = all && plan->replaceable;
  });
  if (!tried) return std::unexpected(std::move(tried.error()));
  return all;
}

Result<MemoryStrategy> parse_memory_strategy(const std::string& name) {
  for (const auto strategy : {MemoryStrategy::automatic, MemoryStrategy::dmabuf, MemoryStrategy::hostptr}) {
    if (name == name_of(strategy)) return strategy;
  }
  return fail("The memory strategy \"" + name + "\" is unknown; choose auto, dmabuf or hostptr.");
}

const char* name_of(MemoryStrategy strategy) noexcept {
  switch (strategy) {
    case MemoryStrategy::automatic: return "auto";
    case MemoryStrategy::dmabuf: return "dmabuf";
    case MemoryStrategy::hostptr: return "hostptr";
  }
  return "auto";
}

}  // namespace hesper::render
