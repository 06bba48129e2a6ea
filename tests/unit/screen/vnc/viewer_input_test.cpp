#include "screen/vnc/viewer_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "input/position.h"
#include "screen/vnc/keysyms.h"
#include "support/fake_screens.h"

namespace hesper::screen::vnc {
namespace {

using testing::ElementsAre;

TEST(VncKeys, ScanCodesAreLinuxKeys) {
  const auto key = [](std::uint32_t code) {
    return static_cast<int>(key_of_scan_code(code).value_or(input::KeyCode{0}));
  };
  EXPECT_EQ(key(0x1e), 30);   // KEY_A
  EXPECT_EQ(key(0x53), 83);   // KEY_KPDOT
  EXPECT_EQ(key(0x58), 88);   // KEY_F12
  EXPECT_EQ(key(0x9c), 96);   // KEY_KPENTER
  EXPECT_EQ(key(0xc8), 103);  // KEY_UP
  EXPECT_EQ(key(0xdb), 125);  // KEY_LEFTMETA
  for (const std::uint32_t none : {0x0U, 0x55U, 0x80U, 0xffU, 0x100U, 0x7fff'ffffU, 0xffff'ffffU})
    EXPECT_FALSE(key_of_scan_code(none)) << none;
}

TEST(VncKeys, KeysymsAreThoseOfAUsKeyboard) {
  const auto key = [](std::uint32_t keysym) {
    return static_cast<int>(key_of_keysym(keysym).value_or(input::KeyCode{0}));
  };
  EXPECT_EQ(key('a'), 30);
  EXPECT_EQ(key('A'), 30);
  EXPECT_EQ(key('z'), 44);
  EXPECT_EQ(key('Z'), 44);
  EXPECT_EQ(key('1'), 2);
  EXPECT_EQ(key('!'), 2);
  EXPECT_EQ(key('0'), 11);
  EXPECT_EQ(key('9'), 10);
  EXPECT_EQ(key('?'), 53);
  EXPECT_EQ(key('~'), 41);
  EXPECT_EQ(key('^'), 7);
  EXPECT_EQ(key('_'), 12);
  EXPECT_EQ(key('|'), 43);
  EXPECT_EQ(key(' '), 57);
  EXPECT_EQ(key(0xff0d), 28);
  EXPECT_EQ(key(0xffc9), 88);
  EXPECT_EQ(key(0xffb5), 76);
  for (const std::uint32_t none : {0U, 0x7fU, 0x20acU, 0xffffffffU}) EXPECT_FALSE(key_of_keysym(none)) << none;
}

TEST(VncPointer, ButtonsAreToldWhenTheyChangeAndWheelsWhenPressed) {
  test::FakeInput input;
  ViewerInput viewer(input.join([](input::Leds) {}), 1);
  viewer.pointer({.buttons = 0, .x = 0, .y = 0}, 2, 4);
  viewer.pointer({.buttons = 1, .x = 1, .y = 3}, 2, 4);
  viewer.pointer({.buttons = 4, .x = 1, .y = 3}, 2, 4);
  viewer.pointer({.buttons = 8, .x = 1, .y = 3}, 2, 4);
  viewer.pointer({.buttons = 0, .x = 9, .y = 9}, 2, 4);
  EXPECT_THAT(input.log(),
              ElementsAre("move to 1 16384 8192", "move to 1 49152 57344", "button 0x110 down", "move to 1 49152 57344",
                          "button 0x110 up", "button 0x111 down", "move to 1 49152 57344", "button 0x111 up",
                          "scroll 120 0", "move to 1 49152 57344"));
}

TEST(VncPointer, OneWhoWatchesDoesNothing) {
  ViewerInput viewer(nullptr, 0);
  viewer.pointer({.buttons = 7, .x = 0, .y = 0}, 2, 4);
  viewer.key(KeyEvent{.down = true, .keysym = 'a'});
  viewer.key(ExtendedKeyEvent{.down = true, .keysym = 'a', .keycode = 30});
}

TEST(Position, EachPixelIsFoundAgainHoweverTheGuestRounds) {
  for (const std::uint32_t size : {1U, 2U, 3U, 640U, 800U, 1080U, 1366U, 1920U, 3840U, 16384U}) {
    for (std::uint32_t pixel = 0; pixel < size; ++pixel) {
      const std::uint64_t there = input::absolute_of(pixel, size);
      ASSERT_EQ(there * size / 65536, pixel) << size;                      // rounded down
      ASSERT_EQ((there * (size - 1) + 65535 / 2) / 65535, pixel) << size;  // to the nearest
    }
  }
  EXPECT_EQ(input::absolute_of(7000, 640), input::absolute_of(639, 640));
}

}  // namespace
}  // namespace hesper::screen::vnc
