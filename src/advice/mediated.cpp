// Option "mediated": the host's driver splits the GPU into mediated devices: Intel's GVT-g, NVIDIA's vGPU.
#include <fmt/format.h>

#include <algorithm>

#include "advice/gpu_family.h"
#include "advice/host_screen.h"
#include "advice/hostdev.h"
#include "advice/kernel_line.h"
#include "advice/option_kinds.h"
#include "advice/passthrough.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kGvtGuide = "https://github.com/intel/gvt-linux/wiki/GVTg_Setup_Guide";
constexpr std::string_view kUuid = "5c7a1e1e-7f2b-4d6a-9c53-4f3e0f6d2b01";  // any; another for each device

// Linux: drivers/gpu/drm/i915/intel_gvt.c.
bool has_gvt(const host::Gpu& gpu) {
  if (!gpu.pci) return false;
  switch (gpu_family_of(*gpu.pci)) {
    case GpuFamily::broadwell:
    case GpuFamily::skylake:
    case GpuFamily::kaby_lake:
    case GpuFamily::coffee_lake:
    case GpuFamily::comet_lake: return true;
    default: return false;
  }
}

bool is_type_name(const std::string& name) {
  return !name.empty() && name.size() < 64 &&
         std::ranges::all_of(
             name,
             [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-';
             });
}

Step step_that_makes(const host::PciFunction& pci, const std::string& type) {
  return {
      .title = "Make a mediated device",
      .reason = fmt::format("Types are in /sys/bus/pci/devices/{}/mdev_supported_types; available_instances there says "
                            "how many are left. Until the next boot.",
                            pci.address),
      .files = {},
      .commands = {fmt::format("echo {} | sudo tee /sys/bus/pci/devices/{}/mdev_supported_types/{}/create >/dev/null",
                               kUuid, pci.address, type)},
      .undo = {fmt::format("echo 1 | sudo tee /sys/bus/mdev/devices/{}/remove >/dev/null", kUuid)},
      .takes = Takes::effect_at_once,
      .if_it_fails =
          "\"No space left on device\": no instance is left, or the aperture is too small (firmware set-up)."};
}

}  // namespace

Option mediated_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "mediated",
                .title = "A mediated share of the GPU (GVT-g, vGPU)",
                .summary = "The host's driver splits the GPU; the guest has the maker's drivers."};
  option.preference = 50;
  if (question.guest == GuestSystem::macos || question.guest == GuestSystem::other) {
    option.because = "Its guests' drivers exist for Linux and Windows.";
    return option;
  }
  const host::Gpu* ready = nullptr;
  const host::Gpu* possible = nullptr;
  for (const host::Gpu* gpu : real_gpus(facts, question)) {
    if (gpu->pci && std::ranges::any_of(gpu->pci->mediated_types, is_type_name) && ready == nullptr) ready = gpu;
    if (has_gvt(*gpu) && gpu->driver.is("i915") && possible == nullptr) possible = gpu;
  }
  const host::Gpu* gpu = ready != nullptr ? ready : possible;
  if (gpu == nullptr) {
    option.because =
        "No GPU of this host offers mediated devices: Intel's do from Broadwell to Comet Lake, NVIDIA's with vGPU "
        "software.";
    option.rests_on = {{.sentence = "Intel's list.", .source = std::string(kGvtGuide)}};
    return option;
  }
  const host::PciFunction& pci = *gpu->pci;
  const bool intel = pci.vendor == kIntel;
  option.gpu = pci.address;
  option.accelerates = true;
  option.viability = Viability::after_steps;
  option.because = ready != nullptr ? fmt::format("{} offers {} types of mediated devices.", described(*gpu),
                                                  pci.mediated_types.size())
                                    : fmt::format("{} can, once i915 is asked to.", described(*gpu));
  option.rests_on = {{.sentence = ready != nullptr ? option.because : "It offers no types yet.",
                      .source = fmt::format("/sys/bus/pci/devices/{}/mdev_supported_types", pci.address)}};
  const std::vector<Step> iommu = steps_to_iommu(facts);
  option.steps.insert(option.steps.end(), iommu.begin(), iommu.end());
  std::string type = "TYPE";
  if (ready != nullptr) {
    type = *std::ranges::find_if(pci.mediated_types, is_type_name);
    option.preference = question.guest == GuestSystem::windows ? 10 : 30;
  } else {
    Step words = add_kernel_words(facts.system, "gvt", {"i915.enable_gvt=1", "i915.enable_guc=0"});
    words.title = "Ask i915 for GVT-g";
    words.reason = "The kernel must be built with CONFIG_DRM_I915_GVT_KVMGT; distributions mostly do.";
    option.steps.push_back(std::move(words));
    option.steps.push_back(
        {.title = "Load its module at boot",
         .reason = "",
         .files = {{.path = "/etc/modules-load.d/hesper-gvt.conf", .contents = "kvmgt\n", .mode = 0644}},
         .commands = {},
         .undo = {"sudo rm -f /etc/modules-load.d/hesper-gvt.conf"},
         .takes = Takes::reboot,
         .if_it_fails = "\"Module kvmgt not found\": this kernel was built without GVT-g."});
    option.rests_on.push_back({.sentence = "The kernel words and modules.", .source = std::string(kGvtGuide)});
  }
  option.steps.push_back(step_that_makes(pci, type));
  option.steps.push_back(
      {.title = "Give it to the guest",
       .reason = intel ? "To a QEMU of your own with -display gtk,gl=on, among its other arguments; QEMU "
                         "then shows its screen."
                       : "To a QEMU of your own, among its other arguments.",
       .files = {},
       .commands = {qemu_name(facts) + " ..." + further(qemu_arguments_of_mdev(std::string(kUuid), intel))},
       .undo = {},
       .takes = Takes::effect_at_once,
       .if_it_fails = ""});
  option.gains = {"The host keeps its GPU and its screen; several guests share it.",
                  "The maker's own drivers in the guest."};
  option.losses = intel ? std::vector<std::string>{"Intel maintains GVT-g no longer: it is as good as it will get.",
                                                   "Memory of the GPU is divided up front; no live migration."}
                        : std::vector<std::string>{"vGPU software and its licence, on host and guest.",
                                                   "Memory of the GPU is divided up front."};
  option.effects = {{.sentence =
                         "The guest uses the GPU without the hypervisor in paths that matter for speed; no figures of "
                         "ours.",
                     .source = intel ? "https://lkml.iu.edu/hypermail/linux/kernel/1706.2/04191.html"
                                     : "https://docs.nvidia.com/vgpu/index.html"}};
  option.if_it_goes_wrong = ways_back(facts, pci.address);
  return option;
}

}  // namespace hesper::advice
