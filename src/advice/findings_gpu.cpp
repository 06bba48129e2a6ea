// Judge of the GPUs as the kernel has them: drivers, nodes and who may open these.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "advice/access.h"
#include "advice/finding_list.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

using host::Facts;
using host::Gpu;

constexpr const char* kOnProcessor =
    "Unless another GPU works, guests' Vulkan is computed by the processor, or not at all.";

// Drawn to by hypervisors' screens; no GPU behind them that Vulkan would run on.
bool is_virtual(const Gpu& gpu) {
  constexpr std::array<std::string_view, 10> kDrivers = {
      "virtio-pci", "virtio_gpu", "bochs-drm", "cirrus",     "cirrus-qemu",
      "qxl",        "vmwgfx",     "vboxvideo", "hyperv_drm", "simple-framebuffer"};
  return gpu.vendor == "virtio" || std::ranges::contains(kDrivers, gpu.driver.value_or(""));
}

// Of baseboard management controllers: a screen, nothing else.
bool is_screen_only(const Gpu& gpu) {
  constexpr std::array<std::string_view, 4> kDrivers = {"ast", "mgag200", "hibmc-drm", "gma500_gfx"};
  return std::ranges::contains(kDrivers, gpu.driver.value_or(""));
}

std::string subject_of(const Gpu& gpu) { return gpu.pci ? gpu.pci->address : gpu.name; }
std::string name_of(const Gpu& gpu) {
  if (!gpu.name.empty()) return gpu.name;
  return gpu.vendor.empty() ? "A GPU" : gpu.vendor + " GPU";
}

// A cause of missing acceleration only where no other GPU has it.
Finding& in_the_way(const Facts& facts, FindingList& list, std::string id, const Gpu& gpu, std::string sentence,
                    std::string because) {
  Finding& finding =
      has_usable_gpu(facts)
          ? list.better(Area::gpu, std::move(id), std::move(sentence), "Guests get the other GPU's Vulkan only.")
          : list.reduces(Area::gpu, std::move(id), std::move(sentence), kOnProcessor, std::move(because));
  finding.subject = subject_of(gpu);
  return finding;
}

void judge_driver(const Facts& facts, const Gpu& gpu, FindingList& list) {
  Finding& finding = in_the_way(facts, list, "gpu.no_driver", gpu, fmt::format("{} has no driver.", name_of(gpu)),
                                "the GPU has no driver");
  FindingList::rest_on(finding, gpu.driver);
  std::vector<std::string> modules = gpu.modules;
  std::erase_if(modules, [](const std::string& name) { return name.starts_with("vfio") || !can_be_typed(name); });
  if (!modules.empty()) {
    finding.steps.push_back({.title = fmt::format("Load the driver of {}", name_of(gpu)),
                             .reason = "If it stays unloaded, a file in /etc/modprobe.d may forbid it (blacklist).",
                             .files = {},
                             .commands = {"sudo modprobe " + shell_word(modules.front())},
                             .undo = {"sudo modprobe -r " + shell_word(modules.front())},
                             .takes = Takes::effect_at_once,
                             .if_it_fails = "sudo dmesg says why the driver does not take the GPU."});
  } else if (gpu.vendor == "NVIDIA") {
    finding.steps.push_back({.title = "Install NVIDIA's driver",
                             .reason = {},
                             .files = {},
                             .commands = {install_command(facts.system, std::array{Package::nvidia_driver})},
                             .undo = {},
                             .takes = Takes::reboot,
                             .if_it_fails = {}});
  }
}

void judge_nodes(const Facts& facts, const Gpu& gpu, FindingList& list) {
  bool any = false;
  for (const host::DrmNode& node : gpu.nodes) {
    if (!node.render) continue;
    any = true;
    if (node.may_open.is(true)) continue;
    if (!node.may_open.known()) {
      list.unknown(Area::gpu, "gpu.permission_unknown", fmt::format("Whether you may use {}", node.path.native()),
                   node.may_open)
          .subject = node.path.native();
      continue;
    }
    const Device device{
        .path = node.path, .group = node.group, .usual_group = "render", .rule = "KERNEL==\"renderD*\""};
    Finding& finding =
        in_the_way(facts, list, "gpu.permission", gpu,
                   fmt::format("You may not use {} ({}), {}.", node.path.native(), name_of(gpu), access_text(device)),
                   "you may not use the GPU's render node");
    finding.subject = node.path.native();
    FindingList::rest_on(finding, node.may_open);
    if (auto step = access_step(facts, device)) finding.steps.push_back(std::move(*step));
  }
  if (any || !is_linux(facts)) return;
  const std::string driver = gpu.driver.value_or("");
  if (driver == "nvidia") {
    Finding& finding =
        list.ok(Area::gpu, "gpu.found",
                fmt::format("{} (nvidia), without DRM nodes, which its Vulkan does not need", name_of(gpu)));
    finding.subject = subject_of(gpu);
    return;
  }
  Finding& finding = in_the_way(facts, list, "gpu.no_node", gpu,
                                fmt::format("{} ({}) has no render node in /dev/dri.", name_of(gpu), driver),
                                "the GPU has no render node");
  FindingList::rest_on(finding, gpu.driver);
  if (facts.system.surroundings.is(host::Surroundings::container))
    if (auto step = access_step(facts, {.path = "/dev/dri", .group = {}, .usual_group = "render", .rule = {}}))
      finding.steps.push_back(std::move(*step));
}

void judge_gpu(const Facts& facts, const Gpu& gpu, FindingList& list) {
  const auto fine = [&](std::string text) {
    Finding& finding = list.ok(Area::gpu, "gpu.found", std::move(text));
    finding.subject = subject_of(gpu);
    FindingList::rest_on(finding, gpu.driver);
  };
  const std::string driver = gpu.driver.value_or("");
  if (!gpu.driver.known()) {
    list.unknown(Area::gpu, "gpu.driver_unknown", fmt::format("The driver of {}", name_of(gpu)), gpu.driver).subject =
        subject_of(gpu);
    return;
  }
  if (driver == "vfio-pci") return fine(fmt::format("{} is set aside for guests (vfio-pci)", name_of(gpu)));
  if (is_virtual(gpu) || is_screen_only(gpu)) return fine(fmt::format("{} ({}), a screen only", name_of(gpu), driver));
  if (driver.empty()) {
    // A mobile GPU's or a server's second display function, or one that nobody has a driver for.
    return judge_driver(facts, gpu, list);
  }
  std::string nodes;
  for (const host::DrmNode& node : gpu.nodes)
    if (node.render && node.may_open.is(true)) nodes += ", " + node.path.filename().native();
  if (!nodes.empty() || is_macos(facts)) fine(fmt::format("{} ({}){}", name_of(gpu), driver, nodes));
  if (!is_macos(facts)) judge_nodes(facts, gpu, list);
}

}  // namespace

void judge_gpus(const Facts& facts, FindingList& list) {
  for (const Gpu& gpu : facts.gpus) judge_gpu(facts, gpu, list);
  if (!facts.gpus.empty() || !is_linux(facts)) return;
  if (has_usable_gpu(facts)) {  // as in WSL
    list.ok(Area::gpu, "gpu.unlisted", "The kernel lists no GPU; Vulkan has one all the same");
    return;
  }
  Finding& finding = list.reduces(Area::gpu, "gpu.none", "This host shows no GPU.",
                                  "Guests' Vulkan is computed by the processor, or not at all.", "there is no GPU");
  if (facts.system.surroundings.is(host::Surroundings::container)) {
    finding.sentence = "This container sees no GPU.";
    finding.because = "the container sees no GPU";
    if (auto step = access_step(facts, {.path = "/dev/dri", .group = {}, .usual_group = "render", .rule = {}}))
      finding.steps.push_back(std::move(*step));
  }
}

}  // namespace hesper::advice
