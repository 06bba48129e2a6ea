// PreparedHost.
#include "render/prepared_host.h"

#include <algorithm>
#include <vector>

#include "render/physical_device.h"

namespace hesper::render {

Result<std::shared_ptr<const PreparedHost>> PreparedHost::create(const ContextOptions& options) {
  auto loader = Loader::open();
  if (!loader) return std::unexpected(std::move(loader.error()));
  return create(options, std::move(*loader));
}

Result<std::shared_ptr<const PreparedHost>> PreparedHost::create(const ContextOptions& options,
                                                                 std::unique_ptr<Loader> loader) {
  auto instance = create_host_instance(*loader, nullptr, nullptr);
  if (!instance) return std::unexpected(std::move(instance.error()));
  std::shared_ptr<PreparedHost> host(new PreparedHost);
  host->loader_ = std::move(loader);
  host->instance_ = std::move(*instance);

  const InstanceProcs& procs = *host->instance_->procs;
  std::uint32_t count = 0;
  VkResult result = procs.vkEnumeratePhysicalDevices(host->instance_->handle, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  if (result == VK_SUCCESS) result = procs.vkEnumeratePhysicalDevices(host->instance_->handle, &count, devices.data());
  if (result < 0) return fail("The host's Vulkan drivers cannot be listed.", result);
  devices.resize(count);
  for (VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties properties{};
    procs.vkGetPhysicalDeviceProperties(device, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_1) continue;
    if (auto plan = plan_memory(procs, device, wish_of(options)))
      host->plans_.emplace(key_of(procs, device), std::move(*plan));
  }
  return host;
}

const MemoryPlan* PreparedHost::find_plan(const InstanceProcs& procs, VkPhysicalDevice device) const {
  const auto found = plans_.find(key_of(procs, device));
  return found == plans_.end() ? nullptr : &found->second;
}

PreparedHost::Key PreparedHost::key_of(const InstanceProcs& procs, VkPhysicalDevice device) {
  VkPhysicalDeviceIDProperties ids{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &ids};
  procs.vkGetPhysicalDeviceProperties2(device, &properties);
  Key key{};
  std::ranges::copy(ids.driverUUID, std::ranges::copy(ids.deviceUUID, key.begin()).out);
  return key;
}

}  // namespace hesper::render
