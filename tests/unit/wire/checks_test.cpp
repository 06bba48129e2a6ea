// Checks: counts, sizes and indices that do not fit another part of the command, and shaders that cannot be walked.
#include "wire/checks.h"

#include <array>
#include <functional>

#include "coding.h"
#include "wire/formats.h"
#include "wire/spirv.h"
#include "wire/structs_gen.h"

namespace hesper::wire {
namespace {

constexpr std::array<std::uint32_t, 5> kHeader{0x07230203, 0x00010000, 0, 1, 0};

// What a server, whose ids are looked up, makes of a struct.
template <class T>
DecodeErrc served(const T& sent, const std::function<void(const T&)>& look = {}) {
  const ObjectTable none(1);
  Reader reader(encoded([&](Encoder& enc) { encode(enc, sent); }), 0, &none);
  T received{};
  decode(*reader, received);
  if (look && reader->ok()) look(received);
  return reader->error().code;
}

std::vector<std::uint32_t> module_with(std::initializer_list<std::uint32_t> instructions) {
  std::vector<std::uint32_t> words(kHeader.begin(), kHeader.end());
  words.insert(words.end(), instructions);
  return words;
}

TEST(Checks, SpecializationReadsInsideItsData) {
  struct Case {
    const char* name;
    VkSpecializationMapEntry entry;
    DecodeErrc want;
  };
  const Case cases[] = {
      {.name = "whole", .entry = {.offset = 0, .size = 8}, .want = DecodeErrc::none},
      {.name = "empty at the end", .entry = {.offset = 8, .size = 0}, .want = DecodeErrc::none},
      {.name = "past the end", .entry = {.offset = 5, .size = 4}, .want = DecodeErrc::bad_range},
      {.name = "offset past the end", .entry = {.offset = 9, .size = 0}, .want = DecodeErrc::bad_range},
      {.name = "sum overflows", .entry = {.offset = 4, .size = SIZE_MAX}, .want = DecodeErrc::bad_range},
  };
  const std::uint64_t data = 0;
  for (const Case& each : cases) {
    const VkSpecializationInfo info{
        .mapEntryCount = 1, .pMapEntries = &each.entry, .dataSize = sizeof(data), .pData = &data};
    EXPECT_EQ(served(info), each.want) << each.name;
  }
}

TEST(Checks, AttachmentsOfSubpassesExist) {
  const VkAttachmentDescription attachment{};
  for (const std::uint32_t index : {0u, 1u, VK_ATTACHMENT_UNUSED}) {
    const VkAttachmentReference reference{.attachment = index};
    const VkSubpassDescription subpass{.colorAttachmentCount = 1, .pColorAttachments = &reference};
    const VkRenderPassCreateInfo info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                      .attachmentCount = 1,
                                      .pAttachments = &attachment,
                                      .subpassCount = 1,
                                      .pSubpasses = &subpass};
    EXPECT_EQ(served(info), index == 1 ? DecodeErrc::bad_range : DecodeErrc::none) << index;
  }
}

TEST(Checks, ArraysInTheChainAreLeftOutOrLongEnough) {
  const std::uint32_t masks[2] = {1, 2};
  const VkSubpassDescription subpasses[2] = {};
  for (const std::uint32_t count : {0u, 1u, 2u}) {
    const VkRenderPassMultiviewCreateInfo multiview{
        .sType = VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO, .subpassCount = count, .pViewMasks = masks};
    const VkRenderPassCreateInfo info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                      .pNext = &multiview,
                                      .subpassCount = 2,
                                      .pSubpasses = subpasses};
    EXPECT_EQ(served(info), count == 1 ? DecodeErrc::bad_range : DecodeErrc::none) << count;
  }
}

TEST(Checks, InlineDataIsAsLongAsItsDescriptorCount) {
  const std::uint64_t data = 0;
  for (const std::uint32_t count : {8u, 64u}) {
    const VkWriteDescriptorSetInlineUniformBlock block{
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET_INLINE_UNIFORM_BLOCK, .dataSize = 8, .pData = &data};
    const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                     .pNext = &block,
                                     .descriptorCount = count,
                                     .descriptorType = VK_DESCRIPTOR_TYPE_INLINE_UNIFORM_BLOCK};
    EXPECT_EQ(served(write), count == 8 ? DecodeErrc::none : DecodeErrc::bad_range) << count;
  }
}

TEST(Checks, MissingTimelineValuesAreZero) {
  const std::uint64_t value = 7;
  const VkSemaphore semaphores[3] = {};
  const VkPipelineStageFlags stages[3] = {};
  const VkTimelineSemaphoreSubmitInfo timeline{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                               .waitSemaphoreValueCount = 1,
                                               .pWaitSemaphoreValues = &value};
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &timeline,
                            .waitSemaphoreCount = 3,
                            .pWaitSemaphores = semaphores,
                            .pWaitDstStageMask = stages};
  EXPECT_EQ(served<VkSubmitInfo>(submit,
                                 [](const VkSubmitInfo& got) {
                                   const auto* values = static_cast<const VkTimelineSemaphoreSubmitInfo*>(got.pNext);
                                   ASSERT_EQ(values->waitSemaphoreValueCount, 3u);
                                   EXPECT_EQ(values->pWaitSemaphoreValues[0], 7u);
                                   EXPECT_EQ(values->pWaitSemaphoreValues[2], 0u);
                                 }),
            DecodeErrc::none);
}

TEST(Checks, StructuresPropertiesFitTheirRoom) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(1, {.type = VK_OBJECT_TYPE_DEVICE, .handle = 1}), ObjectTable::Insert::ok);
  ASSERT_EQ(objects.insert(2, {.type = VK_OBJECT_TYPE_ACCELERATION_STRUCTURE_KHR, .handle = 2}),
            ObjectTable::Insert::ok);
  const ObjectId structures[2] = {2, 2};
  std::array<std::byte, 64> room{};
  for (const std::size_t stride : {8u, 16u, 17u}) {
    vkWriteAccelerationStructuresPropertiesKHR_args args;
    args.device.id = 1;
    args.accelerationStructureCount = 2;
    args.pAccelerationStructures_ids = structures;
    args.dataSize = 24;
    args.pData = room.data();
    args.stride = stride;
    Reader reader(request(args), kHeaderSize, &objects);
    vkWriteAccelerationStructuresPropertiesKHR_args decoded;
    decode_request(*reader, decoded);
    EXPECT_EQ(reader->error().code, stride == 17 ? DecodeErrc::bad_range : DecodeErrc::none) << stride;
  }
}

TEST(Checks, ToolsSeeWhatServersRefuse) {
  const VkSpecializationMapEntry entry{.offset = 100, .size = 100};
  const VkSpecializationInfo info{.mapEntryCount = 1, .pMapEntries = &entry};
  Reader reader(encoded([&](Encoder& enc) { encode(enc, info); }), 0);
  VkSpecializationInfo decoded{};
  decode(*reader, decoded);
  EXPECT_TRUE(reader->ok());
}

TEST(Spirv, OneBadWordIsFound) {
  struct Case {
    const char* name;
    std::vector<std::uint32_t> words;
    std::size_t bad;
  };
  const std::uint32_t name_of_2_words = (2u << 16) | 7;  // OpString, which needs three
  const Case cases[] = {
      {.name = "header only", .words = module_with({}), .bad = 5},
      {.name = "empty", .words = {}, .bad = 0},
      {.name = "header cut", .words = {0x07230203, 0, 0, 0}, .bad = 0},
      {.name = "other endianness", .words = {0x03022307, 0, 0, 0, 0}, .bad = 0},
      {.name = "nop", .words = module_with({1u << 16}), .bad = 6},
      {.name = "length 0", .words = module_with({0}), .bad = 5},
      {.name = "past the end", .words = module_with({3u << 16, 0}), .bad = 5},
      {.name = "string missing", .words = module_with({name_of_2_words, 1}), .bad = 5},
      {.name = "string ends", .words = module_with({(3u << 16) | 7, 1, 0x00616161}), .bad = 8},
      {.name = "string does not end", .words = module_with({(3u << 16) | 7, 1, 0x61616161}), .bad = 5},
      {.name = "entry point does not end", .words = module_with({(4u << 16) | 15, 0, 1, 0x6e69616d}), .bad = 5},
      {.name = "source without text", .words = module_with({(3u << 16) | 3, 2, 450}), .bad = 8},
  };
  for (const Case& each : cases) {
    // "Good" cases point one past the end.
    EXPECT_EQ(first_bad_word(each.words), each.bad) << each.name;
  }
}

TEST(Spirv, ABadShaderEndsTheCommand) {
  auto words = module_with({5u << 16, 0});
  const VkShaderModuleCreateInfo info{.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                      .codeSize = words.size() * sizeof(std::uint32_t),
                                      .pCode = words.data()};
  EXPECT_EQ(served(info), DecodeErrc::bad_spirv);
}

TEST(Formats, AspectsHaveTheSizesOfCopies) {
  EXPECT_EQ(format_aspect(VK_FORMAT_R8G8B8A8_UNORM, VK_IMAGE_ASPECT_COLOR_BIT)->block_size, 4);
  EXPECT_EQ(format_aspect(VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_DEPTH_BIT)->block_size, 4);
  EXPECT_EQ(format_aspect(VK_FORMAT_D24_UNORM_S8_UINT, VK_IMAGE_ASPECT_STENCIL_BIT)->block_size, 1);
  const auto block = format_aspect(VK_FORMAT_ASTC_12x10_UNORM_BLOCK, VK_IMAGE_ASPECT_COLOR_BIT);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->block_width, 12);
  EXPECT_EQ(block->block_height, 10);
  const auto chroma = format_aspect(VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_1_BIT);
  ASSERT_TRUE(chroma);
  EXPECT_EQ(chroma->block_size, 2);
  EXPECT_EQ(chroma->width_divisor, 2);
  EXPECT_FALSE(format_aspect(VK_FORMAT_G8_B8R8_2PLANE_420_UNORM, VK_IMAGE_ASPECT_PLANE_2_BIT));
  EXPECT_FALSE(format_aspect(VK_FORMAT_R8_UNORM, VK_IMAGE_ASPECT_DEPTH_BIT));
  EXPECT_FALSE(format_aspect(VK_FORMAT_UNDEFINED, VK_IMAGE_ASPECT_COLOR_BIT));
}

}  // namespace
}  // namespace hesper::wire
