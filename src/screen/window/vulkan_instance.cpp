// VulkanInstance: by SDL's loader.
#include "screen/window/vulkan_instance.h"

#include <SDL3/SDL.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "screen/window/presenter.h"
#include "screen/window/vulkan_surface.h"

namespace hesper::screen::window {

Result<std::shared_ptr<VulkanInstance>> VulkanInstance::open(bool software) {
  if (!SDL_Vulkan_LoadLibrary(nullptr)) return fail(fmt::format("Vulkan cannot be used: {}", SDL_GetError()));
  std::shared_ptr<VulkanInstance> instance(new VulkanInstance(software));
  const auto get = reinterpret_cast<PFN_vkGetInstanceProcAddr>(SDL_Vulkan_GetVkGetInstanceProcAddr());
  const auto create = reinterpret_cast<PFN_vkCreateInstance>(get(nullptr, "vkCreateInstance"));
  const std::vector<const char*> extensions = surface_extensions();
  if (create == nullptr || extensions.empty()) return fail(fmt::format("Vulkan cannot be used: {}", SDL_GetError()));
  const VkApplicationInfo application{
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "hesper-view", .apiVersion = VK_API_VERSION_1_1};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pApplicationInfo = &application,
                                  .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
  if (const VkResult result = create(&info, nullptr, &instance->instance_); result != VK_SUCCESS)
    return fail("No Vulkan driver can show windows.", result);
#define X(name)                                                                       \
  instance->vk_.name = reinterpret_cast<PFN_##name>(get(instance->instance_, #name)); \
  if (instance->vk_.name == nullptr) return fail("The Vulkan driver lacks " #name ".");
  HESPER_WINDOW_INSTANCE_FUNCTIONS(X)
#undef X
  std::uint32_t devices = 0;
  instance->vk_.vkEnumeratePhysicalDevices(instance->instance_, &devices, nullptr);
  std::vector<VkPhysicalDevice> all(devices);
  instance->vk_.vkEnumeratePhysicalDevices(instance->instance_, &devices, all.data());
  all.resize(devices);
  const bool any = std::ranges::any_of(all, [&](VkPhysicalDevice one) {
    VkPhysicalDeviceProperties properties;
    instance->vk_.vkGetPhysicalDeviceProperties(one, &properties);
    return software || properties.deviceType != VK_PHYSICAL_DEVICE_TYPE_CPU;
  });
  if (!any) return fail("There is no GPU that Vulkan can use.");
  return instance;
}

VulkanInstance::~VulkanInstance() {
  if (instance_ != VK_NULL_HANDLE && vk_.vkDestroyInstance != nullptr) vk_.vkDestroyInstance(instance_, nullptr);
  SDL_Vulkan_UnloadLibrary();
}

Result<std::shared_ptr<VulkanInstance>> open_vulkan(bool software) { return VulkanInstance::open(software); }

}  // namespace hesper::screen::window
