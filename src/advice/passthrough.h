// Passthrough: whether a GPU can be given to a guest whole, what is in the way, and how it is done and undone.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "advice/action.h"
#include "advice/hostdev.h"
#include "advice/step.h"
#include "advice/vfio_binding.h"
#include "host/facts.h"

namespace hesper::advice {

struct PassthroughQuestion {
  std::string address;  // of the GPU, "0000:01:00.0" or "01:00.0"
  Binding binding = Binding::boot;
  bool remote_access_confirmed = false;  // somebody can come in when the host's screen is gone
};

// Why it is not done. Nothing that has one is ever carried out.
struct Refusal {
  std::string id;           // "iommu.off"; stays the same from version to version
  std::string sentence;     // what is, and what can be done about it
  std::vector<Step> steps;  // that, as commands; may be empty
};

struct PassthroughPlan {
  std::string address;
  std::string name;
  std::vector<host::PciFunction> functions;  // what goes together, the GPU first
  std::vector<Refusal> refusals;             // empty: it can be done
  std::vector<std::string> warnings;
  std::vector<Action> actions;  // the binding; empty where there is a refusal that leaves none
  Step binding;                 // the same for people
  std::vector<Step> also;       // what may be needed beside it: a ROM, rights of QEMU's user, a reset
  HostDevice device;            // for QEMU and libvirt
  std::vector<std::string> recovery;
};

// What speaks against it, most fundamental first. gpu: of these facts.
[[nodiscard]] std::vector<Refusal> refusals(const host::Facts& facts, const host::Gpu& gpu,
                                            const PassthroughQuestion& question);

// Errors: there is no such GPU; the sentence names those that are.
[[nodiscard]] Result<PassthroughPlan> plan_passthrough(const host::Facts& facts, const PassthroughQuestion& question);

// The functions that go with a GPU: its own, and those of its slot.
[[nodiscard]] std::vector<host::PciFunction> functions_of(const host::Gpu& gpu);
// Others in the same IOMMU group that are no bridges: they would have to go too.
[[nodiscard]] std::vector<host::PciFunction> others_in_group(const host::Facts& facts, const host::Gpu& gpu);

// How to get the IOMMU going, by what the facts say is off; empty if it is on.
[[nodiscard]] std::vector<Step> steps_to_iommu(const host::Facts& facts);

// Cards that a reset by the host leaves unusable until the host boots again.
[[nodiscard]] bool resets_badly(const host::PciFunction& gpu);

// What to have ready before, and to do after a screen stays dark.
[[nodiscard]] std::vector<std::string> ways_back(const host::Facts& facts, std::string_view address);

}  // namespace hesper::advice
