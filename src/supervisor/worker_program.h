// How hesper-render is called: its arguments, fds and exit statuses. hesper and hesper-render both include this.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace hesper::supervisor {

// Which door a worker opens: how its client speaks to it.
enum class Door : std::uint8_t {
  vtest,  // a client on this machine: the vtest protocol
  link,   // a context of a virtual machine: the orders of hesper-gpu (src/link)
};

inline constexpr int kWorkerSocket = 3;    // the client's connection, or of a spare worker its control socket
inline constexpr int kWorkerLifeline = 4;  // see platform::die_with_parent()
inline constexpr int kWorkerLastWill = 5;  // see last_will.h
inline constexpr int kWorkerRecord = 6;    // see flight/record.h
inline constexpr int kWorkerCapture = 8;   // the capture that it writes, replays or shows
inline constexpr int kWorkerPictures = 9;  // of a replay; see picture_pipe.h

// A spare worker (--spare) starts before its client comes. When it does, this goes down the control socket, followed by
// the client's connection as platform::send_fd() sends it. Both ends are of one build.
struct SpareOrder {
  std::uint64_t client = 0;  // its number, for log lines
};

// The option of hesper-render that takes the socket.
[[nodiscard]] constexpr const char* door_option(Door door) noexcept {
  return door == Door::link ? "--link-fd" : "--vtest-fd";
}
// What a worker's log lines begin with. number: of the client.
[[nodiscard]] std::string worker_name(Door door, std::uint64_t number);

// Exit statuses of hesper-render --vtest-fd and --link-fd. A client of a worker that ended otherwise than by
// client_left still waits for answers.
enum class WorkerExit : int {
  client_left = 0,
  cannot_start = 1,
  client_at_fault = 2,
  renderer_failed = 3,
  driver_gave_up = 4,  // it called exit()
  out_of_memory = 5,   // or of threads
};

// Bytes. A Venus client needs some MiB before it does anything; the most is there so that sums do not overflow.
inline constexpr std::uint64_t kLeastMemoryBudget = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kMostMemoryBudget = std::uint64_t{1} << 50;

// What every worker of a supervisor has in common.
struct WorkerProgram {
  std::filesystem::path path;
  std::vector<std::string> options;              // of WorkerChoices, those that the user gave
  std::vector<std::string> environment;          // "NAME=value"; without Venus, or a worker would be its own client
  std::optional<std::filesystem::path> capture;  // see CaptureFiles
  Door door = Door::vtest;
};

// The options that `hesper exec`, `hesper vtest` and `hesper gpu` share.
struct WorkerChoices {
  std::string memory;                                // empty: the worker decides
  std::optional<std::filesystem::path> host_driver;  // the only host driver to use
  std::optional<std::uint64_t> memory_budget;        // bytes; see render::ContextOptions
  std::optional<std::uint64_t> import_granularity;   // bytes; likewise
  bool emulate_dma_buf = false;                      // likewise
  bool validate = false;                             // likewise
  std::optional<std::filesystem::path> capture;      // see CaptureFiles
  bool verbose = false;
  std::vector<std::string> pass_environment;   // variables that workers get beside those that all get
  std::string sandbox;                         // a sandbox::Level by name; empty: strict
  bool require_sandbox = false;                // a worker that does not reach it serves nobody
  std::optional<std::uint64_t> address_space;  // the next four: see sandbox::Choices
  std::optional<std::uint64_t> max_fds;
  int nice = 0;
  std::filesystem::path shader_cache;
};

// Finds hesper-render in the folder of this program. environment: of WorkerProgram.
// Errors: it is not there, or the host driver is not.
[[nodiscard]] Result<WorkerProgram> find_worker(const char* argv0, const WorkerChoices& choices,
                                                std::vector<std::string> environment);

// Whether workers can have a guest's memory moved under the host's drivers, on all GPUs (render::memory_can_be_moved);
// waits for a worker that tries.
[[nodiscard]] bool memory_can_be_moved(const WorkerProgram& worker);

// Prints what the workers will find on this host to standard error, and waits for that.
void print_probe(const WorkerProgram& worker);

}  // namespace hesper::supervisor
