// Option "passthrough": a whole GPU for one guest. What is in the way and how it is done: passthrough.h.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "advice/gpu_family.h"
#include "advice/host_screen.h"
#include "advice/macos_guests.h"
#include "advice/option_kinds.h"
#include "advice/passthrough.h"

namespace hesper::advice {
namespace {

// Which refusals only steps or a word of the user's mend.
bool can_be_mended(const Refusal& refusal) {
  return refusal.id == "iommu.off" || refusal.id == "iommu.firmware" || refusal.id == "in-use" ||
         refusal.id.starts_with("screen.") || refusal.id == "binding";
}

bool takes_host_screen(const host::Facts& facts, const host::Gpu& gpu) {
  return screen_gpu(facts) == &gpu || is_only_gpu(facts, gpu);
}

// The lower the better.
int awkwardness(const host::Facts& facts, const Question& question, const host::Gpu& gpu) {
  int sum = 0;
  for (const Refusal& refusal : refusals(facts, gpu, {.address = gpu.pci ? gpu.pci->address : ""}))
    sum += can_be_mended(refusal) ? 1 : 100;
  if (takes_host_screen(facts, gpu)) sum += 10;
  if (gpu.integrated.is(true)) sum += 20;
  // The processor's own GPU with the host's screen is nobody's first wish, however clean its group.
  if (gpu.integrated.is(true) && takes_host_screen(facts, gpu)) sum += 200;
  if (question.guest == GuestSystem::macos && (!gpu.pci || !macos_driver_for(gpu_family_of(*gpu.pci)).native))
    sum += 1000;
  if (gpu.pci && resets_badly(*gpu.pci)) sum += 2;
  return sum;
}

}  // namespace

Option passthrough_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "passthrough",
                .title = "The whole GPU for one guest (VFIO passthrough)",
                .summary = "The guest drives the GPU itself, with its maker's drivers, monitors included."};
  option.preference = question.guest == GuestSystem::linux ? 40 : 20;
  if (facts.system.kind != platform::System::linux) {
    option.because = "VFIO is a part of Linux; this host's system gives no PCI devices away.";
    return option;
  }
  std::vector<const host::Gpu*> gpus = real_gpus(facts, question);
  std::erase_if(gpus, [](const host::Gpu* gpu) { return !gpu->pci; });
  if (gpus.empty()) {
    option.because = question.gpu ? fmt::format("No GPU that could be given away is at {}.", *question.gpu)
                                  : "This host has no GPU on a PCI bus that could be given away.";
    return option;
  }
  const host::Gpu& gpu =
      **std::ranges::min_element(gpus, {}, [&](const host::Gpu* each) { return awkwardness(facts, question, *each); });
  option.gpu = gpu.pci->address;
  const auto plan = plan_passthrough(facts, {.address = gpu.pci->address});
  if (!plan) {
    option.because = plan.error().message;
    return option;
  }
  option.rests_on.push_back(
      {.sentence = facts.iommu.on.is(true)
                       ? fmt::format("The IOMMU is on; {} is in group {} with {} other devices.", described(gpu),
                                     gpu.pci->iommu_group.value_or(0), others_in_group(facts, gpu).size())
                       : "The IOMMU is not in use.",
       .source = facts.iommu.on.source.empty() ? "/sys/kernel/iommu_groups" : facts.iommu.on.source});
  const bool screen = takes_host_screen(facts, gpu);
  const MacosDriver macos = macos_driver_for(gpu_family_of(*gpu.pci));
  if (question.guest == GuestSystem::macos) {
    option.rests_on.push_back(
        {.sentence = macos.native ? fmt::format("macOS has drivers for {}, from {} to {}{}.",
                                                name_of(gpu_family_of(*gpu.pci)), macos.first, macos.last,
                                                macos.models.empty() ? "" : fmt::format(" ({})", macos.models))
                                  : fmt::format("macOS has no driver for {}.", described(gpu)),
         .source = std::string(kMacosGpuList)});
  }
  std::vector<std::string> hard;
  std::vector<std::string> soft;
  for (const Refusal& refusal : plan->refusals) {
    if (refusal.id.starts_with("screen.")) continue;
    (can_be_mended(refusal) ? soft : hard).push_back(refusal.sentence);
    if (can_be_mended(refusal)) option.steps.insert(option.steps.end(), refusal.steps.begin(), refusal.steps.end());
  }
  if (question.guest == GuestSystem::macos && !macos.native)
    hard.push_back(fmt::format("macOS has no driver for {}.", described(gpu)));
  if (question.keep_host_display && screen) hard.emplace_back("It would take the host's own screen, which is to stay.");
  if (!hard.empty()) {
    option.steps.clear();
    option.because = fmt::format("{}", fmt::join(hard, " "));
    return option;
  }
  option.viability = Viability::after_steps;
  option.accelerates = true;
  option.because = soft.empty() ? fmt::format("{} can be kept apart from the rest of the host.", described(gpu))
                                : fmt::format("{}", fmt::join(soft, " "));
  for (const Refusal& refusal : plan->refusals) {
    if (!refusal.id.starts_with("screen.")) continue;
    option.darkens_host = !facts.services.ssh_server.is(true);
    option.steps.insert(option.steps.end(), refusal.steps.begin(), refusal.steps.end());
  }
  Step bind{.title = fmt::format("Bind {} to vfio-pci", described(gpu)),
            .reason = "Shown first without --apply; the same by hand: hesper passthrough plan.",
            .files = {},
            .commands = {fmt::format("sudo hesper passthrough enable {} --apply{}", plan->address,
                                     screen ? " --remote-access-confirmed" : "")},
            .undo = {fmt::format("sudo hesper passthrough disable {} --apply", plan->address)},
            .takes = Takes::reboot,
            .if_it_fails = "It says why, and takes back what it had done."};
  option.steps.push_back(std::move(bind));
  option.steps.insert(option.steps.end(), plan->also.begin(), plan->also.end());
  option.steps.push_back({.title = "Give it to the guest",
                          .reason =
                              "To a QEMU of your own with -machine q35 -accel kvm -cpu host and EFI firmware; for "
                              "libvirt: hesper passthrough plan.",
                          .files = {},
                          .commands = {qemu_name(facts) + " ..." + further(qemu_arguments(plan->device))},
                          .undo = {},
                          .takes = Takes::effect_at_once,
                          .if_it_fails = "\"group N is not viable\": another device of its group has a driver of the "
                                         "host; see hesper passthrough plan."});
  option.gains = {"The GPU's whole speed and all its features, with its maker's drivers.",
                  "Monitors at its connectors show the guest."};
  if (screen)
    option.losses.emplace_back("The host loses its screen: a second GPU, or SSH from another computer, is needed.");
  option.rests_on.push_back(processor_fact(facts));
  if (!runs_on_processor(facts) && steps_to_processor(facts).empty())
    option.losses.emplace_back(
        "Without KVM the guest's own instructions are translated, which is slow whatever the GPU.");
  option.losses.emplace_back("One guest at a time has it, and the host has nothing of it, nor has hesper run.");
  option.losses.emplace_back("The guest's whole memory is locked; no live migration, no snapshots while it runs.");
  for (const std::string& warning : plan->warnings) option.losses.push_back(warning);
  option.effects = {{.sentence = "Direct access, with the drivers of bare metal: no figures of ours.",
                     .source = "https://docs.kernel.org/driver-api/vfio.html"}};
  option.if_it_goes_wrong = plan->recovery;
  if (gpu.integrated.is(true)) option.preference += 20;
  return option;
}

}  // namespace hesper::advice
