// Option "software": the guest's processor draws, with everything else as quick as this host allows.
#include <fmt/format.h>

#include "advice/finding_list.h"
#include "advice/option_kinds.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kHyperV = "https://www.qemu.org/docs/master/system/i386/hyperv.html";

// Leaves the host a core or two.
unsigned guest_cpus(const host::Facts& facts) {
  const unsigned cores = facts.processor.cores.value_or(2);
  if (cores <= 2) return cores == 0 ? 1 : cores;
  return cores > 8 ? 8 : cores - 1;
}

std::string qemu_line(const host::Facts& facts, GuestSystem guest) {
  const bool kvm = facts.system.kind == platform::System::linux && runs_on_processor(facts);
  const bool hvf = facts.system.kind == platform::System::macos && runs_on_processor(facts);
  const bool arm = facts.system.architecture.is("aarch64");
  const std::string accelerator = kvm ? "kvm" : hvf ? "hvf" : "tcg,thread=multi";
  std::string processor = kvm || hvf ? "host" : "max";
  if (guest == GuestSystem::windows && kvm && !arm)
    processor += ",hv_relaxed,hv_vapic,hv_spinlocks=0x1fff,hv_time,hv_vpindex,hv_synic,hv_stimer";
  const unsigned cpus = guest_cpus(facts);
  std::string devices;
  switch (guest) {
    case GuestSystem::windows: devices = arm ? "-device ramfb" : "-vga none -device virtio-vga"; break;
    case GuestSystem::macos: devices = "-vga none -device vmware-svga"; break;
    default: devices = arm ? "-device virtio-gpu-pci" : "-vga none -device virtio-vga"; break;
  }
  return fmt::format(
      "{} -machine {} -accel {} -cpu {} -smp {},sockets=1,cores={},threads=1 -m 8G {} -device qemu-xhci "
      "-device usb-tablet -device usb-kbd -drive file=IMAGE",
      qemu_name(facts), arm ? "virt" : "q35", accelerator, processor, cpus, cpus, devices);
}

}  // namespace

Option software_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "software",
                .title = "Tuned software rendering",
                .summary = "No GPU: the guest's processor draws, with cores, memory and display set up for it."};
  option.preference = 70;
  option.rests_on = {processor_fact(facts)};
  if (facts.processor.cores.known())
    option.rests_on.push_back(
        {.sentence = fmt::format("{} cores.", *facts.processor.cores.value), .source = facts.processor.cores.source});
  const bool qemu = own_qemu(facts) != nullptr;
  const std::vector<Step> faster = steps_to_processor(facts);
  option.viability = qemu && faster.empty() ? Viability::works_now : Viability::after_steps;
  option.because = !qemu                      ? "QEMU is not installed."
                   : !faster.empty()          ? "Without KVM it would be slower still, and one step gives it."
                   : runs_on_processor(facts) ? "It needs nothing but QEMU and cores."
                                              : "It needs nothing but QEMU; without KVM or HVF it is slow.";
  if (!qemu) option.steps.push_back(step_to_qemu(facts, "It runs the guest."));
  option.steps.insert(option.steps.end(), faster.begin(), faster.end());
  if (question.guest == GuestSystem::linux) {
    option.steps.push_back({.title = "Run the guest without Vulkan",
                            .reason = "Its Mesa then draws by llvmpipe and lavapipe; Hesper still has its screens.",
                            .files = {},
                            .commands = {fmt::format("hesper run IMAGE --cpus {} --window 0", guest_cpus(facts))},
                            .undo = {"hesper stop"},
                            .takes = Takes::effect_at_once,
                            .if_it_fails = ""});
  } else {
    option.steps.push_back(
        {.title = "Run the guest by a QEMU of your own",
         .reason = question.guest == GuestSystem::windows
                       ? fmt::format("With Hyper-V's interfaces, which Windows knows ({}); its picture driver is in "
                                     "virtio-win.",
                                     kHyperV)
                       : "With a display device that such systems have a driver for; none of them is Hesper's yet.",
         .files = {},
         .commands = {qemu_line(facts, question.guest)},
         .undo = {},
         .takes = Takes::effect_at_once,
         .if_it_fails = question.guest == GuestSystem::macos
                            ? "macOS wants a boot loader of its own (OpenCore) and Apple hardware by its licence."
                            : ""});
  }
  option.steps.push_back({.title = "Keep its threads on their cores, while it runs",
                          .reason = question.guest == GuestSystem::linux
                                        ? "hesper tune says what it would do, and what each part gives."
                                        : "For guests that hesper run has started.",
                          .files = {},
                          .commands = {"hesper tune"},
                          .undo = {"hesper tune --undo"},
                          .takes = Takes::effect_at_once,
                          .if_it_fails = ""});
  option.gains = {"Works everywhere, with any guest; the host is not changed."};
  option.losses = {
      "Every pixel costs time of cores that the guest needs for its programs: choose a small screen, and switch "
      "animations off."};
  if (question.guest == GuestSystem::macos)
    option.losses.emplace_back("No Metal: programs that insist on it do not start.");
  if (question.guest == GuestSystem::windows)
    option.losses.emplace_back("Direct3D by WARP on the processor; OpenGL and Vulkan by what is installed for it.");
  option.effects = {{.sentence =
                         "How a software driver fares natively with two cores, for comparison: vkmark's scenes at "
                         "400x300 between 381 and 5714 frames a second, at 1920x1080 between 30 and 4171.",
                     .source = "docs/measured.md, \"lavapipe, two cores\""}};
  option.if_it_goes_wrong = {"The host is not changed: end the guest."};
  return option;
}

}  // namespace hesper::advice
