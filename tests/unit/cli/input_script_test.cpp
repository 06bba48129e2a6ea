// InputScript: lines become calls, and what cannot be understood does nothing.
#include "cli/input_script.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace hesper::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Recorder final : public input::Sink {
 public:
  std::vector<std::string> calls;

  void key(input::KeyCode code, bool down) override { add("key {} {}", static_cast<unsigned>(code), down); }
  void button(input::KeyCode code, bool down) override { add("button {:#x} {}", static_cast<unsigned>(code), down); }
  void move_to(std::uint32_t display, std::uint16_t x, std::uint16_t y) override { add("to {} {} {}", display, x, y); }
  void move_by(std::int32_t x, std::int32_t y) override { add("by {} {}", x, y); }
  void scroll(std::int32_t vertical, std::int32_t horizontal) override { add("scroll {} {}", vertical, horizontal); }
  void touch(std::uint32_t finger, std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
    add("touch {} {} {} {}", finger, display, x, y);
  }
  void touch_end(std::uint32_t finger) override { add("lift {}", finger); }
  void flush() override { ++flushes; }
  int flushes = 0;

 private:
  template <class... Arguments>
  void add(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    calls.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
};

class InputScriptTest : public ::testing::Test {
 protected:
  std::vector<std::string> run(std::string_view line) {
    sink_.calls.clear();
    const auto done = script_.execute(line);
    EXPECT_TRUE(done) << done.error().message;
    return sink_.calls;
  }

  Recorder sink_;
  std::vector<std::string> others_;
  InputScript script_{sink_,
                      {.size_of = [](std::uint32_t display) -> std::optional<InputScript::Size> {
                         if (display > 1) return std::nullopt;
                         return InputScript::Size{.width = 1000, .height = 500};
                       },
                       .wait = [this](std::chrono::milliseconds time) { waited_ += time; },
                       .print_leds = [this] { ++printed_; }}};
  std::chrono::milliseconds waited_{0};
  int printed_ = 0;
};

TEST_F(InputScriptTest, TextIsTyped) {
  EXPECT_THAT(run("type aB"),
              ElementsAre("key 30 true", "key 30 false", "key 42 true", "key 48 true", "key 48 false", "key 42 false"));
  EXPECT_THAT(run("type  "), ElementsAre("key 57 true", "key 57 false"));
  EXPECT_THAT(run("type \\n\\\\"), ElementsAre("key 28 true", "key 28 false", "key 43 true", "key 43 false"));
  EXPECT_EQ(waited_, 5 * InputScript::kBetweenKeys);
}

TEST_F(InputScriptTest, ChordsArePressedInOrderAndLetGoBackwards) {
  EXPECT_THAT(run("key ctrl+alt+f2"),
              ElementsAre("key 29 true", "key 56 true", "key 60 true", "key 60 false", "key 56 false", "key 29 false"));
}

TEST_F(InputScriptTest, KeysAndButtonsAreHeld) {
  EXPECT_THAT(run("down a"), ElementsAre("key 30 true"));
  EXPECT_THAT(run("up button-right"), ElementsAre("button 0x111 false"));
  EXPECT_THAT(run("click"), ElementsAre("button 0x110 true", "button 0x110 false"));
  EXPECT_THAT(run("click middle"), ElementsAre("button 0x112 true", "button 0x112 false"));
}

TEST_F(InputScriptTest, PixelsBecomePlaces) {
  EXPECT_THAT(run("move 0 499"), ElementsAre("to 0 32 65470"));
  EXPECT_THAT(run("move 999 0 1"), ElementsAre("to 1 65503 65"));
  EXPECT_THAT(run("touch 3 0 0"), ElementsAre("touch 3 0 32 65"));
  EXPECT_THAT(run("lift 3"), ElementsAre("lift 3"));
}

TEST_F(InputScriptTest, StepsNotchesAndTheRest) {
  EXPECT_THAT(run("by -3 4"), ElementsAre("by -3 4"));
  EXPECT_THAT(run("scroll -0.5"), ElementsAre("scroll -60 0"));
  EXPECT_THAT(run("scroll 1 2"), ElementsAre("scroll 120 240"));
  EXPECT_THAT(run("wait 20"), ElementsAre());
  EXPECT_EQ(waited_, std::chrono::milliseconds(20));
  EXPECT_THAT(run("leds"), ElementsAre());
  EXPECT_EQ(printed_, 1);
  EXPECT_THAT(run(""), ElementsAre());
  EXPECT_THAT(run("  # a note"), ElementsAre());
}

TEST_F(InputScriptTest, WhatCannotBeUnderstoodDoesNothing) {
  for (const char* line : {"jump",
                           "key",
                           "key a b",
                           "key ctrl+",
                           "key +",
                           "key nonsense",
                           "down",
                           "up button-nonsense",
                           "click wheel",
                           "move 1",
                           "move 1 2 3 4",
                           "move a b",
                           "move 1000 0",
                           "move 0 500",
                           "move -1 0",
                           "move 0 0 2",
                           "touch 10 0 0",
                           "touch 1 1",
                           "lift",
                           "lift 10",
                           "by 1",
                           "by 1.5 2",
                           "scroll",
                           "scroll up",
                           "wait",
                           "wait -1",
                           "leds now",
                           "type \xc3\xa4",
                           "move 99999999999 0",
                           "scroll 1e999"}) {
    const auto done = script_.execute(line);
    EXPECT_FALSE(done) << line;
    if (!done) {
      EXPECT_THAT(done.error().message, HasSubstr(".")) << line;
    }
  }
  EXPECT_THAT(sink_.calls, ElementsAre());
}

}  // namespace
}  // namespace hesper::cli
