// Keysyms: tables of X11's keysymdef.h against Linux's input-event-codes.h.
#include "screen/vnc/keysyms.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hesper::screen::vnc {
namespace {

using Pair = std::pair<std::uint32_t, std::uint16_t>;

// By character, 0x20 to 0x7e: those of one key are those of a US keyboard.
constexpr std::array<std::uint8_t, 0x5f> kCharacters = {
    57, 2,  40, 4,  5,  6,  8,  40, 10, 11, 9,  13, 51, 12, 52, 53,  //   ! " # $ % & ' ( ) * + , - . /
    11, 2,  3,  4,  5,  6,  7,  8,  9,  10, 39, 39, 51, 13, 52, 53,  // 0 to 9 : ; < = > ?
    3,  30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24,  // @ A to O
    25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44, 26, 43, 27, 7,  12,  // P to Z [ \ ] ^ _
    41, 30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24,  // ` a to o
    25, 16, 19, 31, 20, 22, 47, 17, 45, 21, 44, 26, 43, 27, 41,      // p to z { | } ~
};

constexpr auto kOthers = std::to_array<Pair>({
    {0xfe03, 100},                                              // ISO_Level3_Shift
    {0xfe20, 15},                                               // ISO_Left_Tab
    {0xff08, 14},  {0xff09, 15},  {0xff0d, 28},                 // BackSpace, Tab, Return
    {0xff13, 119}, {0xff14, 70},  {0xff15, 99},  {0xff1b, 1},   // Pause, Scroll_Lock, Sys_Req, Escape
    {0xff21, 94},  {0xff22, 94},  {0xff23, 92},  {0xff27, 93},  // Kanji, Muhenkan, Henkan, Hiragana_Katakana
    {0xff31, 122}, {0xff34, 123},                               // Hangul, Hangul_Hanja
    {0xff50, 102}, {0xff51, 105}, {0xff52, 103}, {0xff53, 106},
    {0xff54, 108},                                // Home, Left, Up, Right, Down
    {0xff55, 104}, {0xff56, 109}, {0xff57, 107},  // Page_Up, Page_Down, End
    {0xff61, 99},  {0xff63, 110}, {0xff67, 127}, {0xff6b, 119},
    {0xff7e, 100},                // Print, Insert, Menu, Break, Mode_switch
    {0xff7f, 69},  {0xff8d, 96},  // Num_Lock, KP_Enter
    {0xff95, 71},  {0xff96, 75},  {0xff97, 72},  {0xff98, 77},
    {0xff99, 80},  // KP_Home to KP_Down
    {0xff9a, 73},  {0xff9b, 81},  {0xff9c, 79},  {0xff9d, 76},
    {0xff9e, 82},  // KP_Page_Up to KP_Insert
    {0xff9f, 83},  {0xffaa, 55},  {0xffab, 78},  {0xffac, 121},
    {0xffad, 74},  // KP_Delete * + , -
    {0xffae, 83},  {0xffaf, 98},  {0xffb0, 82},  {0xffb1, 79},
    {0xffb2, 80},  // KP_. / 0 1 2
    {0xffb3, 81},  {0xffb4, 75},  {0xffb5, 76},  {0xffb6, 77},
    {0xffb7, 71},                                 // KP_3 to KP_7
    {0xffb8, 72},  {0xffb9, 73},  {0xffbd, 117},  // KP_8, KP_9, KP_=
    {0xffbe, 59},  {0xffbf, 60},  {0xffc0, 61},  {0xffc1, 62},
    {0xffc2, 63},  // F1 to F5
    {0xffc3, 64},  {0xffc4, 65},  {0xffc5, 66},  {0xffc6, 67},
    {0xffc7, 68},                 // F6 to F10
    {0xffc8, 87},  {0xffc9, 88},  // F11, F12
    {0xffca, 183}, {0xffcb, 184}, {0xffcc, 185}, {0xffcd, 186},
    {0xffce, 187},  // F13 to F17
    {0xffcf, 188}, {0xffd0, 189}, {0xffd1, 190}, {0xffd2, 191},
    {0xffd3, 192},                 // F18 to F22
    {0xffd4, 193}, {0xffd5, 194},  // F23, F24
    {0xffe1, 42},  {0xffe2, 54},  {0xffe3, 29},  {0xffe4, 97},
    {0xffe5, 58},  // Shift, Control, Caps_Lock
    {0xffe7, 125}, {0xffe8, 126}, {0xffe9, 56},  {0xffea, 100},
    {0xffeb, 125},                 // Meta, Alt, Super_L
    {0xffec, 126}, {0xffff, 111},  // Super_R, Delete
});
static_assert(std::ranges::is_sorted(kOthers, {}, &Pair::first));

}  // namespace

std::optional<input::KeyCode> key_of_keysym(std::uint32_t keysym) noexcept {
  if (keysym >= 0x20 && keysym < 0x20 + kCharacters.size()) return input::KeyCode{kCharacters[keysym - 0x20]};
  const auto* found = std::ranges::lower_bound(kOthers, keysym, {}, &Pair::first);
  if (found == kOthers.end() || found->first != keysym) return std::nullopt;
  return input::KeyCode{found->second};
}

}  // namespace hesper::screen::vnc
