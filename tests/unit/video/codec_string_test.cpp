// Codec strings from bytes, beside those that the encoders' tests see.
#include "video/codec_string.h"

#include <gtest/gtest.h>

#include <vector>

namespace hesper::video {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> numbers) {
  std::vector<std::byte> bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
  return bytes;
}

std::string named(Codec codec, std::initializer_list<int> numbers) {
  return codec_string(codec, bytes_of(numbers), 1920, 1080, 60);
}

TEST(CodecString, OfH264IsInItsSps) {
  EXPECT_EQ(named(Codec::h264, {0, 0, 0, 1, 9, 16, 0, 0, 0, 1, 0x67, 0x64, 0x00, 0x2a, 0xac}), "avc1.64002a");
  EXPECT_EQ(named(Codec::h264, {0, 0, 1, 0x27, 0x42, 0xc0, 0x1f}), "avc1.42c01f");
}

TEST(CodecString, OfHevcHasItsConstraints) {
  // Main profile, compatible with Main and Main 10, level 4.1, progressive and frames only; with emulation prevention.
  EXPECT_EQ(named(Codec::hevc, {0, 0, 1, 0x42, 1, 1, 0x01, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x7b, 0}),
            "hvc1.1.6.L123.90");
}

TEST(CodecString, OfAv1IsInItsSequenceHeader) {
  // A temporal delimiter, then a sequence header of Main profile, level index 9.
  EXPECT_EQ(named(Codec::av1, {0x12, 0, 0x0a, 4, 0x00, 0x00, 0x00, 0x4a}), "av01.0.09M.08");
}

TEST(CodecString, OfVp9FollowsSizeAndRate) {
  EXPECT_EQ(codec_string(Codec::vp9, {}, 1280, 720, 30), "vp09.00.31.08");
  EXPECT_EQ(codec_string(Codec::vp9, {}, 1920, 1080, 60), "vp09.00.41.08");
  EXPECT_EQ(codec_string(Codec::vp9, {}, 3840, 2160, 60), "vp09.00.51.08");
}

TEST(CodecString, IsEmptyForOtherBytes) {
  EXPECT_EQ(named(Codec::h264, {}), "");
  EXPECT_EQ(named(Codec::h264, {0, 0, 1, 0x67, 0x64}), "");
  EXPECT_EQ(named(Codec::h264, {0, 0, 1, 0x41, 0x64, 0, 0}), "");
  EXPECT_EQ(named(Codec::hevc, {0, 0, 1, 0x42, 1, 1}), "");
  EXPECT_EQ(named(Codec::av1, {0x0a, 0x80}), "");
  EXPECT_EQ(named(Codec::av1, {0x0a, 0x7f, 0}), "");
}

}  // namespace
}  // namespace hesper::video
