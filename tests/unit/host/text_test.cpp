// Reading lines, words, numbers and lists out of any bytes.
#include "host/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hesper::host {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(Text, LinesEndWithEitherEnd) {
  EXPECT_THAT(lines_of("a\nb\r\n\nc"), ElementsAre("a", "b", "", "c"));
  EXPECT_TRUE(lines_of("").empty());
}

TEST(Text, WordsAreBetweenBlanks) {
  EXPECT_THAT(words_of("  a\tb \n c"), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(words_of(" \n").empty());
}

TEST(Text, NumbersAreTheWholeText) {
  EXPECT_THAT(number_in(" 42\n"), Optional(42u));
  EXPECT_THAT(number_in("0x10de\n", 16), Optional(0x10deu));
  for (const char* text : {"", "-1", "4 2", "4k", "99999999999999999999", "+3"}) EXPECT_FALSE(number_in(text)) << text;
  EXPECT_FALSE(small_number_in("4294967296"));
}

TEST(Text, ListsOfProcessorsAreRanges) {
  EXPECT_THAT(numbers_of_list("0-3,8\n"), Optional(ElementsAre(0, 1, 2, 3, 8)));
  EXPECT_THAT(numbers_of_list(""), Optional(testing::IsEmpty()));
  for (const char* text : {"3-1", "a", "1-", "-1", "0-4294967295", "9000"}) EXPECT_FALSE(numbers_of_list(text)) << text;
}

TEST(Text, ListsThatRepeatRangesEndSomewhere) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "0-8000,";
  EXPECT_FALSE(numbers_of_list(text));
}

TEST(Text, ParametersOfTheKernelRespectQuotes) {
  constexpr std::string_view kLine = "ro console=tty0 console=ttyS0 dyndbg=\"a b\" quiet iommu=";
  EXPECT_THAT(parameter_of(kLine, "console"), Optional(std::string("ttyS0")));
  EXPECT_THAT(parameter_of(kLine, "dyndbg"), Optional(std::string("a b")));
  EXPECT_THAT(parameter_of(kLine, "quiet"), Optional(std::string()));
  EXPECT_THAT(parameter_of(kLine, "iommu"), Optional(std::string()));
  EXPECT_FALSE(parameter_of(kLine, "con"));
}

TEST(Text, WhatIsShownHasNoControlCharactersAndIsUtf8) {
  EXPECT_EQ(shown("a\x1b[31mb\xff"
                  "c\ttab"),
            "a?[31mb?c tab");
  EXPECT_EQ(shown("Zo\xc3\xab"), "Zo\xc3\xab");
  EXPECT_EQ(shown("\xc0\x80\xed\xa0\x80\xf5\x80\x80\x80\xc2\x9b"), std::string(2 + 3 + 4 + 2, '?'));
  EXPECT_EQ(shown(std::string(600, 'x')).size(), kLongestWord);
  EXPECT_EQ(shown("\xc3\xab\xc3\xab", 3), "\xc3\xab");
  EXPECT_EQ(shown("\xc3"), "?");
}

TEST(Text, ValuesStandBehindTheirKey) {
  EXPECT_THAT(value_of("model name\t: X\nmodel\t: 2\n", "model", ':'), Optional(std::string_view("2")));
  EXPECT_FALSE(value_of("model", "model", ':'));
}

}  // namespace
}  // namespace hesper::host
