// Tuning: where the threads of a virtual machine belong on a host, and what else makes it faster, with what it costs
// and how it is undone. Pure functions of Facts: carrying it out is vm/pinning.h's, and the user's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "advice/step.h"
#include "host/facts.h"
#include "vm/machine.h"

namespace hesper::advice {

struct TuningQuestion {
  std::string machine;  // its name, for commands; empty: none runs, so there is nothing to apply
  unsigned cpus = 2;    // of the guest
  std::uint64_t memory = std::uint64_t{2} << 30;  // of the guest, bytes
  // The host's processors that it may use, by affinity and cgroup; none: all that are online.
  std::optional<std::vector<unsigned>> allowed;
  std::vector<std::string> passed_through;  // addresses of the PCI devices that the guest has for itself
  std::optional<std::string> governor;      // of the host's cpufreq; none: it has none, or does not tell
  // What the machine has already, so that it is not told to have it.
  std::optional<vm::CpuTopology> topology;
  std::uint64_t huge_pages = 0;
  std::optional<unsigned> memory_node;
  bool lock_memory = false;
};

// Which of the host's processors do what.
struct Placement {
  std::vector<unsigned> cpus;        // one for each of the guest's, by its number
  std::vector<unsigned> others;      // for QEMU's other threads, the GPU and its workers, rising
  std::vector<unsigned> idle;        // for nobody: siblings of a core of which the guest has an odd one
  vm::CpuTopology topology;          // what the guest is to believe, so that siblings are siblings
  std::optional<unsigned> node;      // that all of `cpus` are of, where the host has several
  std::vector<std::string> remarks;  // sentences: what was chosen why
};

struct Measure {
  enum class Kind : std::uint8_t {
    apply,    // hesper tune --apply does it, also to a machine that runs
    option,   // an option of hesper run, from its next start on
    by_hand,  // something about the host
  };
  std::string id;  // "huge_pages": stays the same from version to version
  Kind kind{};
  std::vector<std::string> options;  // of hesper run, as on its command line
  Step step;                         // what is typed before, or instead; its title says what it is
  std::string effect;
  std::string cost;    // what one gives for it; empty: nothing to speak of
  std::string source;  // of the effect: who says so
};

struct Tuning {
  std::optional<Placement> placement;
  std::string why_not;  // a sentence, if there is none
  std::vector<Measure> measures;
};

[[nodiscard]] Tuning tuning(const host::Facts& facts, const TuningQuestion& question);

// "0-3,8": as Linux writes sets of processors. numbers: rising.
[[nodiscard]] std::string as_list(const std::vector<unsigned>& numbers);

}  // namespace hesper::advice
