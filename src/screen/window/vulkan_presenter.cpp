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
#include "screen/window/vulkan_surface.h"

namespace hesper::screen::window {
namespace {

constexpr std::uint64_t kAcquireTime = 20'000'000;  // nanoseconds that one window may keep the others
constexpr std::uint64_t kForever = ~std::uint64_t{0};
constexpr std::size_t kMostImports = 8;
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
  VulkanPresenter(std::shared_ptr<VulkanDevice> shared, SDL_Window* window, bool vsync) noexcept
      : shared_(std::move(shared)), window_(window), vsync_(vsync) {}
  ~VulkanPresenter() override;
  [[nodiscard]] Result<void> prepare();
  Result<Presented> present(const Presentation& what, std::uint64_t& copied) override;

 private:
  struct Buffer {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    std::byte* mapped = nullptr;
    std::uint64_t size = 0;
  };
  struct Import {
    std::shared_ptr<const frame::PixelBuffer> pixels;  // must stay mapped as long as the GPU knows it
    Buffer buffer;
    std::uint64_t before = 0;  // bytes of the buffer before those of `pixels`
  };

  [[nodiscard]] Result<void> choose_device();
  [[nodiscard]] Result<void> make_device();
  [[nodiscard]] Result<void> make_swapchain(const Size& size);
  void drop_swapchain();
  [[nodiscard]] Result<void> make_image(const Size& size, VkFormat format);
  void drop_image();
  [[nodiscard]] std::optional<std::uint32_t> memory_type(std::uint32_t types, VkMemoryPropertyFlags flags) const;
  [[nodiscard]] Result<void> make_staging(Buffer& buffer, std::uint64_t size);
  void drop(Buffer& buffer);
  [[nodiscard]] const Import* import(const std::shared_ptr<const frame::PixelBuffer>& pixels);
  void forget_imports();
  [[nodiscard]] Result<void> upload(const Presentation& what, bool whole, std::uint64_t& copied);
  void draw(const Presentation& what, VkImage target);
  void barrier(VkImage image, VkImageLayout from, VkImageLayout to, VkAccessFlags before, VkAccessFlags after) const;
  void wait_for_gpu();

  static Error error(const char* what, VkResult result) {
    return {.message = fmt::format("Vulkan fails in {} ({}).", what, static_cast<int>(result)), .code = result};
  }

  const std::shared_ptr<VulkanDevice> shared_;
  SDL_Window* const window_;
  const bool vsync_;
  std::unique_ptr<VulkanSurface> surface_;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0;
  VkPhysicalDeviceMemoryProperties memories_{};
  std::uint64_t import_alignment_ = 0;  // 0: nothing can be imported
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceFunctions vk_;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence drawn_ = VK_NULL_HANDLE;
  VkSemaphore acquired_ = VK_NULL_HANDLE;
  bool busy_ = false;  // drawn_ will be signalled

  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  Size swapchain_size_;
  std::vector<VkImage> targets_;
  std::vector<VkSemaphore> shown_;  // one for each target: the presentation engine waits for it

  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory image_memory_ = VK_NULL_HANDLE;
  VkFormat image_format_ = VK_FORMAT_UNDEFINED;
  Size image_size_;
  bool image_filled_ = false;
  Buffer staging_;
  Buffer patch_;
  std::vector<Import> imports_;
  bool may_import_ = true;
};

Result<void> VulkanPresenter::prepare() {
  auto surface = make_vulkan_surface(shared_->instance(), window_);
  if (!surface) return std::unexpected(std::move(surface.error()));
  surface_ = std::move(*surface);
  if (auto chosen = choose_device(); !chosen) return chosen;
  if (auto made = make_device(); !made) return made;
  return make_staging(patch_, kPatchBytes);
}

Result<void> VulkanPresenter::choose_device() {
  const InstanceFunctions& vk = shared_->vk();
  std::uint32_t count = 0;
  vk.vkEnumeratePhysicalDevices(shared_->instance(), &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  vk.vkEnumeratePhysicalDevices(shared_->instance(), &count, devices.data());
  devices.resize(count);
  int best = 0;
  for (VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties properties;
    vk.vkGetPhysicalDeviceProperties(device, &properties);
    const bool is_cpu = properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
    if (properties.apiVersion < VK_API_VERSION_1_1 || (is_cpu && !shared_->software())) continue;
    const int rank = is_cpu ? 1 : properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU ? 3 : 2;
    if (rank <= best) continue;
    std::uint32_t families = 0;
    vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &families, nullptr);
    std::vector<VkQueueFamilyProperties> each(families);
    vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &families, each.data());
    for (std::uint32_t family = 0; family < families; ++family) {
      VkBool32 can_show = VK_FALSE;
      vk.vkGetPhysicalDeviceSurfaceSupportKHR(device, family, surface_->get(), &can_show);
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

Result<void> VulkanPresenter::make_device() {
  const InstanceFunctions& vk = shared_->vk();
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
    return std::unexpected(error("vkCreateDevice", result));
#define X(name)                                                                    \
  vk_.name = reinterpret_cast<PFN_##name>(vk.vkGetDeviceProcAddr(device_, #name)); \
  if (vk_.name == nullptr) return fail("The Vulkan driver lacks " #name ".");
  HESPER_WINDOW_DEVICE_FUNCTIONS(X)
#undef X
  if (can_import)
    vk_.vkGetMemoryHostPointerPropertiesEXT = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
        vk.vkGetDeviceProcAddr(device_, "vkGetMemoryHostPointerPropertiesEXT"));
  vk_.vkGetDeviceQueue(device_, family_, 0, &queue_);
  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                     .queueFamilyIndex = family_};
  const VkFenceCreateInfo fence{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkResult result = vk_.vkCreateCommandPool(device_, &pool, nullptr, &pool_);
  if (result == VK_SUCCESS) result = vk_.vkCreateFence(device_, &fence, nullptr, &drawn_);
  if (result == VK_SUCCESS) result = vk_.vkCreateSemaphore(device_, &semaphore, nullptr, &acquired_);
  const VkCommandBufferAllocateInfo buffers{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                            .commandPool = pool_,
                                            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                            .commandBufferCount = 1};
  if (result == VK_SUCCESS) result = vk_.vkAllocateCommandBuffers(device_, &buffers, &commands_);
  if (result != VK_SUCCESS) return std::unexpected(error("making a device ready", result));
  return {};
}

VulkanPresenter::~VulkanPresenter() {
  if (device_ != VK_NULL_HANDLE && vk_.vkDestroyDevice != nullptr && queue_ != VK_NULL_HANDLE) {
    vk_.vkDeviceWaitIdle(device_);
    drop_swapchain();
    drop_image();
    for (Import& each : imports_) drop(each.buffer);
    drop(staging_);
    drop(patch_);
    vk_.vkDestroySemaphore(device_, acquired_, nullptr);
    vk_.vkDestroyFence(device_, drawn_, nullptr);
    vk_.vkDestroyCommandPool(device_, pool_, nullptr);
    vk_.vkDestroyDevice(device_, nullptr);
  }
}

void VulkanPresenter::wait_for_gpu() {
  if (!std::exchange(busy_, false)) return;
  vk_.vkWaitForFences(device_, 1, &drawn_, VK_TRUE, kForever);
  vk_.vkResetFences(device_, 1, &drawn_);
}

void VulkanPresenter::drop_swapchain() {
  for (VkSemaphore each : std::exchange(shown_, {})) vk_.vkDestroySemaphore(device_, each, nullptr);
  vk_.vkDestroySwapchainKHR(device_, std::exchange(swapchain_, VK_NULL_HANDLE), nullptr);
  targets_.clear();
}

Result<void> VulkanPresenter::make_swapchain(const Size& size) {
  const InstanceFunctions& vk = shared_->vk();
  vk_.vkDeviceWaitIdle(device_);
  drop_swapchain();
  VkSurfaceCapabilitiesKHR can{};
  if (const VkResult result = vk.vkGetPhysicalDeviceSurfaceCapabilitiesKHR(physical_, surface_->get(), &can);
      result != VK_SUCCESS)
    return std::unexpected(error("vkGetPhysicalDeviceSurfaceCapabilitiesKHR", result));
  if ((can.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_DST_BIT) == 0)
    return fail("The window's images cannot be copied to.");
  std::uint32_t count = 0;
  vk.vkGetPhysicalDeviceSurfaceFormatsKHR(physical_, surface_->get(), &count, nullptr);
  std::vector<VkSurfaceFormatKHR> formats(count);
  vk.vkGetPhysicalDeviceSurfaceFormatsKHR(physical_, surface_->get(), &count, formats.data());
  // A format that takes numbers as they are: the guest's are sRGB already.
  const auto format = std::ranges::find_if(formats, [](const VkSurfaceFormatKHR& each) {
    return each.format == VK_FORMAT_B8G8R8A8_UNORM || each.format == VK_FORMAT_R8G8B8A8_UNORM;
  });
  if (format == formats.end()) return fail("The window has no pixel format with 8 bits for each colour.");
  count = 0;
  vk.vkGetPhysicalDeviceSurfacePresentModesKHR(physical_, surface_->get(), &count, nullptr);
  std::vector<VkPresentModeKHR> modes(count);
  vk.vkGetPhysicalDeviceSurfacePresentModesKHR(physical_, surface_->get(), &count, modes.data());
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
                                      .surface = surface_->get(),
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
  if (const VkResult result = vk_.vkCreateSwapchainKHR(device_, &info, nullptr, &swapchain_); result != VK_SUCCESS)
    return std::unexpected(error("vkCreateSwapchainKHR", result));
  swapchain_size_ = {.width = extent.width, .height = extent.height};
  count = 0;
  vk_.vkGetSwapchainImagesKHR(device_, swapchain_, &count, nullptr);
  targets_.resize(count);
  vk_.vkGetSwapchainImagesKHR(device_, swapchain_, &count, targets_.data());
  const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    VkSemaphore made = VK_NULL_HANDLE;
    if (const VkResult result = vk_.vkCreateSemaphore(device_, &semaphore, nullptr, &made); result != VK_SUCCESS)
      return std::unexpected(error("vkCreateSemaphore", result));
    shown_.push_back(made);
  }
  return {};
}

std::optional<std::uint32_t> VulkanPresenter::memory_type(std::uint32_t types, VkMemoryPropertyFlags flags) const {
  for (std::uint32_t type = 0; type < memories_.memoryTypeCount; ++type)
    if ((types >> type & 1U) != 0 && (memories_.memoryTypes[type].propertyFlags & flags) == flags) return type;
  return std::nullopt;
}

void VulkanPresenter::drop_image() {
  vk_.vkDestroyImage(device_, std::exchange(image_, VK_NULL_HANDLE), nullptr);
  vk_.vkFreeMemory(device_, std::exchange(image_memory_, VK_NULL_HANDLE), nullptr);
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
  if (const VkResult result = vk_.vkCreateImage(device_, &info, nullptr, &image_); result != VK_SUCCESS)
    return std::unexpected(error("vkCreateImage", result));
  VkMemoryRequirements needs;
  vk_.vkGetImageMemoryRequirements(device_, image_, &needs);
  auto type = memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  if (!type) type = memory_type(needs.memoryTypeBits, 0);
  const VkMemoryAllocateInfo memory{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .allocationSize = needs.size,
                                    .memoryTypeIndex = type.value_or(0)};
  VkResult result = vk_.vkAllocateMemory(device_, &memory, nullptr, &image_memory_);
  if (result == VK_SUCCESS) result = vk_.vkBindImageMemory(device_, image_, image_memory_, 0);
  if (result != VK_SUCCESS) return std::unexpected(error("vkAllocateMemory", result));
  image_format_ = format;
  image_size_ = size;
  image_filled_ = false;
  return {};
}

Result<void> VulkanPresenter::make_staging(Buffer& buffer, std::uint64_t size) {
  if (buffer.size >= size) return {};
  drop(buffer);
  const VkBufferCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
  if (const VkResult result = vk_.vkCreateBuffer(device_, &info, nullptr, &buffer.buffer); result != VK_SUCCESS)
    return std::unexpected(error("vkCreateBuffer", result));
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
  if (result != VK_SUCCESS) return std::unexpected(error("vkAllocateMemory", result));
  buffer.mapped = static_cast<std::byte*>(mapped);
  buffer.size = size;
  return {};
}

void VulkanPresenter::drop(Buffer& buffer) {
  vk_.vkDestroyBuffer(device_, buffer.buffer, nullptr);
  vk_.vkFreeMemory(device_, buffer.memory, nullptr);
  buffer = {};
}

// Those that nobody else has any more. The GPU is idle.
void VulkanPresenter::forget_imports() {
  std::erase_if(imports_, [&](Import& each) {
    if (each.pixels.use_count() > 1) return false;
    drop(each.buffer);
    return true;
  });
}

// nullptr: the driver does not take this memory.
const VulkanPresenter::Import* VulkanPresenter::import(const std::shared_ptr<const frame::PixelBuffer>& pixels) {
  const auto known = std::ranges::find(imports_, pixels, &Import::pixels);
  if (known != imports_.end()) return &*known;
  if (import_alignment_ == 0 || vk_.vkGetMemoryHostPointerPropertiesEXT == nullptr || !may_import_) return nullptr;
  if (imports_.size() == kMostImports) {
    drop(imports_.front().buffer);
    imports_.erase(imports_.begin());
  }
  // Whole pages: those at both ends are mapped as a whole in any case. Larger steps may reach beyond them.
  const auto bytes = pixels->bytes();
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uint64_t before = address % import_alignment_;
  const std::uint64_t size = (before + bytes.size() + import_alignment_ - 1) / import_alignment_ * import_alignment_;
  constexpr std::uint64_t kPage = 4096;
  // Not this one, but perhaps the next one.
  if (import_alignment_ > kPage && (before != 0 || size != bytes.size())) return nullptr;
  may_import_ = false;  // until it has been seen to work
  // SAFETY: the GPU only reads it (TRANSFER_SRC).
  void* start = const_cast<std::byte*>(bytes.data()) - before;
  VkMemoryHostPointerPropertiesEXT properties{.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  constexpr auto kKind = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  if (vk_.vkGetMemoryHostPointerPropertiesEXT(device_, kKind, start, &properties) != VK_SUCCESS) return nullptr;
  const VkExternalMemoryBufferCreateInfo external{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  .handleTypes = kKind};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = &external,
                                .size = size,
                                .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
  Import made{.pixels = pixels, .buffer = {}, .before = before};
  if (vk_.vkCreateBuffer(device_, &info, nullptr, &made.buffer.buffer) != VK_SUCCESS) return nullptr;
  VkMemoryRequirements needs;
  vk_.vkGetBufferMemoryRequirements(device_, made.buffer.buffer, &needs);
  const auto type = memory_type(needs.memoryTypeBits & properties.memoryTypeBits, 0);
  const VkImportMemoryHostPointerInfoEXT host{
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT, .handleType = kKind, .pHostPointer = start};
  const VkMemoryAllocateInfo memory{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .pNext = &host,
                                    .allocationSize = size,
                                    .memoryTypeIndex = type.value_or(0)};
  if (!type || needs.size > size ||
      vk_.vkAllocateMemory(device_, &memory, nullptr, &made.buffer.memory) != VK_SUCCESS ||
      vk_.vkBindBufferMemory(device_, made.buffer.buffer, made.buffer.memory, 0) != VK_SUCCESS) {
    drop(made.buffer);
    return nullptr;
  }
  may_import_ = true;
  imports_.push_back(std::move(made));
  return &imports_.back();
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
  vk_.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT,
                           after == 0 ? VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT : VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0,
                           nullptr, 0, nullptr, 1, &info);
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
  const Import* imported =
      same_bytes && frame.offset % gpu::kBytesPerPixel == 0 && frame.stride % gpu::kBytesPerPixel == 0
          ? import(frame.buffer)
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
    if (auto made = make_staging(staging_, std::uint64_t{gpu::kBytesPerPixel} * frame.width * frame.height); !made)
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
    vk_.vkCmdCopyBufferToImage(commands_, source, image_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
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
    vk_.vkCmdPipelineBarrier(commands_, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &in_order,
                             0, nullptr, 0, nullptr);
    vk_.vkCmdCopyBufferToImage(commands_, patch_.buffer, image_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
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
  const auto window_width = static_cast<std::int32_t>(swapchain_size_.width);
  const auto window_height = static_cast<std::int32_t>(swapchain_size_.height);
  const std::int32_t right = layout.x + static_cast<std::int32_t>(layout.width);
  const std::int32_t bottom = layout.y + static_cast<std::int32_t>(layout.height);
  const bool covered = layout.x <= 0 && layout.y <= 0 && right >= window_width && bottom >= window_height;
  if (what.frame == nullptr || !covered) {
    const VkClearColorValue black{.float32 = {0, 0, 0, 1}};
    const VkImageSubresourceRange all{VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vk_.vkCmdClearColorImage(commands_, target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, &black, 1, &all);
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
      vk_.vkCmdBlitImage(commands_, image_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target,
                         VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit,
                         integer ? VK_FILTER_NEAREST : VK_FILTER_LINEAR);
  }
  barrier(target, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR, VK_ACCESS_TRANSFER_WRITE_BIT,
          0);
}

Result<Presented> VulkanPresenter::present(const Presentation& what, std::uint64_t& copied) {
  if (swapchain_ == VK_NULL_HANDLE || swapchain_size_ != what.window) {
    wait_for_gpu();
    if (auto made = make_swapchain(what.window); !made) return std::unexpected(std::move(made.error()));
    // The window may have changed again since its size was told.
    if (swapchain_ == VK_NULL_HANDLE || swapchain_size_ != what.window) return Presented::later;
  }
  wait_for_gpu();
  std::uint32_t number = 0;
  const VkResult acquired =
      vk_.vkAcquireNextImageKHR(device_, swapchain_, kAcquireTime, acquired_, VK_NULL_HANDLE, &number);
  if (acquired == VK_TIMEOUT || acquired == VK_NOT_READY) return Presented::later;
  if (acquired == VK_ERROR_OUT_OF_DATE_KHR) {
    drop_swapchain();
    return Presented::later;
  }
  if (acquired != VK_SUCCESS && acquired != VK_SUBOPTIMAL_KHR)
    return std::unexpected(error("vkAcquireNextImageKHR", acquired));
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  vk_.vkBeginCommandBuffer(commands_, &begin);
  if (what.frame != nullptr) {
    forget_imports();
    const Size size{.width = what.frame->width, .height = what.frame->height};
    VkFormat format = format_of(what.frame->format);
    if (format == VK_FORMAT_UNDEFINED) format = VK_FORMAT_B8G8R8A8_UNORM;
    if (image_ == VK_NULL_HANDLE || image_size_ != size || image_format_ != format)
      if (auto made = make_image(size, format); !made) return std::unexpected(std::move(made.error()));
    if (auto uploaded = upload(what, !image_filled_, copied); !uploaded)
      return std::unexpected(std::move(uploaded.error()));
  }
  draw(what, targets_[number]);
  vk_.vkEndCommandBuffer(commands_);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = &acquired_,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands_,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = &shown_[number]};
  if (const VkResult result = vk_.vkQueueSubmit(queue_, 1, &submit, drawn_); result != VK_SUCCESS)
    return std::unexpected(error("vkQueueSubmit", result));
  busy_ = true;
  const VkPresentInfoKHR present{.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                 .waitSemaphoreCount = 1,
                                 .pWaitSemaphores = &shown_[number],
                                 .swapchainCount = 1,
                                 .pSwapchains = &swapchain_,
                                 .pImageIndices = &number};
  const VkResult result = vk_.vkQueuePresentKHR(queue_, &present);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) {
    wait_for_gpu();
    drop_swapchain();
    return Presented::later;
  }
  if (result != VK_SUCCESS && result != VK_SUBOPTIMAL_KHR) return std::unexpected(error("vkQueuePresentKHR", result));
  // The guest may draw on as soon as the next flush, and this thread may let go of the frame: both after the copies.
  wait_for_gpu();
  return Presented::yes;
}

}  // namespace

Result<std::unique_ptr<Presenter>> make_vulkan_presenter(std::shared_ptr<VulkanDevice> device, SDL_Window* window,
                                                         bool vsync) {
  auto presenter = std::make_unique<VulkanPresenter>(std::move(device), window, vsync);
  if (auto ready = presenter->prepare(); !ready) return std::unexpected(std::move(ready.error()));
  return presenter;
}

}  // namespace hesper::screen::window
