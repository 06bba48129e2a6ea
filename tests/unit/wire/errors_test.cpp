// What makes a command malformed: one row per rule, with the offset that the log line will name.
#include <set>
#include <string_view>

#include "coding.h"
#include "wire/structs_gen.h"

namespace hesper::wire {
namespace {

struct Case {
  const char* name;
  Bytes wire;  // behind type and flags
  DecodeErrc want;
  std::size_t offset;
};

template <class Args>
void expect_errors(std::initializer_list<Case> cases, const ObjectTable* objects = nullptr) {
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    Reader reader(row.wire, 0, objects);
    Args args;
    decode_request(*reader, args);
    EXPECT_EQ(reader->error().code, row.want) << describe(reader->error().code);
    EXPECT_EQ(reader->error().offset, row.offset);
  }
}

TEST(Errors, CreateFence) {
  expect_errors<vkCreateFence_args>({
      {"well formed", {5, 0, 1, 0, 8, 0, 0, 0, 0, 0, 1, 0, 9, 0}, DecodeErrc::none, 0},
      {"any marker counts", {5, 0, 0, 7, 8, 0, 0, 0, 0, 0, 2, 0, 9, 0}, DecodeErrc::none, 0},
      {"empty", {}, DecodeErrc::truncated, 0},
      {"no device", {0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 1, 0, 9, 0}, DecodeErrc::null_handle, 8},
      {"no create info", {5, 0, 0, 0, 0, 0, 1, 0, 9, 0}, DecodeErrc::null_pointer, 16},
      {"ends inside the create info", {5, 0, 1, 0, 8}, DecodeErrc::truncated, 20},
      {"sType of an image", {5, 0, 1, 0, 14, 0, 0, 0, 0, 0, 1, 0, 9, 0}, DecodeErrc::wrong_stype, 20},
      {"chained image", {5, 0, 1, 0, 8, 1, 0, 14, 0, 0, 0, 0, 0, 1, 0, 9, 0}, DecodeErrc::unknown_chain, 32},
      {"allocator", {5, 0, 1, 0, 8, 0, 0, 0, 1, 0, 1, 0, 9, 0}, DecodeErrc::unsupported, 40},
      {"no new id", {5, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0}, DecodeErrc::null_pointer, 48},
  });
}

TEST(Errors, ResetFences) {
  expect_errors<vkResetFences_args>({
      {"well formed", {5, 0, 2, 2, 0, 8, 0, 9, 0}, DecodeErrc::none, 0},
      {"fewer elements than counted", {5, 0, 2, 1, 0, 8, 0}, DecodeErrc::count_mismatch, 20},
      {"NULL with a count", {5, 0, 2, 0, 0}, DecodeErrc::null_pointer, 20},
      {"NULL element", {5, 0, 2, 2, 0, 8, 0, 0, 0}, DecodeErrc::null_handle, 36},
      {"count beyond the stream", {5, 0, 0x10000000, 0x10000000, 0, 8, 0}, DecodeErrc::truncated, 20},
  });
}

TEST(Errors, ObjectsOfOtherTypes) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(5, {.type = VK_OBJECT_TYPE_DEVICE, .handle = 1}), ObjectTable::Insert::ok);
  ASSERT_EQ(objects.insert(8, {.type = VK_OBJECT_TYPE_FENCE, .handle = 2}), ObjectTable::Insert::ok);
  expect_errors<vkResetFences_args>(
      {
          {"known", {5, 0, 1, 1, 0, 8, 0}, DecodeErrc::none, 0},
          {"unknown fence", {5, 0, 1, 1, 0, 9, 0}, DecodeErrc::unknown_object, 28},
          {"a device as fence", {5, 0, 1, 1, 0, 5, 0}, DecodeErrc::wrong_object, 28},
          {"a fence as device", {8, 0, 1, 1, 0, 8, 0}, DecodeErrc::wrong_object, 8},
      },
      &objects);
}

TEST(Errors, FixedArraysAndUnions) {
  expect_errors<vkCmdSetBlendConstants_args>({
      {"well formed", {12, 0, 4, 0, 1, 2, 3, 4}, DecodeErrc::none, 0},
      {"three constants", {12, 0, 3, 0, 1, 2, 3}, DecodeErrc::count_mismatch, 16},
      {"ends in the constants", {12, 0, 4, 0, 1, 2, 3}, DecodeErrc::truncated, 16},
  });
  expect_errors<vkCmdClearColorImage_args>({
      {"colour tag 3", {12, 0, 7, 0, 1, 1, 0, 3, 4, 0, 0, 0, 0, 0}, DecodeErrc::bad_union_tag, 32},
  });
}

template <class Union>
DecodeErrc outcome(const Bytes& wire) {
  Reader reader(wire, 0, nullptr);
  Union value{};
  decode(*reader, value);
  return reader->error().code;
}

TEST(Errors, AddressesOfTheHostMustBeNull) {
  using Address = VkDeviceOrHostAddressConstKHR;
  EXPECT_EQ(outcome<Address>({0, 0x1000, 1}), DecodeErrc::none) << "a device address";
  EXPECT_EQ(outcome<Address>({1, 0, 0}), DecodeErrc::none) << "NULL";
  EXPECT_EQ(outcome<Address>({1, 0x1000, 0}), DecodeErrc::unsupported) << "a host address";
  EXPECT_EQ(outcome<Address>({2, 0, 0}), DecodeErrc::bad_union_tag);
  EXPECT_EQ(outcome<VkDeviceOrHostAddressKHR>({1, 0x1000, 0}), DecodeErrc::unsupported) << "a writable host address";
}

TEST(Errors, ClearValuesAreColoursOrDepth) {
  EXPECT_EQ(outcome<VkClearValue>({0, 2, 4, 0, 1, 2, 3, 4}), DecodeErrc::none);
  EXPECT_EQ(outcome<VkClearValue>({1, 0x3f800000, 7}), DecodeErrc::none);
  EXPECT_EQ(outcome<VkClearValue>({1, 0x3f800000}), DecodeErrc::truncated);
  EXPECT_EQ(outcome<VkClearValue>({2, 0, 0}), DecodeErrc::bad_union_tag);
}

TEST(Errors, SelectorsNameAMember) {
  constexpr std::uint32_t kNoGeometry = 77;
  Reader reader({kNoGeometry}, 0, nullptr);
  VkAccelerationStructureGeometryDataKHR data{};
  decode(*reader, data, kNoGeometry);
  EXPECT_EQ(reader->error().code, DecodeErrc::bad_union_tag);
}

TEST(Errors, EveryCodeHasASentenceOfItsOwn) {
  std::set<std::string_view> sentences;
  constexpr auto kLast = static_cast<std::uint8_t>(DecodeErrc::unsupported);
  for (std::uint8_t code = 0; code <= kLast; ++code) {
    EXPECT_TRUE(sentences.insert(describe(static_cast<DecodeErrc>(code))).second) << int{code};
  }
  EXPECT_FALSE(sentences.contains("unknown error"));
}

TEST(Errors, ShaderCodeThatIsNotWholeWords) {
  // codeSize 6 counts one word, but the driver would read six bytes.
  expect_errors<vkCreateShaderModule_args>({
      {"six bytes",
       {5, 0, 1, 0, 16, 0, 0, 0, 6, 0, 1, 0, 0x07230203, 0, 0, 1, 0, 9, 0},
       DecodeErrc::count_mismatch,
       40},
  });
}

TEST(Errors, StringsInArraysNeedATerminator) {
  const char* names[] = {"VK_KHR_maintenance1"};
  const VkDeviceCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .enabledExtensionCount = 1, .ppEnabledExtensionNames = names};
  ObjectId id = 5;
  vkCreateDevice_args args;
  args.physicalDevice.id = 2;
  args.pCreateInfo = &info;
  args.pDevice_ids = &id;
  // Queue infos are required by vk.xml only when they are counted.
  RoundTrip trip(args);
  EXPECT_STREQ(trip.args.pCreateInfo->ppEnabledExtensionNames[0], names[0]);

  names[0] = nullptr;
  Reader reader(request(args), kHeaderSize);
  vkCreateDevice_args broken;
  decode_request(*reader, broken);
  EXPECT_EQ(reader->error().code, DecodeErrc::bad_string);
}

TEST(Errors, OutputsLargerThanTheDecoderMayUse) {
  std::uint32_t count = 1u << 24;
  VkExtensionProperties unused{};
  vkEnumerateDeviceExtensionProperties_args args;
  args.physicalDevice.id = 2;
  args.pPropertyCount = &count;
  args.pProperties = &unused;
  Reader reader(request(args), kHeaderSize);
  vkEnumerateDeviceExtensionProperties_args decoded;
  decode_request(*reader, decoded);
  EXPECT_EQ(reader->error().code, DecodeErrc::budget);
}

TEST(Errors, EveryPrefixOfACommandIsTruncated) {
  const VkSemaphore semaphores[] = {handle<VkSemaphore>(10), handle<VkSemaphore>(11)};
  const VkPipelineStageFlags stages[] = {1, 2};
  const std::uint64_t values[] = {1, 2};
  const VkTimelineSemaphoreSubmitInfo timeline{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                               .waitSemaphoreValueCount = 2,
                                               .pWaitSemaphoreValues = values};
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &timeline,
                            .waitSemaphoreCount = 2,
                            .pWaitSemaphores = semaphores,
                            .pWaitDstStageMask = stages};
  vkQueueSubmit_args args;
  args.queue.id = 6;
  args.submitCount = 1;
  args.pSubmits = &submit;
  const Bytes whole = request(args);
  for (std::size_t size = 0; size < whole.size() - kHeaderSize; size += 4) {
    Reader reader(Bytes(whole.span().subspan(kHeaderSize, size)), 0);
    vkQueueSubmit_args decoded;
    decode_request(*reader, decoded);
    EXPECT_EQ(reader->error().code, DecodeErrc::truncated) << size;
  }
}

}  // namespace
}  // namespace hesper::wire
