// The command line of hesper run: what it takes itself, and what it passes on to hesper gpu.
#include "cli/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hesper::cli {
namespace {

using testing::ElementsAre;

class RunOptionsTest : public ::testing::Test {
 protected:
  RunOptionsTest() {
    CLI::App* gpu = app_.add_subcommand("gpu");
    gpu->add_option("--socket", text_)->required();
    gpu->add_flag("-v,--verbose", flag_);
    gpu->add_option("--window", text_)->check(CLI::Range(1, 2));
    gpu->add_option("--pass-env", texts_)->allow_extra_args(false);
    gpu->add_option("--memory", text_);  // a setting has this name, too
    gpu->add_flag("--validate", flag_);
    CLI::App* view = app_.add_subcommand("view");
    view->add_option("VM", text_);
    view->add_option("--socket", text_);
    view->add_option("--web", text_)->expected(0, 1);
    view->add_option("--vnc", text_);
    view->add_flag("--window", flag_);  // the GPU's is another one
    static_cast<void>(add_run_command(app_, *gpu, *view, options_));
  }
  void parse(std::vector<std::string> words) {
    std::ranges::reverse(words);  // as CLI11 wants them
    app_.parse(std::move(words));
  }

  CLI::App app_{"test"};
  std::string text_;
  std::vector<std::string> texts_;
  bool flag_ = false;
  RunOptions options_;
};

TEST_F(RunOptionsTest, SettingsAreTaken) {
  parse({"run", "a.qcow2", "--cpus", "2", "--cpus", "3", "--disk", "b", "--disk=c", "--qemu-arg=-device", "--memory",
         "4G"});
  EXPECT_EQ(options_.image, "a.qcow2");
  EXPECT_THAT(options_.settings["cpus"], ElementsAre("3"));
  EXPECT_THAT(options_.settings["disk"], ElementsAre("b", "c"));
  EXPECT_THAT(options_.settings["qemu-arg"], ElementsAre("-device"));
  EXPECT_THAT(options_.settings["memory"], ElementsAre("4G"));
  EXPECT_TRUE(options_.gpu_arguments.empty());
}

TEST_F(RunOptionsTest, OptionsOfTheGpuArePassedOn) {
  parse({"run", "--gpu-window", "3", "--pass-env", "A", "--pass-env=B", "--validate", "--gpu-memory", "hostptr", "-v"});
  EXPECT_THAT(options_.gpu_arguments, testing::UnorderedElementsAre("--window=3", "--pass-env=A", "--pass-env=B",
                                                                    "--validate", "--memory=hostptr"));
  EXPECT_TRUE(options_.verbose);
  EXPECT_THAT(options_.gpu_options, ElementsAre("--window", "--pass-env", "--memory", "--validate"));
}

TEST_F(RunOptionsTest, OptionsOfTheScreensArePassedOn) {
  parse({"run", "--web", "--vnc", "127.0.0.1:5900", "--window"});
  EXPECT_THAT(options_.view_arguments, testing::UnorderedElementsAre("--web", "--vnc=127.0.0.1:5900", "--window"));
  EXPECT_THAT(options_.view_options, ElementsAre("--web", "--vnc", "--window", "--no-web"));
  EXPECT_TRUE(options_.gpu_arguments.empty());
}

TEST_F(RunOptionsTest, WhatTheLauncherSetsIsNotForUsers) {
  EXPECT_THROW(parse({"run", "--socket", "x"}), CLI::ParseError);
}

}  // namespace
}  // namespace hesper::cli
