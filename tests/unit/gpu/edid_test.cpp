// Timings and EDIDs: known timings, and EDIDs read back field by field.
#include "gpu/edid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>

#include "gpu/cvt.h"

namespace hesper::gpu {
namespace {

struct KnownTiming {
  std::uint32_t width, height, refresh_mhz;
  Timing want;
};

// As VESA's formula has them. (X.Org's cvt rounds the last one to 533 MHz.)
const KnownTiming kKnown[] = {
    {1024, 768, 60'000, {56'000, 1024, 1072, 1104, 1184, 768, 771, 775, 790}},
    {1280, 800, 60'000, {71'000, 1280, 1328, 1360, 1440, 800, 803, 809, 823}},
    {1920, 1080, 60'000, {138'500, 1920, 1968, 2000, 2080, 1080, 1083, 1088, 1111}},
    {2560, 1440, 60'000, {241'500, 2560, 2608, 2640, 2720, 1440, 1443, 1448, 1481}},
    {3840, 2160, 60'000, {533'250, 3840, 3888, 3920, 4000, 2160, 2163, 2168, 2222}},
};

TEST(ReducedBlanking, IsThatOfVesa) {
  for (const auto& [width, height, refresh, want] : kKnown) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    const Timing got = reduced_blanking(width, height, refresh);
    EXPECT_EQ(got.clock_khz, want.clock_khz);
    EXPECT_EQ(got.hsync_start, want.hsync_start);
    EXPECT_EQ(got.hsync_end, want.hsync_end);
    EXPECT_EQ(got.htotal, want.htotal);
    EXPECT_EQ(got.vsync_start, want.vsync_start);
    EXPECT_EQ(got.vsync_end, want.vsync_end);
    EXPECT_EQ(got.vtotal, want.vtotal);
  }
}

TEST(ReducedBlanking, KeepsOddSizesAndFastScreens) {
  const Timing odd = reduced_blanking(1366, 769, 59'940);
  EXPECT_EQ(odd.width, 1366u);
  EXPECT_EQ(odd.height, 769u);
  const Timing fast = reduced_blanking(1920, 1080, 500'000);
  const double refresh = fast.clock_khz * 1000.0 / fast.htotal / fast.vtotal;
  EXPECT_NEAR(refresh, 500, 0.2);
}

class Edid {
 public:
  explicit Edid(const Monitor& monitor) : bytes_(make_edid(monitor)) {}

  std::size_t size() const { return bytes_.size(); }
  std::uint32_t at(std::size_t offset) const { return std::to_integer<std::uint32_t>(bytes_[offset]); }
  std::uint32_t word(std::size_t offset) const { return at(offset) | at(offset + 1) << 8; }
  bool sums_up(std::size_t from, std::size_t count) const {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += at(from + i);
    return sum % 256 == 0;
  }
  std::string text(std::uint32_t tag) const {
    for (std::size_t start = 54; start < 126; start += 18) {
      if (at(start) != 0 || at(start + 1) != 0 || at(start + 3) != tag) continue;
      std::string found;
      for (std::size_t i = 5; i < 18 && at(start + i) != '\n'; ++i) found += static_cast<char>(at(start + i));
      return found;
    }
    return {};
  }
  std::uint32_t width() const { return at(56) | at(58) >> 4 << 8; }
  std::uint32_t height() const { return at(59) | at(61) >> 4 << 8; }
  bool has_standard(std::uint32_t mode_width) const {
    for (std::size_t i = 38; i < 54; i += 2) {
      if (at(i) != 1 && (at(i) + 31) * 8 == mode_width) return true;
    }
    return false;
  }

 private:
  std::vector<std::byte> bytes_;
};

TEST(Edid, IsOneBlockForAUsualScreen) {
  const Edid edid({.width = 1920, .height = 1080, .name = "Left", .serial = "4711"});
  ASSERT_EQ(edid.size(), 128u);
  EXPECT_EQ(edid.at(0), 0u);
  for (std::size_t i = 1; i < 7; ++i) EXPECT_EQ(edid.at(i), 0xffu);
  EXPECT_EQ(edid.at(7), 0u);
  EXPECT_EQ(edid.at(18), 1u);
  EXPECT_EQ(edid.at(19), 4u);
  EXPECT_EQ(edid.at(126), 0u);
  EXPECT_TRUE(edid.sums_up(0, 128));
  EXPECT_EQ(edid.word(54), 13850u);
  EXPECT_EQ(edid.width(), 1920u);
  EXPECT_EQ(edid.height(), 1080u);
  EXPECT_EQ(edid.at(57) | (edid.at(58) & 15) << 8, 160u);
  EXPECT_EQ(edid.at(60) | (edid.at(61) & 15) << 8, 31u);
  EXPECT_EQ(edid.at(62), 48u);
  EXPECT_EQ(edid.at(63), 32u);
  EXPECT_EQ(edid.at(64), 0x35u);  // 3 and 5 lines
  EXPECT_EQ(edid.text(0xfc), "Left");
  EXPECT_EQ(edid.text(0xff), "4711");
}

TEST(Edid, NamesAreCutAndMadePrintable) {
  const Edid edid({.name = "a name that is too long", .serial = "\x01\xff"});
  EXPECT_EQ(edid.text(0xfc), "a name that i");
  EXPECT_EQ(edid.text(0xff), "??");
  EXPECT_TRUE(edid.sums_up(0, 128));
}

TEST(Edid, TellsThePhysicalSize) {
  const Edid real({.width_mm = 597, .height_mm = 336});
  EXPECT_EQ(real.at(21), 60u);  // centimetres
  EXPECT_EQ(real.at(22), 34u);
  EXPECT_EQ(real.at(66) | real.at(68) >> 4 << 8, 597u);
  EXPECT_EQ(real.at(67) | (real.at(68) & 15) << 8, 336u);
  const Edid guessed({.width = 1920, .height = 1080});
  EXPECT_EQ(guessed.at(66) | guessed.at(68) >> 4 << 8, 508u);  // 20 inches at 96 dots an inch
}

TEST(Edid, HasStandardModesThatAreSmaller) {
  const Edid large({.width = 2560, .height = 1440});
  EXPECT_TRUE(large.has_standard(1920));
  EXPECT_TRUE(large.has_standard(1280));
  EXPECT_EQ(large.at(35), 0x21u);
  EXPECT_EQ(large.at(36), 0x08u);
  const Edid medium({.width = 1600, .height = 1000});
  EXPECT_FALSE(medium.has_standard(1920));
  EXPECT_TRUE(medium.has_standard(1600));
  const Edid small({.width = 320, .height = 200});
  EXPECT_FALSE(small.has_standard(1280));
  EXPECT_EQ(small.at(35), 0u);
}

struct Extended {
  const char* name;
  std::uint32_t width, height, refresh_mhz;
};

TEST(Edid, ModesBeyondADetailedTimingAreInADisplayIdBlock) {
  constexpr Extended kCases[] = {
      {"more than 4095 pixels wide", 5120, 2880, 60'000},
      {"more than 4095 pixels high", 2160, 4096, 30'000},
      {"more than 655.35 MHz", 3840, 2160, 120'000},
      {"largest", 16384, 16384, 300'000},
  };
  for (const auto& [name, width, height, refresh] : kCases) {
    SCOPED_TRACE(name);
    const Edid edid({.width = width, .height = height, .refresh_mhz = refresh});
    ASSERT_EQ(edid.size(), 256u);
    EXPECT_EQ(edid.at(126), 1u);
    EXPECT_TRUE(edid.sums_up(0, 128));
    EXPECT_TRUE(edid.sums_up(128, 128));
    EXPECT_EQ(edid.at(128), 0x70u);
    EXPECT_EQ(edid.at(130), 121u);
    EXPECT_TRUE(edid.sums_up(129, 121 + 5));
    // A preferred mode in the base block that is not 1024x768 would be dropped by Linux, with a message.
    EXPECT_EQ(edid.width(), 1024u);
    EXPECT_EQ(edid.height(), 768u);
    const std::size_t timing = 136;
    EXPECT_EQ(edid.at(133), 0x03u);
    EXPECT_EQ(edid.at(135), 20u);
    EXPECT_EQ(edid.at(timing + 3) & 0x80, 0x80u);
    EXPECT_EQ(edid.word(timing + 4) + 1, width);
    EXPECT_EQ(edid.word(timing + 12) + 1, height);
    const Timing want = reduced_blanking(width, height, refresh);
    EXPECT_EQ(edid.word(timing) + (edid.at(timing + 2) << 16) + 1, want.clock_khz / 10);
    EXPECT_EQ(edid.word(timing + 6) + 1, want.htotal - width);
    EXPECT_EQ(edid.word(timing + 14) + 1, want.vtotal - height);
  }
}

TEST(Edid, DetailedTimingsReachTheirLimits) {
  EXPECT_EQ(Edid({.width = 4095, .height = 2160, .refresh_mhz = 60'000}).size(), 128u);
  EXPECT_EQ(Edid({.width = 4096, .height = 2160, .refresh_mhz = 60'000}).size(), 256u);
}

}  // namespace
}  // namespace hesper::gpu
