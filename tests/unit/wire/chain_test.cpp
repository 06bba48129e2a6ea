// pNext chains: order of heads and bodies, what a root accepts, and limits.
#include "wire/chain.h"

#include "coding.h"
#include "wire/structs_gen.h"

namespace hesper::wire {
namespace {

TEST(Chain, BodiesComeInReverse) {
  const VkImageStencilUsageCreateInfo third{.sType = VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO,
                                            .stencilUsage = 0x33};
  const VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
  const VkImageFormatListCreateInfo second{.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
                                           .pNext = &third,
                                           .viewFormatCount = 1,
                                           .pViewFormats = &format};
  const VkExternalMemoryImageCreateInfo first{
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO, .pNext = &second, .handleTypes = 0x11};
  const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO, .pNext = &first};
  const Bytes bytes = encoded([&](Encoder& enc) { encode(enc, info); });
  const std::vector<std::uint32_t> start = {
      VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      1,
      0,
      VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      1,
      0,
      VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
      1,
      0,
      VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO,
      0,
      0,
      0x33,
      1,
      1,
      0,
      VK_FORMAT_R8G8B8A8_UNORM,
      0x11,
  };
  ASSERT_GE(bytes.words().size(), start.size());
  EXPECT_EQ(std::vector(bytes.words().begin(), bytes.words().begin() + static_cast<std::ptrdiff_t>(start.size())),
            start);

  Reader reader(bytes, 0);
  VkImageCreateInfo decoded{};
  decode(*reader, decoded);
  ASSERT_TRUE(reader->ok());
  EXPECT_EQ(reader->remaining(), 0u);
  const auto* one = static_cast<const VkExternalMemoryImageCreateInfo*>(decoded.pNext);
  const auto* two = static_cast<const VkImageFormatListCreateInfo*>(one->pNext);
  const auto* three = static_cast<const VkImageStencilUsageCreateInfo*>(two->pNext);
  EXPECT_EQ(one->handleTypes, 0x11u);
  EXPECT_EQ(two->pViewFormats[0], format);
  EXPECT_EQ(three->stencilUsage, 0x33u);
  EXPECT_EQ(three->pNext, nullptr);
}

TEST(Chain, EncodingSkipsWhatTheReceiverCannotDecode) {
  const VkImageStencilUsageCreateInfo foreign{.sType = VK_STRUCTURE_TYPE_IMAGE_STENCIL_USAGE_CREATE_INFO};
  const VkExportFenceCreateInfo known{
      .sType = VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO, .pNext = &foreign, .handleTypes = 8};
  const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = &known};
  EXPECT_EQ(encoded([&](Encoder& enc) { encode(enc, info); }).words(),
            (std::vector<std::uint32_t>{VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, 1, 0,
                                        VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO, 0, 0, 8, 0}));
}

TEST(Chain, FileDescriptorsCannotTravel) {
  Reader reader(Bytes{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, 1, 0, VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR, 0, 0,
                      1, 3, 0, 0, 0},
                0);
  VkMemoryAllocateInfo info{};
  decode(*reader, info);
  EXPECT_EQ(reader->error().code, DecodeErrc::unknown_chain);
  EXPECT_EQ(reader->error().detail, static_cast<std::uint64_t>(VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR));
}

TEST(Chain, PartialListsMakeRoomForTheHost) {
  VkDrmFormatModifierPropertiesListEXT list{.sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
                                            .drmFormatModifierCount = 3};
  VkDrmFormatModifierPropertiesEXT modifiers[3] = {};
  VkFormatProperties2 properties{.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, .pNext = &list};
  vkGetPhysicalDeviceFormatProperties2_args args;
  args.physicalDevice.id = 2;
  args.pFormatProperties = &properties;

  RoundTrip query(args);  // the client asks how many there are
  const auto* asked = static_cast<const VkDrmFormatModifierPropertiesListEXT*>(query.args.pFormatProperties->pNext);
  EXPECT_EQ(asked->pDrmFormatModifierProperties, nullptr);
  std::ignore = query.reply_size();

  list.pDrmFormatModifierProperties = modifiers;
  RoundTrip fill(args);
  auto* filled = static_cast<VkDrmFormatModifierPropertiesListEXT*>(fill.args.pFormatProperties->pNext);
  ASSERT_NE(filled->pDrmFormatModifierProperties, nullptr);
  filled->pDrmFormatModifierProperties[2].drmFormatModifierPlaneCount = 1;
  std::ignore = fill.reply_size();
}

TEST(Chain, HasALimit) {
  std::vector<std::uint32_t> words = {VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  for (int i = 0; i < 100000; ++i) words.insert(words.end(), {1, 0, VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO});
  Reader reader(Bytes(std::as_bytes(std::span(words))), 0);
  VkFenceCreateInfo info{};
  decode(*reader, info);
  EXPECT_EQ(reader->error().code, DecodeErrc::unknown_chain);
}

}  // namespace
}  // namespace hesper::wire
