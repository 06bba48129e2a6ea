// Option "paravirtual": Apple's own virtual GPU, which macOS guests have a driver for.
#include "advice/option_kinds.h"

namespace hesper::advice {

Option paravirtual_option(const host::Facts& facts, const Question& question) {
  Option option{
      .id = "paravirtual",
      .title = "Apple's paravirtual GPU",
      .summary = "The driver for virtual machines that macOS brings speaks to Apple's framework on the host."};
  option.preference = 5;
  option.rests_on = {{.sentence = "macOS guests have its driver; the host's half is a framework of macOS.",
                      .source = "https://developer.apple.com/documentation/paravirtualizedgraphics"}};
  if (question.guest != GuestSystem::macos) {
    option.because = "Only macOS guests have a driver for it.";
    return option;
  }
  if (facts.system.kind != platform::System::macos) {
    option.because =
        "Its host's half is a part of macOS. On Linux an experiment outside of Hesper, reims-vgpu, stands in for it "
        "with "
        "Vulkan; we have not tried it.";
    option.rests_on.push_back(
        {.sentence = "reims-vgpu calls itself a beta.", .source = "https://github.com/steelbrain/reims-vgpu"});
    return option;
  }
  option.viability = Viability::after_steps;
  option.accelerates = true;
  option.because =
      "This host's macOS has the framework; Apple's Virtualization framework and QEMU's apple-gfx-pci use it.";
  option.steps = {{.title = "Run the guest by a program that uses Apple's Virtualization framework",
                   .reason = "UTM is one. Hesper has no part in it.",
                   .files = {},
                   .commands = {"brew install --cask utm"},
                   .undo = {"brew uninstall --cask utm"},
                   .takes = Takes::effect_at_once,
                   .if_it_fails = ""}};
  option.gains = {"Metal in the guest, drawn by the host's GPU, which the host keeps."};
  option.losses = {"None of Hesper's screens and recordings; two macOS guests at a time by Apple's licence."};
  option.effects = {{.sentence = "Metal-accelerated graphics in the guest; no figures of ours.",
                     .source = "https://developer.apple.com/documentation/paravirtualizedgraphics"}};
  option.if_it_goes_wrong = {"The host is not changed: end the guest."};
  return option;
}

}  // namespace hesper::advice
