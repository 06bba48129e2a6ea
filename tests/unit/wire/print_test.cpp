// print_command: every command of the wire, with random contents from our own encoder, is walked exactly to its end.
#include "wire/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/arena.h"
#include "fill.h"
#include "reflection.h"
#include "wire/commands_gen.h"
#include "wire/encoder.h"

namespace hesper::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kMaxCommand = std::size_t{4} << 20;

std::vector<std::byte> random_command(const fake::Command& command, std::uint64_t seed) {
  Arena arena(std::size_t{64} << 20);
  fake::Random random(seed);
  std::uint64_t id = 0;
  const auto any = [&](VkObjectType) { return ++id; };
  fake::Filler filler(random, arena, {.existing = any, .fresh = any});
  void* params = std::memset(arena.allocate(command.params.size), 0, command.params.size);
  filler.fill_request(command, params);
  std::vector<std::byte> bytes(kMaxCommand);
  Encoder encoder(bytes);
  command.coding.encode_request(encoder, 0, params);
  EXPECT_TRUE(encoder.ok()) << command.name;
  bytes.resize(encoder.position());
  return bytes;
}

PrintedCommand print(std::span<const std::byte> bytes, std::size_t* used = nullptr, DecodeError* error = nullptr) {
  Arena arena(std::size_t{64} << 20);
  Decoder decoder(arena, nullptr);
  decoder.reset(bytes);
  auto printed = print_command(decoder);
  if (used != nullptr) *used = decoder.position();
  if (error != nullptr) *error = decoder.error();
  return printed;
}

TEST(Print, EachCommandIsWalkedToItsEnd) {
  for (const fake::Command* command : fake::all_commands()) {
    if (!command->on_wire) continue;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      auto bytes = random_command(*command, seed);
      const std::size_t size = bytes.size();
      bytes.resize(size + 64);  // so that reading too far is noticed as well
      std::size_t used = 0;
      DecodeError error;
      const auto printed = print(bytes, &used, &error);
      ASSERT_EQ(error.code, DecodeErrc::none) << command->name << ", seed " << seed << ": " << describe(error.code)
                                              << " at " << error.offset << " of " << size << "\n"
                                              << printed.text;
      ASSERT_EQ(used, size) << command->name << ", seed " << seed << "\n" << printed.text;
      ASSERT_THAT(printed.text, StartsWith(std::string(command->name) + "("));
    }
  }
}

TEST(Print, CutOffCommandIsAnError) {
  const auto bytes = random_command(*fake::find_command("vkCreateGraphicsPipelines"), 3);
  for (std::size_t size = 0; size < bytes.size(); size += 4) {
    DecodeError error;
    static_cast<void>(print(std::span(bytes).first(size), nullptr, &error));
    ASSERT_NE(error.code, DecodeErrc::none) << size;
  }
}

TEST(Print, NamesEnumsFlagsObjectsAndChains) {
  const VkExternalMemoryBufferCreateInfo external{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = &external,
                                .size = 4096,
                                .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_INDEX_BUFFER_BIT,
                                .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  ObjectId id = 77;
  VkBuffer ignored{};
  vkCreateBuffer_args args;
  args.device.id = 5;
  args.pCreateInfo = const_cast<VkBufferCreateInfo*>(&info);
  args.pBuffer = &ignored;
  args.pBuffer_ids = &id;
  std::vector<std::byte> bytes(1024);
  Encoder encoder(bytes);
  encode_request(encoder, 1, args);
  bytes.resize(encoder.position());
  EXPECT_EQ(print(bytes).text,
            "vkCreateBuffer(device=#5, pCreateInfo={flags=0, size=4096, "
            "usage=VK_BUFFER_USAGE_TRANSFER_SRC_BIT|VK_BUFFER_USAGE_INDEX_BUFFER_BIT, "
            "sharingMode=VK_SHARING_MODE_EXCLUSIVE, queueFamilyIndexCount=0, pQueueFamilyIndices=NULL, "
            "pNext=[VkExternalMemoryBufferCreateInfo{handleTypes=VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT}]}, "
            "pAllocator=NULL, pBuffer=#77) -> reply");
}

TEST(Print, LongArraysAreCut) {
  std::vector<ObjectId> ids(1000, 1);
  std::vector<VkFence> fences(1000, std::bit_cast<VkFence>(ObjectId{1}));
  vkResetFences_args args;
  args.device.id = 2;
  args.fenceCount = 1000;
  args.pFences = fences.data();
  args.pFences_ids = ids.data();
  std::vector<std::byte> bytes(64 * 1024);
  Encoder encoder(bytes);
  encode_request(encoder, 0, args);
  bytes.resize(encoder.position());
  std::size_t used = 0;
  EXPECT_EQ(print(bytes, &used).text,
            "vkResetFences(device=#2, fenceCount=1000, pFences=[#1, #1, #1, #1, #1, #1, #1, #1, ... 1000 in all])");
  EXPECT_EQ(used, bytes.size());
}

}  // namespace
}  // namespace hesper::wire
