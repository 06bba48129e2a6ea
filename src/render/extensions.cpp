// Extension lists: Vulkan's two calls made one.
#include "render/extensions.h"

#include <algorithm>

namespace hesper::render {
namespace {

template <class Enumerate>
std::vector<VkExtensionProperties> list(Enumerate&& enumerate) {
  std::uint32_t count = 0;
  if (enumerate(&count, nullptr) != VK_SUCCESS) return {};
  std::vector<VkExtensionProperties> extensions(count);
  if (enumerate(&count, extensions.data()) < 0) return {};
  extensions.resize(count);
  return extensions;
}

}  // namespace

std::vector<VkExtensionProperties> instance_extensions(const GlobalProcs& procs) {
  return list([&](std::uint32_t* count, VkExtensionProperties* out) {
    return procs.vkEnumerateInstanceExtensionProperties(nullptr, count, out);
  });
}

std::vector<VkExtensionProperties> device_extensions(const InstanceProcs& procs, VkPhysicalDevice device) {
  return list([&](std::uint32_t* count, VkExtensionProperties* out) {
    return procs.vkEnumerateDeviceExtensionProperties(device, nullptr, count, out);
  });
}

bool contains(const std::vector<VkExtensionProperties>& extensions, std::string_view name) noexcept {
  return std::ranges::contains(extensions, name, [](const auto& e) { return std::string_view(e.extensionName); });
}

}  // namespace hesper::render
