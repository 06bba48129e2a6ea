// Option "hesper": Hesper's own virtual GPU. The guest's stock Mesa speaks Venus, Hesper replays it on the host's
// driver.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "advice/access.h"
#include "advice/finding_list.h"
#include "advice/option_kinds.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

bool is_software(const host::VulkanDevice& device) { return !is_hardware(device); }

// The device that Hesper would take: real ones before software.
const host::VulkanDevice* best_device(const host::Facts& facts) {
  if (!facts.vulkan.devices.known()) return nullptr;
  const host::VulkanDevice* best = nullptr;
  for (const host::VulkanDevice& device : *facts.vulkan.devices.value)
    if (device.guest_usable.value_or(device.usable) &&
        (best == nullptr || (is_software(*best) && !is_software(device))))
      best = &device;
  return best;
}

// Nodes of GPUs that draw, which this user may not open: their drivers then offer nothing to him.
std::vector<Step> steps_to_nodes(const host::Facts& facts, const Question& question) {
  std::vector<Step> steps;
  for (const host::Gpu* gpu : real_gpus(facts, question)) {
    for (const host::DrmNode& node : gpu->nodes) {
      if (!node.render || !node.may_open.is(false)) continue;
      auto step = access_step(facts, {.path = node.path,
                                      .group = node.group,
                                      .usual_group = "render",
                                      .rule = "SUBSYSTEM==\"drm\", KERNEL==\"renderD*\""});
      if (step && std::ranges::none_of(steps, [&](const Step& other) { return other.title == step->title; }))
        steps.push_back(std::move(*step));
    }
  }
  return steps;
}

void not_for(Option& option, GuestSystem guest) {
  option.viability = Viability::not_here;
  option.preference = 90;
  switch (guest) {
    case GuestSystem::macos:
      option.because =
          "macOS has no virtio-gpu driver with 3D, and Venus has no macOS half: it would be a driver for Metal that "
          "only "
          "Apple can ship.";
      option.rests_on = {{.sentence = "Mesa's Venus driver is for Linux and Android guests.",
                          .source = "https://docs.mesa3d.org/drivers/venus.html"}};
      return;
    case GuestSystem::windows:
      option.because =
          "Windows guests have no Venus driver: the stock virtio-win driver shows pictures and draws nothing. A 3D "
          "driver "
          "has been in review there since 2023.";
      option.rests_on = {
          {.sentence = "viogpu3d is an open pull request, for OpenGL and Direct3D through virgl, without Venus.",
           .source = "https://github.com/virtio-win/kvm-guest-drivers-windows/pull/943"}};
      return;
    default:
      option.because =
          "Only Linux guests have been tried: others need a virtio-gpu driver that knows Hesper's device, and Mesa's "
          "Venus.";
      option.rests_on = {{.sentence = "Mesa's Venus driver is for Linux and Android guests.",
                          .source = "https://docs.mesa3d.org/drivers/venus.html"}};
  }
}

}  // namespace

Option virtual_gpu_option(const host::Facts& facts, const Question& question) {
  Option option{.id = "hesper",
                .title = "Hesper's virtual GPU (Venus)",
                .summary = "The guest's stock Mesa speaks Vulkan to Hesper, and the host's own driver draws."};
  if (question.guest != GuestSystem::linux) {
    not_for(option, question.guest);
    return option;
  }
  std::vector<std::string> lacks;
  const host::Qemu* qemu = own_qemu(facts);
  if (qemu == nullptr) {
    lacks.emplace_back("QEMU is not installed");
    option.steps.push_back(step_to_qemu(facts, "It runs the guest; Hesper is its GPU."));
  } else {
    option.rests_on.push_back({.sentence = fmt::format("QEMU {}.", qemu->version.value_or("of unknown version")),
                               .source = qemu->version.source});
    if (qemu->vhost_user_device.is(false) || qemu->shared_memory_window.is(false)) {
      lacks.emplace_back(qemu->vhost_user_device.is(false) ? "this QEMU has no vhost-user device"
                                                           : "this QEMU passes no memory of the host on to guests");
      option.steps.push_back(
          step_to_qemu(facts, "Vulkan needs memory that the guest maps; QEMU has that from 11.1 on."));
    }
  }
  const host::VulkanDevice* device = best_device(facts);
  const std::vector<Step> nodes = steps_to_nodes(facts, question);
  const bool draws = device != nullptr && !is_software(*device);
  if (!draws && !nodes.empty()) {
    lacks.emplace_back("this user may not open the GPU's render node");
    option.steps.insert(option.steps.end(), nodes.begin(), nodes.end());
  } else if (device == nullptr) {
    if (!facts.vulkan.devices.known() && facts.vulkan.loader.known()) {
      lacks.emplace_back("what the host's Vulkan drivers offer is unknown");
    } else {
      lacks.emplace_back(facts.vulkan.loader.known() ? "no Vulkan driver of this host offers what Hesper needs"
                                                     : "there is no Vulkan loader");
    }
    constexpr std::array kVulkan = {Package::vulkan_loader, Package::mesa_vulkan};
    option.steps.push_back({.title = "Install the host's Vulkan loader and drivers",
                            .reason = "They draw, on the GPU where there is one and else on the processor.",
                            .files = {},
                            .commands = {install_command(facts.system, kVulkan)},
                            .undo = {},
                            .takes = Takes::effect_at_once,
                            .if_it_fails = "hesper doctor says what each driver lacks."});
  }
  if (device != nullptr)
    option.rests_on.push_back(
        {.sentence = fmt::format("{} draws ({}), memory strategy {}.", device->name, device->driver,
                                 device->memory.empty() ? "unknown" : device->memory),
         .source = facts.vulkan.devices.source});
  option.rests_on.push_back(processor_fact(facts));
  // Where no driver is there yet, one would find a GPU.
  option.accelerates = draws || !nodes.empty() || (device == nullptr && !real_gpus(facts, question).empty());

  const bool apple = facts.system.kind != platform::System::linux;
  if (lacks.empty() && !apple) {
    option.viability = Viability::works_now;
    option.because = draws ? "QEMU and the host's Vulkan driver have what it needs."
                           : "QEMU and a Vulkan driver are there, but that driver draws on the processor.";
  } else if (lacks.empty()) {
    option.viability = Viability::after_steps;
    option.because = "The facts fit, but nobody has run Hesper on this system yet: take it as an experiment.";
  } else {
    option.viability = Viability::after_steps;
    option.because = fmt::format("As it is, {}.", fmt::join(lacks, ", and "));
  }
  const std::vector<Step> faster = steps_to_processor(facts);
  option.steps.insert(option.steps.end(), faster.begin(), faster.end());
  option.steps.push_back(
      {.title = "Run the guest",
       .reason = "A Linux guest with Mesa 25.0 or newer; hesper run --help has sizes, folders, ports.",
       .files = {},
       .commands = {"hesper run IMAGE"},
       .undo = {"hesper stop"},
       .takes = Takes::effect_at_once,
       .if_it_fails = "hesper doctor says what is in the way; hesper run -v what happens."});

  option.gains = {"The host keeps its GPU and its screen; any number of guests share them.",
                  "Each program of the guest is drawn by a process of its own, in a sandbox.",
                  "Screens in windows, browsers and over VNC; recording; no change of the host's boot."};
  option.losses = {"Vulkan of the host's driver, and OpenGL through Zink on top of it; no CUDA, no video decoding.",
                   "Each fence costs the guest a wait of some hundred microseconds."};
  if (!runs_on_processor(facts))
    option.losses.emplace_back(
        "Without KVM or HVF the guest's own instructions are translated, which is slow whatever the GPU.");
  if (device != nullptr && !draws)
    option.losses.emplace_back("The processor draws, in threads that compete with the guest for its cores.");
  if (device != nullptr && device->memory_moves == std::optional(false))
    option.losses.emplace_back(
        "Mesa up to 26.1 can hang while it sends megabytes of shaders, where a driver's memory cannot be moved, as "
        "this one's (docs/memory.md).");
  option.effects = {
      {.sentence = "Without a VM, vkmark at 400x300 ran at 0.79 of native on lavapipe with two cores.",
       .source = "docs/measured.md, \"The same machine, in the sandbox\""},
      {.sentence =
           "On a headless H100 draw commands were executed at 0.52 of native, and a small submission took 223 us "
           "instead of 33.",
       .source = "docs/measured.md, \"NVIDIA H100, headless\""}};
  option.if_it_goes_wrong = {
      "The host is not changed: end the guest, and all is as before.",
      "A guest whose desktop hangs is still there on its serial console, in hesper run's terminal."};
  option.preference = 0;
  return option;
}

}  // namespace hesper::advice
