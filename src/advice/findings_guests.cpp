// Judges of what is around a guest: how its screens are seen, and what else it may have.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "advice/access.h"
#include "advice/finding_list.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

using host::Facts;

Step install_step(const Facts& facts, std::string title, Package package) {
  return {.title = std::move(title),
          .reason = {},
          .files = {},
          .commands = {install_command(facts.system, std::array{package})},
          .undo = {},
          .takes = Takes::effect_at_once,
          .if_it_fails = {}};
}

void judge_encoders(const Facts& facts, FindingList& list) {
  const auto& encoders = facts.services.encoders;
  if (!encoders.known()) {
    list.unknown(Area::screens, "video.unknown", "Which video encoders work", encoders);
    return;
  }
  std::string hardware;
  std::string software;
  for (const host::VideoEncoder& each : *encoders.value) {
    if (!each.works) continue;
    std::string& names = each.hardware ? hardware : software;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
  }
  if (hardware.empty() && software.empty()) {
    Finding& finding =
        list.better(Area::screens, "video.none", "No video encoder of FFmpeg can be opened.",
                    "The browser gets still pictures instead of video, and hesper record does not work.");
    FindingList::rest_on(finding, encoders);
    finding.steps.push_back(install_step(facts, "Install FFmpeg with its encoders", Package::ffmpeg));
    return;
  }
  Finding& finding = list.ok(Area::screens, "video.encoders",
                             hardware.empty() ? fmt::format("Video is encoded by the processor ({})", software)
                                              : fmt::format("Video is encoded by the GPU ({})", hardware));
  FindingList::rest_on(finding, encoders);
}

}  // namespace

void judge_screens(const Facts& facts, FindingList& list) {
  const auto& display = facts.services.display;
  if (!display.known())
    list.unknown(Area::screens, "display.unknown", "Whether there is a display server", display);
  else
    FindingList::rest_on(
        list.ok(Area::screens, "display.server",
                display.value->empty() ? std::string("No display server here: guests are seen in a browser or by VNC")
                                       : fmt::format("Guests can have windows here ({})", *display.value)),
        display);
  judge_encoders(facts, list);
}

void judge_guests(const Facts& facts, FindingList& list) {
  const host::Services& services = facts.services;
  std::string there;
  const auto have = [&](std::string_view what) { there += fmt::format("{}{}", there.empty() ? "" : ", ", what); };
  if (services.virtiofsd.is(true)) have("shared folders");
  if (services.passt.is(true)) have("passt");
  if (services.vsock_may_open.is(true)) have("vsock");
  if (!there.empty())
    FindingList::rest_on(list.ok(Area::guests, "guests.have", fmt::format("Guests may have: {}", there)),
                         services.virtiofsd, services.passt, services.vsock_may_open);
  if (services.libvirt.known() && !services.libvirt.value->empty()) {
    Finding& finding = list.ok(
        Area::guests, "libvirt.found",
        fmt::format("libvirt {}{}", *services.libvirt.value, services.libvirt_runs.is(true) ? ", which runs" : ""));
    finding.minor = true;
    FindingList::rest_on(finding, services.libvirt, services.libvirt_runs);
  }
  if (!is_linux(facts)) return;
  if (services.virtiofsd.is(false)) {
    Finding& finding = list.better(Area::guests, "guests.no_virtiofsd", "There is no virtiofsd.",
                                   "hesper run --share does not work; all else does.");
    FindingList::rest_on(finding, services.virtiofsd);
    finding.steps.push_back(install_step(facts, "Install virtiofsd", Package::virtiofsd));
  }
  if (services.passt.is(false)) {
    Finding& finding = list.better(Area::guests, "guests.no_passt", "There is no passt.",
                                   "hesper run --net passt does not work; QEMU's own network, the default, does.");
    FindingList::rest_on(finding, services.passt);
    finding.steps.push_back(install_step(facts, "Install passt", Package::passt));
  }
  if (services.vsock.is(false)) {
    Finding& finding = list.better(Area::guests, "guests.no_vsock", "There is no /dev/vhost-vsock.",
                                   "hesper run --vsock does not work; all else does.");
    FindingList::rest_on(finding, services.vsock);
    if (facts.system.surroundings.is(host::Surroundings::container)) {
      if (auto step = access_step(facts, {.path = "/dev/vhost-vsock", .group = {}, .usual_group = "kvm", .rule = {}}))
        finding.steps.push_back(std::move(*step));
    } else if (!facts.system.surroundings.is(host::Surroundings::wsl)) {
      finding.steps.push_back(
          {.title = "Load the vsock module",
           .reason = {},
           .files = {{.path = "/etc/modules-load.d/hesper-vsock.conf", .contents = "vhost_vsock\n"}},
           .commands = {"sudo modprobe vhost_vsock"},
           .undo = {"sudo rm /etc/modules-load.d/hesper-vsock.conf", "sudo modprobe -r vhost_vsock"},
           .takes = Takes::effect_at_once,
           .if_it_fails = "A kernel without that module cannot have it."});
    }
  } else if (services.vsock.is(true) && services.vsock_may_open.is(false)) {
    Finding& finding = list.better(Area::guests, "guests.vsock_permission", "You may not use /dev/vhost-vsock.",
                                   "hesper run --vsock does not work; all else does.");
    FindingList::rest_on(finding, services.vsock_may_open);
    // Distributions give it to the group kvm, as they do /dev/kvm.
    if (auto step = access_step(facts, {.path = "/dev/vhost-vsock",
                                        .group = facts.accelerators.kvm_group.value_or("kvm"),
                                        .usual_group = "kvm",
                                        .rule = "KERNEL==\"vhost-vsock\""}))
      finding.steps.push_back(std::move(*step));
  }
}

}  // namespace hesper::advice
