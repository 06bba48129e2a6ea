// hesper self-test: what facts about a host call to find out whether an accelerator runs guest code. Not for users.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>
#include <string>

namespace hesper::cli {

struct SelfTestOptions {
  std::string accelerator;     // "kvm", "hvf" or "tcg"
  std::filesystem::path qemu;  // the program, for the host's architecture
  bool json = false;
};

CLI::App* add_self_test_command(CLI::App& app, SelfTestOptions& options);
// Verdicts are kept as those of hesper run are. Returns an exit status: 0 if it works, 1 if not.
[[nodiscard]] int run_self_test(const char* argv0, const SelfTestOptions& options);

}  // namespace hesper::cli
