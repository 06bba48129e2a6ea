// hesper tune: where a virtual machine's threads belong on this host, what else would make it faster, and doing and
// undoing the first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace hesper::cli {

struct TuneOptions {
  std::string name;                               // of a machine that runs; empty: the only one
  bool apply = false;                             // place its threads
  bool undo = false;                              // give them back what they had
  bool json = false;                              // print JSON
  std::string colours = "auto";                   // or always, never
  std::filesystem::path description;              // of another host (host/description.h); empty: this one
  unsigned cpus = 0;                              // of a machine that does not run; 0: one runs
  std::uint64_t memory = std::uint64_t{2} << 30;  // likewise, bytes
};

// Adds the command. options: filled when the command line is parsed, and must live as long as `app`.
[[nodiscard]] CLI::App* add_tune_command(CLI::App& app, TuneOptions& options);

// Returns 0, or 1 with an error in the log; also if there is nothing to apply or to undo.
[[nodiscard]] int tune(const char* argv0, const TuneOptions& options);

}  // namespace hesper::cli
