#include "screen/vnc/viewer_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "input/position.h"
#include "support/fake_screens.h"

namespace hesper::screen::vnc {
namespace {

using testing::ElementsAre;

TEST(VncKeys, AreThoseOfTheScanCodeOrElseOfTheCharacter) {
  test::FakeInput input;
  ViewerInput viewer(input.join([](input::Leds) {}), 0);
  viewer.key(ExtendedKeyEvent{.down = true, .keysym = 'x', .keycode = 0x1e});
  viewer.key(ExtendedKeyEvent{.down = true, .keysym = 0xff52, .keycode = 0xc8});
  viewer.key(ExtendedKeyEvent{.down = false, .keysym = 'A', .keycode = 0});
  viewer.key(KeyEvent{.down = true, .keysym = '!'});
  viewer.key(ExtendedKeyEvent{.down = true, .keysym = 0, .keycode = 0x7fff'ffff});
  viewer.key(KeyEvent{.down = true, .keysym = 0xffff'ffff});
  EXPECT_THAT(input.log(), ElementsAre("key 30 down", "key 103 down", "key 30 up", "key 2 down"));
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
