// Decoder: scalars, padding, arrays in place and copied, strings, sticky errors, ids and tombstones.
#include <gmock/gmock.h>

#include "coding.h"

namespace hesper::wire {
namespace {

TEST(Decoder, ReadsScalarsAtAnyFourByteBoundary) {
  Reader reader({7, 0x55667788, 0x11223344, 0x3f800000}, 0);
  EXPECT_EQ(reader->take<std::uint32_t>(), 7u);
  EXPECT_EQ(reader->take<std::uint64_t>(), 0x1122334455667788u);
  EXPECT_EQ(reader->take<float>(), 1.0f);
  EXPECT_EQ(reader->remaining(), 0u);
  EXPECT_TRUE(reader->ok());
}

TEST(Decoder, KeepsTheFirstErrorAndItsOffset) {
  Reader reader({1, 2, 3}, 0);
  std::ignore = reader->take<std::uint64_t>();
  EXPECT_EQ(reader->take<std::uint64_t>(), 0u);
  reader->fail(DecodeErrc::wrong_stype, 9);
  EXPECT_EQ(reader->error().code, DecodeErrc::truncated);
  EXPECT_EQ(reader->error().offset, 8u);
  EXPECT_EQ(reader->take<std::uint32_t>(), 0u) << "Nothing is read after an error.";
}

TEST(Decoder, TakesSeveralScalarsOrNone) {
  Reader reader({1, 2, 3}, 0);
  std::uint32_t a = 0, b = 0;
  std::uint64_t c = 5;
  reader->take_all(a, c);
  EXPECT_EQ(a, 1u);
  EXPECT_EQ(c, 0x300000002u);
  reader->take_all(b);
  EXPECT_EQ(reader->error().code, DecodeErrc::truncated);
  EXPECT_EQ(b, 0u);
}

TEST(Decoder, MasksNarrowScalars) {
  Reader reader({0xdead1234, 0xffffff56}, 0);
  EXPECT_EQ(reader->take_narrow<std::uint16_t>(), 0x1234);
  EXPECT_EQ(reader->take_narrow<std::uint8_t>(), 0x56);
}

TEST(Decoder, AlignsArraysOfEightByteElements) {
  Reader reader({1, 2, 3, 4, 5}, 0);
  std::ignore = reader->take<std::uint32_t>();
  const std::uint64_t* values = reader->array<std::uint64_t>(2);
  ASSERT_NE(values, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values) % alignof(std::uint64_t), 0u);
  EXPECT_EQ(values[1], 0x500000004u);
}

TEST(Decoder, PadsByteArraysToFour) {
  Reader reader({0x00636261, 9}, 0);
  EXPECT_STREQ(reader->array<char>(3 + 1), "abc");
  EXPECT_EQ(reader->take<std::uint32_t>(), 9u);
  Reader odd({0x04030201, 5, 9}, 0);
  EXPECT_EQ(odd->array<std::uint8_t>(5)[4], 5);
  EXPECT_EQ(odd->take<std::uint32_t>(), 9u);
}

TEST(Decoder, CopiesArraysThatTheCallerMayChange) {
  Bytes bytes = {1, 2};
  Reader reader(bytes, 0);
  std::uint32_t* values = reader->copied_array<std::uint32_t>(2);
  ASSERT_NE(values, nullptr);
  EXPECT_THAT(std::span(values, 2), testing::ElementsAre(1, 2));
  EXPECT_EQ(reader->copied_array<std::uint32_t>(0), nullptr);
  EXPECT_TRUE(reader->ok());
}

TEST(Decoder, EndsStringsWithNul) {
  Reader reader({4, 0, 0x64636261}, 0);
  EXPECT_STREQ(reader->string(), "abc");
  Reader null({0, 0}, 0);
  EXPECT_EQ(null->string(), nullptr);
  EXPECT_TRUE(null->ok());
  Reader required({0, 0}, 0);
  EXPECT_EQ(required->required_string(), nullptr);
  EXPECT_EQ(required->error().code, DecodeErrc::null_pointer);
}

TEST(Decoder, ComparesCounts) {
  Reader same({3, 0}, 0);
  EXPECT_EQ(same->array_count(3), 3u);
  Reader other({3, 0}, 0);
  EXPECT_EQ(other->array_count(4), 0u);
  EXPECT_EQ(other->error().code, DecodeErrc::count_mismatch);
  EXPECT_EQ(other->error().detail, 3u);
  Reader null({0, 0}, 0);
  EXPECT_EQ(null->array_count(4), 0u);
  EXPECT_EQ(null->error().code, DecodeErrc::null_pointer);
  Reader optional({0, 0}, 0);
  EXPECT_EQ(optional->optional_array_count(4), 0u);
  EXPECT_TRUE(optional->ok());
}

TEST(Decoder, RefusesCountsBeyondTheStreamBeforeAllocating) {
  Reader reader({0, 0}, 0);
  EXPECT_EQ(reader->allocate<std::uint64_t>(1u << 30, 8), nullptr);
  EXPECT_EQ(reader->error().code, DecodeErrc::truncated);
  Reader overflow({0, 0}, 0);
  EXPECT_EQ(overflow->array<std::uint64_t>(SIZE_MAX / 4), nullptr);
  EXPECT_EQ(overflow->error().code, DecodeErrc::truncated);
}

TEST(Decoder, RefusesMoreMemoryThanItsLimit) {
  Reader reader({0, 0}, 0, nullptr, 4096);
  EXPECT_NE(reader->room(1024), nullptr);
  EXPECT_EQ(reader->room(8192), nullptr);
  EXPECT_EQ(reader->error().code, DecodeErrc::budget);
  Reader overflow({0, 0}, 0);
  EXPECT_EQ(overflow->allocate<std::uint64_t>(SIZE_MAX / 4), nullptr);
  EXPECT_EQ(overflow->error().code, DecodeErrc::budget);
}

TEST(Decoder, RefusesArraysThatMayBeNullOfAnotherLength) {
  Reader reader({2, 0}, 0);
  EXPECT_EQ(reader->optional_array_count(3), 0u);
  EXPECT_EQ(reader->error().code, DecodeErrc::count_mismatch);
}

TEST(Decoder, RefusesBytesWithoutTheirPadding) {
  const Bytes whole({0x64636261, 0x00000065});
  Reader reader(Bytes(whole.span().first(5)), 0);
  EXPECT_EQ(reader->array<char>(5), nullptr);
  EXPECT_EQ(reader->error().code, DecodeErrc::truncated);
}

TEST(Decoder, CopiesNothingBeyondItsLimit) {
  Reader aligned({0, 1, 2, 3, 4, 5, 6, 7, 8}, 4, nullptr, 16);
  EXPECT_EQ(aligned->array<std::uint64_t>(4), nullptr) << "8-byte elements on a 4-byte boundary are copied.";
  EXPECT_EQ(aligned->error().code, DecodeErrc::budget);
  Reader unterminated({8, 0, 0x64636261, 0x68676665}, 0, nullptr, 4);
  EXPECT_EQ(unterminated->string(), nullptr) << "A string without NUL is copied.";
  EXPECT_EQ(unterminated->error().code, DecodeErrc::budget);
}

TEST(Decoder, TranslatesIds) {
  ObjectTable objects(4);
  int state = 0;
  ASSERT_EQ(objects.insert(5, {.type = VK_OBJECT_TYPE_BUFFER, .handle = 0x1000, .state = &state}),
            ObjectTable::Insert::ok);
  Reader reader({5, 0, 0, 0}, 0, &objects);
  const auto buffer = reader->ref<VkBuffer>(VK_OBJECT_TYPE_BUFFER, true);
  EXPECT_EQ(buffer.handle, handle<VkBuffer>(0x1000));
  EXPECT_EQ(buffer.id, 5u);
  EXPECT_EQ(buffer.state, &state);
  EXPECT_EQ(reader->handle<VkBuffer>(VK_OBJECT_TYPE_BUFFER), VkBuffer{VK_NULL_HANDLE});
  EXPECT_TRUE(reader->ok());
}

TEST(Decoder, RefusesIdsThatNameNothingOrSomethingElse) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(5, {.type = VK_OBJECT_TYPE_BUFFER, .handle = 1}), ObjectTable::Insert::ok);
  Reader unknown({6, 0}, 0, &objects);
  std::ignore = unknown->handle<VkBuffer>(VK_OBJECT_TYPE_BUFFER);
  EXPECT_EQ(unknown->error().code, DecodeErrc::unknown_object);
  EXPECT_EQ(unknown->error().detail, 6u);
  Reader wrong({5, 0}, 0, &objects);
  std::ignore = wrong->handle<VkImage>(VK_OBJECT_TYPE_IMAGE);
  EXPECT_EQ(wrong->error().code, DecodeErrc::wrong_object);
  Reader null({0, 0}, 0, &objects);
  std::ignore = null->required_handle<VkBuffer>(VK_OBJECT_TYPE_BUFFER);
  EXPECT_EQ(null->error().code, DecodeErrc::null_handle);
}

TEST(Decoder, TellsOfTombstonesWithoutAnError) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(5, {.type = VK_OBJECT_TYPE_BUFFER, .tombstone = true}), ObjectTable::Insert::ok);
  Reader reader({5, 0}, 0, &objects);
  EXPECT_EQ(reader->handle<VkBuffer>(VK_OBJECT_TYPE_BUFFER), VkBuffer{VK_NULL_HANDLE});
  EXPECT_TRUE(reader->ok());
  EXPECT_TRUE(reader->tombstone());
}

TEST(Decoder, ObjectsOfTwoDevicesDoNotMeet) {
  ObjectTable objects(4);
  ASSERT_EQ(objects.insert(1, {.type = VK_OBJECT_TYPE_PHYSICAL_DEVICE, .handle = 1}), ObjectTable::Insert::ok);
  ASSERT_EQ(objects.insert(2, {.type = VK_OBJECT_TYPE_BUFFER, .owner = 1, .handle = 2}), ObjectTable::Insert::ok);
  ASSERT_EQ(objects.insert(3, {.type = VK_OBJECT_TYPE_BUFFER, .owner = 2, .handle = 3}), ObjectTable::Insert::ok);
  const auto take = [](Decoder& decoder, VkObjectType type) { return decoder.ref<VkBuffer>(type, true).id; };
  Reader reader(Bytes{2, 0, 1, 0, 2, 0, 3, 0, 3, 0}, 0, &objects);
  EXPECT_EQ(take(*reader, VK_OBJECT_TYPE_BUFFER), 2u);
  EXPECT_EQ(take(*reader, VK_OBJECT_TYPE_PHYSICAL_DEVICE), 1u) << "Physical devices are of no device.";
  EXPECT_EQ(take(*reader, VK_OBJECT_TYPE_BUFFER), 2u);
  reader->begin_command();
  EXPECT_EQ(take(*reader, VK_OBJECT_TYPE_BUFFER), 3u) << "The next command may be about another device.";
  EXPECT_TRUE(reader->ok());

  Reader mixed(Bytes{2, 0, 3, 0}, 0, &objects);
  static_cast<void>(take(*mixed, VK_OBJECT_TYPE_BUFFER));
  static_cast<void>(take(*mixed, VK_OBJECT_TYPE_BUFFER));
  EXPECT_EQ(mixed->error().code, DecodeErrc::foreign_object);
}

}  // namespace
}  // namespace hesper::wire
