// Scene: uploads and a compute pass in one submission, the picture in a second one, a timeline semaphore between them.
// Geometry is in geometry.cpp, pipelines are in pipelines.cpp.
#include "scene/scene.h"

#include <array>
#include <cmath>
#include <cstring>

#include "scene/geometry.h"
#include "scene/pipelines.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

constexpr std::uint32_t kTexture = 256;       // pixels, both the mipmapped and the painted texture
constexpr std::uint32_t kLevels = 9;          // 256 down to 1
constexpr VkDeviceSize kUpdateLimit = 65536;  // bytes, of one vkCmdUpdateBuffer

struct Features {
  VkPhysicalDeviceDynamicRenderingFeatures rendering{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_FEATURES, .dynamicRendering = VK_TRUE};
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
      .pNext = &rendering,
      .timelineSemaphore = VK_TRUE};
  VkPhysicalDeviceFeatures2 core{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
      .pNext = &timeline,
      .features = {
          .multiDrawIndirect = VK_TRUE, .drawIndirectFirstInstance = VK_TRUE, .occlusionQueryPrecise = VK_TRUE}};
};

class Scene {
 public:
  Scene(const Gpu& gpu, const SceneOptions& options);
  Frame draw();

 private:
  void fill_buffers();
  void write_descriptors();
  void record_uploads(VkCommandBuffer commands) const;
  void record_mipmaps(VkCommandBuffer commands) const;
  void record_backdrop(VkCommandBuffer commands) const;
  void record_solids(VkCommandBuffer commands) const;
  void record_picture(VkCommandBuffer commands);
  [[nodiscard]] VkCommandBuffer record_glass() const;
  void begin_rendering(VkCommandBuffer commands, VkAttachmentLoadOp load, VkRenderingFlags flags) const;
  void set_viewport(VkCommandBuffer commands) const;
  void submit();

  const Gpu& gpu_;
  const SceneOptions options_;
  const VkExtent2D extent_{options_.size, options_.size};
  const Mesh mesh_ = torus(48, 24);
  const std::vector<Instance> instances_ = ring_of_instances(kPatterns);
  const std::vector<Star> star_data_ = star_field(options_.stars);
  Pipelines pipelines_{gpu_};
  Commands commands_{gpu_};

  Image colour_{gpu_, {.size = extent_, .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT, .samples = kSamples}};
  Image depth_{gpu_,
               {.format = kDepthFormat,
                .size = extent_,
                .usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
                .samples = kSamples,
                .aspect = VK_IMAGE_ASPECT_DEPTH_BIT}};
  Image resolved_{gpu_,
                  {.size = extent_, .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT}};
  Image surface_{
      gpu_,
      {.size = {kTexture, kTexture},
       .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
       .levels = kLevels}};
  Image painted_{gpu_,
                 {.size = {kTexture, kTexture}, .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_STORAGE_BIT}};

  Buffer vertices_{gpu_, bytes_of(mesh_.vertices), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT};
  Buffer indices_{gpu_, bytes_of(mesh_.indices), VK_BUFFER_USAGE_INDEX_BUFFER_BIT};
  Buffer instance_buffer_{gpu_, bytes_of(instances_), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT};
  Buffer stars_{gpu_, bytes_of(star_data_), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT};
  Buffer indirect_{gpu_, kPatterns * sizeof(VkDrawIndexedIndirectCommand), VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT};
  Buffer camera_{gpu_, sizeof(Camera), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT};
  Buffer staging_{gpu_, VkDeviceSize{kTexture} * kTexture * 4, VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
  Buffer pixels_{gpu_, VkDeviceSize{options_.size} * options_.size * 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT};

  Sampler sampler_ = create<Sampler>(gpu_.device(), vkCreateSampler,
                                     {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                      .magFilter = VK_FILTER_LINEAR,
                                      .minFilter = VK_FILTER_LINEAR,
                                      .mipmapMode = VK_SAMPLER_MIPMAP_MODE_LINEAR,
                                      .maxLod = VK_LOD_CLAMP_NONE});
  DescriptorPool pool_;
  VkDescriptorSet solid_set_{};
  VkDescriptorSet paint_set_{};
  QueryPool occlusion_ = create<QueryPool>(
      gpu_.device(), vkCreateQueryPool,
      {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_OCCLUSION, .queryCount = 1});
  QueryPool timestamps_ = create<QueryPool>(
      gpu_.device(), vkCreateQueryPool,
      {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_TIMESTAMP, .queryCount = 2});

  // Dynamic rendering and push descriptors by their extension names: they are core only from 1.3 and 1.4 on.
  PFN_vkCmdBeginRenderingKHR begin_rendering_ = gpu_.entry_point<PFN_vkCmdBeginRenderingKHR>("vkCmdBeginRenderingKHR");
  PFN_vkCmdEndRenderingKHR end_rendering_ = gpu_.entry_point<PFN_vkCmdEndRenderingKHR>("vkCmdEndRenderingKHR");
  PFN_vkCmdPushDescriptorSetKHR push_descriptors_ =
      gpu_.entry_point<PFN_vkCmdPushDescriptorSetKHR>("vkCmdPushDescriptorSetKHR");
};

Scene::Scene(const Gpu& gpu, const SceneOptions& options) : gpu_(gpu), options_(options) {
  const std::array sizes{VkDescriptorPoolSize{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1},
                         VkDescriptorPoolSize{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1},
                         VkDescriptorPoolSize{VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, 1}};
  pool_ = create<DescriptorPool>(gpu.device(), vkCreateDescriptorPool,
                                 {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                  .maxSets = 2,
                                  .poolSizeCount = sizes.size(),
                                  .pPoolSizes = sizes.data()});
  fill_buffers();
  write_descriptors();
}

void Scene::fill_buffers() {
  std::memcpy(vertices_.bytes().data(), mesh_.vertices.data(), vertices_.bytes().size());
  std::memcpy(indices_.bytes().data(), mesh_.indices.data(), indices_.bytes().size());
  std::memcpy(instance_buffer_.bytes().data(), instances_.data(), instance_buffer_.bytes().size());
  const Camera camera = camera_in_front();
  std::memcpy(camera_.bytes().data(), &camera, sizeof(camera));
  for (std::uint32_t i = 0; auto& draw : indirect_.as<VkDrawIndexedIndirectCommand>()) {
    draw = {.indexCount = static_cast<std::uint32_t>(mesh_.indices.size()), .instanceCount = 1, .firstInstance = i++};
  }
  for (std::uint32_t i = 0; auto& texel : staging_.as<std::uint32_t>()) {
    const std::uint32_t x = i % kTexture;
    const std::uint32_t y = i / kTexture;
    texel = 0xff000000U | (x ^ y) << 16U | (y & 0xf0U) << 8U | (255U - (x & 0x3fU) * 2U);
    ++i;
  }
}

void Scene::write_descriptors() {
  const std::array layouts{pipelines_.solid_set_layout(), pipelines_.paint_set_layout()};
  std::array<VkDescriptorSet, 2> sets{};
  const VkDescriptorSetAllocateInfo allocate{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                             .descriptorPool = pool_.get(),
                                             .descriptorSetCount = layouts.size(),
                                             .pSetLayouts = layouts.data()};
  check(vkAllocateDescriptorSets(gpu_.device(), &allocate, sets.data()));
  solid_set_ = sets[0];
  paint_set_ = sets[1];

  struct Update {
    VkDescriptorBufferInfo camera;
    VkDescriptorImageInfo surface;
  };
  const std::array entries{VkDescriptorUpdateTemplateEntry{.dstBinding = 0,
                                                           .descriptorCount = 1,
                                                           .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                                                           .offset = offsetof(Update, camera)},
                           VkDescriptorUpdateTemplateEntry{.dstBinding = 1,
                                                           .descriptorCount = 1,
                                                           .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                                           .offset = offsetof(Update, surface)}};
  const auto update_template =
      create<UpdateTemplate>(gpu_.device(), vkCreateDescriptorUpdateTemplate,
                             {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_UPDATE_TEMPLATE_CREATE_INFO,
                              .descriptorUpdateEntryCount = entries.size(),
                              .pDescriptorUpdateEntries = entries.data(),
                              .templateType = VK_DESCRIPTOR_UPDATE_TEMPLATE_TYPE_DESCRIPTOR_SET,
                              .descriptorSetLayout = layouts[0]});
  const Update update{.camera = {camera_.get(), 0, VK_WHOLE_SIZE},
                      .surface = {sampler_.get(), surface_.view(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL}};
  vkUpdateDescriptorSetWithTemplate(gpu_.device(), solid_set_, update_template.get(), &update);

  const VkDescriptorImageInfo painted{.imageView = painted_.view(), .imageLayout = VK_IMAGE_LAYOUT_GENERAL};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = paint_set_,
                                   .dstBinding = 0,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_IMAGE,
                                   .pImageInfo = &painted};
  vkUpdateDescriptorSets(gpu_.device(), 1, &write, 0, nullptr);
}

void Scene::record_uploads(VkCommandBuffer commands) const {
  const auto stars = std::as_bytes(std::span(star_data_));
  for (VkDeviceSize at = 0; at < stars.size(); at += kUpdateLimit) {
    vkCmdUpdateBuffer(commands, stars_.get(), at, std::min<VkDeviceSize>(kUpdateLimit, stars.size() - at), &stars[at]);
  }
  record_mipmaps(commands);

  transition(commands, {.image = painted_.get()});
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines_.paint());
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipelines_.paint_layout(), 0, 1, &paint_set_, 0,
                          nullptr);
  vkCmdDispatch(commands, kTexture / kPaintGroup, kTexture / kPaintGroup, 1);
  transition(
      commands,
      {.image = painted_.get(), .from = VK_IMAGE_LAYOUT_GENERAL, .to = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL});
}

void Scene::record_mipmaps(VkCommandBuffer commands) const {
  transition(commands, {.image = surface_.get(), .to = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL});
  const VkBufferImageCopy upload{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                 .imageExtent = {kTexture, kTexture, 1}};
  vkCmdCopyBufferToImage(commands, staging_.get(), surface_.get(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &upload);
  for (std::uint32_t level = 1; level < kLevels; ++level) {
    transition(commands, {.image = surface_.get(),
                          .from = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                          .to = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                          .level = level - 1,
                          .levels = 1});
    const auto side = [](std::uint32_t of) { return static_cast<std::int32_t>(kTexture >> of); };
    const VkImageBlit blit{.srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level - 1, 0, 1},
                           .srcOffsets = {{}, {side(level - 1), side(level - 1), 1}},
                           .dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1},
                           .dstOffsets = {{}, {side(level), side(level), 1}}};
    vkCmdBlitImage(commands, surface_.get(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, surface_.get(),
                   VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_LINEAR);
  }
  transition(commands, {.image = surface_.get(),
                        .from = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                        .to = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                        .levels = kLevels - 1});
  transition(commands, {.image = surface_.get(),
                        .from = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                        .to = VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                        .level = kLevels - 1,
                        .levels = 1});
}

void Scene::begin_rendering(VkCommandBuffer commands, VkAttachmentLoadOp load, VkRenderingFlags flags) const {
  const bool last = load == VK_ATTACHMENT_LOAD_OP_LOAD;
  const VkRenderingAttachmentInfo colour{
      .sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
      .imageView = colour_.view(),
      .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
      .resolveMode = last ? VK_RESOLVE_MODE_AVERAGE_BIT : VK_RESOLVE_MODE_NONE,
      .resolveImageView = last ? resolved_.view() : VkImageView{},
      .resolveImageLayout = last ? VK_IMAGE_LAYOUT_GENERAL : VK_IMAGE_LAYOUT_UNDEFINED,
      .loadOp = load,
      .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
      .clearValue = {.color = {.float32 = {0.02F, 0.03F, 0.08F, 1.0F}}}};
  const VkRenderingAttachmentInfo depth{.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                        .imageView = depth_.view(),
                                        .imageLayout = VK_IMAGE_LAYOUT_GENERAL,
                                        .loadOp = load,
                                        .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                        .clearValue = {.depthStencil = {1.0F, 0}}};
  const VkRenderingInfo info{.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                             .flags = flags,
                             .renderArea = {{}, extent_},
                             .layerCount = 1,
                             .colorAttachmentCount = 1,
                             .pColorAttachments = &colour,
                             .pDepthAttachment = &depth};
  begin_rendering_(commands, &info);
}

void Scene::set_viewport(VkCommandBuffer commands) const {
  const auto side = static_cast<float>(options_.size);
  const VkViewport viewport{0, 0, side, side, 0, 1};
  const VkRect2D scissor{{}, extent_};
  vkCmdSetViewport(commands, 0, 1, &viewport);
  vkCmdSetScissor(commands, 0, 1, &scissor);
}

void Scene::record_backdrop(VkCommandBuffer commands) const {
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.tile());
  const float side = 2.0F / static_cast<float>(options_.tiles);
  for (std::uint32_t i = 0; i < options_.tiles * options_.tiles; ++i) {
    const std::uint32_t x = i % options_.tiles;
    const std::uint32_t y = i / options_.tiles;
    const SquarePush push{
        .place = {side * static_cast<float>(x) - 1.0F, side * static_cast<float>(y) - 1.0F, side, side},
        .colour = {static_cast<float>(x * 7 % 32) / 96.0F, static_cast<float>(y * 5 % 32) / 96.0F,
                   static_cast<float>((x ^ y) % 32) / 64.0F, 1.0F}};
    vkCmdPushConstants(commands, pipelines_.square_layout(), VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(push), &push);
    vkCmdDraw(commands, 6, 1, 0, 0);
  }
  constexpr VkDeviceSize kStart = 0;
  const VkBuffer stars = stars_.get();
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.star());
  vkCmdBindVertexBuffers(commands, 0, 1, &stars, &kStart);
  vkCmdDraw(commands, options_.stars, 1, 0, 0);
}

void Scene::record_solids(VkCommandBuffer commands) const {
  const std::array<VkBuffer, 2> buffers{vertices_.get(), instance_buffer_.get()};
  constexpr std::array<VkDeviceSize, 2> kOffsets{};
  vkCmdBindVertexBuffers(commands, 0, buffers.size(), buffers.data(), kOffsets.data());
  vkCmdBindIndexBuffer(commands, indices_.get(), 0, VK_INDEX_TYPE_UINT32);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.solid_layout(), 0, 1, &solid_set_, 0,
                          nullptr);
  vkCmdBeginQuery(commands, occlusion_.get(), 0, VK_QUERY_CONTROL_PRECISE_BIT);
  for (std::uint32_t i = 0; i < kPatterns; ++i) {
    const float angle = 0.7F * static_cast<float>(i);
    const std::array<float, 4> spin{std::cos(angle), std::sin(angle)};
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.solid(i));
    vkCmdPushConstants(commands, pipelines_.solid_layout(), VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(spin), spin.data());
    vkCmdDrawIndexedIndirect(commands, indirect_.get(), i * sizeof(VkDrawIndexedIndirectCommand), 1,
                             sizeof(VkDrawIndexedIndirectCommand));
  }
  // The same meshes once more, smaller and in one draw: instances instead of indirect commands.
  const std::array<float, 4> upright{0.5F, 0};
  vkCmdPushConstants(commands, pipelines_.solid_layout(), VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(upright),
                     upright.data());
  vkCmdDrawIndexed(commands, static_cast<std::uint32_t>(mesh_.indices.size()), kPatterns, 0, 0, 0);
  vkCmdEndQuery(commands, occlusion_.get(), 0);
}

VkCommandBuffer Scene::record_glass() const {
  VkCommandBuffer commands = commands_.allocate(VK_COMMAND_BUFFER_LEVEL_SECONDARY);
  const VkCommandBufferInheritanceRenderingInfo rendering{
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_RENDERING_INFO,
      .colorAttachmentCount = 1,
      .pColorAttachmentFormats = &kColourFormat,
      .depthAttachmentFormat = kDepthFormat,
      .rasterizationSamples = kSamples};
  const VkCommandBufferInheritanceInfo inheritance{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_INHERITANCE_INFO,
                                                   .pNext = &rendering};
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                       .flags = VK_COMMAND_BUFFER_USAGE_RENDER_PASS_CONTINUE_BIT,
                                       .pInheritanceInfo = &inheritance};
  check(vkBeginCommandBuffer(commands, &begin));
  set_viewport(commands);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.glass());
  const VkDescriptorImageInfo painted{sampler_.get(), painted_.view(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                   .pImageInfo = &painted};
  push_descriptors_(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipelines_.glass_layout(), 0, 1, &write);
  for (const float shift : {0.0F, 0.25F, 0.5F}) {
    const SquarePush push{.place = {-0.9F + shift, -0.9F + 1.5F * shift, 0.8F, 0.8F},
                          .colour = {1.0F, 1.0F - shift, 0.5F + shift, 0.4F}};
    vkCmdPushConstants(commands, pipelines_.glass_layout(), VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(push), &push);
    vkCmdDraw(commands, 6, 1, 0, 0);
  }
  check(vkEndCommandBuffer(commands));
  return commands;
}

void Scene::record_picture(VkCommandBuffer commands) {
  vkCmdResetQueryPool(commands, occlusion_.get(), 0, 1);
  vkCmdResetQueryPool(commands, timestamps_.get(), 0, 2);
  vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, timestamps_.get(), 0);
  transition(commands, {.image = colour_.get()});
  transition(commands, {.image = resolved_.get()});
  transition(commands, {.image = depth_.get(), .aspect = VK_IMAGE_ASPECT_DEPTH_BIT});

  begin_rendering(commands, VK_ATTACHMENT_LOAD_OP_CLEAR, 0);
  set_viewport(commands);
  record_backdrop(commands);
  record_solids(commands);
  end_rendering_(commands);
  full_barrier(commands);

  const VkCommandBuffer glass = record_glass();
  begin_rendering(commands, VK_ATTACHMENT_LOAD_OP_LOAD, VK_RENDERING_CONTENTS_SECONDARY_COMMAND_BUFFERS_BIT);
  vkCmdExecuteCommands(commands, 1, &glass);
  end_rendering_(commands);

  transition(commands,
             {.image = resolved_.get(), .from = VK_IMAGE_LAYOUT_GENERAL, .to = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL});
  const VkBufferImageCopy copy{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                               .imageExtent = {options_.size, options_.size, 1}};
  vkCmdCopyImageToBuffer(commands, resolved_.get(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, pixels_.get(), 1, &copy);
  full_barrier(commands);
  vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, timestamps_.get(), 1);
}

void Scene::submit() {
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const auto timeline = create<Semaphore>(gpu_.device(), vkCreateSemaphore,
                                          {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type});
  VkCommandBuffer uploads = commands_.begin();
  record_uploads(uploads);
  check(vkEndCommandBuffer(uploads));
  VkCommandBuffer picture = commands_.begin();
  record_picture(picture);
  check(vkEndCommandBuffer(picture));

  constexpr std::uint64_t kUploaded = 1;
  constexpr std::uint64_t kDrawn = 2;
  const VkTimelineSemaphoreSubmitInfo first_values{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                   .signalSemaphoreValueCount = 1,
                                                   .pSignalSemaphoreValues = &kUploaded};
  const VkTimelineSemaphoreSubmitInfo second_values{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                    .waitSemaphoreValueCount = 1,
                                                    .pWaitSemaphoreValues = &kUploaded,
                                                    .signalSemaphoreValueCount = 1,
                                                    .pSignalSemaphoreValues = &kDrawn};
  constexpr VkPipelineStageFlags kAllStages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkSubmitInfo first{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                           .pNext = &first_values,
                           .commandBufferCount = 1,
                           .pCommandBuffers = &uploads,
                           .signalSemaphoreCount = 1,
                           .pSignalSemaphores = timeline.address()};
  const VkSubmitInfo second{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &second_values,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = timeline.address(),
                            .pWaitDstStageMask = &kAllStages,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &picture,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = timeline.address()};
  check(vkQueueSubmit(gpu_.queue(), 1, &first, VK_NULL_HANDLE));
  check(vkQueueSubmit(gpu_.queue(), 1, &second, VK_NULL_HANDLE));
  const VkSemaphoreWaitInfo wait{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = timeline.address(),
                                 .pValues = &kDrawn};
  check(vkWaitSemaphores(gpu_.device(), &wait, UINT64_MAX));
}

Frame Scene::draw() {
  submit();
  Frame frame;
  frame.rgba.assign(pixels_.bytes().begin(), pixels_.bytes().end());
  constexpr VkQueryResultFlags kWait = VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT;
  check(vkGetQueryPoolResults(gpu_.device(), occlusion_.get(), 0, 1, sizeof(std::uint64_t), &frame.solid_samples,
                              sizeof(std::uint64_t), kWait));
  expect(frame.solid_samples > 0, "The occlusion query saw none of the meshes.");
  std::array<std::uint64_t, 2> ticks{};
  check(vkGetQueryPoolResults(gpu_.device(), timestamps_.get(), 0, 2, sizeof(ticks), ticks.data(),
                              sizeof(std::uint64_t), kWait));
  expect(ticks[1] >= ticks[0], "The timestamp at the end is before the one at the start.");
  frame.gpu_nanoseconds =
      static_cast<std::uint64_t>(static_cast<double>(ticks[1] - ticks[0]) * gpu_.properties().limits.timestampPeriod);
  return frame;
}

}  // namespace

Frame draw_scene(const SceneOptions& options) {
  const Features features;
  const Gpu gpu({.device_extensions = {VK_KHR_DYNAMIC_RENDERING_EXTENSION_NAME, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME},
                 .features = &features.core});
  return Scene(gpu, options).draw();
}

}  // namespace hesper::clients
