// The table of keys: what each protocol's number or name means.
#include "input/keymap.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hesper::input {
namespace {

constexpr KeyCode key(unsigned code) { return static_cast<KeyCode>(code); }

TEST(Keymap, CharactersOfAUsKeyboard) {
  EXPECT_EQ(stroke_of_character(U'a'), (Stroke{.code = key(30)}));
  EXPECT_EQ(stroke_of_character(U'A'), (Stroke{.code = key(30), .shift = true}));
  EXPECT_EQ(stroke_of_character(U'@'), (Stroke{.code = key(3), .shift = true}));
  EXPECT_EQ(stroke_of_character(U'\\'), (Stroke{.code = key(43)}));
  EXPECT_EQ(stroke_of_character(U'\''), (Stroke{.code = key(40)}));
  EXPECT_EQ(stroke_of_character(U'\n'), (Stroke{.code = key(28)}));
  EXPECT_EQ(stroke_of_character(U'\t'), (Stroke{.code = key(15)}));
  for (char32_t c = 0x20; c < 0x7f; ++c) EXPECT_TRUE(stroke_of_character(c)) << static_cast<unsigned>(c);
  for (const char32_t c : {U'\0', U'\b', U'\x7f', U'ä', U'€', U'\x1f600'}) EXPECT_FALSE(stroke_of_character(c));
}

TEST(Keymap, CharactersAreAllDifferent) {
  std::set<std::pair<unsigned, bool>> seen;
  for (char32_t c = 0x20; c < 0x7f; ++c) {
    const auto stroke = *stroke_of_character(c);
    EXPECT_TRUE(seen.emplace(static_cast<unsigned>(stroke.code), stroke.shift).second) << static_cast<char>(c);
  }
}

TEST(Keymap, Keysyms) {
  EXPECT_EQ(stroke_of_keysym(0xff08), (Stroke{.code = key(14)}));   // BackSpace
  EXPECT_EQ(stroke_of_keysym(0xffbe), (Stroke{.code = key(59)}));   // F1
  EXPECT_EQ(stroke_of_keysym(0xffc9), (Stroke{.code = key(88)}));   // F12
  EXPECT_EQ(stroke_of_keysym(0xffe2), (Stroke{.code = key(54)}));   // Shift_R
  EXPECT_EQ(stroke_of_keysym(0xff9c), (Stroke{.code = key(79)}));   // KP_End
  EXPECT_EQ(stroke_of_keysym(0xffb1), (Stroke{.code = key(79)}));   // KP_1
  EXPECT_EQ(stroke_of_keysym(0xfe03), (Stroke{.code = key(100)}));  // ISO_Level3_Shift
  EXPECT_EQ(stroke_of_keysym(0xfe20), (Stroke{.code = key(15)}));   // ISO_Left_Tab
  EXPECT_FALSE(stroke_of_keysym(0));
  EXPECT_FALSE(stroke_of_keysym(0xe4));
  EXPECT_FALSE(stroke_of_keysym(0xffffffff));
}

TEST(Keymap, QemusNumbers) {
  EXPECT_EQ(key_of_qemu(0x1e), key(30));
  EXPECT_EQ(key_of_qemu(0xc8), key(103));  // up
  EXPECT_EQ(key_of_qemu(0x9d), key(97));   // right control
  EXPECT_EQ(key_of_qemu(0xdb), key(125));
  EXPECT_EQ(key_of_qemu(0x54), key(99));  // SysRq
  EXPECT_EQ(key_of_qemu(0xc6), key(119));
  // Up to F10, the numbers are Linux's.
  for (unsigned number = 1; number <= 83; ++number) EXPECT_EQ(key_of_qemu(number), key(number)) << number;
  for (const unsigned number : {0U, 0xe0U, 0x100U, 0xffffffffU}) EXPECT_FALSE(key_of_qemu(number));
}

TEST(Keymap, QemusNumbersLeadBack) {
  for (unsigned number = 1; number < 0x100; ++number) {
    const auto code = key_of_qemu(number);
    if (code && number != 0x54) {
      EXPECT_EQ(qemu_of_key(*code), number);
    }
  }
  EXPECT_FALSE(qemu_of_key(key(84)));
  EXPECT_FALSE(qemu_of_key(key(0)));
}

TEST(Keymap, UsbUsages) {
  EXPECT_EQ(key_of_usb(4), key(30));    // a
  EXPECT_EQ(key_of_usb(39), key(11));   // 0
  EXPECT_EQ(key_of_usb(50), key(43));   // non-US #
  EXPECT_EQ(key_of_usb(224), key(29));  // left control
  EXPECT_EQ(key_of_usb(231), key(126));
  EXPECT_EQ(key_of_usb(104), key(183));  // F13
  for (unsigned usage = 4; usage <= 101; ++usage) EXPECT_TRUE(key_of_usb(usage)) << usage;
  for (const unsigned usage : {0U, 3U, 200U, 232U, 1000U}) EXPECT_FALSE(key_of_usb(usage)) << usage;
}

TEST(Keymap, XkbKeycodesAreEightMore) {
  EXPECT_EQ(key_of_xkb(38), key(30));
  EXPECT_FALSE(key_of_xkb(8));
  EXPECT_FALSE(key_of_xkb(256));
}

TEST(Keymap, Names) {
  EXPECT_EQ(key_of_name("a"), key(30));
  EXPECT_EQ(key_of_name("f2"), key(60));
  EXPECT_EQ(key_of_name("ctrl"), key(29));
  EXPECT_EQ(key_of_name("altgr"), key(100));
  EXPECT_EQ(key_of_name("page-up"), key_of_name("pgup"));
  EXPECT_FALSE(key_of_name(""));
  EXPECT_FALSE(key_of_name("A"));
  EXPECT_EQ(button_of_name("right"), key(0x111));
  EXPECT_FALSE(button_of_name("up"));
}

}  // namespace
}  // namespace hesper::input
