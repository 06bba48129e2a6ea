// Judge of the host's Vulkan: loader, manifests of drivers, and what Hesper's own trial says of each device.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "advice/finding_list.h"
#include "advice/packages.h"

namespace hesper::advice {
namespace {

using host::Facts;
using host::Icd;
using host::VulkanDevice;

constexpr const char* kScreensOnly = "Guests have screens, but no Vulkan. What they draw they compute themselves.";

bool has_vendor(const Facts& facts, std::string_view vendor) {
  return std::ranges::any_of(facts.gpus, [&](const host::Gpu& gpu) { return gpu.vendor == vendor; });
}

Step driver_step(const Facts& facts) {
  const bool nvidia = has_vendor(facts, "NVIDIA") &&
                      std::ranges::all_of(facts.gpus, [](const host::Gpu& gpu) { return gpu.vendor == "NVIDIA"; });
  return {
      .title = "Install Vulkan drivers",
      .reason = {},
      .files = {},
      .commands = {install_command(facts.system, std::array{nvidia ? Package::nvidia_driver : Package::mesa_vulkan})},
      .undo = {},
      .takes = Takes::effect_at_once,
      .if_it_fails = {}};
}

// The package that a manifest is part of, by what its library is called.
const Package* package_of(const Icd& icd) {
  static constexpr Package kMesa = Package::mesa_vulkan;
  static constexpr Package kNvidia = Package::nvidia_driver;
  if (icd.library.contains("nvidia") || icd.library.contains("libGLX")) return &kNvidia;
  if (icd.library.contains("libvulkan_") || icd.manifest.filename().native().contains("MoltenVK")) return &kMesa;
  return nullptr;
}

bool is_of_a_package(const Icd& icd) {
  const std::string& path = icd.manifest.native();
  return path.starts_with("/usr/share/") || path.starts_with("/opt/homebrew/");
}

// Reinstalls what belongs to a package, and puts aside what somebody made by hand.
std::vector<Step> mend(const Facts& facts, const Icd& icd) {
  const std::string& path = icd.manifest.native();
  if (const Package* package = package_of(icd); package != nullptr && is_of_a_package(icd))
    return {{.title = "Install the Vulkan drivers again",
             .reason = "A file of theirs is damaged or missing.",
             .files = {},
             .commands = {reinstall_command(facts.system, std::array{*package})},
             .undo = {},
             .takes = Takes::effect_at_once,
             .if_it_fails = {}}};
  if (!can_be_typed(path) || icd.found_by.starts_with("VK_")) return {};
  const bool own = path.starts_with("/home/") || path.starts_with("/Users/");
  const std::string sudo = own ? "" : "sudo ";
  return {{.title = fmt::format("Put {} aside", icd.manifest.filename().native()),
           .reason = "The Vulkan loader then no longer tries it.",
           .files = {},
           .commands = {fmt::format("{}mv {} {}", sudo, shell_word(path), shell_word(path + ".off"))},
           .undo = {fmt::format("{}mv {} {}", sudo, shell_word(path + ".off"), shell_word(path))},
           .takes = Takes::effect_at_once,
           .if_it_fails = {}}};
}

// Homebrew's loader looks into Homebrew's own folders, which other loaders do not.
bool is_seen(const Facts& facts, const Icd& icd) {
  if (icd.seen_by_loader) return true;
  const std::string loader = facts.vulkan.loader.value_or("").native();
  for (const char* root : {"/opt/homebrew/", "/usr/local/"})
    if (loader.starts_with(root) && icd.manifest.native().starts_with(root)) return true;
  return false;
}

void judge_manifests(const Facts& facts, FindingList& list) {
  for (const Icd& icd : facts.vulkan.icds) {
    if (!icd.problem.empty()) {
      Finding& finding =
          list.better(Area::vulkan, "vulkan.icd_broken",
                      fmt::format("The Vulkan driver '{}' cannot be loaded: {}", icd.manifest.native(), icd.problem),
                      "Programs do without that driver, on this host and in guests.");
      finding.subject = icd.manifest.native();
      finding.steps = mend(facts, icd);
      if (icd.found_by.starts_with("VK_"))
        finding.note = fmt::format("The variable {} names it; unset, the loader finds drivers itself.", icd.found_by);
      FindingList::add_source(finding, icd.manifest.native());
    } else if (!is_seen(facts, icd)) {
      Finding& finding =
          list.better(Area::vulkan, "vulkan.icd_unseen",
                      fmt::format("The Vulkan driver '{}' lies where the loader does not look.", icd.manifest.native()),
                      "Programs do without that driver, on this host and in guests.");
      finding.subject = icd.manifest.native();
      if (can_be_typed(icd.manifest.native()))
        finding.steps.push_back(
            {.title = fmt::format("Name {} to the loader", icd.manifest.filename().native()),
             .reason = "Further drivers are separated by colons.",
             .files = {},
             .commands = {fmt::format(
                 "printf '%s\\n' {} >>\"$HOME/.profile\"",
                 shell_word(fmt::format("export VK_ADD_DRIVER_FILES={}", shell_word(icd.manifest.native()))))},
             .undo = {"# Take the line with VK_ADD_DRIVER_FILES out of ~/.profile again."},
             .takes = Takes::new_login,
             .if_it_fails = "If a loader is older than 1.3.207, it knows VK_ICD_FILENAMES only, which replaces all "
                            "others."});
      FindingList::add_source(finding, icd.manifest.native());
    }
  }
  const auto portable = std::ranges::find_if(
      facts.vulkan.icds, [&](const Icd& icd) { return icd.portability && icd.problem.empty() && is_seen(facts, icd); });
  if (portable != facts.vulkan.icds.end()) {
    Finding& finding = list.ok(Area::vulkan, "vulkan.portability",
                               fmt::format("{} is a portability driver: parts of Vulkan are missing in guests, too",
                                           portable->manifest.filename().native()));
    finding.subject = portable->manifest.native();
  }
}

std::string lacks(const VulkanDevice& device) {
  std::string text = device.guest_reason.empty() ? device.memory_reason : device.guest_reason;
  if (!device.missing.empty())
    text += fmt::format("{}It lacks {}.", text.empty() ? "" : " ", fmt::join(device.missing, ", "));
  return text;
}

void tell_device(const VulkanDevice& device, FindingList& list, const host::Fact<std::vector<VulkanDevice>>& fact) {
  std::string text = device.name;
  if (!device.driver.empty()) text += fmt::format(" ({})", device.driver);
  if (!device.api_version.empty()) text += fmt::format(", Vulkan {}", device.api_version);
  Finding& finding = list.ok(Area::vulkan, "vulkan.device", std::move(text));
  finding.subject = device.name;
  FindingList::rest_on(finding, fact);
  if (device.memory == "dmabuf")
    finding.note =
        "Programs on this host get the driver's own memory (dmabuf), without copies; guests get imported "
        "pages.";
  else if (device.memory == "hostptr")
    finding.note =
        "What programs map are imported pages (hostptr), without copies; they lie in the host's memory, so a "
        "GPU with memory of its own reads them over its bus.";
  if (!device.memory_reason.empty()) finding.note += fmt::format(" {}", device.memory_reason);
  if (device.memory_moves == false)
    finding.note += " Its driver pins memory, which so cannot be moved: in guests blobs come first.";
  if (!device.emulated.empty())
    finding.note +=
        fmt::format(" Hesper stands in for {}, so that guests have swapchains; that takes no time of the GPU's.",
                    fmt::join(device.emulated, ", "));
}

void judge_devices(const Facts& facts, const std::vector<VulkanDevice>& devices, FindingList& list) {
  const auto& fact = facts.vulkan.devices;
  const bool any = std::ranges::any_of(devices, serves_guests);
  const bool hardware = has_usable_gpu(facts);
  if (devices.empty() || !any) {
    std::string sentence = "The host's Vulkan drivers find no device.";
    if (!devices.empty())
      sentence = fmt::format("Guests can use none of the host's Vulkan devices. {}: {}", devices.front().name,
                             lacks(devices.front()));
    Finding& finding = list.blocks(Area::vulkan, "vulkan.no_device", std::move(sentence), kScreensOnly,
                                   "no Vulkan device can be used");
    FindingList::rest_on(finding, fact);
    if (devices.empty()) finding.steps.push_back(driver_step(facts));
    return;
  }
  for (const VulkanDevice& device : devices) {
    if (serves_guests(device)) {
      if (is_hardware(device)) tell_device(device, list, fact);
    } else {
      Finding& finding = list.better(Area::vulkan, "vulkan.unusable",
                                     fmt::format("Guests cannot use {}. {}", device.name, lacks(device)),
                                     "Guests do without that device.");
      finding.subject = device.name;
      FindingList::rest_on(finding, fact);
    }
  }
  if (!hardware) {
    const auto software = std::ranges::find_if(devices, serves_guests);
    Finding& finding = list.reduces(Area::vulkan, "vulkan.software",
                                    fmt::format("The only Vulkan device is the processor ({}).", software->name),
                                    "What guests draw is computed by the host's processor: correct, and slow.",
                                    "Vulkan is computed by the processor");
    finding.subject = software->name;
    FindingList::rest_on(finding, fact);
    if (facts.system.surroundings.is(host::Surroundings::wsl))
      finding.note =
          "In WSL, only Mesa's driver Dozen (dzn) uses the GPU of Windows, and distributions often build "
          "Mesa without it.";
    const bool gpu_without_driver = std::ranges::any_of(facts.gpus, [&](const host::Gpu& gpu) {
      return gpu.vendor == "NVIDIA" || gpu.vendor == "AMD" || gpu.vendor == "Intel";
    });
    const bool closed = std::ranges::any_of(facts.gpus, [](const host::Gpu& gpu) {
      return gpu.driver.is("") || std::ranges::any_of(gpu.nodes, [](const host::DrmNode& node) {
               return node.render && node.may_open.is(false);
             });
    });
    if (gpu_without_driver && !closed) finding.steps.push_back(driver_step(facts));
  }
}

void judge_drivers(const Facts& facts, FindingList& list) {
  const host::Vulkan& vulkan = facts.vulkan;
  const bool has_devices = vulkan.devices.value && !vulkan.devices.value->empty();
  if (!vulkan.loader.known() && !has_devices) {
    Finding& finding = list.blocks(Area::vulkan, "vulkan.no_loader", "There is no Vulkan loader.", kScreensOnly,
                                   "there is no Vulkan loader");
    finding.note = vulkan.loader.why;
    FindingList::rest_on(finding, vulkan.loader);
    finding.steps.push_back(
        {.title = "Install the Vulkan loader and drivers",
         .reason = {},
         .files = {},
         .commands = {install_command(facts.system, std::array{Package::vulkan_loader, Package::mesa_vulkan})},
         .undo = {},
         .takes = Takes::effect_at_once,
         .if_it_fails = {}});
    return;
  }
  judge_manifests(facts, list);
  const bool any_manifest = std::ranges::any_of(vulkan.icds, [&](const Icd& icd) { return is_seen(facts, icd); });
  if (!has_devices && !any_manifest) {
    Finding& finding = list.blocks(Area::vulkan, "vulkan.no_driver", "There is no Vulkan driver.", kScreensOnly,
                                   "there is no Vulkan driver");
    FindingList::rest_on(finding, vulkan.loader, vulkan.devices);
    finding.steps.push_back(driver_step(facts));
    return;
  }
  if (!vulkan.devices.value) {
    Finding& finding = list.blocks(Area::vulkan, "vulkan.fails",
                                   fmt::format("Hesper's trial of the host's Vulkan fails. {}", vulkan.devices.why),
                                   kScreensOnly, "Vulkan cannot be used");
    FindingList::rest_on(finding, vulkan.devices);
    if (!facts.gpus.empty()) finding.steps.push_back(driver_step(facts));
    return;
  }
  judge_devices(facts, *vulkan.devices.value, list);
}

}  // namespace

void judge_vulkan(const Facts& facts, FindingList& list) {
  judge_drivers(facts, list);
  list.ok(Area::vulkan, "opengl.not_needed", "The host's OpenGL is not needed: guests' comes as Vulkan (Zink)");
}

}  // namespace hesper::advice
