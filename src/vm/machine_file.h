// read_machine: a Machine from a TOML file, whose keys are those of settings(). Reads no other file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "vm/machine.h"

namespace hesper::vm {

// A table of the file whose keys are another command's options, which are passed on.
struct OptionTable {
  std::string_view table;                // "gpu"
  std::string_view command;              // "hesper gpu"
  std::span<const std::string> options;  // that it may have: "--window" and so on
  std::vector<std::string> Machine::* arguments;
};

// Adds what the text says to `machine`. name: of the file, for errors, and relative paths are relative to its folder.
// Errors name the file and the line: no TOML, keys that are unknown, values that their setting does not read.
[[nodiscard]] Result<void> read_machine(std::string_view text, const std::filesystem::path& name,
                                        std::span<const OptionTable> tables, Machine& machine);

// As above, from a file of at most a mebibyte.
[[nodiscard]] Result<void> read_machine_file(const std::filesystem::path& file, std::span<const OptionTable> tables,
                                             Machine& machine);

}  // namespace hesper::vm
