// Whole commands, word for word as other implementations of the protocol send and accept them.
#include "coding.h"

namespace hesper::wire {
namespace {

const Bytes kCreateBuffer = {
    0x32,  1,      5,          0,              // header, device
    1,     0,      12,                         // pCreateInfo
    1,     0,      0x3ba1f5f6,                 // VkBufferUsageFlags2CreateInfo
    1,     0,      0x3b9be340, 0, 0,           // VkExternalMemoryBufferCreateInfo, end of the chain
    0x200, 0x10,   0,                          // bodies, innermost first
    0,     0x1000, 0,          3, 0, 0, 0, 0,  // flags, size, usage, sharingMode, family count, no families
    0,     0,                                  // pAllocator
    1,     0,      77,         0,              // pBuffer
};

TEST(Stream, CreateBufferWithTwoChainedStructsEncodes) {
  VkExternalMemoryBufferCreateInfo external{
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .pNext = nullptr, .handleTypes = 0x200};
  VkBufferUsageFlags2CreateInfo usage{
      .sType = VK_STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2_CREATE_INFO, .pNext = &external, .usage = 0x10};
  VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .pNext = &usage, .size = 4096, .usage = 3};
  ObjectId id = 77;
  vkCreateBuffer_args args;
  args.device.id = 5;
  args.pCreateInfo = &info;
  args.pBuffer_ids = &id;
  EXPECT_EQ(request(args).words(), kCreateBuffer.words());
}

TEST(Stream, CreateBufferWithTwoChainedStructsDecodesInTheClientsOrder) {
  Reader reader(kCreateBuffer, kHeaderSize);
  vkCreateBuffer_args args;
  decode_request(*reader, args);
  ASSERT_TRUE(reader->ok());
  EXPECT_EQ(reader->remaining(), 0u);
  EXPECT_EQ(args.device.id, 5u);
  EXPECT_EQ(args.pCreateInfo->size, 4096u);
  EXPECT_EQ(args.pCreateInfo->usage, 3u);
  const auto* usage = static_cast<const VkBufferUsageFlags2CreateInfo*>(args.pCreateInfo->pNext);
  ASSERT_EQ(usage->sType, VK_STRUCTURE_TYPE_BUFFER_USAGE_FLAGS_2_CREATE_INFO);
  EXPECT_EQ(usage->usage, 0x10u);
  const auto* external = static_cast<const VkExternalMemoryBufferCreateInfo*>(usage->pNext);
  ASSERT_EQ(external->sType, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO);
  EXPECT_EQ(external->handleTypes, 0x200u);
  EXPECT_EQ(external->pNext, nullptr);
  EXPECT_EQ(args.pBuffer_ids[0], 77u);

  EXPECT_EQ(reply(args).words(), (std::vector<std::uint32_t>{0x32, 0, 1, 0, 77, 0}));
}

TEST(Stream, MemoryResourcePropertiesTravelPartialAndComeBackInFull) {
  const Bytes sent = {0xc0, 1, 3, 0, 9, 1, 0, 0x3ba0a601, 1, 0, 0x3ba0a603, 0, 0};
  Reader reader(sent, kHeaderSize);
  vkGetMemoryResourcePropertiesMESA_args args;
  decode_request(*reader, args);
  ASSERT_TRUE(reader->ok());
  EXPECT_EQ(reader->remaining(), 0u);
  EXPECT_EQ(args.resourceId, 9u);
  EXPECT_EQ(request(args).words(), sent.words());

  args.pMemoryResourceProperties->memoryTypeBits = 3;
  EXPECT_EQ(reply(args).words(),
            (std::vector<std::uint32_t>{0xc0, 0, 1, 0, 0x3ba0a601, 1, 0, 0x3ba0a603, 0, 0, 0, 0, 3}));
}

}  // namespace
}  // namespace hesper::wire
