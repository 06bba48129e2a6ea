// Options whose value may be left out: `--web IMAGE` is --web and an image, `--web 8080` is one option. CLI11 would
// take whatever follows for the value.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace hesper::cli {

// The words of a command line without the program's name, in which each --web and --vnc of `export`, `run` and
// `view` has its value: what follows if that is an address, else the default.
[[nodiscard]] std::vector<std::string> with_values(std::span<char* const> words);

}  // namespace hesper::cli
