// hesper list and hesper stop, and how other commands find a virtual machine that runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace hesper::cli {

// Where hesper gpu listens: `socket`, or if that is empty, that of the machine with this name, or of the only one.
[[nodiscard]] Result<std::filesystem::path> find_gpu_socket(const std::filesystem::path& socket,
                                                            const std::string& name);

// Both return 0, or 1 with an error in the log.
enum class ListFormat : std::uint8_t { table, json, names };
[[nodiscard]] int list_machines(ListFormat format);

struct StopOptions {
  std::string name;  // empty: the only one that runs
  bool force = false;
  unsigned seconds = 60;      // how long to wait for the guest
  std::filesystem::path qmp;  // a socket of QEMU's, of a machine without a launcher; empty: by name
};
[[nodiscard]] int stop_machine(const StopOptions& options);

}  // namespace hesper::cli
