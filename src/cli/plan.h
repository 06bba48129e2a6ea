// hesper plan: the ways to graphics for a guest on this host, ranked. Changes nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

namespace hesper::cli {

struct PlanOptions {
  std::string guest = "linux";
  std::string gpu;  // PCI address; empty: all
  bool keep_host_display = false;
  bool json = false;
  bool all = false;
  std::filesystem::path description;
  std::string colours = "auto";
};

CLI::App* add_plan_command(CLI::App& app, PlanOptions& options);

// An exit status: 0 if some option is possible, 1 if none is or the host cannot be looked at.
[[nodiscard]] int plan(const char* argv0, const PlanOptions& options);

}  // namespace hesper::cli
