// Judge of QEMU: is there one, new enough, with what hesper run asks of it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "advice/finding_list.h"
#include "advice/packages.h"
#include "vm/qemu_errors.h"

namespace hesper::advice {
namespace {

using host::Facts;

constexpr const char* kNoGuests = "hesper run starts no guest. hesper exec and hesper vtest do without QEMU.";

std::optional<std::pair<int, int>> version_of(const std::string& text) {
  std::pair<int, int> version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  if (std::from_chars(major.ptr + 1, end, version.second).ec != std::errc()) return std::nullopt;
  return version;
}

bool is_arm(const Facts& facts) { return facts.system.architecture.is("aarch64"); }

Step install_step(const Facts& facts, std::string title, std::span<const Package> packages) {
  return {.title = std::move(title),
          .reason = {},
          .files = {},
          .commands = {install_command(facts.system, packages)},
          .undo = {},
          .takes = Takes::effect_at_once,
          .if_it_fails = {}};
}

Step qemu_step(const Facts& facts) {
  Step step = install_step(facts, fmt::format("Install QEMU {}.{} or newer", vm::kLeastQemuMajor, vm::kLeastQemuMinor),
                           std::array{is_arm(facts) ? Package::qemu_arm : Package::qemu_x86,
                                      is_arm(facts) ? Package::aavmf : Package::ovmf});
  step.if_it_fails = fmt::format(
      "If qemu-system-{} --version is older then, this distribution has none that is new enough: build QEMU from its "
      "sources, and choose it with hesper run --qemu.",
      is_arm(facts) ? "aarch64" : "x86_64");
  return step;
}

// Whether the version is told, and right. Says so if not.
bool judge_version(const Facts& facts, const host::Qemu& qemu, FindingList& list) {
  const auto version = qemu.version.value ? version_of(*qemu.version.value) : std::nullopt;
  if (!version) {
    Finding& finding = list.unknown(Area::qemu, "qemu.unknown",
                                    fmt::format("The version of '{}'", qemu.program.native()), qemu.version);
    finding.open = true;
    return qemu.shared_memory_window.is(true);
  }
  if (*version >= std::pair(vm::kLeastQemuMajor, vm::kLeastQemuMinor)) return true;
  Finding& finding = list.blocks(
      Area::qemu, "qemu.too_old",
      fmt::format(
          "'{}' is QEMU {}; Hesper needs {}.{} or newer, which passes its window of shared memory to the guest.",
          qemu.program.native(), *qemu.version.value, vm::kLeastQemuMajor, vm::kLeastQemuMinor),
      kNoGuests, fmt::format("QEMU {} is too old", *qemu.version.value));
  finding.steps.push_back(qemu_step(facts));
  FindingList::rest_on(finding, qemu.version);
  return false;
}

void judge_devices(const Facts& facts, const host::Qemu& qemu, FindingList& list) {
  if (qemu.vhost_user_device.is(false) || qemu.shared_memory_window.is(false)) {
    const bool device = qemu.vhost_user_device.is(false);
    Finding& finding =
        list.blocks(Area::qemu, device ? "qemu.no_device" : "qemu.no_window",
                    device ? fmt::format("'{}' is built without vhost-user-test-device-pci.", qemu.program.native())
                           : fmt::format("'{}' passes no window of shared memory to the guest.", qemu.program.native()),
                    kNoGuests, "this QEMU is built without what Hesper needs");
    finding.note = "Another QEMU is chosen with hesper run --qemu.";
    finding.steps.push_back(qemu_step(facts));
    FindingList::rest_on(finding, qemu.vhost_user_device, qemu.shared_memory_window);
    return;
  }
  if (!qemu.vhost_user_device.known())
    list.unknown(Area::qemu, "qemu.device_unknown", "Whether QEMU has the device that Hesper needs",
                 qemu.vhost_user_device)
        .open = true;
  if (qemu.vhost_user_input.is(false))
    FindingList::rest_on(list.better(Area::qemu, "qemu.no_input",
                                     fmt::format("'{}' has no vhost-user-input-pci.", qemu.program.native()),
                                     "hesper run needs --input qemu: keyboard and tablet are QEMU's own then, without "
                                     "mouse and touch screen."),
                         qemu.vhost_user_input);
}

void judge_firmware(const Facts& facts, const host::Qemu& qemu, FindingList& list) {
  if (qemu.firmware.known()) return;
  const bool arm = is_arm(facts);
  Finding& finding = list.better(Area::qemu, "qemu.no_firmware",
                                 fmt::format("No EFI firmware for guests ({}) was found.", arm ? "AAVMF" : "OVMF"),
                                 arm ? "Only guests with --kernel start, no disks that boot by themselves."
                                     : "Guests start with BIOS; disks that need EFI do not boot.");
  FindingList::rest_on(finding, qemu.firmware);
  finding.steps.push_back(
      install_step(facts, "Install EFI firmware for guests", std::array{arm ? Package::aavmf : Package::ovmf}));
}

}  // namespace

void judge_qemu(const Facts& facts, FindingList& list) {
  const host::Qemu* qemu = own_qemu(facts);
  if (qemu == nullptr) {
    const std::string program = is_arm(facts) ? "qemu-system-aarch64" : "qemu-system-x86_64";
    Finding& finding =
        list.blocks(Area::qemu, "qemu.missing", fmt::format("There is no {}.", program), kNoGuests, "QEMU is missing");
    FindingList::rest_on(finding, facts.qemu_searched);
    finding.note = facts.qemu_searched.why;
    finding.steps.push_back(qemu_step(facts));
    return;
  }
  if (judge_version(facts, *qemu, list)) {
    judge_devices(facts, *qemu, list);
    judge_firmware(facts, *qemu, list);
    const bool complete = qemu->vhost_user_device.is(true) && qemu->shared_memory_window.is(true);
    FindingList::rest_on(list.ok(Area::qemu, "qemu.version",
                                 fmt::format("QEMU {}{}{}", qemu->version.value_or("of unknown version"),
                                             complete ? ", with the device that Hesper needs" : "",
                                             qemu->firmware.known() ? ", with EFI firmware" : "")),
                         qemu->version, qemu->vhost_user_device, qemu->firmware);
  }
  if (facts.qemus.size() > 1) {
    std::string others;
    for (const host::Qemu& other : facts.qemus)
      if (&other != qemu) others += fmt::format("{}{}", others.empty() ? "" : ", ", vm::name_of(other.architecture));
    list.ok(Area::qemu, "qemu.others", fmt::format("There is QEMU for guests of {}, too, emulated", others)).minor =
        true;
  }
}

}  // namespace hesper::advice
