// Scene: one frame that uses much of Vulkan and always has the same pixels on the same driver.
#pragma once

#include <vulkan/vulkan.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hesper::clients {

struct SceneOptions {
  std::uint32_t size = 512;      // pixels, width and height
  std::uint32_t tiles = 96;      // the backdrop takes tiles * tiles draws of one command buffer
  std::uint32_t stars = 786432;  // 16 bytes each, uploaded with vkCmdUpdateBuffer: 12 MiB
};

struct Frame {
  std::vector<std::byte> rgba;        // size * size * 4
  std::uint64_t solid_samples = 0;    // of the occlusion query around the solid meshes
  std::uint64_t gpu_nanoseconds = 0;  // between two timestamps; 0 if the queue has none
};

[[nodiscard]] Frame draw_scene(const SceneOptions& options);

}  // namespace hesper::clients
