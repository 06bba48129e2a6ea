// Geometry: what the scene draws, computed, and laid out as its shaders read it. Knows no Vulkan.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace hesper::clients {

struct Vertex {
  std::array<float, 3> position;
  std::array<float, 3> normal;
  std::array<float, 2> uv;
};
struct Instance {
  std::array<float, 4> place;  // x, y, z, scale
  std::array<float, 4> colour;
};
struct Star {
  float x, y, brightness, hue;
};
struct Camera {
  std::array<std::array<float, 4>, 4> view_projection;  // columns
  std::array<float, 4> light;
};
struct SquarePush {
  std::array<float, 4> place;  // x, y, width, height
  std::array<float, 4> colour;
};
struct Mesh {
  std::vector<Vertex> vertices;
  std::vector<std::uint32_t> indices;
};

[[nodiscard]] Mesh torus(std::uint32_t around, std::uint32_t across);
[[nodiscard]] std::vector<Instance> ring_of_instances(std::uint32_t count);
[[nodiscard]] std::vector<Star> star_field(std::uint32_t count);
[[nodiscard]] Camera camera_in_front();

template <class T>
[[nodiscard]] std::uint64_t bytes_of(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

}  // namespace hesper::clients
