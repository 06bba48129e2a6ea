// One table, searched.
#include "input/keymap.h"

#include <algorithm>
#include <array>

#include "input/protocol.h"

namespace hesper::input {
namespace {

struct Row {
  std::uint16_t code;  // KEY_x
  const char* name;
  std::uint16_t qemu;     // 0, here and below: none
  std::uint16_t usb;      // usage
  std::uint32_t keysym;   // X11's
  std::uint32_t shifted;  // with Shift; for the keypad, without Num Lock; or another keysym that means this key
};

// One row a line. NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr Row kKeys[] = {
    {1, "escape", 0x01, 41, 0xff1b, 0},
    {2, "1", 0x02, 30, '1', '!'},
    {3, "2", 0x03, 31, '2', '@'},
    {4, "3", 0x04, 32, '3', '#'},
    {5, "4", 0x05, 33, '4', '$'},
    {6, "5", 0x06, 34, '5', '%'},
    {7, "6", 0x07, 35, '6', '^'},
    {8, "7", 0x08, 36, '7', '&'},
    {9, "8", 0x09, 37, '8', '*'},
    {10, "9", 0x0a, 38, '9', '('},
    {11, "0", 0x0b, 39, '0', ')'},
    {12, "minus", 0x0c, 45, '-', '_'},
    {13, "equal", 0x0d, 46, '=', '+'},
    {14, "backspace", 0x0e, 42, 0xff08, 0},
    {15, "tab", 0x0f, 43, 0xff09, 0xfe20},
    {16, "q", 0x10, 20, 'q', 'Q'},
    {17, "w", 0x11, 26, 'w', 'W'},
    {18, "e", 0x12, 8, 'e', 'E'},
    {19, "r", 0x13, 21, 'r', 'R'},
    {20, "t", 0x14, 23, 't', 'T'},
    {21, "y", 0x15, 28, 'y', 'Y'},
    {22, "u", 0x16, 24, 'u', 'U'},
    {23, "i", 0x17, 12, 'i', 'I'},
    {24, "o", 0x18, 18, 'o', 'O'},
    {25, "p", 0x19, 19, 'p', 'P'},
    {26, "left-bracket", 0x1a, 47, '[', '{'},
    {27, "right-bracket", 0x1b, 48, ']', '}'},
    {28, "enter", 0x1c, 40, 0xff0d, 0},
    {29, "ctrl", 0x1d, 224, 0xffe3, 0},
    {30, "a", 0x1e, 4, 'a', 'A'},
    {31, "s", 0x1f, 22, 's', 'S'},
    {32, "d", 0x20, 7, 'd', 'D'},
    {33, "f", 0x21, 9, 'f', 'F'},
    {34, "g", 0x22, 10, 'g', 'G'},
    {35, "h", 0x23, 11, 'h', 'H'},
    {36, "j", 0x24, 13, 'j', 'J'},
    {37, "k", 0x25, 14, 'k', 'K'},
    {38, "l", 0x26, 15, 'l', 'L'},
    {39, "semicolon", 0x27, 51, ';', ':'},
    {40, "apostrophe", 0x28, 52, '\'', '"'},
    {41, "grave", 0x29, 53, '`', '~'},
    {42, "shift", 0x2a, 225, 0xffe1, 0},
    {43, "backslash", 0x2b, 49, '\\', '|'},
    {44, "z", 0x2c, 29, 'z', 'Z'},
    {45, "x", 0x2d, 27, 'x', 'X'},
    {46, "c", 0x2e, 6, 'c', 'C'},
    {47, "v", 0x2f, 25, 'v', 'V'},
    {48, "b", 0x30, 5, 'b', 'B'},
    {49, "n", 0x31, 17, 'n', 'N'},
    {50, "m", 0x32, 16, 'm', 'M'},
    {51, "comma", 0x33, 54, ',', '<'},
    {52, "dot", 0x34, 55, '.', '>'},
    {53, "slash", 0x35, 56, '/', '?'},
    {54, "right-shift", 0x36, 229, 0xffe2, 0},
    {55, "keypad-multiply", 0x37, 85, 0xffaa, 0},
    {56, "alt", 0x38, 226, 0xffe9, 0xffe7},
    {57, "space", 0x39, 44, ' ', 0},
    {58, "caps-lock", 0x3a, 57, 0xffe5, 0},
    {59, "f1", 0x3b, 58, 0xffbe, 0},
    {60, "f2", 0x3c, 59, 0xffbf, 0},
    {61, "f3", 0x3d, 60, 0xffc0, 0},
    {62, "f4", 0x3e, 61, 0xffc1, 0},
    {63, "f5", 0x3f, 62, 0xffc2, 0},
    {64, "f6", 0x40, 63, 0xffc3, 0},
    {65, "f7", 0x41, 64, 0xffc4, 0},
    {66, "f8", 0x42, 65, 0xffc5, 0},
    {67, "f9", 0x43, 66, 0xffc6, 0},
    {68, "f10", 0x44, 67, 0xffc7, 0},
    {69, "num-lock", 0x45, 83, 0xff7f, 0},
    {70, "scroll-lock", 0x46, 71, 0xff14, 0},
    {71, "keypad-7", 0x47, 95, 0xffb7, 0xff95},
    {72, "keypad-8", 0x48, 96, 0xffb8, 0xff97},
    {73, "keypad-9", 0x49, 97, 0xffb9, 0xff9a},
    {74, "keypad-subtract", 0x4a, 86, 0xffad, 0},
    {75, "keypad-4", 0x4b, 92, 0xffb4, 0xff96},
    {76, "keypad-5", 0x4c, 93, 0xffb5, 0xff9d},
    {77, "keypad-6", 0x4d, 94, 0xffb6, 0xff98},
    {78, "keypad-add", 0x4e, 87, 0xffab, 0},
    {79, "keypad-1", 0x4f, 89, 0xffb1, 0xff9c},
    {80, "keypad-2", 0x50, 90, 0xffb2, 0xff99},
    {81, "keypad-3", 0x51, 91, 0xffb3, 0xff9b},
    {82, "keypad-0", 0x52, 98, 0xffb0, 0xff9e},
    {83, "keypad-decimal", 0x53, 99, 0xffae, 0xff9f},
    {85, "zenkaku-hankaku", 0x76, 148, 0, 0},
    {86, "102nd", 0x56, 100, 0, 0},
    {87, "f11", 0x57, 68, 0xffc8, 0},
    {88, "f12", 0x58, 69, 0xffc9, 0},
    {89, "ro", 0x73, 135, 0, 0},
    {90, "katakana", 0x78, 146, 0, 0},
    {91, "hiragana", 0x77, 147, 0, 0},
    {92, "henkan", 0x79, 138, 0, 0},
    {93, "katakana-hiragana", 0x70, 136, 0, 0},
    {94, "muhenkan", 0x7b, 139, 0, 0},
    {96, "keypad-enter", 0x9c, 88, 0xff8d, 0},
    {97, "right-ctrl", 0x9d, 228, 0xffe4, 0},
    {98, "keypad-divide", 0xb5, 84, 0xffaf, 0},
    {99, "print-screen", 0xb7, 70, 0xff61, 0xff15},
    {100, "right-alt", 0xb8, 230, 0xffea, 0xfe03},
    {102, "home", 0xc7, 74, 0xff50, 0},
    {103, "up", 0xc8, 82, 0xff52, 0},
    {104, "page-up", 0xc9, 75, 0xff55, 0},
    {105, "left", 0xcb, 80, 0xff51, 0},
    {106, "right", 0xcd, 79, 0xff53, 0},
    {107, "end", 0xcf, 77, 0xff57, 0},
    {108, "down", 0xd0, 81, 0xff54, 0},
    {109, "page-down", 0xd1, 78, 0xff56, 0},
    {110, "insert", 0xd2, 73, 0xff63, 0},
    {111, "delete", 0xd3, 76, 0xffff, 0},
    {113, "mute", 0xa0, 127, 0x1008ff12, 0},
    {114, "volume-down", 0xae, 129, 0x1008ff11, 0},
    {115, "volume-up", 0xb0, 128, 0x1008ff13, 0},
    {116, "power", 0xde, 102, 0, 0},
    {117, "keypad-equal", 0x59, 103, 0xffbd, 0},
    {119, "pause", 0xc6, 72, 0xff13, 0},
    {121, "keypad-comma", 0x7e, 133, 0xffac, 0},
    {122, "hangul", 0x72, 144, 0, 0},
    {123, "hanja", 0x71, 145, 0, 0},
    {124, "yen", 0x7d, 137, 0, 0},
    {125, "meta", 0xdb, 227, 0xffeb, 0},
    {126, "right-meta", 0xdc, 231, 0xffec, 0xffe8},
    {127, "menu", 0xdd, 101, 0xff67, 0},
    {158, "back", 0xea, 0, 0x1008ff26, 0},
    {159, "forward", 0xe9, 0, 0x1008ff27, 0},
    {163, "next-track", 0x99, 0, 0x1008ff17, 0},
    {164, "play", 0xa2, 0, 0x1008ff14, 0},
    {165, "previous-track", 0x90, 0, 0x1008ff16, 0},
    {166, "stop", 0xa4, 0, 0x1008ff15, 0},
    {183, "f13", 0x5d, 104, 0xffca, 0},
    {184, "f14", 0x5e, 105, 0xffcb, 0},
    {185, "f15", 0x5f, 106, 0xffcc, 0},
    {186, "f16", 0x55, 107, 0xffcd, 0},
    {187, "f17", 0x83, 108, 0xffce, 0},
    {188, "f18", 0xf7, 109, 0xffcf, 0},
    {189, "f19", 0x84, 110, 0xffd0, 0},
    {190, "f20", 0x5a, 111, 0xffd1, 0},
    {191, "f21", 0x74, 112, 0xffd2, 0},
    {192, "f22", 0xf9, 113, 0xffd3, 0},
    {193, "f23", 0x6d, 114, 0xffd4, 0},
    {194, "f24", 0x6f, 115, 0xffd5, 0},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)

struct Name {
  std::string_view name;
  std::uint16_t code;
};
constexpr std::array kOtherNames = std::to_array<Name>({{"esc", 1},
                                                        {"return", 28},
                                                        {"control", 29},
                                                        {"super", 125},
                                                        {"windows", 125},
                                                        {"print", 99},
                                                        {"altgr", 100},
                                                        {"del", 111},
                                                        {"pgup", 104},
                                                        {"pgdn", 109}});
constexpr std::array kButtons = std::to_array<Name>({{"left", BTN_LEFT},
                                                     {"right", BTN_LEFT + 1},
                                                     {"middle", BTN_LEFT + 2},
                                                     {"side", BTN_LEFT + 3},
                                                     {"extra", BTN_LEFT + 4}});

std::optional<KeyCode> code_of(const Row* row) {
  return row == std::end(kKeys) ? std::nullopt : std::optional(static_cast<KeyCode>(row->code));
}

}  // namespace

std::optional<Stroke> stroke_of_keysym(std::uint32_t keysym) {
  if (keysym == 0) return std::nullopt;
  for (const Row& row : kKeys) {
    if (row.keysym == keysym) return Stroke{.code = static_cast<KeyCode>(row.code), .shift = false};
    // Only of characters Shift makes others.
    if (row.shifted == keysym) return Stroke{.code = static_cast<KeyCode>(row.code), .shift = keysym < 0x100};
  }
  return std::nullopt;
}

std::optional<Stroke> stroke_of_character(char32_t character) {
  constexpr std::uint32_t kReturn = 0xff0d;
  constexpr std::uint32_t kTab = 0xff09;
  if (character == U'\n') return stroke_of_keysym(kReturn);
  if (character == U'\t') return stroke_of_keysym(kTab);
  // Of Latin-1, keysyms have the characters' numbers.
  if (character < 0x20 || character > 0xff) return std::nullopt;
  return stroke_of_keysym(character);
}

std::optional<KeyCode> key_of_qemu(std::uint32_t number) {
  constexpr std::uint32_t kSysRq = 0x54;  // Print Screen with Alt
  if (number == 0) return std::nullopt;
  return code_of(std::ranges::find(kKeys, number == kSysRq ? 0xb7 : number, &Row::qemu));
}

std::optional<std::uint32_t> qemu_of_key(KeyCode code) {
  const Row* row = std::ranges::find(kKeys, static_cast<std::uint16_t>(code), &Row::code);
  if (row == std::end(kKeys) || row->qemu == 0) return std::nullopt;
  return row->qemu;
}

std::optional<KeyCode> key_of_usb(std::uint32_t usage) {
  constexpr std::uint32_t kNonUsHash = 50;  // where the US layout has its backslash
  if (usage == 0) return std::nullopt;
  return code_of(std::ranges::find(kKeys, usage == kNonUsHash ? 49 : usage, &Row::usb));
}

std::optional<KeyCode> key_of_name(std::string_view name) {
  const auto other = std::ranges::find(kOtherNames, name, &Name::name);
  if (other != kOtherNames.end()) return static_cast<KeyCode>(other->code);
  return code_of(std::ranges::find_if(kKeys, [&](const Row& row) { return name == row.name; }));
}

std::optional<KeyCode> button_of_name(std::string_view name) {
  const auto found = std::ranges::find(kButtons, name, &Name::name);
  return found == kButtons.end() ? std::nullopt : std::optional(static_cast<KeyCode>(found->code));
}

}  // namespace hesper::input
