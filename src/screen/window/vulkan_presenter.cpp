// The Vulkan presenter: an image of the picture that is kept up to date by copies from the frame's own memory, which
// the GPU makes where it can import that memory, and from a staging buffer where not; and a blit of that image, scaled,
// to the swapchain's.
#include <SDL3/SDL.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "screen/window/presenter.h"
#include "screen/window/vulkan_device.h"
#include "screen/window/vulkan_imports.h"
#include "screen/window/vulkan_instance.h"
#include "screen/window/vulkan_surface.h"
#include "screen/window/vulkan_swapchain.h"

namespace hesper::screen::window {
namespace {

constexpr std::uint64_t kForever = ~std::uint64_t{0};
constexpr std::uint32_t kPatchBytes = gpu::kBytesPerPixel * gpu::kCursorSize * gpu::kCursorSize;

// The format whose bytes are in the same order. None: those that begin with what is no colour.
VkFormat format_of(gpu::Format format) {
  switch (format) {
    case gpu::Format::b8g8r8a8:
    case gpu::Format::b8g8r8x8: return VK_FORMAT_B8G8R8A8_UNORM;
    case gpu::Format::r8g8b8a8:
    case gpu::Format::r8g8b8x8: return VK_FORMAT_R8G8B8A8_UNORM;
    default: return VK_FORMAT_UNDEFINED;
  }
}

class VulkanPresenter final : public Presenter {
 public:
  VulkanPresenter(std::shared_ptr<VulkanInstance> shared, SDL_Window* window, bool vsync) noexcept
      : shared_(std::move(shared)), window_(window), vsync_(vsync) {}
  ~VulkanPresenter() override;
  [[nodiscard]] Result<void> prepare();
  Result<Presented> present(const Presentation& what, std::uint64_t& copied) override;

 private:
  [[nodiscard]] Result<void> make_image(const Size& size, VkFormat format);
  void drop_image();
  [[nodiscard]] Result<void> upload(const Presentation& what, bool whole, std::uint64_t& copied);
  void draw(const Presentation& what, VkImage target);
  void barrier(VkImage image, VkImageLayout from, VkImageLayout to, VkAccessFlags before, VkAccessFlags after) const;
  void wait_for_gpu();

  const std::shared_ptr<VulkanInstance> shared_;
  SDL_Window* const window_;
  const bool vsync_;
  // Each goes before those above it.
  std::unique_ptr<VulkanSurface> surface_;
  std::unique_ptr<VulkanDevice> device_;
  std::optional<VulkanSwapchain> swapchain_;
  std::optional<VulkanImports> imports_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence drawn_ = VK_NULL_HANDLE;
  bool busy_ = false;  // drawn_ will be signalled

  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory image_memory_ = VK_NULL_HANDLE;
  VkFormat image_format_ = VK_FORMAT_UNDEFINED;
  Size image_size_;
  bool image_filled_ = false;
  VulkanDevice::Buffer staging_;
  VulkanDevice::Buffer patch_;
};

Result<void> VulkanPresenter::prepare() {
  auto surface = make_vulkan_surface(shared_->instance(), window_);
  if (!surface) return std::unexpected(std::move(surface.error()));
  surface_ = std::move(*surface);
  auto device = VulkanDevice::open(*shared_, surface_->get());
  if (!device) return std::unexpected(std::move(device.error()));
  device_ = std::move(*device);
  swapchain_.emplace(*device_, surface_->get(), vsync_);
  imports_.emplace(*device_);
  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                     .queueFamilyIndex = device_->family()};
  const VkFenceCreateInfo fence{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkResult result = device_->vk().vkCreateCommandPool(device_->get(), &pool, nullptr, &pool_);
  if (result == VK_SUCCESS) result = device_->vk().vkCreateFence(device_->get(), &fence, nullptr, &drawn_);
  const VkCommandBufferAllocateInfo buffers{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = pool_,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
  if (result == VK_SUCCESS) result = device_->vk().vkAllocateCommandBuffers(device_->get(), &buffers, &commands_);
  if (result != VK_SUCCESS) return std::unexpected(vulkan_error("making a device ready", result));
  return device_->make_staging(patch_, kPatchBytes);
}

VulkanPresenter::~VulkanPresenter() {
  if (!device_) return;
  device_->vk().vkDeviceWaitIdle(device_->get());
  drop_image();
  device_->drop(staging_);
  device_->drop(patch_);
  device_->vk().vkDestroyFence(device_->get(), drawn_, nullptr);
  device_->vk().vkDestroyCommandPool(device_->get(), pool_, nullptr);
}

void VulkanPresenter::wait_for_gpu() {
  if (!std::exchange(busy_, false)) return;
  device_->vk().vkWaitForFences(device_->get(), 1, &drawn_, VK_TRUE, kForever);
  device_->vk().vkResetFences(device_->get(), 1, &drawn_);
}

void VulkanPresenter::drop_image() {
  device_->vk().vkDestroyImage(device_->get(), std::exchange(image_, VK_NULL_HANDLE), nullptr);
  device_->vk().vkFreeMemory(device_->get(), std::exchange(image_memory_, VK_NULL_HANDLE), nullptr);
  image_size_ = {};
}

Result<void> VulkanPresenter::make_image(const Size& size, VkFormat format) {
  drop_image();
  const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = format,
                               .extent = {size.width, size.height, 1},
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .tiling = VK_IMAGE_TILING_OPTIMAL,
                               .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT};
  if (const VkResult result = device_->vk().vkCreateImage(device_->get(), &info, nullptr, &image_);
      result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkCreateImage", result));
  VkMemoryRequirements needs;
  device_->vk().vkGetImageMemoryRequirements(device_->get(), image_, &needs);
  auto type = device_->memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  if (!type) type = device_->memory_type(needs.memoryTypeBits, 0);
  const VkMemoryAllocateInfo memory{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .allocationSize = needs.size,
                                    .memoryTypeIndex = type.value_or(0)};
  VkResult result = device_->vk().vkAllocateMemory(device_->get(), &memory, nullptr, &image_memory_);
  if (result == VK_SUCCESS) result = device_->vk().vkBindImageMemory(device_->get(), image_, image_memory_, 0);
  if (result != VK_SUCCESS) return std::unexpected(vulkan_error("vkAllocateMemory", result));
  image_format_ = format;
  image_size_ = size;
  image_filled_ = false;
  return {};
}

void VulkanPresenter::barrier(VkImage image, VkImageLayout from, VkImageLayout to, VkAccessFlags before,
                              VkAccessFlags after) const {
  const VkImageMemoryBarrier info{.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                  .srcAccessMask = before,
                                  .dstAccessMask = after,
                                  .oldLayout = from,
                                  .newLayout = to,
                                  .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                  .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                  .image = image,
                                  .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
  device_->vk().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                     after == 0 ? VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT : VK_PIPELINE_STAGE_TRANSFER_BIT,
                                     0, 0, nullptr, 0, nullptr, 1, &info);
}

// Records copies of what has changed to image_.
Result<void> VulkanPresenter::upload(const Presentation& what, bool whole, std::uint64_t& copied) {
  const frame::Frame& frame = *what.frame;
  std::vector<gpu::Rect> rects = what.damage->rects();
  if (whole) rects = {{.width = frame.width, .height = frame.height}};
  std::vector<VkBufferImageCopy> copies;
  const auto copy = [&](const gpu::Rect& rect, std::uint64_t offset, std::uint32_t row_pixels) {
    copies.push_back({.bufferOffset = offset,
                      .bufferRowLength = row_pixels,
                      .bufferImageHeight = 0,
                      .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                      .imageOffset = {static_cast<std::int32_t>(rect.x), static_cast<std::int32_t>(rect.y), 0},
                      .imageExtent = {rect.width, rect.height, 1}});
  };
  const bool same_bytes = format_of(frame.format) != VK_FORMAT_UNDEFINED;
  const VulkanImports::Import* imported =
      same_bytes && frame.offset % gpu::kBytesPerPixel == 0 && frame.stride % gpu::kBytesPerPixel == 0
          ? imports_->get(frame.buffer)
          : nullptr;
  VkBuffer source = VK_NULL_HANDLE;
  if (imported != nullptr && (imported->before % gpu::kBytesPerPixel) == 0) {
    source = imported->buffer.buffer;
    for (const gpu::Rect& rect : rects)
      copy(rect,
           imported->before + frame.offset + std::uint64_t{frame.stride} * rect.y +
               std::uint64_t{gpu::kBytesPerPixel} * rect.x,
           frame.stride / gpu::kBytesPerPixel);
  } else {
    if (auto made = device_->make_staging(staging_, std::uint64_t{gpu::kBytesPerPixel} * frame.width * frame.height);
        !made)
      return made;
    source = staging_.buffer;
    const std::uint64_t stride = std::uint64_t{gpu::kBytesPerPixel} * frame.width;
    for (const gpu::Rect& rect : rects) {
      const std::uint64_t left = std::uint64_t{gpu::kBytesPerPixel} * rect.x;
      const std::size_t bytes = std::size_t{gpu::kBytesPerPixel} * rect.width;
      for (std::uint32_t y = rect.y; y < rect.bottom(); ++y) {
        const auto from = frame.row(y).subspan(left, bytes);
        const std::span to(staging_.mapped + stride * y + left, bytes);
        if (same_bytes)
          std::memcpy(to.data(), from.data(), bytes);
        else
          gpu::convert_to_b8g8r8a8(frame.format, from, to);
      }
      copied += std::uint64_t{bytes} * rect.height;
      copy(rect, stride * rect.y + left, frame.width);
    }
  }
  barrier(image_, image_filled_ && !whole ? VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL : VK_IMAGE_LAYOUT_UNDEFINED,
          VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_ACCESS_TRANSFER_READ_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
  if (!copies.empty())
    device_->vk().vkCmdCopyBufferToImage(commands_, source, image_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                                         static_cast<std::uint32_t>(copies.size()), copies.data());
  if (what.patch != nullptr && what.patch->pixels.size() <= kPatchBytes) {
    // The image has one of two orders.
    const gpu::Format order = image_format_ == VK_FORMAT_B8G8R8A8_UNORM ? gpu::Format::b8g8r8a8 : gpu::Format::r8g8b8a8;
    gpu::convert_to_b8g8r8a8(order, what.patch->pixels, {patch_.mapped, what.patch->pixels.size()});
    copied += what.patch->pixels.size();
    copies.clear();
    copy(what.patch->area, 0, 0);
    const VkMemoryBarrier in_order{.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                   .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                   .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT};
    device_->vk().vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1,
                                       &in_order, 0, nullptr, 0, nullptr);
    device_->vk().vkCmdCopyBufferToImage(commands_, patch_.buffer, image_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                                         copies.data());
  }
  barrier(image_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
          VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_READ_BIT);
  image_filled_ = true;
  return {};
}

// Records black, and the picture where it lies within the window.
void VulkanPresenter::draw(const Presentation& what, VkImage target) {
  barrier(target, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 0, VK_ACCESS_TRANSFER_WRITE_BIT);
  const Layout& layout = what.layout;
  const auto window_width = static_cast<std::int32_t>(what.window.width);
  const auto window_height = static_cast<std::int32_t>(what.window.height);
  const std::int32_t right = layout.x + static_cast<std::int32_t>(layout.width);
  const std::int32_t bottom = layout.y + static_cast<std::int32_t>(layout.height);
  const bool covered = layout.x <= 0 && layout.y <= 0 && right >= window_width && bottom >= window_height;
  if (what.frame == nullptr || !covered) {
    const VkClearColorValue black{.float32 = {0, 0, 0, 1}};
    const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    device_->vk().vkCmdClearColorImage(commands_, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &black, 1, &all);
    barrier(target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
            VK_ACCESS_TRANSFER_WRITE_BIT, VK_ACCESS_TRANSFER_WRITE_BIT);
  }
  if (what.frame != nullptr) {
    // Blits must not reach beyond images; what is larger than the window is original in size or scaled by a whole
    // number, so that the part within it begins at a pixel or nearly so.
    const std::int32_t left = std::max(layout.x, 0);
    const std::int32_t top = std::max(layout.y, 0);
    const std::int32_t end_x = std::min(right, window_width);
    const std::int32_t end_y = std::min(bottom, window_height);
    const auto from = [](std::int32_t at, std::int32_t start, std::uint32_t scaled, std::uint32_t size) {
      return static_cast<std::int32_t>(std::int64_t{at - start} * size / scaled);
    };
    const VkImageBlit blit{.srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                           .srcOffsets = {{from(left, layout.x, layout.width, image_size_.width),
                                           from(top, layout.y, layout.height, image_size_.height), 0},
                                          {from(end_x, layout.x, layout.width, image_size_.width),
                                           from(end_y, layout.y, layout.height, image_size_.height), 1}},
                           .dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                           .dstOffsets = {{left, top, 0}, {end_x, end_y, 1}}};
    const bool integer = layout.width % image_size_.width == 0 && layout.height % image_size_.height == 0;
    if (end_x > left && end_y > top)
      device_->vk().vkCmdBlitImage(commands_, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target,
                                   VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit,
                                   integer ? VK_FILTER_NEAREST : VK_FILTER_LINEAR);
  }
  barrier(target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR, VK_ACCESS_TRANSFER_WRITE_BIT,
          0);
}

Result<Presented> VulkanPresenter::present(const Presentation& what, std::uint64_t& copied) {
  if (swapchain_->size() != what.window) {
    wait_for_gpu();
    if (auto made = swapchain_->make(what.window); !made) return std::unexpected(std::move(made.error()));
    // The window may have changed again since its size was told.
    if (swapchain_->size() != what.window) return Presented::later;
  }
  wait_for_gpu();
  const auto acquired = swapchain_->acquire();
  if (!acquired) return std::unexpected(acquired.error());
  if (!*acquired) return Presented::later;
  const VulkanSwapchain::Target& target = **acquired;
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  device_->vk().vkBeginCommandBuffer(commands_, &begin);
  if (what.frame != nullptr) {
    imports_->forget();
    const Size size{.width = what.frame->width, .height = what.frame->height};
    VkFormat format = format_of(what.frame->format);
    if (format == VK_FORMAT_UNDEFINED) format = VK_FORMAT_B8G8R8A8_UNORM;
    if (image_ == VK_NULL_HANDLE || image_size_ != size || image_format_ != format)
      if (auto made = make_image(size, format); !made) return std::unexpected(std::move(made.error()));
    if (auto uploaded = upload(what, !image_filled_, copied); !uploaded)
      return std::unexpected(std::move(uploaded.error()));
  }
  draw(what, target.image);
  device_->vk().vkEndCommandBuffer(commands_);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = &target.acquired,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands_,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = &target.drawn};
  if (const VkResult result = device_->vk().vkQueueSubmit(device_->queue(), 1, &submit, drawn_); result != VK_SUCCESS)
    return std::unexpected(vulkan_error("vkQueueSubmit", result));
  busy_ = true;
  const auto presented = swapchain_->present(target);
  if (!presented) return std::unexpected(presented.error());
  if (!*presented) {
    wait_for_gpu();
    swapchain_->drop();
    return Presented::later;
  }
  // The guest may draw on as soon as the next flush, and this thread may let go of the frame: both after the copies.
  wait_for_gpu();
  return Presented::yes;
}

}  // namespace

Result<std::unique_ptr<Presenter>> make_vulkan_presenter(std::shared_ptr<VulkanInstance> instance, SDL_Window* window,
                                                         bool vsync) {
  auto presenter = std::make_unique<VulkanPresenter>(std::move(instance), window, vsync);
  if (auto ready = presenter->prepare(); !ready) return std::unexpected(std::move(ready.error()));
  return presenter;
}

}  // namespace hesper::screen::window
