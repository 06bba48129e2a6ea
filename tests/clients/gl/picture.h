// The picture that the program gl draws with OpenGL ES. Knows no EGL; a context must be current.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hesper::clients {

struct GlPicture {
  std::vector<std::byte> rgba;  // size * size pixels, rows from top to bottom
  bool any_sample_passed = false;
  std::uint32_t captured = 0;  // vertices that transform feedback wrote
};

// Uses of GL that reach different parts of Vulkan through Zink: mipmaps made by the GPU, sampling, multisampling with
// depth and its resolve, instances, a compute shader that writes vertices, transform feedback, geometry drawn from what
// it captured, blending, scissor, an occlusion query, reading back. size: pixels, a multiple of 16. Throws a sentence.
[[nodiscard]] GlPicture draw_gl_picture(std::uint32_t size);

}  // namespace hesper::clients
