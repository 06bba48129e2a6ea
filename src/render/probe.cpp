// probe_host: the report around memory_plan.h.
#include "render/probe.h"

#include <utility>

#include "render/loader.h"
#include "render/physical_device.h"

namespace hesper::render {
namespace {

ProbeReport report_of(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy wanted) {
  VkPhysicalDeviceProperties base{};
  procs.vkGetPhysicalDeviceProperties(device, &base);
  ProbeReport report{.device = base.deviceName, .api_version = base.apiVersion};
  if (base.apiVersion < VK_API_VERSION_1_1) {
    report.memory_reason = "Its driver is older than Vulkan 1.1.";
    return report;
  }
  DeviceIdentity identity = identify(procs, device);
  report.driver = std::move(identity.driver);
  report.device_uuid = std::move(identity.uuid);

  const auto plan = plan_memory(procs, device, {.strategy = wanted});
  if (!plan) {
    report.memory_reason = plan.error().message;
    return report;
  }
  report.usable = true;
  report.memory = name_of(plan->strategy);
  report.memory_reason = plan->reason;
  const Emulation emulation = plan_emulation(procs, device, plan->strategy, false);
  if (emulation.semaphore_sync_fd) report.emulated = "sync_fd semaphores";
  if (emulation.fence_sync_fd) report.emulated += report.emulated.empty() ? "sync_fd fences" : ", sync_fd fences";
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
