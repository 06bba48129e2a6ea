// hesper facts: what is true of this host, as JSON. Judges nothing; that is hesper doctor's.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>

namespace hesper::cli {

struct FactsOptions {
  std::filesystem::path description;  // of the host to look at; empty: this one
  std::filesystem::path describe;     // where to write down what was found; empty: nowhere
  bool force = false;                 // even if that exists
  bool quick = false;                 // without self-tests
};

CLI::App* add_facts_command(CLI::App& app, FactsOptions& options);
// Returns an exit status.
[[nodiscard]] int print_facts(const char* argv0, const FactsOptions& options);

}  // namespace hesper::cli
