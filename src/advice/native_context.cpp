// Option "native-context": the guest's Mesa drives the host's kernel driver itself, through QEMU's virtio-gpu-gl and
// virglrenderer. Versions: https://www.qemu.org/docs/master/system/devices/virtio/virtio-gpu.html, as of 2026.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "advice/finding_list.h"
#include "advice/host_screen.h"
#include "advice/option_kinds.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kManual = "https://www.qemu.org/docs/master/system/devices/virtio/virtio-gpu.html";

struct Row {
  std::string_view driver;  // of the host's kernel
  unsigned major, minor;    // the kernel's first version; 0: only outside of Linux's own tree
  std::string_view virglrenderer;
  std::string_view guest_mesa;
};

constexpr std::array kTable = {
    Row{"amdgpu", 6, 13, "1.1.0", "25.0"},
    Row{"msm", 6, 4, "1.0.0", "23.1"},
    Row{"i915", 6, 13, "1.3.0", "26.1"},
    Row{"asahi", 0, 0, "1.2.0", "24.2"},
    Row{"panfrost", 6, 13, "1.3.0", "not in a release yet"},
};

}  // namespace

Option native_context_option(const host::Facts& facts, const Question& question) {
  Option option{
      .id = "native-context",
      .title = "DRM native context",
      .summary = "The guest's own Mesa driver for this GPU, its commands passed to the host's kernel driver."};
  option.preference = 10;
  if (question.guest != GuestSystem::linux) {
    option.because = "Only Linux guests have drivers for it.";
    return option;
  }
  if (facts.system.kind != platform::System::linux) {
    option.because = "It passes commands to a Linux kernel driver of the host; this host runs another system.";
    return option;
  }
  const host::Gpu* gpu = nullptr;
  const Row* row = nullptr;
  for (const host::Gpu* each : real_gpus(facts, question)) {
    const auto found = std::ranges::find(kTable, each->driver.value_or(""), &Row::driver);
    if (found == kTable.end()) continue;
    gpu = each;
    row = &*found;
    break;
  }
  if (row == nullptr) {
    option.because =
        "It exists for the kernel drivers amdgpu, msm, i915, asahi and panfrost; no GPU of this host is driven by one.";
    option.rests_on = {{.sentence = "The list of drivers.", .source = std::string(kManual)}};
    return option;
  }
  option.gpu = gpu->pci ? gpu->pci->address : "";
  option.rests_on = {
      {.sentence = fmt::format("{} is driven by {}.", described(*gpu), row->driver), .source = gpu->driver.source},
      {.sentence = fmt::format(
           "{} needs {}, virglrenderer {} or newer on the host, and Linux 6.14 and Mesa {} in the guest.", row->driver,
           row->major == 0 ? std::string("Asahi's kernel")
                           : fmt::format("Linux {}.{} on the host", row->major, row->minor),
           row->virglrenderer, row->guest_mesa),
       .source = std::string(kManual)}};
  option.accelerates = true;
  const host::Qemu* qemu = own_qemu(facts);
  const bool old_kernel = row->major != 0 && facts.system.kernel.known() &&
                          !is_at_least(*facts.system.kernel.value, row->major, row->minor);
  if (old_kernel) {
    option.viability = Viability::after_steps;
    option.because = fmt::format("The host's kernel is {}; {} wants {}.{} or newer.", *facts.system.kernel.value,
                                 row->driver, row->major, row->minor);
    option.steps.push_back({.title = fmt::format("Boot Linux {}.{} or newer", row->major, row->minor),
                            .reason = "From the distribution's backports, or its next release.",
                            .files = {},
                            .commands = {},
                            .undo = {},
                            .takes = Takes::reboot,
                            .if_it_fails = "Choose the earlier kernel in the boot loader's menu."});
  } else if (qemu != nullptr && qemu->native_context.is(true)) {
    option.viability = Viability::works_now;
    option.because = "QEMU offers it. Whether its virglrenderer was built with this driver shows when it starts.";
  } else {
    option.viability = Viability::after_steps;
    option.because =
        qemu == nullptr ? "QEMU is not installed." : "This QEMU has no virtio-gpu-gl with drm_native_context.";
  }
  if (qemu == nullptr || !qemu->native_context.is(true)) {
    option.steps.push_back(step_to_qemu(
        facts, fmt::format("It needs virtio-gpu-gl with drm_native_context, and virglrenderer {} built with "
                           "-Ddrm-renderers for this driver; distributions may have neither yet.",
                           row->virglrenderer)));
    if (qemu != nullptr)
      option.rests_on.push_back(
          {.sentence = "QEMU lists no drm_native_context.", .source = qemu->native_context.source});
  }
  option.steps.push_back(
      {.title = "Start the guest with it",
       .reason = "A QEMU of your own, without Hesper: this is QEMU's GPU, in QEMU's window.",
       .files = {},
       .commands = {fmt::format("{} -machine {},memory-backend=mem -accel kvm -cpu host -smp 4 -m 4G "
                                "-object memory-backend-memfd,id=mem,size=4G,share=on "
                                "-device virtio-gpu-gl-pci,hostmem=4G,blob=on,drm_native_context=on "
                                "-display gtk,gl=on -drive file=IMAGE,if=virtio",
                                qemu_name(facts), facts.system.architecture.is("aarch64") ? "virt" : "q35")},
       .undo = {},
       .takes = Takes::effect_at_once,
       .if_it_fails = "In the guest, vulkaninfo --summary names the GPU if it works, and llvmpipe if not."});
  option.gains = {
      "The guest has the GPU's own Mesa driver: OpenGL without a layer on Vulkan, video decoding where that "
      "driver has it.",
      "The host keeps its GPU and its screen."};
  option.losses = {
      "What guests send reaches the host's kernel driver: more of the host is exposed than by replaying "
      "Vulkan in a sandbox.",
      "None of Hesper's screens, recordings and per-program processes; the guest's Mesa must fit the GPU."};
  option.effects = {{.sentence = "No figures of ours: we have not run it.", .source = "docs/measured.md"}};
  option.if_it_goes_wrong = {"The host is not changed: end the guest.",
                             "A GPU that hangs is reset by the host's kernel driver, for all who use it."};
  return option;
}

}  // namespace hesper::advice
