// Ranking. Acceleration that is there comes before acceleration that takes steps, that before drawing on the processor,
// and that before a GPU whose loss leaves its owner before a dark screen.
#include "advice/options.h"

#include <algorithm>
#include <tuple>

#include "advice/macos_guests.h"
#include "advice/option_kinds.h"

namespace hesper::advice {
namespace {

int tier(const Option& option) {
  switch (option.viability) {
    case Viability::works_now: return option.accelerates ? 0 : 2;
    case Viability::after_steps:
      if (!option.accelerates) return 4;
      return option.darkens_host ? 3 : 1;
    case Viability::not_here: break;
  }
  return 5;
}

}  // namespace

std::string_view name_of(GuestSystem guest) noexcept {
  switch (guest) {
    case GuestSystem::linux: return "linux";
    case GuestSystem::macos: return "macos";
    case GuestSystem::windows: return "windows";
    case GuestSystem::other: return "other";
  }
  return "";
}

std::optional<GuestSystem> guest_system(std::string_view name) {
  for (const GuestSystem guest : {GuestSystem::linux, GuestSystem::macos, GuestSystem::windows, GuestSystem::other})
    if (name_of(guest) == name) return guest;
  return std::nullopt;
}

std::string_view name_of(Viability viability) noexcept {
  switch (viability) {
    case Viability::works_now: return "works_now";
    case Viability::after_steps: return "after_steps";
    case Viability::not_here: return "not_here";
  }
  return "";
}

std::vector<Option> options(const host::Facts& facts, const Question& question) {
  std::vector<Option> all = {virtual_gpu_option(facts, question), native_context_option(facts, question),
                             paravirtual_option(facts, question), sr_iov_option(facts, question),
                             mediated_option(facts, question),    passthrough_option(facts, question),
                             relay_option(facts, question),       software_option(facts, question)};
  std::ranges::stable_sort(all, {}, [](const Option& option) { return std::tuple(tier(option), option.preference); });
  return all;
}

std::vector<Sourced> remarks(const host::Facts&, const Question& question) {
  if (question.guest == GuestSystem::macos) return macos_remarks();
  return {};
}

}  // namespace hesper::advice
