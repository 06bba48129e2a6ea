// Text: what is text, ends of lines, Latin-1.
#include "clipboard/text.h"

#include <gtest/gtest.h>

namespace hesper::clipboard {
namespace {

using namespace std::string_view_literals;

TEST(Text, IsWellFormedUtf8) {
  for (const auto text : {"a"sv, "Gr\xc3\xbc\xc3\x9f"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x8c\x8d"sv, "\xed\x9f\xbf"sv,
                          "\xee\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv, "\n\t\r"sv})
    EXPECT_TRUE(is_text(text)) << text;
}

TEST(Text, IsNotWhatDecodersDisagreeAbout) {
  struct Case {
    const char* name;
    std::string_view bytes;
  };
  for (const Case& each : {Case{"empty", ""},
                           {"NUL", "a\0b"sv},
                           {"continuation alone", "\x80"},
                           {"cut", "a\xc3"},
                           {"cut of four", "\xf0\x9f\x8c"},
                           {"no continuation", "\xc3("},
                           {"two bytes for /", "\xc0\xaf"},
                           {"three bytes for /", "\xe0\x80\xaf"},
                           {"four bytes for the euro", "\xf0\x82\x82\xac"},
                           {"surrogate", "\xed\xa0\x80"},
                           {"above U+10FFFF", "\xf4\x90\x80\x80"},
                           {"0xff", "\xff"},
                           {"five bytes", "\xf8\x88\x80\x80\x80"}})
    EXPECT_FALSE(is_text(each.bytes)) << each.name;
}

TEST(Text, EndsOfLines) {
  EXPECT_EQ(with_lf("a\r\nb\rc\n\r\n"), "a\nb\nc\n\n");
  EXPECT_EQ(with_lf("\r"), "\n");
  EXPECT_EQ(with_crlf("a\n\nb"), "a\r\n\r\nb");
}

TEST(Text, Latin1) {
  EXPECT_EQ(to_latin1("Gr\xc3\xbc\xc3\x9f\x65 \xc3\xbf \xe2\x82\xac\xf0\x9f\x8c\x8d\xc4\x80"),
            "Gr\xfc\xdf\x65 \xff ???");
  EXPECT_EQ(from_latin1("Gr\xfc\xdf\x65 \x80"), "Gr\xc3\xbc\xc3\x9f\x65 \xc2\x80");
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_TRUE(is_text(from_latin1(all)));
  EXPECT_EQ(to_latin1(from_latin1(all)), all);
}

}  // namespace
}  // namespace hesper::clipboard
