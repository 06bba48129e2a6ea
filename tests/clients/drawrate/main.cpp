// drawrate [--draws N] [--repeats N]: records, submits and waits for command buffers full of tiny draws, each with its
// own push constants. JSON on stdout.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "drawrate/outside_vert.h"
#include "drawrate/white_frag.h"
#include "support/arguments.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr std::uint32_t kSide = 16;  // pixels

class Drawing {
 public:
  explicit Drawing(const Gpu& gpu);
  void record(VkCommandBuffer commands, std::uint32_t draws) const;

 private:
  void make_pipeline(const Gpu& gpu);

  Image target_;
  PipelineLayout layout_;
  Pipeline pipeline_;
  PFN_vkCmdBeginRenderingKHR begin_rendering_;
  PFN_vkCmdEndRenderingKHR end_rendering_;
};

Drawing::Drawing(const Gpu& gpu)
    : target_(gpu, {.format = kFormat, .size = {kSide, kSide}, .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT}),
      begin_rendering_(gpu.entry_point<PFN_vkCmdBeginRenderingKHR>("vkCmdBeginRenderingKHR")),
      end_rendering_(gpu.entry_point<PFN_vkCmdEndRenderingKHR>("vkCmdEndRenderingKHR")) {
  make_pipeline(gpu);
}

void Drawing::make_pipeline(const Gpu& gpu) {
  const VkPushConstantRange push{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(std::uint32_t)};
  layout_ = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                   {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                    .pushConstantRangeCount = 1,
                                    .pPushConstantRanges = &push});
  const auto shader = [&gpu](std::span<const std::uint32_t> spirv) {
    return create<ShaderModule>(
        gpu.device(), vkCreateShaderModule,
        {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = spirv.size_bytes(), .pCode = spirv.data()});
  };
  const ShaderModule vertex = shader(outside_vert);
  const ShaderModule fragment = shader(white_frag);
  const auto stage = [](VkShaderStageFlagBits which, const ShaderModule& module) {
    return VkPipelineShaderStageCreateInfo{.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                           .stage = which,
                                           .module = module.get(),
                                           .pName = "main"};
  };
  const std::array stages{stage(VK_SHADER_STAGE_VERTEX_BIT, vertex), stage(VK_SHADER_STAGE_FRAGMENT_BIT, fragment)};
  const VkPipelineVertexInputStateCreateInfo input{.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
  const VkPipelineInputAssemblyStateCreateInfo assembly{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
  const VkViewport whole{0, 0, kSide, kSide, 0, 1};
  const VkRect2D scissor{{}, {kSide, kSide}};
  const VkPipelineViewportStateCreateInfo viewport{.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
                                                   .viewportCount = 1,
                                                   .pViewports = &whole,
                                                   .scissorCount = 1,
                                                   .pScissors = &scissor};
  const VkPipelineRasterizationStateCreateInfo raster{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .lineWidth = 1};
  const VkPipelineMultisampleStateCreateInfo multisample{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO, .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
  const VkPipelineColorBlendAttachmentState attachment{.colorWriteMask = VK_COLOR_COMPONENT_R_BIT};
  const VkPipelineColorBlendStateCreateInfo blend{.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
                                                  .attachmentCount = 1,
                                                  .pAttachments = &attachment};
  const VkPipelineRenderingCreateInfo rendering{.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                                .colorAttachmentCount = 1,
                                                .pColorAttachmentFormats = &kFormat};
  const VkGraphicsPipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                          .pNext = &rendering,
                                          .stageCount = stages.size(),
                                          .pStages = stages.data(),
                                          .pVertexInputState = &input,
                                          .pInputAssemblyState = &assembly,
                                          .pViewportState = &viewport,
                                          .pRasterizationState = &raster,
                                          .pMultisampleState = &multisample,
                                          .pColorBlendState = &blend,
                                          .layout = layout_.get()};
  VkPipeline pipeline{};
  check(vkCreateGraphicsPipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  pipeline_ = Pipeline(gpu.device(), pipeline);
}

void Drawing::record(VkCommandBuffer commands, std::uint32_t draws) const {
  transition(commands, {.image = target_.get()});
  const VkRenderingAttachmentInfo attachment{.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = target_.view(),
                                             .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE};
  const VkRenderingInfo rendering{.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                  .renderArea = {{}, {kSide, kSide}},
                                  .layerCount = 1,
                                  .colorAttachmentCount = 1,
                                  .pColorAttachments = &attachment};
  begin_rendering_(commands, &rendering);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_.get());
  for (std::uint32_t i = 0; i < draws; ++i) {
    vkCmdPushConstants(commands, layout_.get(), VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(i), &i);
    vkCmdDraw(commands, 3, 1, 0, 0);
  }
  end_rendering_(commands);
}

void drawrate(Arguments& arguments) {
  const std::uint32_t draws = arguments.number("draws", 100'000);
  const std::uint32_t repeats = std::max(1U, arguments.number("repeats", 5));
  arguments.finish();

  const VkPhysicalDeviceDynamicRenderingFeatures rendering{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES, .dynamicRendering = VK_TRUE};
  const Gpu gpu({.device_extensions = {VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME}, .features = &rendering});
  const Drawing drawing(gpu);
  const Commands commands(gpu);
  std::vector<double> seconds;
  for (std::uint32_t i = 0; i <= repeats; ++i) {  // the first one warms up
    const auto start = std::chrono::steady_clock::now();
    commands.now([&](VkCommandBuffer recording) { drawing.record(recording, draws); });
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (i > 0) seconds.push_back(time.count());
  }
  std::ranges::sort(seconds);
  // A push and a draw are two commands.
  std::printf("{\"draws_per_second\": %.0f, \"commands_per_second\": %.0f}\n", draws / seconds[seconds.size() / 2],
              2.0 * draws / seconds[seconds.size() / 2]);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::drawrate); }
