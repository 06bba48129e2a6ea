// VulkanSwapchain: made anew whenever the window has another size.
#include "screen/window/vulkan_swapchain.h"

#include <algorithm>
#include <utility>

namespace hesper::screen::window {
namespace {

constexpr std::uint64_t kAcquireTime = 20'000'000;  // nanoseconds that one window may keep the others

}  // namespace

VulkanSwapchain::~VulkanSwapchain() {
  drop();
  device_.vk().vkDestroySemaphore(device_.get(), acquired_, nullptr);
}

void VulkanSwapchain::drop() {
  for (VkSemaphore each : std::exchange(drawn_, {})) device_.vk().vkDestroySemaphore(device_.get(), each, nullptr);
  device_.vk().vkDestroySwapchainKHR(device_.get(), std::exchange(swapchain_, VK_NULL_HANDLE), nullptr);
  images_.clear();
}

Result<void> VulkanSwapchain::make(const Size& size) {
  const InstanceFunctions& vk = device_.instance();
  device_.vk().vkDeviceWaitIdle(device_.get());
  drop();
  VkSurfaceCapabilitiesKHR can{};
  if (const VkResult result = vk.vkGetPhysicalDeviceSurfaceCapabilitiesKHR(device_.physical(), surface_, &can);
      result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkGetPhysicalDeviceSurfaceCapabilitiesKHR", result));
  if ((can.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_DST_BIT) == 0)
    return fail("The window's images cannot be copied to.");
  std::uint32_t count = 0;
  vk.vkGetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, nullptr);
  std::vector<VkSurfaceFormatKHR> formats(count);
  vk.vkGetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, formats.data());
  // A format that takes numbers as they are: the guest's are sRGB already.
  const auto format = std::ranges::find_if(formats, [](const VkSurfaceFormatKHR& each) {
    return each.format == VK_FORMAT_B8G8R8A8_UNORM || each.format == VK_FORMAT_R8G8B8A8_UNORM;
  });
  if (format == formats.end()) return fail("The window has no pixel format with 8 bits for each colour.");
  count = 0;
  vk.vkGetPhysicalDeviceSurfacePresentModesKHR(device_.physical(), surface_, &count, nullptr);
  std::vector<VkPresentModeKHR> modes(count);
  vk.vkGetPhysicalDeviceSurfacePresentModesKHR(device_.physical(), surface_, &count, modes.data());
  VkPresentModeKHR mode = VK_PRESENT_MODE_FIFO_KHR;  // always there
  if (!vsync_) {
    for (const VkPresentModeKHR wanted : {VK_PRESENT_MODE_MAILBOX_KHR, VK_PRESENT_MODE_IMMEDIATE_KHR})
      if (std::ranges::contains(modes, wanted)) mode = wanted;
  }
  const bool fixed = can.currentExtent.width != 0xffff'ffffU;
  const VkExtent2D extent =
      fixed ? can.currentExtent
            : VkExtent2D{std::clamp(size.width, can.minImageExtent.width, can.maxImageExtent.width),
                         std::clamp(size.height, can.minImageExtent.height, can.maxImageExtent.height)};
  if (extent.width == 0 || extent.height == 0) return {};  // minimised: there is no swapchain then
  std::uint32_t images = can.minImageCount + 1;
  if (can.maxImageCount != 0) images = std::min(images, can.maxImageCount);
  const auto alpha = (can.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR) != 0
                         ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                         : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR;
  const VkSwapchainCreateInfoKHR info{.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                      .surface = surface_,
                                      .minImageCount = images,
                                      .imageFormat = format->format,
                                      .imageColorSpace = format->colorSpace,
                                      .imageExtent = extent,
                                      .imageArrayLayers = 1,
                                      .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                      .imageSharingMode = VK_SHARING_MODE_EXCLUSIVE,
                                      .preTransform = can.currentTransform,
                                      .compositeAlpha = alpha,
                                      .presentMode = mode,
                                      .clipped = VK_TRUE};
  if (const VkResult result = device_.vk().vkCreateSwapchainKHR(device_.get(), &info, nullptr, &swapchain_);
      result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkCreateSwapchainKHR", result));
  size_ = {.width = extent.width, .height = extent.height};
  count = 0;
  device_.vk().vkGetSwapchainImagesKHR(device_.get(), swapchain_, &count, nullptr);
  images_.resize(count);
  device_.vk().vkGetSwapchainImagesKHR(device_.get(), swapchain_, &count, images_.data());
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  if (acquired_ == VK_NULL_HANDLE) {
    if (const VkResult result = device_.vk().vkCreateSemaphore(device_.get(), &semaphore, nullptr, &acquired_);
        result != VK_SUCCESS)
      return std::unexpected(vulkan_error("vkCreateSemaphore", result));
  }
  for (std::size_t i = 0; i < images_.size(); ++i) {
    VkSemaphore made = VK_NULL_HANDLE;
    if (const VkResult result = device_.vk().vkCreateSemaphore(device_.get(), &semaphore, nullptr, &made);
        result != VK_SUCCESS)
      return std::unexpected(vulkan_error("vkCreateSemaphore", result));
    drawn_.push_back(made);
  }
  return {};
}

Result<std::optional<VulkanSwapchain::Target>> VulkanSwapchain::acquire() {
  std::uint32_t number = 0;
  const VkResult result =
      device_.vk().vkAcquireNextImageKHR(device_.get(), swapchain_, kAcquireTime, acquired_, VK_NULL_HANDLE, &number);
  if (result == VK_TIMEOUT || result == VK_NOT_READY) return std::nullopt;
  if (result == VK_ERROR_OUT_OF_DATE_KHR) {
    drop();
    return std::nullopt;
  }
  if (result != VK_SUCCESS && result != VK_SUBOPTIMAL_KHR)
    return std::unexpected(vulkan_error("vkAcquireNextImageKHR", result));
  return Target{.image = images_[number], .number = number, .acquired = acquired_, .drawn = drawn_[number]};
}

Result<bool> VulkanSwapchain::present(const Target& target) {
  const VkPresentInfoKHR info{.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                              .waitSemaphoreCount = 1,
                              .pWaitSemaphores = &target.drawn,
                              .swapchainCount = 1,
                              .pSwapchains = &swapchain_,
                              .pImageIndices = &target.number};
  const VkResult result = device_.vk().vkQueuePresentKHR(device_.queue(), &info);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) return false;
  if (result != VK_SUCCESS && result != VK_SUBOPTIMAL_KHR)
    return std::unexpected(vulkan_error("vkQueuePresentKHR", result));
  return true;
}

}  // namespace hesper::screen::window
