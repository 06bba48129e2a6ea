// All findings, and the verdict that follows from them.
#include "advice/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "advice/finding_list.h"
#include "vm/command_lines.h"

namespace hesper::advice {
namespace {

// The clauses of those that leave no more than this, as a sentence.
std::string reasons(const std::vector<Finding>& findings, Acceleration left) {
  std::vector<std::string> clauses;
  for (const Finding& finding : findings)
    if (finding.leaves == left && !std::ranges::contains(clauses, finding.because)) clauses.push_back(finding.because);
  std::string text = fmt::format("{}.", fmt::join(clauses, "; "));
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

}  // namespace

std::string_view name_of(Area area) noexcept {
  switch (area) {
    case Area::system: return "system";
    case Area::processor: return "processor";
    case Area::memory: return "memory";
    case Area::accelerator: return "accelerator";
    case Area::qemu: return "qemu";
    case Area::gpu: return "gpu";
    case Area::vulkan: return "vulkan";
    case Area::screens: return "screens";
    case Area::guests: return "guests";
    case Area::confinement: return "confinement";
    case Area::passthrough: return "passthrough";
  }
  return "";
}

std::string_view title_of(Area area) noexcept {
  switch (area) {
    case Area::system: return "System";
    case Area::processor: return "Processor";
    case Area::memory: return "Memory";
    case Area::accelerator: return "Accelerator";
    case Area::qemu: return "QEMU";
    case Area::gpu: return "GPU";
    case Area::vulkan: return "Vulkan";
    case Area::screens: return "Screens";
    case Area::guests: return "Guests";
    case Area::confinement: return "Sandbox, limits";
    case Area::passthrough: return "Passthrough";
  }
  return "";
}

std::string_view name_of(Severity severity) noexcept {
  switch (severity) {
    case Severity::ok: return "ok";
    case Severity::could_be_better: return "could_be_better";
    case Severity::blocks: return "blocks";
  }
  return "";
}

std::string_view name_of(Acceleration acceleration) noexcept {
  switch (acceleration) {
    case Acceleration::full: return "full";
    case Acceleration::reduced: return "reduced";
    case Acceleration::none: return "none";
  }
  return "";
}

void FindingList::add_source(Finding& finding, const std::string& source) {
  if (!source.empty() && !std::ranges::contains(finding.sources, source)) finding.sources.push_back(source);
}

bool is_hardware(const host::VulkanDevice& device) { return device.kind != "cpu"; }

bool serves_guests(const host::VulkanDevice& device) { return device.guest_usable.value_or(device.usable); }

bool has_usable_gpu(const host::Facts& facts) {
  const auto& devices = facts.vulkan.devices.value;
  return devices &&
         std::ranges::any_of(*devices, [](const auto& each) { return serves_guests(each) && is_hardware(each); });
}

const host::Qemu* own_qemu(const host::Facts& facts) {
  const auto& architecture = facts.system.architecture.value;
  if (!architecture) return facts.qemus.empty() ? nullptr : &facts.qemus.front();
  for (const host::Qemu& qemu : facts.qemus)
    if (vm::name_of(qemu.architecture) == *architecture) return &qemu;
  return nullptr;
}

bool is_linux(const host::Facts& facts) { return facts.system.kind == platform::System::linux; }
bool is_macos(const host::Facts& facts) { return facts.system.kind == platform::System::macos; }

bool can_be_typed(std::string_view word) {
  return !word.empty() && word.front() != '-' &&
         std::ranges::none_of(word, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string shell_word(std::string_view word) {
  return vm::quoted_for_shell(std::array<std::string, 1>{std::string(word)});
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kKilo = 1024;
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= kKilo && unit + 1 < kUnits.size()) {
    value /= kKilo;
    ++unit;
  }
  return value < 10 && unit > 0 && value != static_cast<double>(static_cast<std::uint64_t>(value))
             ? fmt::format("{:.1f} {}", value, kUnits[unit])
             : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::vector<Finding> findings(const host::Facts& facts) {
  std::vector<Finding> all;
  FindingList list(all);
  judge_system(facts, list);
  judge_processor(facts, list);
  judge_memory(facts, list);
  judge_accelerator(facts, list);
  judge_qemu(facts, list);
  judge_gpus(facts, list);
  judge_vulkan(facts, list);
  judge_screens(facts, list);
  judge_guests(facts, list);
  judge_confinement(facts, list);
  judge_passthrough(facts, list);
  return all;
}

Verdict verdict_of(const host::Facts& facts, const std::vector<Finding>& findings) {
  Verdict verdict;
  for (const Finding& finding : findings) {
    verdict.acceleration = std::max(verdict.acceleration, finding.leaves);
    verdict.certain = verdict.certain && !finding.open;
  }
  if (verdict.acceleration == Acceleration::none) verdict.certain = true;  // it cannot be less
  if (verdict.acceleration != Acceleration::full) {
    verdict.reason = reasons(findings, verdict.acceleration);
    return verdict;
  }
  std::string gpu = "a GPU";
  if (const auto& devices = facts.vulkan.devices.value) {
    const auto found =
        std::ranges::find_if(*devices, [](const auto& each) { return serves_guests(each) && is_hardware(each); });
    if (found != devices->end()) gpu = found->name;
  }
  verdict.reason = verdict.certain
                       ? fmt::format("Guest code runs on {}, Vulkan on {}.", is_macos(facts) ? "HVF" : "KVM", gpu)
                       : "Nothing in the way was found, but not everything could be found out.";
  return verdict;
}

std::vector<Step> steps_of(const std::vector<Finding>& findings) {
  std::vector<Step> steps;
  const auto same = [](const Step& a, const Step& b) { return a.title == b.title && a.commands == b.commands; };
  for (const Finding& finding : findings)
    for (const Step& step : finding.steps)
      if (std::ranges::none_of(steps, [&](const Step& other) { return same(step, other); })) steps.push_back(step);
  return steps;
}

}  // namespace hesper::advice
