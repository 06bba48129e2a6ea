// Options: the ways to graphics for a guest on this host, ranked, each with what it rests on, gives, takes, and how it
// is done and undone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advice/step.h"
#include "host/facts.h"

namespace hesper::advice {

enum class GuestSystem : std::uint8_t { linux, macos, windows, other };
[[nodiscard]] std::string_view name_of(GuestSystem guest) noexcept;
[[nodiscard]] std::optional<GuestSystem> guest_system(std::string_view name);

struct Question {
  GuestSystem guest = GuestSystem::linux;
  std::optional<std::string> gpu;  // only this one, by its PCI address
  bool keep_host_display = false;  // rules out what takes the host's screen
};

enum class Viability : std::uint8_t {
  works_now,    // the host stays as it is
  after_steps,  // steps that change it come first
  not_here,     // this host or this guest cannot
};
[[nodiscard]] std::string_view name_of(Viability viability) noexcept;  // "works_now"

// What is true, and who says so: a file, a command, a page of the project's documents, or an address.
struct Sourced {
  std::string sentence;
  std::string source;
};

struct Option {
  std::string
      id;  // "hesper", "native-context", "sr-iov", "mediated", "passthrough", "relay", "paravirtual", "software"
  std::string title;
  std::string summary;  // one line
  Viability viability = Viability::not_here;
  std::string because;        // a sentence: why that viability
  std::string gpu;            // a PCI address, or empty
  bool accelerates = false;   // a GPU draws
  bool darkens_host = false;  // the host loses its screen, and nobody said that he can come in without
  std::vector<Sourced> rests_on;
  std::vector<std::string> gains, losses;
  std::vector<Sourced> effects;  // what to expect; figures only where somebody measured them
  std::vector<Step> steps;
  std::vector<std::string> if_it_goes_wrong;
  int preference = 0;  // among options of equal standing, the lower the better; set by each for its guests
};

// All of them, the best first; those that are not possible here come last, with the reason. question.gpu: an address
// that no GPU has makes every option that needs one impossible.
[[nodiscard]] std::vector<Option> options(const host::Facts& facts, const Question& question);

// What is true of such guests whatever the option; for people. Empty: nothing to say.
[[nodiscard]] std::vector<Sourced> remarks(const host::Facts& facts, const Question& question);

}  // namespace hesper::advice
