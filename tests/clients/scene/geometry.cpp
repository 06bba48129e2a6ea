// Geometry: a torus, a ring of its instances, stars from a fixed random sequence, and the camera.
#include "scene/geometry.h"

#include <cmath>
#include <numbers>

namespace hesper::clients {
namespace {

constexpr float kTurn = 2.0F * std::numbers::pi_v<float>;

[[nodiscard]] float share(std::uint32_t part, std::uint32_t whole) {
  return static_cast<float>(part) / static_cast<float>(whole);
}

// xorshift32: the same sequence everywhere.
class Random {
 public:
  [[nodiscard]] float next() {  // [0, 1)
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 17U;
    state_ ^= state_ << 5U;
    return static_cast<float>(state_ >> 8U) / 16777216.0F;
  }

 private:
  std::uint32_t state_ = 2463534242U;
};

}  // namespace

Mesh torus(std::uint32_t around, std::uint32_t across) {
  constexpr float kTube = 0.4F;
  Mesh mesh;
  for (std::uint32_t i = 0; i <= around; ++i) {
    const float u = kTurn * share(i, around);
    for (std::uint32_t j = 0; j <= across; ++j) {
      const float v = kTurn * share(j, across);
      const std::array normal{std::cos(u) * std::cos(v), std::sin(u) * std::cos(v), std::sin(v)};
      mesh.vertices.push_back(
          {.position = {std::cos(u) + kTube * normal[0], std::sin(u) + kTube * normal[1], kTube * normal[2]},
           .normal = normal,
           .uv = {share(i, around), share(j, across)}});
    }
  }
  const std::uint32_t row = across + 1;
  for (std::uint32_t i = 0; i < around; ++i) {
    for (std::uint32_t j = 0; j < across; ++j) {
      const std::uint32_t corner = i * row + j;
      for (const std::uint32_t index : {corner, corner + row, corner + 1, corner + 1, corner + row, corner + row + 1}) {
        mesh.indices.push_back(index);
      }
    }
  }
  return mesh;
}

std::vector<Instance> ring_of_instances(std::uint32_t count) {
  std::vector<Instance> instances;
  for (std::uint32_t i = 0; i < count; ++i) {
    const float angle = kTurn * share(i, count);
    instances.push_back({.place = {2.2F * std::cos(angle), 2.2F * std::sin(angle), 0.6F * std::sin(3.0F * angle), 0.8F},
                         .colour = {0.5F + 0.5F * std::cos(angle), 0.5F + 0.5F * std::sin(angle), 0.8F, 1.0F}});
  }
  return instances;
}

std::vector<Star> star_field(std::uint32_t count) {
  Random random;
  std::vector<Star> stars(count);
  for (Star& star : stars) {
    star = {.x = 2.0F * random.next() - 1.0F,
            .y = 2.0F * random.next() - 1.0F,
            .brightness = 0.02F * random.next(),
            .hue = random.next()};
  }
  return stars;
}

Camera camera_in_front() {
  constexpr float kFocal = 1.4F;
  constexpr float kNear = 1.0F;
  constexpr float kFar = 20.0F;
  constexpr float kDistance = 5.5F;
  // Vulkan clip space, looking along -z from (0, 0, distance).
  constexpr float kDepthScale = kFar / (kNear - kFar);
  return {.view_projection = {{{kFocal, 0, 0, 0},
                               {0, -kFocal, 0, 0},
                               {0, 0, kDepthScale, -1},
                               {0, 0, kDepthScale * (kNear - kDistance), kDistance}}},
          .light = {0.48F, 0.6F, 0.64F, 0}};
}

}  // namespace hesper::clients
