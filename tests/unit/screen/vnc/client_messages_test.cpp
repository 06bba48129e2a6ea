#include "screen/vnc/client_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hesper::screen::vnc {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> numbers) {
  std::vector<std::byte> bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
  return bytes;
}

std::vector<std::byte> pixel_format_message(const PixelFormat& format, bool true_colour = true) {
  std::vector<std::byte> bytes = bytes_of({0, 0, 0, 0});
  Writer(bytes).pixel_format(format);
  bytes[4 + 3] = std::byte{true_colour};
  return bytes;
}

struct Whole {
  std::string name;
  std::vector<std::byte> bytes;
};

std::vector<Whole> whole_messages() {
  return {{"SetPixelFormat", pixel_format_message({})},
          {"SetEncodings", bytes_of({2, 0, 0, 2, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0x11})},
          {"FramebufferUpdateRequest", bytes_of({3, 1, 0, 1, 0, 2, 0, 3, 0, 4})},
          {"KeyEvent", bytes_of({4, 1, 0, 0, 0, 0, 0, 0x61})},
          {"PointerEvent", bytes_of({5, 3, 1, 0, 0, 5})},
          {"ClientCutText", bytes_of({6, 0, 0, 0, 0, 0, 0, 0})},
          {"SetDesktopSize",
           bytes_of({251, 0, 3, 0x20, 2, 0x58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x20, 2, 0x58, 0, 0, 0, 0})},
          {"ExtendedKeyEvent", bytes_of({255, 0, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 0x1e})}};
}

TEST(ClientMessages, WholeOnesAreTakenAndPartsAreWaitedFor) {
  for (const Whole& each : whole_messages()) {
    const auto parsed = parse(each.bytes);
    ASSERT_TRUE(parsed) << each.name << ": " << parsed.error();
    EXPECT_EQ(parsed->size, each.bytes.size()) << each.name;
    for (std::size_t size = 0; size < each.bytes.size(); ++size) {
      const auto part = parse(std::span(each.bytes).first(size));
      ASSERT_TRUE(part) << each.name << " cut at " << size;
      EXPECT_EQ(part->size, 0U) << each.name << " cut at " << size;
    }
  }
}

TEST(ClientMessages, NumbersAreBigEndian) {
  const auto messages = whole_messages();
  const auto request = std::get<FramebufferUpdateRequest>(parse(messages[2].bytes)->message);
  EXPECT_TRUE(request.incremental);
  EXPECT_EQ(request.area, (gpu::Rect{.x = 1, .y = 2, .width = 3, .height = 4}));
  const auto pointer = std::get<PointerEvent>(parse(messages[4].bytes)->message);
  EXPECT_EQ(pointer.buttons, 3);
  EXPECT_EQ(pointer.x, 256);
  const auto size = std::get<SetDesktopSize>(parse(messages[6].bytes)->message);
  EXPECT_EQ(size.width, 800);
  EXPECT_EQ(size.height, 600);
  const auto key = std::get<ExtendedKeyEvent>(parse(messages[7].bytes)->message);
  EXPECT_TRUE(key.down);
  EXPECT_EQ(key.keycode, 0x1eU);
}

TEST(ClientMessages, EncodingsAreThoseThatWeKnowEachOnce) {
  std::vector<std::byte> bytes = bytes_of({2, 0, 0, 6});
  for (const std::int32_t encoding : {16, -1000, 7, 16, -28, 50})
    Writer(bytes).u32(static_cast<std::uint32_t>(encoding));
  const auto parsed = parse(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_THAT(std::get<SetEncodings>(parsed->message).encodings,
              testing::ElementsAre(Encoding::zrle, Encoding::tight, Encoding{-28}));
}

TEST(ClientMessages, TextThatWasCutIsTakenWholeUpToItsLimit) {
  const auto cut = bytes_of({6, 0, 0, 0, 0, 0, 0, 2, 'a', 'b', 9});
  auto parsed = parse(cut, 2);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size, 10U);
  ASSERT_TRUE(std::holds_alternative<CutText>(parsed->message));
  EXPECT_EQ(std::get<CutText>(parsed->message).bytes.size(), 2U);
  EXPECT_EQ(parse(std::span(cut).first(9), 2)->size, 0U);
  parsed = parse(cut, 1);
  EXPECT_EQ(parsed->size, 8U);
  EXPECT_EQ(parsed->skip, 2U);
  const auto extended = bytes_of({6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfb, 2, 0, 0, 1, 7});
  parsed = parse(extended, 5);
  ASSERT_TRUE(parsed);
  ASSERT_TRUE(std::holds_alternative<ExtendedClipboard>(parsed->message));
  EXPECT_EQ(std::get<ExtendedClipboard>(parsed->message).flags, kClipboardRequest | kClipboardText);
  EXPECT_EQ(std::get<ExtendedClipboard>(parsed->message).data.size(), 1U);
  EXPECT_EQ(parse(extended, 4)->skip, 5U);
  // Too short for its flags.
  EXPECT_EQ(parse(bytes_of({6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfd, 1, 2, 3}), 100)->skip, 3U);
}

TEST(ClientMessages, WhatNoViewerMaySayIsASentence) {
  struct Case {
    std::string name;
    std::vector<std::byte> bytes;
  };
  const Case kCases[] = {
      {"no such type", bytes_of({0x99})},
      {"palette", pixel_format_message({}, false)},
      {"24 bits", pixel_format_message({.bits_per_pixel = 24})},
      {"deeper than its pixels", pixel_format_message({.bits_per_pixel = 8, .depth = 24})},
      {"no depth", pixel_format_message({.depth = 0})},
      {"shifted out", pixel_format_message({.red_shift = 25})},
      {"max is no mask", pixel_format_message({.red_max = 200})},
      {"no green", pixel_format_message({.green_max = 0})},
      {"too many encodings", bytes_of({2, 0, 0xff, 0xff})},
      {"cut text of 2 GB", bytes_of({6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff})},
      {"extended clipboard of 2 GB", bytes_of({6, 0, 0, 0, 0x80, 0, 0, 0})},
      {"other message of QEMU's", bytes_of({255, 1})},
  };
  for (const Case& each : kCases) EXPECT_FALSE(parse(each.bytes)) << each.name;
}

TEST(ClientMessages, CutTextIsSkipped) {
  EXPECT_EQ(parse(bytes_of({6, 0, 0, 0, 0, 0, 1, 0}))->skip, 256U);
  EXPECT_EQ(parse(bytes_of({6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf0}))->skip, 16U);
}

TEST(ClientMessages, ALayoutOfManyScreensIsWaitedForOnlyIfItFits) {
  EXPECT_EQ(parse(bytes_of({251, 0, 1, 0, 1, 0, 255, 0}))->size, 0U);
}

}  // namespace
}  // namespace hesper::screen::vnc
