// Paints a storage image with integer arithmetic only, so that every driver agrees on each bit.
#version 450
layout(local_size_x_id = 0, local_size_y_id = 1) in;
layout(constant_id = 2) const uint seed = 0;
layout(set = 0, binding = 0, rgba8) uniform writeonly image2D painted;
void main() {
  uvec2 at = gl_GlobalInvocationID.xy;
  uint h = (at.x * 0x9E3779B1u) ^ (at.y * 0x85EBCA77u) ^ seed;
  h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
  uint rings = ((at.x - 128u) * (at.x - 128u) + (at.y - 128u) * (at.y - 128u)) >> 7u;
  imageStore(painted, ivec2(at), vec4(float(rings & 255u), float(h >> 24), float((at.x ^ at.y) & 255u), 255.0) / 255.0);
}
