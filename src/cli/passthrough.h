// hesper passthrough: binds a GPU to vfio-pci for a guest, and takes that back. Shows what it would do, unless --apply.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

namespace hesper::cli {

struct PassthroughOptions {
  std::string address;
  bool apply = false;
  bool remote_access_confirmed = false;
  bool now = false;
  bool json = false;
  std::filesystem::path description;
  std::string colours = "auto";
};

struct PassthroughCommands {
  CLI::App* command = nullptr;
  CLI::App* plan = nullptr;
  CLI::App* enable = nullptr;
  CLI::App* disable = nullptr;
};

PassthroughCommands add_passthrough_commands(CLI::App& app, PassthroughOptions& options);

// Exit statuses: 0; 1 if it is refused or fails.
[[nodiscard]] int plan_passthrough(const char* argv0, const PassthroughOptions& options);
[[nodiscard]] int enable_passthrough(const char* argv0, const PassthroughOptions& options);
[[nodiscard]] int disable_passthrough(const PassthroughOptions& options);

}  // namespace hesper::cli
