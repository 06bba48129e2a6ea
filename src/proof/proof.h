// prove: starts a tiny guest, draws known pictures through the whole path, looks at its screen and times its fences.
// What hesper doctor ends with. docs/proof.md describes the stages.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "proof/picture.h"
#include "vm/attendance.h"
#include "vm/machine.h"

namespace hesper::proof {

// What has to work one after the other. A failed proof names the first one that does not.
enum class Stage : std::uint8_t {
  host,     // QEMU and the rest is there, an accelerator is chosen
  gpu,      // hesper gpu listens
  qemu,     // QEMU starts
  guest,    // code runs in the guest
  device,   // which finds its GPU
  image,    // and shows a picture that its processor has drawn
  context,  // a worker on the host serves the guest, and memory of the host's lies in the guest
  driver,   // Vulkan makes a device on the host's driver
  memory,   // which allocates memory that the guest maps
  drawing,  // and draws into it; the fence comes
  vulkan,   // the picture is what it must be, in the guest's memory and on its screen
  timing,   // fences are timed
};
inline constexpr std::size_t kStages = 12;
[[nodiscard]] std::string_view name_of(Stage stage) noexcept;  // as above

struct Options {
  vm::Architecture architecture = vm::host_architecture();
  vm::Accelerator accelerator = vm::Accelerator::automatic;
  std::string qemu;                        // empty: qemu-system-ARCHITECTURE
  std::vector<std::string> gpu_arguments;  // of hesper gpu, as on its command line
  bool vulkan = true;                      // false: only as far as Stage::image
  std::chrono::milliseconds patience{12'000};
  // Empty, and only this user may enter it; sockets, logs and the guest's program go there. Whoever made it removes it.
  std::filesystem::path folder;
  std::filesystem::path accelerator_cache;  // as vm::choose_accelerator() has it
  // What the first display of the hesper gpu at this socket shows now.
  std::function<Result<Screen>(const std::filesystem::path& gpu_socket)> screen;
};

struct Times {
  double p50 = 0, p95 = 0;  // microseconds
};

struct Proof {
  bool passed = false;
  Stage stage = Stage::host;          // the one that failed; or the last one
  std::string problem;                // if it has failed: a sentence, what goes wrong
  std::string remedy;                 // likewise, what to do about it; may be empty
  std::string reached;                // likewise, a sentence: what worked before that; may be empty
  std::string accelerator;            // "kvm", "hvf", "tcg"; empty: none was chosen
  std::string accelerator_reason;     // a sentence, if it is slower than one might expect
  std::string driver;                 // of the host, and its device; empty: it did not get that far
  std::vector<std::string> pictures;  // what was shown and found right: "image", "vulkan"
  double first_picture_ms = 0;        // from the start of the first process to the first of them; 0: none
  double total_ms = 0;
  // Round trips of a fence, from inside the guest: by the device alone, by the worker of a context (an empty
  // submission), and by a queue of the host's driver. 0: it did not get that far.
  Times device_fence, worker_fence, queue_fence;
};

// attendants: of this program. Blocks, for options.patience and the tests of accelerators (5 s) at most.
[[nodiscard]] Proof prove(const Options& options, const vm::Attendants& attendants);

// In one paragraph, for people: what failed and what to do, or what was found.
[[nodiscard]] std::string describe(const Proof& proof);

}  // namespace hesper::proof
