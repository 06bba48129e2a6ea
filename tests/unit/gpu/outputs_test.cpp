// Outputs: snapshots that do not change while a guest reads, and events that do not get lost.
#include "gpu/outputs.h"

#include <gtest/gtest.h>

namespace hesper::gpu {
namespace {

Output sized(std::uint32_t width, std::uint32_t height) { return {.monitor = {.width = width, .height = height}}; }

std::uint32_t edid_width(const std::vector<std::byte>& edid) {
  return std::to_integer<std::uint32_t>(edid[56]) | std::to_integer<std::uint32_t>(edid[58]) >> 4 << 8;
}

TEST(Outputs, DisplayInfoTellsAll) {
  Outputs outputs(
      {sized(1280, 800), {.connected = false, .monitor = {.width = 640, .height = 480}, .x = 1280, .y = 7}});
  const auto info = outputs.display_info();
  EXPECT_EQ(info.pmodes[0].enabled, 1u);
  EXPECT_EQ(info.pmodes[0].r.width, 1280u);
  EXPECT_EQ(info.pmodes[0].r.height, 800u);
  EXPECT_EQ(info.pmodes[1].enabled, 0u);
  EXPECT_EQ(info.pmodes[1].r.x, 1280u);
  EXPECT_EQ(info.pmodes[1].r.y, 7u);
  EXPECT_EQ(info.pmodes[2].enabled, 0u);
}

TEST(Outputs, AChangeRaisesOneEvent) {
  Outputs outputs({sized(1280, 800)});
  EXPECT_EQ(outputs.events(), 0u);
  EXPECT_FALSE(outputs.set(0, sized(1280, 800)));  // nothing new
  EXPECT_TRUE(outputs.set(0, sized(1024, 768)));
  EXPECT_EQ(outputs.events(), VIRTIO_GPU_EVENT_DISPLAY);
  EXPECT_FALSE(outputs.set(0, sized(800, 600)));  // the guest has been told that something changed
  static_cast<void>(outputs.edid(0));
  static_cast<void>(outputs.display_info());
  EXPECT_FALSE(outputs.clear_events(VIRTIO_GPU_EVENT_DISPLAY));
  EXPECT_EQ(outputs.events(), 0u);
}

// Different sizes in EDID and display info leave a Linux guest without any mode.
TEST(Outputs, AChangeBetweenEdidAndDisplayInfoWaits) {
  Outputs outputs({sized(1280, 800), sized(640, 480)});
  ASSERT_TRUE(outputs.set(0, sized(1024, 768)));
  EXPECT_EQ(edid_width(outputs.edid(0)), 1024u);
  static_cast<void>(outputs.set(0, sized(1920, 1080)));
  static_cast<void>(outputs.set(1, sized(2000, 1000)));
  EXPECT_EQ(edid_width(outputs.edid(1)), 640u);
  const auto info = outputs.display_info();
  EXPECT_EQ(info.pmodes[0].r.width, 1024u);
  EXPECT_EQ(info.pmodes[1].r.width, 640u);
  // Clearing must not swallow the change that came meanwhile.
  EXPECT_TRUE(outputs.clear_events(VIRTIO_GPU_EVENT_DISPLAY));
  EXPECT_EQ(outputs.events(), VIRTIO_GPU_EVENT_DISPLAY);
  EXPECT_EQ(edid_width(outputs.edid(0)), 1920u);
  EXPECT_EQ(edid_width(outputs.edid(1)), 2000u);
  EXPECT_EQ(outputs.display_info().pmodes[0].r.width, 1920u);
  EXPECT_FALSE(outputs.clear_events(VIRTIO_GPU_EVENT_DISPLAY));
}

TEST(Outputs, AChangeBeforeTheClearIsRaisedAgain) {
  Outputs outputs({sized(1280, 800)});
  ASSERT_TRUE(outputs.set(0, sized(1024, 768)));
  static_cast<void>(outputs.edid(0));
  static_cast<void>(outputs.display_info());
  static_cast<void>(outputs.set(0, sized(800, 600)));
  EXPECT_TRUE(outputs.clear_events(VIRTIO_GPU_EVENT_DISPLAY));
}

TEST(Outputs, AReadingThatWasGivenUpDoesNotFreezeTheSnapshot) {
  Outputs outputs({sized(1280, 800)});
  static_cast<void>(outputs.edid(0));
  ASSERT_TRUE(outputs.set(0, sized(1024, 768)));
  EXPECT_EQ(edid_width(outputs.edid(0)), 1024u);
  EXPECT_EQ(outputs.display_info().pmodes[0].r.width, 1024u);
}

TEST(Outputs, OnlyBitsThatAreWrittenAreCleared) {
  Outputs outputs({sized(1280, 800)});
  ASSERT_TRUE(outputs.set(0, sized(1024, 768)));
  EXPECT_FALSE(outputs.clear_events(0));
  EXPECT_FALSE(outputs.clear_events(~VIRTIO_GPU_EVENT_DISPLAY));
  EXPECT_EQ(outputs.events(), VIRTIO_GPU_EVENT_DISPLAY);
}

TEST(Outputs, AResetForgetsEventsAndReadings) {
  Outputs outputs({sized(1280, 800)});
  static_cast<void>(outputs.edid(0));
  ASSERT_TRUE(outputs.set(0, sized(1024, 768)));
  outputs.reset();
  EXPECT_EQ(outputs.events(), 0u);
  EXPECT_EQ(outputs.display_info().pmodes[0].r.width, 1024u);
  EXPECT_FALSE(outputs.clear_events(VIRTIO_GPU_EVENT_DISPLAY));
}

TEST(Outputs, ImpossibleDisplaysAreRefused) {
  EXPECT_TRUE(Outputs::check(sized(32, 16384)));
  EXPECT_FALSE(Outputs::check(sized(31, 100)));
  EXPECT_FALSE(Outputs::check(sized(100, 16385)));
  EXPECT_FALSE(Outputs::check({.monitor = {.refresh_mhz = 0}}));
  EXPECT_FALSE(Outputs::check({.monitor = {.refresh_mhz = 1'000'001}}));
  EXPECT_TRUE(Outputs::check({.monitor = {.width = 16384, .height = 16384, .refresh_mhz = 300'000}}));
  EXPECT_FALSE(Outputs::check({.monitor = {.width = 16384, .height = 16384, .refresh_mhz = 1'000'000}}));
}

}  // namespace
}  // namespace hesper::gpu
