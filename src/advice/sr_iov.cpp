// Option "sr-iov": the GPU makes virtual functions of itself, each a PCI device that is given to a guest.
#include <fmt/format.h>

#include <algorithm>

#include "advice/gpu_family.h"
#include "advice/host_screen.h"
#include "advice/option_kinds.h"
#include "advice/passthrough.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kBackport = "https://github.com/strongtz/i915-sriov-dkms";

// Who makes virtual functions of it, beside the hardware.
enum class Maker : unsigned char { none, linux, backport, vendor };

Maker maker_of(const host::Facts& facts, const host::Gpu& gpu) {
  if (!gpu.pci) return Maker::none;
  const bool hardware = gpu.pci->virtual_functions.value_or(0) > 0;
  switch (gpu_family_of(*gpu.pci)) {
    case GpuFamily::battlemage:
    case GpuFamily::panther_lake:
      if (gpu.driver.is("xe") && is_at_least(facts.system.kernel.value_or(""), 6, 17) && hardware) return Maker::linux;
      return hardware ? Maker::vendor : Maker::none;
    // Linux's own i915 makes none; its xe does from 6.18 on, where it drives these instead.
    case GpuFamily::tiger_lake:
    case GpuFamily::alder_lake:
      if (gpu.driver.is("xe") && is_at_least(facts.system.kernel.value_or(""), 6, 18) && hardware) return Maker::linux;
      return Maker::backport;
    case GpuFamily::meteor_lake: return hardware ? Maker::backport : Maker::none;
    default: return hardware ? Maker::vendor : Maker::none;
  }
}

// The address of the first function that is made: the same slot, function 1, as Intel's are.
std::string first_virtual_function(const host::PciFunction& pci) {
  return pci.address.substr(0, pci.address.size() - 1) + "1";
}

Step step_that_makes(const host::PciFunction& pci) {
  const std::string file = fmt::format("/sys/bus/pci/devices/{}/sriov_numvfs", pci.address);
  return {.title = "Make a virtual function",
          .reason = "Until the next boot.",
          .files = {},
          .commands = {fmt::format("echo 0 | sudo tee /sys/bus/pci/devices/{}/sriov_drivers_autoprobe >/dev/null",
                                   pci.address),
                       fmt::format("echo 1 | sudo tee {} >/dev/null", file)},
          .undo = {fmt::format("echo 0 | sudo tee {} >/dev/null", file),
                   fmt::format("echo 1 | sudo tee /sys/bus/pci/devices/{}/sriov_drivers_autoprobe >/dev/null",
                               pci.address)},
          .takes = Takes::effect_at_once,
          .if_it_fails = "\"Function not implemented\" or no such file: the host's driver makes none; dmesg says why."};
}

Step step_that_binds(const std::string& address) {
  const std::string device = "/sys/bus/pci/devices/" + address;
  return {.title = fmt::format("Bind {} to vfio-pci", address),
          .reason = "lspci shows which address the function really has.",
          .files = {},
          .commands = {"sudo modprobe vfio-pci",
                       fmt::format("echo vfio-pci | sudo tee {}/driver_override >/dev/null", device),
                       fmt::format("echo {} | sudo tee /sys/bus/pci/drivers_probe >/dev/null", address)},
          .undo = {fmt::format("echo {} | sudo tee {}/driver/unbind >/dev/null", address, device),
                   fmt::format("echo | sudo tee {}/driver_override >/dev/null", device)},
          .takes = Takes::effect_at_once,
          .if_it_fails = ""};
}

void for_intel_backport(Option& option) {
  option.steps.push_back({.title = "Install a kernel driver that makes virtual functions",
                          .reason =
                              "Intel's support for these GPUs is outside of Linux; this port of it calls itself "
                              "highly experimental. Its page says which kernels it builds for, and the kernel words "
                              "that it wants. It is needed in the guest too.",
                          .files = {},
                          .commands = {fmt::format("git clone {}", kBackport), "sudo dkms install ./i915-sriov-dkms"},
                          .undo = {"sudo dkms remove i915-sriov-dkms --all"},
                          .takes = Takes::reboot,
                          .if_it_fails = "Boot the earlier kernel from the boot loader's menu, and undo this."});
  option.rests_on.push_back({.sentence = "The port exists, for host and guest, and is experimental by its own word.",
                             .source = std::string(kBackport)});
}

}  // namespace

Option sr_iov_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "sr-iov",
                .title = "A virtual function of the GPU (SR-IOV)",
                .summary = "A share of the GPU as a PCI device of its own, with the maker's drivers in the guest."};
  option.preference = question.guest == GuestSystem::windows ? 30 : 40;
  if (question.guest == GuestSystem::macos) {
    option.because = "macOS has no drivers for virtual functions.";
    return option;
  }
  const host::Gpu* gpu = nullptr;
  Maker maker = Maker::none;
  for (const host::Gpu* each : real_gpus(facts, question)) {
    const Maker its = maker_of(facts, *each);
    if (its == Maker::none || (maker != Maker::none && its >= maker)) continue;
    gpu = each;
    maker = its;
  }
  if (gpu == nullptr) {
    option.because = "No GPU of this host can make virtual functions of itself.";
    return option;
  }
  const host::PciFunction& pci = *gpu->pci;
  option.gpu = pci.address;
  option.accelerates = true;
  option.viability = Viability::after_steps;
  option.rests_on = {
      {.sentence = fmt::format("{} could make {} virtual functions, has made {}, and is driven by {}.", described(*gpu),
                               pci.virtual_functions.value_or(0), pci.virtual_functions_made.value_or(0),
                               gpu->driver.value_or("an unknown driver")),
       .source = fmt::format("/sys/bus/pci/devices/{}/sriov_totalvfs", pci.address)}};
  const std::vector<Step> iommu = steps_to_iommu(facts);
  option.steps.insert(option.steps.end(), iommu.begin(), iommu.end());
  switch (maker) {
    case Maker::linux:
      option.because = "Linux's own driver makes virtual functions of it.";
      option.rests_on.push_back({.sentence =
                                     "The xe driver does from Linux 6.17 on for Battlemage and Panther Lake, from 6.18 "
                                     "on for Tiger Lake and Alder Lake.",
                                 .source = "https://docs.kernel.org/gpu/xe/index.html"});
      option.preference = question.guest == GuestSystem::windows ? 15 : 20;
      break;
    case Maker::backport:
      option.because =
          "The hardware can, Linux's own driver for it does not: an experimental module outside of Linux does.";
      for_intel_backport(option);
      break;
    default:
      option.because = "The hardware can; its maker's own host driver, mostly with a licence, makes the functions.";
      option.steps.push_back(
          {.title = "Install the maker's host driver",
           .reason = "NVIDIA: vGPU software, with a licence; AMD: the GIM driver for Instinct and Radeon Pro V.",
           .files = {},
           .commands = {},
           .undo = {},
           .takes = Takes::reboot,
           .if_it_fails = ""});
      option.rests_on.push_back(
          {.sentence = "vGPU is licensed software of its own.", .source = "https://docs.nvidia.com/vgpu/index.html"});
      option.preference += 20;
  }
  const bool made = pci.virtual_functions_made.value_or(0) > 0;
  if (!made) option.steps.push_back(step_that_makes(pci));
  const std::string function = first_virtual_function(pci);
  option.steps.push_back(step_that_binds(function));
  HostDevice device;
  device.functions.push_back(pci);
  device.functions.front().address = function;
  device.functions.front().bars.clear();
  option.steps.push_back({.title = "Give it to the guest",
                          .reason = "To a QEMU of your own, among its other arguments.",
                          .files = {},
                          .commands = {qemu_name(facts) + " ..." + further(qemu_arguments(device))},
                          .undo = {},
                          .takes = Takes::effect_at_once,
                          .if_it_fails = ""});
  option.gains = {"The host keeps its GPU and its screen; several guests share the GPU, by hardware.",
                  "The maker's own drivers in the guest."};
  option.losses = {
      "The function has no monitor: its pictures reach you by a program in the guest (remote desktop, Looking "
      "Glass).",
      "Memory and time of the GPU are divided up front; no live migration."};
  option.effects = {{.sentence = "No figures of ours: we have not run it.", .source = "docs/measured.md"}};
  option.if_it_goes_wrong = ways_back(facts, pci.address);
  return option;
}

}  // namespace hesper::advice
