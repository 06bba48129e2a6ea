// read_machine: a Machine from a TOML file, whose keys are those of settings(). Reads no other file.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "vm/machine.h"

namespace hesper::vm {

// Adds what the text says to `machine`. name: of the file, for errors, and relative paths are relative to its folder.
// gpu_options: the names that the table [gpu] may have, which are options of hesper gpu.
// Errors name the file and the line: no TOML, keys that are unknown, values that their setting does not read.
[[nodiscard]] Result<void> read_machine(std::string_view text, const std::filesystem::path& name,
                                        std::span<const std::string> gpu_options, Machine& machine);

// As above, from a file of at most a mebibyte.
[[nodiscard]] Result<void> read_machine_file(const std::filesystem::path& file,
                                             std::span<const std::string> gpu_options, Machine& machine);

}  // namespace hesper::vm
