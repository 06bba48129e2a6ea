// Completion scripts name every command and option of the command line that they are made from.
#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace hesper::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Completion, NamesCommandsAndOptionsForEachShell) {
  CLI::App app("test");
  std::string value;
  CLI::App* command = app.add_subcommand("serve", "Serve somebody's clients");
  command->add_option("--colour", value, "Which colour");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(app, shell);
    ASSERT_TRUE(script) << shell;
    EXPECT_THAT(*script, HasSubstr("serve")) << shell;
    EXPECT_THAT(*script, HasSubstr("colour")) << shell;
    EXPECT_THAT(*script, HasSubstr("hesper")) << shell;
  }
}

TEST(Completion, NamesSubcommandsAndTheirOptions) {
  CLI::App app("test");
  std::string value;
  CLI::App* command = app.add_subcommand("tape", "Look at tapes");
  CLI::App* below = command->add_subcommand("rewind", "From the start");
  below->add_option("FILE", value);
  below->add_option("--speed", value, "How fast");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(app, shell);
    ASSERT_TRUE(script) << shell;
    EXPECT_THAT(*script, HasSubstr("rewind")) << shell;
    EXPECT_THAT(*script, HasSubstr("speed")) << shell;
  }
}

TEST(Completion, NamesMachinesAndHidesWhatIsNotForUsers) {
  CLI::App app("test");
  std::string value;
  app.add_subcommand("halt")->add_option("VM", value);
  app.add_subcommand("secret")->group("");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(app, shell);
    ASSERT_TRUE(script) << shell;
    EXPECT_THAT(*script, HasSubstr("hesper list --names")) << shell;
    EXPECT_THAT(*script, Not(HasSubstr("secret"))) << shell;
  }
}

TEST(Completion, AnotherShellIsAnError) { EXPECT_FALSE(completion_script(CLI::App("test"), "tcsh")); }

}  // namespace
}  // namespace hesper::cli
