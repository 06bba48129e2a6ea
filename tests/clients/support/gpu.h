// Gpu: instance, first physical device, device and queues of a test program, and owners for what is made on it.
// No windows: see the swapchain program.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <functional>
#include <source_location>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hesper::clients {

using Where = std::source_location;

// Throws, naming the place and the result, unless `result` is VK_SUCCESS.
void check(VkResult result, Where where = Where::current());
// Throws `what` (a whole sentence) unless `truth` holds.
void expect(bool truth, std::string_view what, Where where = Where::current());

// Owns one child of a VkDevice (borrowed).
template <class VulkanHandle, auto Destroy>
class Owned {
 public:
  using Handle = VulkanHandle;
  Owned() = default;
  Owned(VkDevice device, Handle handle) : device_(device), handle_(handle) {}
  Owned(Owned&& from) noexcept : device_(from.device_), handle_(std::exchange(from.handle_, {})) {}
  Owned& operator=(Owned from) noexcept {
    std::swap(device_, from.device_);
    std::swap(handle_, from.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_) Destroy(device_, handle_, nullptr);
  }
  [[nodiscard]] Handle get() const noexcept { return handle_; }
  [[nodiscard]] const Handle* address() const noexcept { return &handle_; }

 private:
  VkDevice device_{};
  Handle handle_{};
};

using CommandPool = Owned<VkCommandPool, vkDestroyCommandPool>;
using DescriptorPool = Owned<VkDescriptorPool, vkDestroyDescriptorPool>;
using DescriptorSetLayout = Owned<VkDescriptorSetLayout, vkDestroyDescriptorSetLayout>;
using Event = Owned<VkEvent, vkDestroyEvent>;
using Fence = Owned<VkFence, vkDestroyFence>;
using Memory = Owned<VkDeviceMemory, vkFreeMemory>;
using Pipeline = Owned<VkPipeline, vkDestroyPipeline>;
using PipelineCache = Owned<VkPipelineCache, vkDestroyPipelineCache>;
using PipelineLayout = Owned<VkPipelineLayout, vkDestroyPipelineLayout>;
using QueryPool = Owned<VkQueryPool, vkDestroyQueryPool>;
using RawBuffer = Owned<VkBuffer, vkDestroyBuffer>;
using RawImage = Owned<VkImage, vkDestroyImage>;
using ImageView = Owned<VkImageView, vkDestroyImageView>;
using Sampler = Owned<VkSampler, vkDestroySampler>;
using Semaphore = Owned<VkSemaphore, vkDestroySemaphore>;
using ShaderModule = Owned<VkShaderModule, vkDestroyShaderModule>;
using UpdateTemplate = Owned<VkDescriptorUpdateTemplate, vkDestroyDescriptorUpdateTemplate>;

// create<Fence>(device, vkCreateFence, {.sType = ...})
template <class Object, class Info>
[[nodiscard]] Object create(VkDevice device,
                            VkResult (*make)(VkDevice, const Info*, const VkAllocationCallbacks*,
                                             typename Object::Handle*),
                            const std::type_identity_t<Info>& info, Where where = Where::current()) {
  typename Object::Handle handle{};
  check(make(device, &info, nullptr, &handle), where);
  return Object(device, handle);
}

struct GpuOptions {
  std::vector<const char*> instance_extensions;
  std::vector<const char*> device_extensions;
  const void* features = nullptr;  // pNext chain of VkDeviceCreateInfo; a VkPhysicalDeviceFeatures2 and what it chains
  std::uint32_t queues = 1;        // of the first family that has graphics and compute; fewer if it has fewer
};

class Gpu {
 public:
  explicit Gpu(const GpuOptions& options = {});
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  ~Gpu();

  [[nodiscard]] VkInstance instance() const noexcept { return instance_; }
  [[nodiscard]] VkPhysicalDevice physical() const noexcept { return physical_; }
  [[nodiscard]] VkDevice device() const noexcept { return device_; }
  [[nodiscard]] std::uint32_t family() const noexcept { return family_; }
  [[nodiscard]] VkQueue queue(std::size_t index = 0) const { return queues_.at(index % queues_.size()); }
  [[nodiscard]] std::size_t queue_count() const noexcept { return queues_.size(); }
  [[nodiscard]] const VkPhysicalDeviceProperties& properties() const noexcept { return properties_; }
  [[nodiscard]] const VkPhysicalDeviceMemoryProperties& memory() const noexcept { return memory_; }

  // The first memory type in `bits` with all of `flags`; throws if there is none.
  [[nodiscard]] std::uint32_t memory_type(std::uint32_t bits, VkMemoryPropertyFlags flags) const;
  [[nodiscard]] bool has_device_extension(std::string_view name) const;

  // An extension's entry point; throws if the driver lacks it.
  template <class Function>
  [[nodiscard]] Function entry_point(const char* name) const {
    // SAFETY: the caller names the type that belongs to the name, as with every Vulkan loader.
    const auto function = reinterpret_cast<Function>(vkGetDeviceProcAddr(device_, name));
    expect(function != nullptr, name);
    return function;
  }

 private:
  VkInstance instance_{};
  VkPhysicalDevice physical_{};
  VkDevice device_{};
  std::uint32_t family_ = 0;
  std::vector<VkQueue> queues_;
  VkPhysicalDeviceProperties properties_{};
  VkPhysicalDeviceMemoryProperties memory_{};
};

inline constexpr VkMemoryPropertyFlags kHostMemory =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

// A buffer with memory of its own; mapped for its whole life if the memory is host-visible.
class Buffer {
 public:
  Buffer(const Gpu& gpu, VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags flags = kHostMemory);

  [[nodiscard]] VkBuffer get() const noexcept { return buffer_.get(); }
  [[nodiscard]] VkDeviceMemory memory() const noexcept { return memory_.get(); }
  [[nodiscard]] VkDeviceSize size() const noexcept { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return mapped_; }
  template <class T>
  [[nodiscard]] std::span<T> as() const noexcept {
    // SAFETY: vkMapMemory returns addresses aligned for every scalar, and the tests only use plain data.
    return {reinterpret_cast<T*>(mapped_.data()), mapped_.size() / sizeof(T)};
  }

 private:
  VkDeviceSize size_;
  Memory memory_;  // before the buffer, so that it is freed after it
  RawBuffer buffer_;
  std::span<std::byte> mapped_;
};

// An image of one layer with device memory and a view of all its levels.
class Image {
 public:
  struct Options {
    VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    VkExtent2D size{};
    VkImageUsageFlags usage = 0;
    std::uint32_t levels = 1;
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
    VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
  };
  Image(const Gpu& gpu, const Options& options);

  [[nodiscard]] VkImage get() const noexcept { return image_.get(); }
  [[nodiscard]] VkImageView view() const noexcept { return view_.get(); }

 private:
  Memory memory_;
  RawImage image_;
  ImageView view_;
};

// A command pool and its command buffers. One thread.
class Commands {
 public:
  explicit Commands(const Gpu& gpu);
  [[nodiscard]] VkCommandBuffer allocate(VkCommandBufferLevel level = VK_COMMAND_BUFFER_LEVEL_PRIMARY) const;
  // Allocates and begins.
  [[nodiscard]] VkCommandBuffer begin(
      VkCommandBufferUsageFlags flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT) const;
  // Records, submits and waits.
  void now(const std::function<void(VkCommandBuffer)>& record) const;

 private:
  const Gpu& gpu_;
  CommandPool pool_;
};

struct Transition {
  VkImage image{};
  VkImageLayout from = VK_IMAGE_LAYOUT_UNDEFINED;
  VkImageLayout to = VK_IMAGE_LAYOUT_GENERAL;
  VkImageAspectFlags aspect = VK_IMAGE_ASPECT_COLOR_BIT;
  std::uint32_t level = 0;
  std::uint32_t levels = VK_REMAINING_MIP_LEVELS;
};
// A barrier from everything to everything: the tests are about results, not about overlap.
void transition(VkCommandBuffer commands, const Transition& what);
void full_barrier(VkCommandBuffer commands);

[[nodiscard]] Pipeline compute_pipeline(const Gpu& gpu, std::span<const std::uint32_t> spirv, VkPipelineLayout layout,
                                        const VkSpecializationInfo* constants = nullptr);

}  // namespace hesper::clients
