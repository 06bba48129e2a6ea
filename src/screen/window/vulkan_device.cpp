// VulkanDevice: a queue that draws and shows.
#include "screen/window/vulkan_device.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace hesper::screen::window {

Result<std::unique_ptr<VulkanDevice>> VulkanDevice::open(const VulkanInstance& instance, VkSurfaceKHR surface) {
  std::unique_ptr<VulkanDevice> device(new VulkanDevice(instance));
  if (auto chosen = device->choose(surface); !chosen) return std::unexpected(std::move(chosen.error()));
  if (auto made = device->make(); !made) return std::unexpected(std::move(made.error()));
  return device;
}

VulkanDevice::~VulkanDevice() {
  if (device_ != VK_NULL_HANDLE && vk_.vkDestroyDevice != nullptr) vk_.vkDestroyDevice(device_, nullptr);
}

Result<void> VulkanDevice::choose(VkSurfaceKHR surface) {
  const InstanceFunctions& vk = instance_.vk();
  std::uint32_t count = 0;
  vk.vkEnumeratePhysicalDevices(instance_.instance(), &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  vk.vkEnumeratePhysicalDevices(instance_.instance(), &count, devices.data());
  devices.resize(count);
  int best = 0;
  for (VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties properties;
    vk.vkGetPhysicalDeviceProperties(device, &properties);
    const bool is_cpu = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    if (properties.apiVersion < VK_API_VERSION_1_1 || (is_cpu && !instance_.software())) continue;
    const int rank = is_cpu ? 1 : properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 3 : 2;
    if (rank <= best) continue;
    std::uint32_t families = 0;
    vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &families, nullptr);
    std::vector<VkQueueFamilyProperties> each(families);
    vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &families, each.data());
    for (std::uint32_t family = 0; family < families; ++family) {
      VkBool32 can_show = VK_FALSE;
      vk.vkGetPhysicalDeviceSurfaceSupportKHR(device, family, surface, &can_show);
      if (can_show == VK_FALSE || (each[family].queueFlags & VK_QUEUE_GRAPHICS_BIT) == 0) continue;
      physical_ = device;
      family_ = family;
      best = rank;
      break;
    }
  }
  if (best == 0) return fail("No Vulkan device can show on the window.");
  vk.vkGetPhysicalDeviceMemoryProperties(physical_, &memories_);
  return {};
}

Result<void> VulkanDevice::make() {
  const InstanceFunctions& vk = instance_.vk();
  std::uint32_t count = 0;
  vk.vkEnumerateDeviceExtensionProperties(physical_, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> offered(count);
  vk.vkEnumerateDeviceExtensionProperties(physical_, nullptr, &count, offered.data());
  std::vector<const char*> extensions = {VK_KHR_SWAPCHAIN_EXTENSION_NAME};
  const bool can_import = std::ranges::any_of(offered, [](const VkExtensionProperties& each) {
    return std::strcmp(each.extensionName, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME) == 0;
  });
  if (can_import) {
    extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &host};
    vk.vkGetPhysicalDeviceProperties2(physical_, &properties);
    import_alignment_ = host.minImportedHostPointerAlignment;
  }
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = family_,
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = &queue,
                                .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                .ppEnabledExtensionNames = extensions.data()};
  if (const VkResult result = vk.vkCreateDevice(physical_, &info, nullptr, &device_); result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkCreateDevice", result));
#define X(name)                                                                    \
  vk_.name = reinterpret_cast<PFN_##name>(vk.vkGetDeviceProcAddr(device_, #name)); \
  if (vk_.name == nullptr) return fail("The Vulkan driver lacks " #name ".");
  HESPER_WINDOW_DEVICE_FUNCTIONS(X)
#undef X
  if (can_import)
    vk_.vkGetMemoryHostPointerPropertiesEXT = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
        vk.vkGetDeviceProcAddr(device_, "vkGetMemoryHostPointerPropertiesEXT"));
  vk_.vkGetDeviceQueue(device_, family_, 0, &queue_);
  return {};
}

std::optional<std::uint32_t> VulkanDevice::memory_type(std::uint32_t types, VkMemoryPropertyFlags flags) const {
  for (std::uint32_t type = 0; type < memories_.memoryTypeCount; ++type)
    if ((types >> type & 1U) != 0 && (memories_.memoryTypes[type].propertyFlags & flags) == flags) return type;
  return std::nullopt;
}

Result<void> VulkanDevice::make_staging(Buffer& buffer, std::uint64_t size) const {
  if (buffer.size >= size) return {};
  drop(buffer);
  const VkBufferCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
  if (const VkResult result = vk_.vkCreateBuffer(device_, &info, nullptr, &buffer.buffer); result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkCreateBuffer", result));
  VkMemoryRequirements needs;
  vk_.vkGetBufferMemoryRequirements(device_, buffer.buffer, &needs);
  // There is one of these, says the specification.
  const auto type =
      memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  const VkMemoryAllocateInfo memory{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .allocationSize = needs.size,
                                    .memoryTypeIndex = type.value_or(0)};
  VkResult result = vk_.vkAllocateMemory(device_, &memory, nullptr, &buffer.memory);
  if (result == VK_SUCCESS) result = vk_.vkBindBufferMemory(device_, buffer.buffer, buffer.memory, 0);
  void* mapped = nullptr;
  if (result == VK_SUCCESS) result = vk_.vkMapMemory(device_, buffer.memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  if (result != VK_SUCCESS) return std::unexpected(vulkan_error("vkAllocateMemory", result));
  buffer.mapped = static_cast<std::byte*>(mapped);
  buffer.size = size;
  return {};
}

void VulkanDevice::drop(Buffer& buffer) const {
  vk_.vkDestroyBuffer(device_, buffer.buffer, nullptr);
  vk_.vkFreeMemory(device_, buffer.memory, nullptr);
  buffer = {};
}

}  // namespace hesper::screen::window
