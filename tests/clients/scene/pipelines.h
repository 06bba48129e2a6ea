// Pipelines: every pipeline of the scene, made by several threads at once through one cache, and their layouts.
#pragma once

#include <cstdint>
#include <vector>

#include "support/gpu.h"

namespace hesper::clients {

inline constexpr VkFormat kColourFormat = VK_FORMAT_R8G8B8A8_UNORM;
inline constexpr VkFormat kDepthFormat = VK_FORMAT_D32_SFLOAT;
inline constexpr VkSampleCountFlagBits kSamples = VK_SAMPLE_COUNT_4_BIT;
inline constexpr std::uint32_t kPatterns = 8;     // variants of the solid pipeline, by specialization constants
inline constexpr std::uint32_t kPaintGroup = 16;  // side of the paint shader's work group, a specialization constant

class Pipelines {
 public:
  explicit Pipelines(const Gpu& gpu);

  [[nodiscard]] VkPipeline tile() const noexcept { return tile_.get(); }
  [[nodiscard]] VkPipeline star() const noexcept { return star_.get(); }
  [[nodiscard]] VkPipeline glass() const noexcept { return glass_.get(); }
  [[nodiscard]] VkPipeline paint() const noexcept { return paint_.get(); }
  [[nodiscard]] VkPipeline solid(std::uint32_t pattern) const { return solid_.at(pattern).get(); }
  [[nodiscard]] VkPipelineLayout square_layout() const noexcept { return square_layout_.get(); }
  [[nodiscard]] VkPipelineLayout solid_layout() const noexcept { return solid_layout_.get(); }
  [[nodiscard]] VkPipelineLayout glass_layout() const noexcept { return glass_layout_.get(); }
  [[nodiscard]] VkPipelineLayout paint_layout() const noexcept { return paint_layout_.get(); }
  [[nodiscard]] VkDescriptorSetLayout solid_set_layout() const noexcept { return solid_set_.get(); }
  [[nodiscard]] VkDescriptorSetLayout paint_set_layout() const noexcept { return paint_set_.get(); }

 private:
  struct Recipe;
  void make_layouts();
  void make_pipelines();
  [[nodiscard]] Pipeline make(const Recipe& recipe) const;
  void expect_cache_survives_a_round_trip() const;

  const Gpu& gpu_;
  DescriptorSetLayout solid_set_, glass_set_, paint_set_;
  PipelineLayout square_layout_, solid_layout_, glass_layout_, paint_layout_;
  PipelineCache cache_;
  Pipeline tile_, star_, glass_, paint_;
  std::vector<Pipeline> solid_;
};

}  // namespace hesper::clients
