// The host's screen, from boot_vga and connectors.
#include "advice/host_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "advice/pci_address.h"

namespace hesper::advice {

const host::Gpu* screen_gpu(const host::Facts& facts) {
  const auto boot = std::ranges::find_if(facts.gpus, [](const host::Gpu& gpu) { return gpu.boot_vga.is(true); });
  if (boot != facts.gpus.end()) return &*boot;
  const host::Gpu* with_monitor = nullptr;
  for (const host::Gpu& gpu : facts.gpus) {
    if (std::ranges::none_of(gpu.connectors, &host::Connector::connected)) continue;
    if (with_monitor != nullptr) return nullptr;
    with_monitor = &gpu;
  }
  if (with_monitor != nullptr) return with_monitor;
  if (facts.gpus.size() == 1 && !facts.gpus.front().boot_vga.is(false)) return &facts.gpus.front();
  return nullptr;
}

bool is_only_gpu(const host::Facts& facts, const host::Gpu& gpu) {
  return std::ranges::none_of(facts.gpus, [&](const host::Gpu& other) { return &other != &gpu; });
}

const host::Gpu* find_gpu(const host::Facts& facts, std::string_view address) {
  const auto wanted = parse_pci_address(address);
  if (!wanted) return nullptr;
  const auto found = std::ranges::find_if(
      facts.gpus, [&](const host::Gpu& gpu) { return gpu.pci && parse_pci_address(gpu.pci->address) == wanted; });
  return found == facts.gpus.end() ? nullptr : &*found;
}

std::string described(const host::Gpu& gpu) {
  const std::string name = gpu.name.empty() ? gpu.vendor + " GPU" : gpu.name;
  return gpu.pci ? fmt::format("{} ({})", name, gpu.pci->address) : name;
}

}  // namespace hesper::advice
