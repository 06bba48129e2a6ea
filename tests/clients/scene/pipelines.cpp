// Pipelines: recipes for the scene's pipelines and the threads that follow them.
#include "scene/pipelines.h"

#include <array>
#include <cstddef>
#include <future>
#include <span>

#include "scene/geometry.h"
#include "scene/glass_frag.h"
#include "scene/glass_vert.h"
#include "scene/paint_comp.h"
#include "scene/plain_frag.h"
#include "scene/solid_frag.h"
#include "scene/solid_vert.h"
#include "scene/star_vert.h"
#include "scene/tile_vert.h"

namespace hesper::clients {
namespace {

struct SolidConstants {
  std::int32_t pattern;
  float strength;
};

constexpr std::array kSolidConstantMap{
    VkSpecializationMapEntry{0, offsetof(SolidConstants, pattern), sizeof(std::int32_t)},
    VkSpecializationMapEntry{1, offsetof(SolidConstants, strength), sizeof(float)}};

constexpr std::array kSolidBindings{
    VkVertexInputBindingDescription{0, sizeof(Vertex), VK_VERTEX_INPUT_RATE_VERTEX},
    VkVertexInputBindingDescription{1, sizeof(Instance), VK_VERTEX_INPUT_RATE_INSTANCE}};
constexpr std::array kSolidAttributes{
    VkVertexInputAttributeDescription{0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, position)},
    VkVertexInputAttributeDescription{1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, normal)},
    VkVertexInputAttributeDescription{2, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(Vertex, uv)},
    VkVertexInputAttributeDescription{3, 1, VK_FORMAT_R32G32B32A32_SFLOAT, offsetof(Instance, place)},
    VkVertexInputAttributeDescription{4, 1, VK_FORMAT_R32G32B32A32_SFLOAT, offsetof(Instance, colour)}};

constexpr std::array kStarBindings{VkVertexInputBindingDescription{0, sizeof(Star), VK_VERTEX_INPUT_RATE_VERTEX}};
constexpr std::array kStarAttributes{VkVertexInputAttributeDescription{0, 0, VK_FORMAT_R32G32B32A32_SFLOAT, 0}};

[[nodiscard]] DescriptorSetLayout set_layout(const Gpu& gpu, std::span<const VkDescriptorSetLayoutBinding> bindings,
                                             VkDescriptorSetLayoutCreateFlags flags = 0) {
  return create<DescriptorSetLayout>(gpu.device(), vkCreateDescriptorSetLayout,
                                     {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                      .flags = flags,
                                      .bindingCount = static_cast<std::uint32_t>(bindings.size()),
                                      .pBindings = bindings.data()});
}

// push_bytes: size of the vertex shader's push constants; may be 0.
[[nodiscard]] PipelineLayout pipeline_layout(const Gpu& gpu, std::span<const VkDescriptorSetLayout> sets,
                                             std::uint32_t push_bytes) {
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT, 0, push_bytes};
  return create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                 .setLayoutCount = static_cast<std::uint32_t>(sets.size()),
                                 .pSetLayouts = sets.data(),
                                 .pushConstantRangeCount = push_bytes == 0 ? 0U : 1U,
                                 .pPushConstantRanges = &push});
}

[[nodiscard]] ShaderModule shader(const Gpu& gpu, std::span<const std::uint32_t> spirv) {
  return create<ShaderModule>(
      gpu.device(), vkCreateShaderModule,
      {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = spirv.size_bytes(), .pCode = spirv.data()});
}

enum class Blend : std::uint8_t { none, add, over };

[[nodiscard]] VkPipelineColorBlendAttachmentState blend_state(Blend blend) {
  constexpr VkColorComponentFlags kAll =
      VK_COLOR_COMPONENT_R_BIT | VK_COLOR_COMPONENT_G_BIT | VK_COLOR_COMPONENT_B_BIT | VK_COLOR_COMPONENT_A_BIT;
  const bool over = blend == Blend::over;
  return {.blendEnable = blend == Blend::none ? VK_FALSE : VK_TRUE,
          .srcColorBlendFactor = over ? VK_BLEND_FACTOR_SRC_ALPHA : VK_BLEND_FACTOR_ONE,
          .dstColorBlendFactor = over ? VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA : VK_BLEND_FACTOR_ONE,
          .srcAlphaBlendFactor = VK_BLEND_FACTOR_ZERO,
          .dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE,
          .colorWriteMask = kAll};
}

}  // namespace

struct Pipelines::Recipe {
  std::span<const std::uint32_t> vertex;
  std::span<const std::uint32_t> fragment;
  VkPipelineLayout layout{};
  VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
  Blend blend = Blend::none;
  bool writes_depth = false;
  std::span<const VkVertexInputBindingDescription> bindings{};
  std::span<const VkVertexInputAttributeDescription> attributes{};
  SolidConstants constants{};
  VkPipelineCache cache{};
};

Pipelines::Pipelines(const Gpu& gpu) : gpu_(gpu) {
  make_layouts();
  make_pipelines();
  expect_cache_survives_a_round_trip();
}

void Pipelines::make_layouts() {
  const std::array solid{
      VkDescriptorSetLayoutBinding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_VERTEX_BIT, nullptr},
      VkDescriptorSetLayoutBinding{1, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1, VK_SHADER_STAGE_FRAGMENT_BIT,
                                   nullptr}};
  const std::array glass{VkDescriptorSetLayoutBinding{0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1,
                                                      VK_SHADER_STAGE_FRAGMENT_BIT, nullptr}};
  const std::array paint{
      VkDescriptorSetLayoutBinding{0, VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr}};
  solid_set_ = set_layout(gpu_, solid);
  glass_set_ = set_layout(gpu_, glass, VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR);
  paint_set_ = set_layout(gpu_, paint);
  square_layout_ = pipeline_layout(gpu_, {}, sizeof(SquarePush));
  solid_layout_ = pipeline_layout(gpu_, {solid_set_.address(), 1}, 4 * sizeof(float));
  glass_layout_ = pipeline_layout(gpu_, {glass_set_.address(), 1}, sizeof(SquarePush));
  paint_layout_ = pipeline_layout(gpu_, {paint_set_.address(), 1}, 0);
}

void Pipelines::make_pipelines() {
  cache_ = create<PipelineCache>(gpu_.device(), vkCreatePipelineCache,
                                 {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO});
  const auto later = [this](Recipe recipe) {
    recipe.cache = cache_.get();
    return std::async(std::launch::async, [this, recipe] { return make(recipe); });
  };
  // A thread for each: Venus gives every thread that creates pipelines a ring of its own.
  std::vector<std::future<Pipeline>> solids;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(kPatterns); ++i) {
    solids.push_back(later({.vertex = solid_vert,
                            .fragment = solid_frag,
                            .layout = solid_layout_.get(),
                            .writes_depth = true,
                            .bindings = kSolidBindings,
                            .attributes = kSolidAttributes,
                            .constants = {.pattern = i, .strength = 0.1F * static_cast<float>(i)}}));
  }
  auto tile = later({.vertex = tile_vert, .fragment = plain_frag, .layout = square_layout_.get()});
  auto star = later({.vertex = star_vert,
                     .fragment = plain_frag,
                     .layout = square_layout_.get(),
                     .topology = VK_PRIMITIVE_TOPOLOGY_POINT_LIST,
                     .blend = Blend::add,
                     .bindings = kStarBindings,
                     .attributes = kStarAttributes});
  auto glass =
      later({.vertex = glass_vert, .fragment = glass_frag, .layout = glass_layout_.get(), .blend = Blend::over});

  constexpr std::array<std::uint32_t, 3> kPaintConstants{kPaintGroup, kPaintGroup, 0xC0FFEE};
  constexpr std::array kPaintMap{VkSpecializationMapEntry{0, 0, 4}, VkSpecializationMapEntry{1, 4, 4},
                                 VkSpecializationMapEntry{2, 8, 4}};
  const VkSpecializationInfo constants{kPaintMap.size(), kPaintMap.data(), sizeof(kPaintConstants),
                                       kPaintConstants.data()};
  paint_ = compute_pipeline(gpu_, paint_comp, paint_layout_.get(), &constants);
  for (auto& solid : solids) solid_.push_back(solid.get());
  tile_ = tile.get();
  star_ = star.get();
  glass_ = glass.get();
}

Pipeline Pipelines::make(const Recipe& recipe) const {
  const ShaderModule vertex = shader(gpu_, recipe.vertex);
  const ShaderModule fragment = shader(gpu_, recipe.fragment);
  const VkSpecializationInfo constants{kSolidConstantMap.size(), kSolidConstantMap.data(), sizeof(recipe.constants),
                                       &recipe.constants};
  const std::array stages{VkPipelineShaderStageCreateInfo{.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                          .stage = VK_SHADER_STAGE_VERTEX_BIT,
                                                          .module = vertex.get(),
                                                          .pName = "main"},
                          VkPipelineShaderStageCreateInfo{.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                          .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
                                                          .module = fragment.get(),
                                                          .pName = "main",
                                                          .pSpecializationInfo = &constants}};
  const VkPipelineVertexInputStateCreateInfo input{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
      .vertexBindingDescriptionCount = static_cast<std::uint32_t>(recipe.bindings.size()),
      .pVertexBindingDescriptions = recipe.bindings.data(),
      .vertexAttributeDescriptionCount = static_cast<std::uint32_t>(recipe.attributes.size()),
      .pVertexAttributeDescriptions = recipe.attributes.data()};
  const VkPipelineInputAssemblyStateCreateInfo assembly{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO, .topology = recipe.topology};
  const VkPipelineViewportStateCreateInfo viewport{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO, .viewportCount = 1, .scissorCount = 1};
  const VkPipelineRasterizationStateCreateInfo raster{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
  const VkPipelineMultisampleStateCreateInfo multisample{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO, .rasterizationSamples = kSamples};
  const VkPipelineDepthStencilStateCreateInfo depth{.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
                                                    .depthTestEnable = VK_TRUE,
                                                    .depthWriteEnable = recipe.writes_depth ? VK_TRUE : VK_FALSE,
                                                    .depthCompareOp = VK_COMPARE_OP_LESS_OR_EQUAL};
  const VkPipelineColorBlendAttachmentState attachment = blend_state(recipe.blend);
  const VkPipelineColorBlendStateCreateInfo blend{.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                  .attachmentCount = 1,
                                                  .pAttachments = &attachment};
  constexpr std::array kDynamic{VK_DYNAMIC_STATE_VIEWPORT, VK_DYNAMIC_STATE_SCISSOR};
  const VkPipelineDynamicStateCreateInfo dynamic{.sType = VK_STRUCTURE_TYPE_PIPELINE_DYNAMIC_STATE_CREATE_INFO,
                                                 .dynamicStateCount = kDynamic.size(),
                                                 .pDynamicStates = kDynamic.data()};
  const VkPipelineRenderingCreateInfo rendering{.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                                .colorAttachmentCount = 1,
                                                .pColorAttachmentFormats = &kColourFormat,
                                                .depthAttachmentFormat = kDepthFormat};
  const VkGraphicsPipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                          .pNext = &rendering,
                                          .stageCount = stages.size(),
                                          .pStages = stages.data(),
                                          .pVertexInputState = &input,
                                          .pInputAssemblyState = &assembly,
                                          .pViewportState = &viewport,
                                          .pRasterizationState = &raster,
                                          .pMultisampleState = &multisample,
                                          .pDepthStencilState = &depth,
                                          .pColorBlendState = &blend,
                                          .pDynamicState = &dynamic,
                                          .layout = recipe.layout};
  VkPipeline pipeline{};
  check(vkCreateGraphicsPipelines(gpu_.device(), recipe.cache, 1, &info, nullptr, &pipeline));
  return Pipeline(gpu_.device(), pipeline);
}

void Pipelines::expect_cache_survives_a_round_trip() const {
  std::size_t size = 0;
  check(vkGetPipelineCacheData(gpu_.device(), cache_.get(), &size, nullptr));
  std::vector<std::byte> data(size);
  check(vkGetPipelineCacheData(gpu_.device(), cache_.get(), &size, data.data()));
  expect(size >= sizeof(VkPipelineCacheHeaderVersionOne), "The pipeline cache is shorter than its header.");
  const auto reborn = create<PipelineCache>(
      gpu_.device(), vkCreatePipelineCache,
      {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = size, .pInitialData = data.data()});
  const Pipeline again =
      make({.vertex = tile_vert, .fragment = plain_frag, .layout = square_layout_.get(), .cache = reborn.get()});
  expect(again.get() != VK_NULL_HANDLE, "A pipeline could not be made from the cache's data.");
}

}  // namespace hesper::clients
