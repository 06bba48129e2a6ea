// hesper gpu: a virtio-gpu device for virtual machines, at a vhost-user socket, until it is told to stop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hesper::cli {

struct GpuOptions {
  std::filesystem::path socket;
  unsigned displays = 1;           // 1 to 16
  std::vector<std::string> modes;  // as parse_display_mode() reads them; the last one is that of all further displays
  bool once = false;               // serve one virtual machine only
  std::uint64_t window_size = 0;   // bytes: 0, or a power of two
  std::optional<std::uint64_t> host_memory;  // bytes
  std::optional<std::size_t> max_resources;
  std::string sandbox;  // a sandbox::Level by name; empty: strict
  bool require_sandbox = false;
  bool verbose = false;
};

// Where hesper screenshot and hesper display connect, for a device at this socket.
[[nodiscard]] std::filesystem::path control_socket(const std::filesystem::path& socket);

// Returns 0 after SIGINT, SIGTERM, SIGHUP or SIGQUIT, or once the only virtual machine has hung up; 1 if it cannot
// start, or the only virtual machine has lost its device. Errors are logged.
[[nodiscard]] int serve_gpu(const char* argv0, const GpuOptions& options);

}  // namespace hesper::cli
