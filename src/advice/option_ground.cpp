// What several options ask of the facts.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "advice/access.h"
#include "advice/finding_list.h"
#include "advice/host_screen.h"
#include "advice/option_kinds.h"
#include "advice/packages.h"
#include "vm/command_lines.h"

namespace hesper::advice {
namespace {

// Red Hat (virtio, QXL), VMware, Bochs, Microsoft, Cirrus, InnoTek; ASPEED, Matrox and Huawei on servers.
constexpr std::array<std::uint16_t, 10> kNotReal = {0x1af4, 0x1b36, 0x15ad, 0x1234, 0x1414,
                                                    0x1013, 0x80ee, 0x1a03, 0x102b, 0x19e5};

}  // namespace

std::vector<const host::Gpu*> real_gpus(const host::Facts& facts, const Question& question) {
  std::vector<const host::Gpu*> gpus;
  for (const host::Gpu& gpu : facts.gpus) {
    if (question.gpu && find_gpu(facts, *question.gpu) != &gpu) continue;
    if (gpu.pci && std::ranges::contains(kNotReal, gpu.pci->vendor)) continue;
    if (!gpu.pci && gpu.vendor == "virtio") continue;
    gpus.push_back(&gpu);
  }
  return gpus;
}

std::string qemu_name(const host::Facts& facts) {
  return facts.system.architecture.is("aarch64") ? "qemu-system-aarch64" : "qemu-system-x86_64";
}

Step step_to_qemu(const host::Facts& facts, std::string reason) {
  const bool arm = facts.system.architecture.is("aarch64");
  const std::array packages =
      arm ? std::array{Package::qemu_arm, Package::aavmf} : std::array{Package::qemu_x86, Package::ovmf};
  return {.title = "Install QEMU 11.1 or newer",
          .reason = std::move(reason),
          .files = {},
          .commands = {install_command(facts.system, packages)},
          .undo = {},
          .takes = Takes::effect_at_once,
          .if_it_fails =
              "Where the distribution's QEMU is older, its backports or https://www.qemu.org/download/ have "
              "a newer one; hesper run --qemu PATH takes it from anywhere."};
}

bool runs_on_processor(const host::Facts& facts) {
  const host::Accelerators& accelerators = facts.accelerators;
  if (accelerators.kvm_works.known()) return *accelerators.kvm_works.value;
  if (accelerators.hvf_supported.is(true))
    return accelerators.hvf_verdict.empty() && !accelerators.hvf_entitled.is(false);
  return accelerators.kvm_opens.is(true);
}

std::vector<Step> steps_to_processor(const host::Facts& facts) {
  const host::Accelerators& accelerators = facts.accelerators;
  if (runs_on_processor(facts)) return {};
  if (accelerators.kvm_exists.is(true) && accelerators.kvm_opens.is(false))
    if (auto step = access_step(facts, {.path = "/dev/kvm",
                                        .group = accelerators.kvm_group.value_or(""),
                                        .usual_group = "kvm",
                                        .rule = "KERNEL==\"kvm\""}))
      return {std::move(*step)};
  return {};
}

Sourced processor_fact(const host::Facts& facts) {
  const host::Accelerators& accelerators = facts.accelerators;
  if (facts.system.kind == platform::System::macos)
    return {.sentence =
                runs_on_processor(facts) ? "Guests run on the processor, by HVF." : "HVF cannot be used as things are.",
            .source = accelerators.hvf_supported.source};
  if (runs_on_processor(facts))
    return {.sentence = "Guests run on the processor, by KVM.", .source = accelerators.kvm_works.source};
  if (!accelerators.kvm_verdict.empty())
    return {.sentence = accelerators.kvm_verdict, .source = accelerators.kvm_works.source};
  if (accelerators.kvm_exists.is(true))
    return {.sentence = "/dev/kvm is there, and this user may not open it.", .source = accelerators.kvm_opens.source};
  return {.sentence = "There is no KVM: QEMU translates the guest's instructions (TCG).",
          .source = accelerators.kvm_exists.source};
}

bool is_at_least(const std::string& version, unsigned major, unsigned minor) {
  unsigned have_major = 0;
  unsigned have_minor = 0;
  const char* const end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, have_major);
  if (first.ec != std::errc()) return false;
  if (first.ptr != end && *first.ptr == '.') (void)std::from_chars(first.ptr + 1, end, have_minor);
  return have_major > major || (have_major == major && have_minor >= minor);
}

std::string further(const std::vector<std::string>& arguments) { return " " + vm::quoted_for_shell(arguments); }

}  // namespace hesper::advice
