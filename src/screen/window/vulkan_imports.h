// VulkanImports: frames' own memory as buffers of a device, which then copies from it without a processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "frame/frame.h"
#include "screen/window/vulkan_device.h"

namespace hesper::screen::window {

class VulkanImports {
 public:
  struct Import {
    std::shared_ptr<const frame::PixelBuffer> pixels;  // must stay mapped as long as the GPU knows it
    VulkanDevice::Buffer buffer;
    std::uint64_t before = 0;  // bytes of the buffer before those of `pixels`
  };

  // device: borrowed for their life.
  explicit VulkanImports(const VulkanDevice& device) noexcept : device_(device) {}
  VulkanImports(const VulkanImports&) = delete;
  VulkanImports& operator=(const VulkanImports&) = delete;
  ~VulkanImports();  // the GPU is idle

  // Valid until the next call. nullptr: the driver does not take this memory.
  [[nodiscard]] const Import* get(const std::shared_ptr<const frame::PixelBuffer>& pixels);
  // Those that nobody else has any more. The GPU is idle.
  void forget();

 private:
  const VulkanDevice& device_;
  std::vector<Import> imports_;
  bool may_import_ = true;
};

}  // namespace hesper::screen::window
