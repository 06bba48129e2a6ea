// Rules that vk.xml does not tell: unions as raw bits, arrays that are left out, lengths that are expressions.
#include "coding.h"
#include "wire/structs_gen.h"

namespace hesper::wire {
namespace {

TEST(Rules, ClearValuesAreRawBits) {
  VkClearValue depth{};
  depth.depthStencil = {.depth = 0.5f, .stencil = 3};
  const VkRenderPassBeginInfo info{
      .sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO, .clearValueCount = 1, .pClearValues = &depth};
  vkCmdBeginRenderPass_args args;
  args.commandBuffer.id = 12;
  args.pRenderPassBegin = &info;
  RoundTrip trip(args);
  EXPECT_EQ(trip.args.pRenderPassBegin->pClearValues[0].depthStencil.depth, 0.5f);
  EXPECT_EQ(trip.args.pRenderPassBegin->pClearValues[0].depthStencil.stencil, 3u);
}

TEST(Rules, ClearValuesAreTaggedAsUnsignedColour) {
  const VkClearValue value{.depthStencil = {.depth = 1.0f, .stencil = 2}};
  EXPECT_EQ(encoded([&](Encoder& enc) { encode(enc, value); }).words(),
            (std::vector<std::uint32_t>{0, 2, 4, 0, 0x3f800000, 2, 0, 0}));
}

TEST(Rules, EveryColourTagIsTheSameBits) {
  for (const std::uint32_t tag : {0u, 1u, 2u}) {
    Reader reader(Bytes{tag, 4, 0, 1, 2, 3, 0x80000004}, 0);
    VkClearColorValue colour{};
    decode(*reader, colour);
    EXPECT_TRUE(reader->ok());
    EXPECT_EQ(colour.uint32[3], 0x80000004u);
  }
}

TEST(Rules, HostAddressesMustBeNull) {
  Reader device(Bytes{0, 0x1000, 1}, 0);
  VkDeviceOrHostAddressKHR address{};
  decode(*device, address);
  EXPECT_EQ(address.deviceAddress, 0x100001000u);
  Reader null(Bytes{1, 0, 0}, 0);
  decode(*null, address);
  EXPECT_TRUE(null->ok());
  EXPECT_EQ(address.deviceAddress, 0u);
  Reader host(Bytes{1, 1, 0}, 0);
  decode(*host, address);
  EXPECT_EQ(host->error().code, DecodeErrc::unsupported);
}

TEST(Rules, SelectorAndTagMustAgree) {
  const VkAccelerationStructureGeometryKHR geometry{
      .sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_KHR,
      .geometryType = VK_GEOMETRY_TYPE_AABBS_KHR,
      .geometry = {.aabbs = {.sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_GEOMETRY_AABBS_DATA_KHR,
                             .data = {.deviceAddress = 64},
                             .stride = 24}}};
  const Bytes bytes = encoded([&](Encoder& enc) { encode(enc, geometry); });
  Reader reader(bytes, 0);
  VkAccelerationStructureGeometryKHR decoded{};
  decode(*reader, decoded);
  EXPECT_TRUE(reader->ok());
  EXPECT_EQ(decoded.geometry.aabbs.stride, 24u);

  std::vector<std::uint32_t> words = bytes.words();
  ASSERT_EQ(words[4], static_cast<std::uint32_t>(VK_GEOMETRY_TYPE_AABBS_KHR));
  words[4] = VK_GEOMETRY_TYPE_INSTANCES_KHR;  // the tag; words[3] is the selector
  Reader mismatch(Bytes(std::as_bytes(std::span(words))), 0);
  decode(*mismatch, decoded);
  EXPECT_EQ(mismatch->error().code, DecodeErrc::bad_union_tag);
}

TEST(Rules, QueueFamiliesTravelOnlyWhenConcurrent) {
  const std::uint32_t families[] = {0, 1};
  VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                          .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
                          .queueFamilyIndexCount = 2,
                          .pQueueFamilyIndices = families};
  const auto decoded = [&] {
    Reader reader(encoded([&](Encoder& enc) { encode(enc, info); }), 0);
    VkBufferCreateInfo out{};
    decode(*reader, out);
    EXPECT_TRUE(reader->ok());
    EXPECT_EQ(reader->remaining(), 0u);
    EXPECT_EQ(out.queueFamilyIndexCount, 2u);
    return out.pQueueFamilyIndices != nullptr;
  };
  EXPECT_FALSE(decoded());
  info.sharingMode = VK_SHARING_MODE_CONCURRENT;
  EXPECT_TRUE(decoded());
}

TEST(Rules, AttachmentsOfImagelessFramebuffersDoNotTravel) {
  const VkImageView view = handle<VkImageView>(9);
  VkFramebufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                               .flags = VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT,
                               .attachmentCount = 1,
                               .pAttachments = &view};
  const auto size = [&] { return encoded([&](Encoder& enc) { encode(enc, info); }).size(); };
  const std::size_t imageless = size();
  info.flags = 0;
  EXPECT_EQ(size(), imageless + sizeof(ObjectId));
}

TEST(Rules, DescriptorWritesKeepNullApartFromTheirCount) {
  const VkDescriptorBufferInfo buffer{.buffer = handle<VkBuffer>(77), .offset = 16, .range = 32};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = handle<VkDescriptorSet>(60),
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
                                   .pBufferInfo = &buffer};
  vkUpdateDescriptorSets_args args;
  args.device.id = 5;
  args.descriptorWriteCount = 1;
  args.pDescriptorWrites = &write;
  RoundTrip trip(args);
  const VkWriteDescriptorSet& decoded = trip.args.pDescriptorWrites[0];
  EXPECT_EQ(decoded.pImageInfo, nullptr);
  EXPECT_EQ(decoded.pTexelBufferView, nullptr);
  ASSERT_NE(decoded.pBufferInfo, nullptr);
  EXPECT_EQ(decoded.pBufferInfo->range, 32u);
}

TEST(Rules, SampleMasksCountWords) {
  const VkSampleMask mask[] = {1, 2};
  const VkPipelineMultisampleStateCreateInfo info{.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
                                                  .rasterizationSamples = VK_SAMPLE_COUNT_64_BIT,
                                                  .pSampleMask = mask};
  Reader reader(encoded([&](Encoder& enc) { encode(enc, info); }), 0);
  VkPipelineMultisampleStateCreateInfo decoded{};
  decode(*reader, decoded);
  ASSERT_TRUE(reader->ok());
  EXPECT_EQ(decoded.pSampleMask[1], 2u);
}

TEST(Rules, MultiDrawsArrivePacked) {
  const VkMultiDrawInfoEXT draws[] = {{.firstVertex = 1, .vertexCount = 2}, {.firstVertex = 3, .vertexCount = 4}};
  vkCmdDrawMultiEXT_args args;
  args.commandBuffer.id = 12;
  args.drawCount = 2;
  args.pVertexInfo = draws;
  args.stride = 64;  // the application's, which means nothing for the decoded array
  Reader reader(request(args), kHeaderSize);
  vkCmdDrawMultiEXT_args decoded;
  decode_request(*reader, decoded);
  ASSERT_TRUE(reader->ok());
  EXPECT_EQ(decoded.stride, sizeof(VkMultiDrawInfoEXT));
  EXPECT_EQ(decoded.pVertexInfo[1].vertexCount, 4u);
}

TEST(Rules, ArraysOfArraysTakeTheirLengthsFromAnotherParameter) {
  const VkAccelerationStructureBuildGeometryInfoKHR infos[] = {
      {.sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR, .geometryCount = 2},
      {.sType = VK_STRUCTURE_TYPE_ACCELERATION_STRUCTURE_BUILD_GEOMETRY_INFO_KHR, .geometryCount = 1}};
  const VkAccelerationStructureBuildRangeInfoKHR first[2] = {{.primitiveCount = 1}, {.primitiveCount = 2}};
  const VkAccelerationStructureBuildRangeInfoKHR second[1] = {{.primitiveCount = 3}};
  const VkAccelerationStructureBuildRangeInfoKHR* ranges[] = {first, second};
  vkCmdBuildAccelerationStructuresKHR_args args;
  args.commandBuffer.id = 12;
  args.infoCount = 2;
  args.pInfos = infos;
  args.ppBuildRangeInfos = ranges;
  RoundTrip trip(args);
  EXPECT_EQ(trip.args.ppBuildRangeInfos[0][1].primitiveCount, 2u);
  EXPECT_EQ(trip.args.ppBuildRangeInfos[1][0].primitiveCount, 3u);
}

TEST(Rules, PhysicalDevicesOfGroupsStayIds) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(1, {.type = VK_OBJECT_TYPE_INSTANCE, .handle = 0x100}), ObjectTable::Insert::ok);
  std::uint32_t count = 1;
  VkPhysicalDeviceGroupProperties group{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES};
  group.physicalDevices[0] = handle<VkPhysicalDevice>(2);
  vkEnumeratePhysicalDeviceGroups_args args;
  args.instance.id = 1;
  args.pPhysicalDeviceGroupCount = &count;
  args.pPhysicalDeviceGroupProperties = &group;
  Reader reader(request(args), kHeaderSize, &objects);
  vkEnumeratePhysicalDeviceGroups_args decoded;
  decode_request(*reader, decoded);
  ASSERT_TRUE(reader->ok()) << "Ids in output structs are not looked up.";
  EXPECT_EQ(decoded.pPhysicalDeviceGroupProperties->physicalDevices[0], handle<VkPhysicalDevice>(2));
}

TEST(Rules, ArraysThatMayBeNullAreNull) {
  vkCmdBindVertexBuffers2_args args;
  const ObjectId buffers[] = {77};
  const VkDeviceSize offsets[] = {0};
  args.commandBuffer.id = 12;
  args.bindingCount = 1;
  args.pBuffers_ids = buffers;
  args.pOffsets = offsets;
  RoundTrip trip(args);
  EXPECT_EQ(trip.args.pSizes, nullptr);
  EXPECT_EQ(trip.args.pStrides, nullptr);
  EXPECT_EQ(trip.args.pBuffers[0], handle<VkBuffer>(77));
}

TEST(Rules, RepliesCarryTheUpdatedCount) {
  std::uint32_t count = 3;
  VkExtensionProperties room[3] = {};
  vkEnumerateDeviceExtensionProperties_args args;
  args.physicalDevice.id = 2;
  args.pPropertyCount = &count;
  args.pProperties = room;
  RoundTrip trip(args);
  *trip.args.pPropertyCount = 1;
  EXPECT_EQ(trip.reply_size(), 4u + 4 + 8 + 4 + 8 + 268);
}

TEST(Rules, OutputBlobsComeBackPadded) {
  std::size_t size = 6;
  std::byte data[6] = {};
  vkGetPipelineCacheData_args args;
  args.device.id = 5;
  args.pipelineCache.id = 70;
  args.pDataSize = &size;
  args.pData = data;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 8u + 8 + 8 + 8 + 8 + 8);
  EXPECT_EQ(trip.reply_size(), 4u + 4 + 8 + 8 + 8 + 8);
}

TEST(Rules, FailedPipelinesAnswerWithIdZero) {
  vkCreateComputePipelines_args args;
  ObjectId ids[] = {0, 51};
  args.ret = VK_PIPELINE_COMPILE_REQUIRED;
  args.createInfoCount = 2;
  args.pPipelines_ids = ids;
  const auto pipeline_compile_required = static_cast<std::uint32_t>(VK_PIPELINE_COMPILE_REQUIRED);
  EXPECT_EQ(reply(args).words(), (std::vector<std::uint32_t>{static_cast<std::uint32_t>(args.kType),
                                                             pipeline_compile_required, 2, 0, 0, 0, 51, 0}));
}

}  // namespace
}  // namespace hesper::wire
