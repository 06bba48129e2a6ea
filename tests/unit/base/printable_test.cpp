#include "base/printable.h"

#include <gtest/gtest.h>

namespace hesper {
namespace {

TEST(Printable, OrdinaryTextStaysAsItIs) {
  EXPECT_EQ(printable("AMD Radeon™ 780M, größer"), "AMD Radeon™ 780M, größer");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapeSequencesAndLineBreaksLoseTheirPower) {
  EXPECT_EQ(printable("\x1b[31mred\x1b]0;title\x07"), "?[31mred?]0;title?");
  EXPECT_EQ(printable("a\r\nb\tc\x7f"), "a??b?c?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "CSI as one character";
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
}

TEST(Printable, WritingDirectionCannotBeTurned) { EXPECT_EQ(printable("\u202egnp.exe\u2066"), "?gnp.exe?"); }

TEST(Printable, BytesThatAreNoUtf8BecomeQuestionMarks) {
  EXPECT_EQ(printable("\xff\xfe"), "??");
  EXPECT_EQ(printable("\xc3"), "?") << "cut";
  EXPECT_EQ(printable("\xc0\xaf"), "??") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\xaf"), "???") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "beyond Unicode";
  EXPECT_EQ(printable("\xe2\x82x"), "??x");
}

TEST(Printable, ColumnsAreCharacters) {
  EXPECT_EQ(columns_of("größer"), 6U);
  EXPECT_EQ(columns_of(""), 0U);
}

}  // namespace
}  // namespace hesper
