// What a user writes for a screen.
#include "cli/display_mode.h"

#include <gtest/gtest.h>

namespace hesper::cli {
namespace {

TEST(DisplayMode, SizesAndRatesAreRead) {
  EXPECT_EQ(parse_display_mode("1920x1080").value(), (DisplayMode{.width = 1920, .height = 1080}));
  EXPECT_EQ(parse_display_mode("2560x1440@119.88").value(),
            (DisplayMode{.width = 2560, .height = 1440, .refresh_mhz = 119'880}));
  EXPECT_FALSE(parse_display_mode("off").value().connected);
}

TEST(DisplayMode, WhatIsWrittenIsReadAgain) {
  for (const char* text : {"640x480@59.94", "16384x32@1000", "off"}) {
    const auto mode = parse_display_mode(text);
    ASSERT_TRUE(mode) << text;
    EXPECT_EQ(parse_display_mode(to_string(*mode)).value(), *mode) << text;
  }
}

TEST(DisplayMode, AnythingElseIsAnErrorThatNamesIt) {
  for (const char* text :
       {"", "x", "1920", "1920x", "1920x1080x", "1920x1080@", "1920x1080@60Hz", "-1x100", "1e3x100", "31x100",
        "100x16385", "4294967297x100", "100x100@0.5", "100x100@nan", "100x100@inf", "Off"}) {
    const auto mode = parse_display_mode(text);
    ASSERT_FALSE(mode) << text;
    EXPECT_NE(mode.error().message.find("'" + std::string(text) + "'"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace hesper::cli
