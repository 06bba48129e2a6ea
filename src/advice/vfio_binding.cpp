// Binding, by Linux's Documentation/driver-api/vfio.rst, driverctl(8) and modprobe.d(5).
#include "advice/vfio_binding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "advice/kernel_line.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kVfio = "vfio-pci";

// For file names: "0000-01-00-0".
std::string dashed(std::string address) {
  std::ranges::replace(address, ':', '-');
  std::ranges::replace(address, '.', '-');
  return address;
}

bool bound_to_vfio(const host::PciFunction& function) { return function.driver == kVfio; }

// All functions of the host that Linux has listed for us.
std::vector<const host::PciFunction*> all_functions(const host::Facts& facts) {
  std::vector<const host::PciFunction*> all;
  for (const host::IommuGroup& group : facts.iommu.groups)
    for (const host::PciFunction& function : group.functions) all.push_back(&function);
  for (const host::Gpu& gpu : facts.gpus) {
    if (gpu.pci) all.push_back(&*gpu.pci);
    for (const host::PciFunction& function : gpu.siblings) all.push_back(&function);
  }
  return all;
}

// vfio-pci's ids= takes every device of that id.
bool ids_are_unique(const host::Facts& facts, const std::vector<host::PciFunction>& functions) {
  const auto goes = [&](const host::PciFunction& one) {
    return std::ranges::any_of(functions, [&](const auto& each) { return each.address == one.address; });
  };
  const auto same_id = [&](const host::PciFunction& one) {
    return std::ranges::any_of(
        functions, [&](const auto& each) { return each.vendor == one.vendor && each.device == one.device; });
  };
  return std::ranges::none_of(all_functions(facts),
                              [&](const host::PciFunction* one) { return !goes(*one) && same_id(*one); });
}

std::vector<Action> by_driverctl(const std::vector<host::PciFunction>& functions) {
  std::vector<Action> actions;
  for (const host::PciFunction& function : functions) {
    RunCommand run{.command = {"driverctl", "--noprobe", "set-override", function.address, std::string(kVfio)},
                   .undo = {"driverctl", "--noprobe", "unset-override", function.address}};
    actions.emplace_back(std::move(run));
  }
  return actions;
}

// The drivers that must find their device taken: who drives a function now, and the modules that could.
std::set<std::string> other_drivers(const host::Facts& facts, const std::vector<host::PciFunction>& functions) {
  std::set<std::string> names;
  const auto add = [&](const std::string& name) {
    if (is_module_name(name) && name != kVfio) names.insert(name);
  };
  for (const host::PciFunction& function : functions) add(function.driver.value_or(""));
  for (const host::Gpu& gpu : facts.gpus)
    if (gpu.pci && gpu.pci->address == functions.front().address)
      for (const std::string& module : gpu.modules) add(module);
  return names;
}

Result<std::vector<Action>> by_modprobe(const host::Facts& facts, const std::vector<host::PciFunction>& functions) {
  const std::string name = "hesper-vfio-" + dashed(functions.front().address);
  const auto initramfs = initramfs_with(facts.system, name, kVfio);
  if (!initramfs)
    return fail("What makes this host's initramfs is not known, so vfio-pci may come too late at boot: " +
                install_command(facts.system, std::vector{Package::driverctl}));
  std::vector<std::string> ids;
  for (const host::PciFunction& function : functions)
    ids.push_back(fmt::format("{:04x}:{:04x}", function.vendor, function.device));
  std::string text = fmt::format("# Written by hesper passthrough enable {}; undone by hesper passthrough disable.\n",
                                 functions.front().address);
  text += fmt::format("options vfio-pci ids={}\n", fmt::join(ids, ","));
  for (const std::string& driver : other_drivers(facts, functions))
    text += fmt::format("softdep {} pre: vfio-pci\n", driver);
  std::vector<Action> actions;
  // Its undo comes last, when the files are as they were.
  actions.emplace_back(RunCommand{.command = {}, .undo = initramfs->rebuild});
  actions.emplace_back(
      WriteFile{{.path = fmt::format("/etc/modprobe.d/{}.conf", name), .contents = std::move(text), .mode = 0644}});
  actions.emplace_back(WriteFile{initramfs->file});
  actions.emplace_back(RunCommand{.command = initramfs->rebuild, .undo = {}});
  return actions;
}

std::vector<Action> by_driver_override(const std::vector<host::PciFunction>& functions) {
  std::vector<Action> actions;
  // Stays loaded: without a device it does nothing.
  actions.emplace_back(RunCommand{.command = {"modprobe", std::string(kVfio)}, .undo = {}});
  for (const host::PciFunction& function : functions) {
    if (bound_to_vfio(function)) continue;
    const std::filesystem::path device = "/sys/bus/pci/devices/" + function.address;
    const std::filesystem::path probe = "/sys/bus/pci/drivers_probe";
    // Undone from below: vfio-pci lets go, the override goes, the earlier driver is looked for.
    if (function.driver)
      actions.emplace_back(TellKernel{.file = {}, .text = {}, .undo_file = probe, .undo_text = function.address});
    actions.emplace_back(
        TellKernel{.file = device / "driver_override",
                   .text = std::string(kVfio),
                   .undo_file = device / "driver_override",
                   .undo_text = is_module_name(function.driver_override) ? function.driver_override : std::string()});
    if (function.driver)
      actions.emplace_back(
          TellKernel{.file = device / "driver/unbind", .text = function.address, .undo_file = {}, .undo_text = {}});
    actions.emplace_back(TellKernel{
        .file = probe, .text = function.address, .undo_file = device / "driver/unbind", .undo_text = function.address});
  }
  return actions;
}

}  // namespace

bool is_module_name(std::string_view name) noexcept {
  return !name.empty() && name.size() < 64 &&
         std::ranges::all_of(
             name,
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-';
             });
}

Result<std::vector<Action>> bind_to_vfio(const host::Facts& facts, const std::vector<host::PciFunction>& functions,
                                         Binding binding) {
  if (functions.empty()) return fail("There is no PCI function to bind.");
  if (binding == Binding::now) return by_driver_override(functions);
  if (facts.passthrough.driverctl.is(true)) return by_driverctl(functions);
  if (!ids_are_unique(facts, functions))
    return fail(
        "Another device of this host has the same PCI id, so vfio-pci must be told by address, which driverctl "
        "does: " +
        install_command(facts.system, std::vector{Package::driverctl}));
  return by_modprobe(facts, functions);
}

}  // namespace hesper::advice
