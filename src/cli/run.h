// hesper run: a virtual machine with Hesper as its GPU.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/environment.h"
#include "vm/machine.h"

namespace hesper::cli {

// Among the options of the screens: browsers are not served, which they are otherwise.
inline constexpr const char* kNoWeb = "--no-web";

struct RunOptions {
  std::filesystem::path image;  // of a disk, or a TOML file that describes the machine; empty: none
  // By the name of a vm::Setting; several only for those that can be repeated.
  std::map<std::string, std::vector<std::string>> settings;
  std::vector<std::string> gpu_arguments;   // options of hesper gpu, as on its command line
  std::vector<std::string> gpu_options;     // the names of all that it has, "--window", for the table [gpu] of a file
  std::vector<std::string> view_arguments;  // options of hesper view, likewise, and kNoWeb
  std::vector<std::string> view_options;    // the names of all that it has, for the table [view] of a file
  bool dry_run = false;                     // print the command lines, start nothing
  bool verbose = false;
};

// The machine that the options describe. Errors: what cannot be understood.
[[nodiscard]] Result<vm::Machine> machine_of(const RunOptions& options);

// Where the verdicts on accelerators are kept; empty: nowhere.
[[nodiscard]] std::filesystem::path accelerator_cache(const Environment& environment);

// Returns 0 if the guest has shut down or was told to end, otherwise 1 with an error in the log.
[[nodiscard]] int run_virtual_machine(const char* argv0, const RunOptions& options);

}  // namespace hesper::cli
