// swapchain [--surface headless|xcb|wayland] [--frames N] [--output FILE.png] [--hold]: presents frames of known
// content, reads each back before it is presented, checks it, and changes the window's size half way. With --hold it
// then says what the last frame shows, and leaves it on the screen until it is killed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <format>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "support/arguments.h"
#include "support/gpu.h"
#include "support/picture.h"
#include "swapchain/window.h"

namespace hesper::clients {
namespace {

constexpr std::uint64_t kForever = 20'000'000'000;  // ns; a present that takes longer hangs
constexpr std::uint32_t kInFlight = 2;
constexpr std::uint32_t kSquare = 24;  // pixels

using Texel = std::array<std::uint8_t, 4>;  // red, green, blue, alpha

// The background changes with each frame, and a square walks over it.
[[nodiscard]] Texel background(std::uint32_t frame) {
  return {static_cast<std::uint8_t>(frame), static_cast<std::uint8_t>(frame * 3),
          static_cast<std::uint8_t>(255 - frame), 255};
}
constexpr Texel kSquareColour{255, 128, 0, 255};
[[nodiscard]] VkOffset2D square_at(std::uint32_t frame, VkExtent2D size) {
  return {static_cast<std::int32_t>(frame * 5 % (size.width - kSquare)),
          static_cast<std::int32_t>(frame * 3 % (size.height - kSquare))};
}
[[nodiscard]] VkClearColorValue clear_value(Texel texel) {
  VkClearColorValue value{};
  for (std::size_t i = 0; i < texel.size(); ++i) value.float32[i] = static_cast<float>(texel[i]) / 255.0F;
  return value;
}

class Chain {
 public:
  Chain(const Gpu& gpu, VkSurfaceKHR surface, VkExtent2D wish, VkSwapchainKHR old);
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() { vkDestroySwapchainKHR(gpu_.device(), chain_, nullptr); }

  struct Picture {
    VkImage image;
    ImageView view;
    Semaphore drawn;  // an image's own: it is free again when the image is acquired again
  };
  [[nodiscard]] VkSwapchainKHR get() const noexcept { return chain_; }
  [[nodiscard]] VkExtent2D size() const noexcept { return size_; }
  [[nodiscard]] VkFormat format() const noexcept { return format_; }
  [[nodiscard]] const Picture& picture(std::uint32_t index) const { return pictures_.at(index); }

 private:
  const Gpu& gpu_;
  VkSwapchainKHR chain_{};
  VkExtent2D size_{};
  VkFormat format_ = VK_FORMAT_UNDEFINED;
  std::vector<Picture> pictures_;
};

[[nodiscard]] VkSurfaceFormatKHR choose_format(const Gpu& gpu, VkSurfaceKHR surface) {
  std::uint32_t count = 0;
  check(vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical(), surface, &count, nullptr));
  std::vector<VkSurfaceFormatKHR> formats(count);
  check(vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical(), surface, &count, formats.data()));
  const auto found = std::ranges::find_if(formats, [](const VkSurfaceFormatKHR& each) {
    return each.format == VK_FORMAT_B8G8R8A8_UNORM || each.format == VK_FORMAT_R8G8B8A8_UNORM;
  });
  expect(found != formats.end(), "The surface has no 8-bit UNORM format.");
  return *found;
}

Chain::Chain(const Gpu& gpu, VkSurfaceKHR surface, VkExtent2D wish, VkSwapchainKHR old) : gpu_(gpu) {
  VkSurfaceCapabilitiesKHR can;
  check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(gpu.physical(), surface, &can));
  size_ = can.currentExtent.width == UINT32_MAX ? wish : can.currentExtent;
  const VkSurfaceFormatKHR format = choose_format(gpu, surface);
  format_ = format.format;
  const std::uint32_t most = can.maxImageCount == 0 ? UINT32_MAX : can.maxImageCount;
  const VkSwapchainCreateInfoKHR info{
      .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
      .surface = surface,
      .minImageCount = std::min(most, std::max(can.minImageCount, 3U)),
      .imageFormat = format.format,
      .imageColorSpace = format.colorSpace,
      .imageExtent = size_,
      .imageArrayLayers = 1,
      .imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
      .preTransform = can.currentTransform,
      .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
      .oldSwapchain = old};
  check(vkCreateSwapchainKHR(gpu.device(), &info, nullptr, &chain_));
  std::uint32_t count = 0;
  check(vkGetSwapchainImagesKHR(gpu.device(), chain_, &count, nullptr));
  std::vector<VkImage> images(count);
  check(vkGetSwapchainImagesKHR(gpu.device(), chain_, &count, images.data()));
  for (VkImage image : images) {
    pictures_.push_back({.image = image,
                         .view = create<ImageView>(gpu.device(), vkCreateImageView,
                                                   {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                                    .image = image,
                                                    .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                                    .format = format_,
                                                    .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}}),
                         .drawn = create<Semaphore>(gpu.device(), vkCreateSemaphore,
                                                    {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO})});
  }
}

class Presenter {
 public:
  Presenter(const Gpu& gpu, VkSurfaceKHR surface, VkExtent2D size);
  // Draws, reads back, presents and checks one frame; again on a new swapchain where the old one is out of date.
  void frame(std::uint32_t number);
  void resize(VkExtent2D size);
  [[nodiscard]] VkExtent2D size() const { return chain_->size(); }
  [[nodiscard]] const std::vector<std::byte>& rgba() const noexcept { return rgba_; }  // of the last frame

 private:
  struct Slot {
    Semaphore acquired;
    Fence acquired_fence;
    Fence done;
    VkCommandBuffer commands{};
  };
  [[nodiscard]] VkResult present_frame(std::uint32_t number);
  void record(VkCommandBuffer commands, const Chain::Picture& picture, std::uint32_t number) const;
  void check_pixels(std::uint32_t number);

  const Gpu& gpu_;
  VkSurfaceKHR surface_;
  std::unique_ptr<Chain> chain_;
  Commands commands_{gpu_};
  std::array<Slot, kInFlight> slots_;
  std::optional<Buffer> pixels_;
  std::vector<std::byte> rgba_;
  PFN_vkCmdBeginRenderingKHR begin_rendering_ = gpu_.entry_point<PFN_vkCmdBeginRenderingKHR>("vkCmdBeginRenderingKHR");
  PFN_vkCmdEndRenderingKHR end_rendering_ = gpu_.entry_point<PFN_vkCmdEndRenderingKHR>("vkCmdEndRenderingKHR");
};

Presenter::Presenter(const Gpu& gpu, VkSurfaceKHR surface, VkExtent2D size) : gpu_(gpu), surface_(surface) {
  for (Slot& slot : slots_) {
    slot.acquired =
        create<Semaphore>(gpu.device(), vkCreateSemaphore, {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO});
    slot.acquired_fence = create<Fence>(gpu.device(), vkCreateFence, {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO});
    slot.done = create<Fence>(gpu.device(), vkCreateFence,
                              {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .flags = VK_FENCE_CREATE_SIGNALED_BIT});
    slot.commands = commands_.allocate();
  }
  resize(size);
}

void Presenter::resize(VkExtent2D size) {
  check(vkDeviceWaitIdle(gpu_.device()));
  // The old chain is retired by the creation of the new one, and destroyed after it.
  chain_ = std::make_unique<Chain>(gpu_, surface_, size, chain_ ? chain_->get() : VkSwapchainKHR{});
  pixels_.emplace(gpu_, VkDeviceSize{chain_->size().width} * chain_->size().height * 4,
                  VK_BUFFER_USAGE_TRANSFER_DST_BIT);
}

void Presenter::record(VkCommandBuffer commands, const Chain::Picture& picture, std::uint32_t number) const {
  constexpr VkCommandBufferBeginInfo kBegin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  check(vkBeginCommandBuffer(commands, &kBegin));
  const VkExtent2D size = chain_->size();
  transition(commands, {.image = picture.image, .to = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL});
  const VkRenderingAttachmentInfo attachment{.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = picture.view.get(),
                                             .imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                             .clearValue = {.color = clear_value(background(number))}};
  const VkRenderingInfo rendering{.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                  .renderArea = {{}, size},
                                  .layerCount = 1,
                                  .colorAttachmentCount = 1,
                                  .pColorAttachments = &attachment};
  begin_rendering_(commands, &rendering);
  const VkClearAttachment square{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
                                 .clearValue = {.color = clear_value(kSquareColour)}};
  const VkClearRect where{{square_at(number, size), {kSquare, kSquare}}, 0, 1};
  vkCmdClearAttachments(commands, 1, &square, 1, &where);
  end_rendering_(commands);
  transition(commands, {.image = picture.image,
                        .from = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                        .to = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL});
  const VkBufferImageCopy copy{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                               .imageExtent = {size.width, size.height, 1}};
  vkCmdCopyImageToBuffer(commands, picture.image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, pixels_->get(), 1, &copy);
  transition(
      commands,
      {.image = picture.image, .from = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, .to = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR});
  full_barrier(commands);
  check(vkEndCommandBuffer(commands));
}

void Presenter::frame(std::uint32_t number) {
  // Mesa 26 says so now and then for the first frame after a change of the window's size.
  constexpr int kTries = 3;
  for (int i = 1; true; ++i) {
    const VkResult result = present_frame(number);
    if (result != VK_ERROR_OUT_OF_DATE_KHR || i == kTries) return check(result);
    resize(size());
  }
}

// What the presentation said; all else must succeed.
VkResult Presenter::present_frame(std::uint32_t number) {
  const Slot& slot = slots_[number % kInFlight];
  check(vkWaitForFences(gpu_.device(), 1, slot.done.address(), VK_TRUE, kForever));
  const std::array reset{slot.done.get(), slot.acquired_fence.get()};
  check(vkResetFences(gpu_.device(), reset.size(), reset.data()));
  std::uint32_t index = 0;
  check(vkAcquireNextImageKHR(gpu_.device(), chain_->get(), kForever, slot.acquired.get(), slot.acquired_fence.get(),
                              &index));
  const Chain::Picture& picture = chain_->picture(index);
  record(slot.commands, picture, number);
  constexpr VkPipelineStageFlags kStage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = slot.acquired.address(),
                            .pWaitDstStageMask = &kStage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &slot.commands,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = picture.drawn.address()};
  check(vkQueueSubmit(gpu_.queue(), 1, &submit, slot.done.get()));
  const VkSwapchainKHR chain = chain_->get();
  const VkPresentInfoKHR present{.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                 .waitSemaphoreCount = 1,
                                 .pWaitSemaphores = picture.drawn.address(),
                                 .swapchainCount = 1,
                                 .pSwapchains = &chain,
                                 .pImageIndices = &index};
  const VkResult result = vkQueuePresentKHR(gpu_.queue(), &present);
  check(vkWaitForFences(gpu_.device(), 1, slot.acquired_fence.address(), VK_TRUE, kForever));
  check(vkWaitForFences(gpu_.device(), 1, slot.done.address(), VK_TRUE, kForever));
  check_pixels(number);
  return result;
}

void Presenter::check_pixels(std::uint32_t number) {
  const VkExtent2D size = chain_->size();
  rgba_.assign(pixels_->bytes().begin(), pixels_->bytes().end());
  if (chain_->format() == VK_FORMAT_B8G8R8A8_UNORM) {
    for (std::size_t i = 0; i < rgba_.size(); i += 4) std::swap(rgba_[i], rgba_[i + 2]);
  }
  const VkOffset2D square = square_at(number, size);
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      const auto column = static_cast<std::int32_t>(x) - square.x;
      const auto row = static_cast<std::int32_t>(y) - square.y;
      const auto side = static_cast<std::int32_t>(kSquare);
      const bool inside = column >= 0 && column < side && row >= 0 && row < side;
      const Texel want = inside ? kSquareColour : background(number);
      const std::byte* const got = &rgba_[(std::size_t{y} * size.width + x) * 4];
      if (std::memcmp(got, want.data(), want.size()) == 0) continue;
      expect(false, std::format("Pixel ({}, {}) of frame {} has the wrong colour.", x, y, number));
    }
  }
}

[[noreturn]] void hold(Window& window, std::uint32_t frame, VkExtent2D size) {
  const Texel ground = background(frame);
  const VkOffset2D square = square_at(frame, size);
  std::printf("frame %u: %ux%u, background %u %u %u, square %u at %d,%d of %u %u %u\n", frame, size.width, size.height,
              ground[0], ground[1], ground[2], kSquare, square.x, square.y, kSquareColour[0], kSquareColour[1],
              kSquareColour[2]);
  std::fflush(stdout);
  while (true) {
    window.handle_events();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void swapchain(Arguments& arguments) {
  const std::string kind = arguments.text("surface", "headless");
  const std::uint32_t frames = arguments.number("frames", 300);
  const std::string output = arguments.text("output", "");
  const bool holds = arguments.flag("hold");
  arguments.finish();

  constexpr VkExtent2D kFirst{320, 240};
  constexpr VkExtent2D kSecond{200, 300};
  const std::unique_ptr<Window> window = Window::open(kind, kFirst);
  const VkPhysicalDeviceDynamicRenderingFeatures rendering{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES, .dynamicRendering = VK_TRUE};
  const Gpu gpu({.instance_extensions = window->instance_extensions(),
                 .device_extensions = {VK_KHR_SWAPCHAIN_EXTENSION_NAME, VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME},
                 .features = &rendering});
  // The surface outlives its swapchains and not its instance.
  const std::unique_ptr<VkSurfaceKHR_T, std::function<void(VkSurfaceKHR)>> surface(
      window->create_surface(gpu.instance()),
      [&gpu](VkSurfaceKHR handle) { vkDestroySurfaceKHR(gpu.instance(), handle, nullptr); });
  VkBool32 supported = VK_FALSE;
  check(vkGetPhysicalDeviceSurfaceSupportKHR(gpu.physical(), gpu.family(), surface.get(), &supported));
  expect(supported == VK_TRUE, "The queue family cannot present to this surface.");

  Presenter presenter(gpu, surface.get(), kFirst);
  std::uint32_t checksum = 0;
  for (std::uint32_t i = 0; i < frames; ++i) {
    if (i == frames / 2) {
      window->resize(kSecond);
      presenter.resize(kSecond);
      expect(presenter.size().width == kSecond.width && presenter.size().height == kSecond.height,
             "The new swapchain has not the window's new size.");
    }
    presenter.frame(i);
    window->handle_events();
    checksum ^= crc32_of(presenter.rgba()) + i;
  }
  check(vkDeviceWaitIdle(gpu.device()));
  if (!output.empty()) write_png(output, presenter.size().width, presenter.size().height, presenter.rgba());
  std::printf("%u frames, checksum %08x\n", frames, checksum);
  if (holds) hold(*window, frames - 1, presenter.size());
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::swapchain); }
