// Option "relay": pictures that a guest's own GPU or processor has drawn, through shared memory or a network, to the
// host's screen.
#include <fmt/format.h>

#include <array>

#include "advice/option_kinds.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kHostProgram = "https://looking-glass.io/docs/B7/install_host/";

void windows_relay(const host::Facts& facts, const Question& question, Option& option) {
  Question keeping = question;
  keeping.keep_host_display = true;
  const Option whole = passthrough_option(facts, keeping);
  option.gpu = whole.gpu;
  if (whole.viability == Viability::not_here) {
    option.because = "It needs a GPU for the guest beside the host's own. " + whole.because;
    return;
  }
  option.viability = Viability::after_steps;
  option.accelerates = true;
  option.because = "Once the guest has a GPU, the host's own one can show it.";
  option.rests_on = whole.rests_on;
  option.rests_on.push_back(
      {.sentence = "Its program for the guest is for Windows.", .source = std::string(kHostProgram)});
  option.steps = whole.steps;
  if (!facts.passthrough.looking_glass.is(true)) {
    constexpr std::array kClient = {Package::looking_glass_client};
    option.steps.push_back({.title = "Install Looking Glass's client",
                            .reason = "Of the same version as the guest's program.",
                            .files = {},
                            .commands = {install_command(facts.system, kClient)},
                            .undo = {},
                            .takes = Takes::effect_at_once,
                            .if_it_fails = ""});
  }
  option.steps.push_back(
      {.title = "Make the shared memory, and give it to the guest",
       .reason = "32M for 1920x1080, 64M for 2560x1440, 128M for 3840x2160.",
       .files = {{.path = "/etc/tmpfiles.d/hesper-looking-glass.conf",
                  .contents = "f /dev/shm/looking-glass 0660 root kvm -\n",
                  .mode = 0644}},
       .commands = {"sudo systemd-tmpfiles --create /etc/tmpfiles.d/hesper-looking-glass.conf",
                    qemu_name(facts) +
                        " ... -object memory-backend-file,id=ivshmem,share=on,mem-path=/dev/shm/looking-glass,size=32M "
                        "-device ivshmem-plain,memdev=ivshmem,bus=pcie.0"},
       .undo = {"sudo rm -f /etc/tmpfiles.d/hesper-looking-glass.conf /dev/shm/looking-glass"},
       .takes = Takes::effect_at_once,
       .if_it_fails = "\"Failed to find the IVSHMEM device\" in the guest: install the IVSHMEM driver there."});
  option.steps.push_back(
      {.title = "Look",
       .reason = "In the guest, install Looking Glass's host program; a monitor or a dummy plug must be at "
                 "the GPU.",
       .files = {},
       .commands = {"looking-glass-client -f /dev/shm/looking-glass"},
       .undo = {},
       .takes = Takes::effect_at_once,
       .if_it_fails = ""});
  option.gains = {"The guest's GPU draws at full speed, and a window on the host shows it, without a second monitor."};
  option.losses = whole.losses;
  option.losses.emplace_back(
      "Hesper has no feed that Looking Glass's client opens yet: this is the guest's own program.");
  option.effects = {{.sentence = "Frames are copied through shared memory, at low latency; no figures of ours.",
                     .source = std::string(kHostProgram)}};
  option.if_it_goes_wrong = whole.if_it_goes_wrong;
}

void macos_relay(Option& option) {
  option.viability = Viability::after_steps;
  option.preference = 80;  // it goes with whatever draws
  option.because =
      "Looking Glass has no program for macOS guests; macOS's own Screen Sharing is a relay over the network.";
  option.rests_on = {{.sentence = "No support, nor plans for it, for macOS.", .source = std::string(kHostProgram)}};
  option.steps = {{.title = "Switch Screen Sharing on in the guest, and look from the host",
                   .reason = "System Settings, General, Sharing. QEMU's user network leads the port to the guest.",
                   .files = {},
                   .commands = {"qemu-system-x86_64 ... -netdev user,id=net,hostfwd=tcp:127.0.0.1:5900-:5900",
                                "vncviewer 127.0.0.1:5900"},
                   .undo = {},
                   .takes = Takes::effect_at_once,
                   .if_it_fails = ""}};
  option.gains = {"Keyboard, pointer and clipboard work well; pictures arrive compressed, also over a network."};
  option.losses = {"It does not draw: windows, animations, video and Metal are as slow as the guest draws them."};
  option.effects = {{.sentence = "What it speeds up is the way of finished pictures to you, and nothing before that.",
                     .source = "docs/plan.md"}};
  option.if_it_goes_wrong = {"The host is not changed: end the guest."};
}

}  // namespace

Option relay_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "relay",
                .title = "A frame relay (Looking Glass and its kind)",
                .summary = "The guest draws, and its finished pictures are carried to a window on the host."};
  option.preference = 60;
  switch (question.guest) {
    case GuestSystem::windows: windows_relay(facts, question, option); break;
    case GuestSystem::macos: macos_relay(option); break;
    case GuestSystem::linux:
      option.because =
          "Looking Glass's program for Linux guests is not ready for use by its authors' word; Hesper's own screens "
          "reach "
          "windows, browsers and VNC without one.";
      option.rests_on = {{.sentence = "Incomplete, and without support.", .source = std::string(kHostProgram)}};
      break;
    case GuestSystem::other: option.because = "There is no program for such guests."; break;
  }
  return option;
}

}  // namespace hesper::advice
