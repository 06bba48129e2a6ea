// hesper input: types and points in a virtual machine, for scripts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hesper::cli {

struct InputOptions {
  std::filesystem::path socket;    // of hesper gpu
  std::vector<std::string> lines;  // as InputScript has them; none: those of standard input
};
// What is still held down at the end is let go. Returns 0, or 1 with an error in the log.
[[nodiscard]] int send_input(const InputOptions& options);

}  // namespace hesper::cli
