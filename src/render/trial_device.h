// TrialDevice: a host device with one queue on which a memory strategy is tried for real. Chooses nothing itself.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "render/procs_gen.h"

namespace hesper::render {

// Everything in it goes away with it. One thread. Members are public: this is a workbench, not an abstraction.
class TrialDevice {
 public:
  static constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;  // of the image
  static constexpr std::uint32_t kImageSize = 16;                // pixels each way

  // Look at `result` afterwards. extensions: must be offered by the device.
  TrialDevice(const InstanceProcs& instance, VkPhysicalDevice physical, const std::vector<const char*>& extensions);
  ~TrialDevice();
  TrialDevice(const TrialDevice&) = delete;
  TrialDevice& operator=(const TrialDevice&) = delete;

  // Creates the buffer, `size` bytes, to be filled. external: its handle type, or 0.
  [[nodiscard]] VkResult make_buffer(VkDeviceSize size, VkExternalMemoryHandleTypeFlags external,
                                     VkMemoryRequirements& requirements);
  // Creates the image: linear, to be rendered to. external: its handle type, or 0.
  [[nodiscard]] VkResult make_image(VkExternalMemoryHandleTypeFlags external, VkMemoryRequirements& requirements,
                                    VkSubresourceLayout& layout);

  // Binds the buffer to `memory` at `offset`, lets the GPU fill it with `pattern` and waits.
  [[nodiscard]] VkResult fill(VkDeviceSize offset, std::uint32_t pattern);
  // Lets the GPU fill the buffer once more, after fill().
  [[nodiscard]] VkResult fill_again(std::uint32_t pattern);
  // Creates a sparse buffer of `size` bytes, for fill_sparse().
  [[nodiscard]] VkResult make_sparse_buffer(VkDeviceSize size, VkExternalMemoryHandleTypeFlags external,
                                            VkMemoryRequirements& requirements);
  // Binds all of the sparse buffer to `memory` at `offset`, lets the GPU fill it and waits.
  [[nodiscard]] VkResult fill_sparse(VkDeviceSize offset, std::uint32_t pattern);
  // Binds the image to `memory` at `offset`, renders a red picture and waits.
  [[nodiscard]] VkResult render_red(VkDeviceSize offset);

  VkResult result = VK_SUCCESS;  // of construction
  bool renders = false;          // the queue takes graphics
  bool binds_sparse = false;     // the queue takes sparse binding, and the device was created for it
  DeviceProcs vk{};
  VkDevice device = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;  // filled in by the caller, freed here

 private:
  // Records with `record`, submits and waits.
  VkResult run(const std::function<void(VkCommandBuffer)>& record);

  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkBuffer sparse_buffer_ = VK_NULL_HANDLE;
  VkDeviceSize sparse_size_ = 0;
  VkImage image_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
  VkRenderPass render_pass_ = VK_NULL_HANDLE;
  VkFramebuffer framebuffer_ = VK_NULL_HANDLE;
};

}  // namespace hesper::render
