// hesper gpu: a virtio-gpu device for virtual machines, at a vhost-user socket, until it is told to stop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "input/kinds.h"
#include "supervisor/supervisor.h"
#include "supervisor/worker_program.h"

namespace hesper::cli {

struct GpuOptions {
  std::filesystem::path socket;
  unsigned displays = 1;           // 1 to 16
  std::vector<std::string> modes;  // as parse_display_mode() reads them; the last one is that of all further displays
  bool once = false;               // serve one virtual machine only
  // Bytes: a power of two; 0: no contexts, so screens only. Costs addresses until something lies in it.
  std::uint64_t window_size = std::uint64_t{4} << 30;
  std::optional<std::uint64_t> host_memory;  // bytes
  std::optional<std::size_t> max_resources;
  std::optional<std::uint64_t> context_queue;  // bytes
  std::optional<double> release_timeout;       // seconds
  // Whether Mesa in the guest allocates memory before or after the blob that it maps: docs/memory.md. Empty: before,
  // where the host's drivers let memory be moved.
  std::optional<bool> memory_first;
  bool inline_shaders = false;       // offered even where the guest's Mesa can hang in them
  supervisor::WorkerChoices worker;  // its sandbox is also that of hesper-gpu
  supervisor::Limits limits;
};

// Where QEMU's vhost-user-input-pci connects for a device of this kind.
[[nodiscard]] std::filesystem::path input_socket(const std::filesystem::path& socket, input::Kind kind);

// Returns 0 after SIGINT, SIGTERM, SIGHUP or SIGQUIT, or once the only virtual machine has hung up; 1 if it cannot
// start, or the only virtual machine has lost its device. Errors are logged.
[[nodiscard]] int serve_gpu(const char* argv0, const GpuOptions& options);

}  // namespace hesper::cli
