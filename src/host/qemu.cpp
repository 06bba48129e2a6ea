// qemu-system-ARCHITECTURE and what it prints.
#include "host/qemu.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/fact.h"
#include "host/text.h"
#include "vm/firmware.h"
#include "vm/qemu_errors.h"

namespace hesper::host {
namespace {

constexpr std::string_view kNewDevice = "vhost-user-test-device-pci";
constexpr std::string_view kOldDevice = "vhost-user-device-pci";  // before QEMU 11.1

Fact<std::string> version_of(const System& system, const std::string& program) {
  const std::vector<std::string> command = {program, "--version"};
  const auto text = output_of(system, command);
  if (!text) return unknown<std::string>(text.error().message, line_of(command));
  const std::string_view version = qemu_version(*text);
  if (version.empty()) return unknown<std::string>("It does not print a version of QEMU's.", line_of(command));
  return known(std::string(version), line_of(command));
}

void take_devices(const System& system, const std::string& program, Qemu& qemu) {
  const std::vector<std::string> command = {program, "-device", "help"};
  const std::string source = line_of(command);
  const auto help = output_of(system, command, std::chrono::seconds(10));
  const auto has = [&](std::string_view name) {
    return help ? known(lists_device(*help, name), source) : unknown<bool>(help.error().message, source);
  };
  qemu.vhost_user_device = has(kNewDevice);
  if (qemu.vhost_user_device.is(false)) qemu.vhost_user_device = has(kOldDevice);
  qemu.vhost_user_input = has("vhost-user-input-pci");
  qemu.vfio = has("vfio-pci");
  qemu.ivshmem = has("ivshmem-plain");
  // Only from then on does the device pass the window on; nothing that it prints tells.
  if (!qemu.vhost_user_device.is(true))
    qemu.shared_memory_window = qemu.vhost_user_device;
  else if (qemu.version.known())
    qemu.shared_memory_window =
        known(is_at_least(*qemu.version.value, vm::kLeastQemuMajor, vm::kLeastQemuMinor), qemu.version.source);
  else
    qemu.shared_memory_window = unknown<bool>(qemu.version.why, qemu.version.source);

  constexpr const char* kGl = "virtio-gpu-gl-pci";
  if (!help || !lists_device(*help, kGl)) {
    qemu.venus = qemu.native_context = has(kGl);
    return;
  }
  const std::vector<std::string> ask = {program, "-device", fmt::format("{},help", kGl)};
  const auto properties = output_of(system, ask, std::chrono::seconds(10));
  const auto property = [&](std::string_view name) {
    if (!properties) return unknown<bool>(properties.error().message, line_of(ask));
    for (const std::string_view line : lines_of(*properties))
      if (trimmed(line).starts_with(name) && trimmed(line).substr(name.size()).starts_with("=<"))
        return known(true, line_of(ask));
    return known(false, line_of(ask));
  };
  qemu.venus = property("venus");
  qemu.native_context = property("drm_native_context");
}

Fact<std::vector<std::string>> accelerators_of(const System& system, const std::string& program) {
  const std::vector<std::string> command = {program, "-accel", "help"};
  const auto text = output_of(system, command);
  if (!text) return unknown<std::vector<std::string>>(text.error().message, line_of(command));
  std::vector<std::string> names;
  for (const std::string_view line : lines_of(*text))  // "Accelerators supported in QEMU binary:" first
    if (!line.ends_with(':') && words_of(line).size() == 1 && names.size() < 32)
      names.push_back(shown(trimmed(line), 64));
  return known(std::move(names), line_of(command));
}

Fact<std::filesystem::path> firmware_of(const System& system, const Qemu& qemu) {
  const auto roots = vm::firmware_roots(qemu.program);
  const auto found =
      vm::find_efi(qemu.architecture, roots, [&](const std::filesystem::path& file) { return is_there(system, file); });
  std::string looked_at;
  for (const auto& root : roots) looked_at += (looked_at.empty() ? "" : ", ") + root.native();
  if (found) return known(found->code, found->code);
  return unknown<std::filesystem::path>(
      fmt::format("No EDK2 firmware for {} is there.", vm::name_of(qemu.architecture)), looked_at);
}

}  // namespace

std::string_view qemu_version(std::string_view text) noexcept {
  constexpr std::string_view kBefore = "version ";
  const std::size_t at = text.substr(0, text.find('\n')).find(kBefore);
  if (!text.starts_with("QEMU") || at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + kBefore.size());
  return rest.substr(0, std::min(rest.find_first_not_of("0123456789."), std::size_t{32}));
}

bool lists_device(std::string_view help, std::string_view name) noexcept {
  for (std::size_t at = help.find(name); at != std::string_view::npos; at = help.find(name, at + 1))
    if (at > 0 && help[at - 1] == '"' && help.substr(at + name.size()).starts_with('"')) return true;
  return false;
}

bool is_at_least(std::string_view version, unsigned major, unsigned minor) noexcept {
  const auto [first, rest] = split_at(version, '.');
  const unsigned own_major = small_number_in(first).value_or(0);
  const unsigned own_minor = small_number_in(split_at(rest, '.').first).value_or(0);
  return own_major > major || (own_major == major && own_minor >= minor);
}

std::vector<Qemu> look_at_qemus(const System& system, const OperatingSystem& os, Fact<bool>& searched) {
  std::vector<vm::Architecture> order = {vm::Architecture::x86_64, vm::Architecture::aarch64};
  if (os.architecture.is("aarch64")) std::ranges::reverse(order);
  std::vector<Qemu> qemus;
  for (const vm::Architecture architecture : order) {
    const std::string name = fmt::format("qemu-system-{}", vm::name_of(architecture));
    const auto program = system.find_program(name);
    if (!program) continue;
    Qemu qemu{.program = *program, .architecture = architecture};
    qemu.version = version_of(system, name);
    take_devices(system, name, qemu);
    qemu.accelerators = accelerators_of(system, name);
    qemu.firmware = firmware_of(system, qemu);
    qemus.push_back(std::move(qemu));
  }
  searched = known(!qemus.empty(), "qemu-system-x86_64 and qemu-system-aarch64 in PATH");
  if (qemus.empty()) searched.why = "Neither qemu-system-x86_64 nor qemu-system-aarch64 is in PATH.";
  return qemus;
}

}  // namespace hesper::host
