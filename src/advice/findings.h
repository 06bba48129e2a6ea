// Findings: what is true of a host, and what that means for `hesper run`: the advice of `hesper doctor`. Pure functions
// of Facts. What one could do with the host's GPUs beside Hesper's own is in options.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "advice/step.h"
#include "host/facts.h"

namespace hesper::advice {

// In the order in which they are told.
enum class Area : std::uint8_t {
  system,
  processor,
  memory,
  accelerator,  // what runs guest code: KVM, HVF, TCG
  qemu,
  gpu,
  vulkan,
  screens,      // ways to see a guest
  guests,       // what they may have beside screen and disk
  confinement,  // sandbox and limits
  passthrough,  // devices for guests alone; only told of, hesper plan has advice
};
inline constexpr std::size_t kAreas = 11;
[[nodiscard]] std::string_view name_of(Area area) noexcept;   // "accelerator", for programs
[[nodiscard]] std::string_view title_of(Area area) noexcept;  // "Accelerator", for people

enum class Severity : std::uint8_t { ok, could_be_better, blocks };
[[nodiscard]] std::string_view name_of(Severity severity) noexcept;

// What `hesper run` gives a guest: full: its code runs on the processor and its Vulkan on a GPU. none: it may still
// have screens, but no Vulkan, or no guest starts at all.
enum class Acceleration : std::uint8_t { full, reduced, none };
[[nodiscard]] std::string_view name_of(Acceleration acceleration) noexcept;

// Texts may hold names that a host's files and devices give themselves: whoever shows them makes them printable.
struct Finding {
  std::string id;       // "kvm.permission": stays the same from version to version
  std::string subject;  // what of several it is about, "/dev/dri/renderD128"; empty: the host
  Area area{};
  Severity severity = Severity::ok;
  Acceleration leaves = Acceleration::full;  // the most that is left with it
  bool open = false;                         // it is not known, and might leave less
  bool minor = false;                        // fine, and told only to those who ask for everything
  std::string sentence;                      // what is
  std::string effect;                        // what that means for the user; empty if ok
  std::string note;                          // what else is to be known, as a remedy that is not advised; may be empty
  std::string because;                       // as a clause for the verdict; empty unless it leaves less
  std::vector<std::string> sources;          // of the facts: files and commands
  std::vector<Step> steps;                   // what mends it; empty: nothing that one could type
};

// By area, within an area the causes before what follows from them. Facts that are unknown give no alarm and no ok, but
// a finding that says so where it matters.
[[nodiscard]] std::vector<Finding> findings(const host::Facts& facts);

struct Verdict {
  Acceleration acceleration = Acceleration::full;
  std::string reason;   // a sentence
  bool certain = true;  // false: it may be less, as facts are missing
};
[[nodiscard]] Verdict verdict_of(const host::Facts& facts, const std::vector<Finding>& findings);

// The steps of all findings, each once.
[[nodiscard]] std::vector<Step> steps_of(const std::vector<Finding>& findings);

}  // namespace hesper::advice
