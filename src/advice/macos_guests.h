// Which GPUs macOS itself has drivers for. A table of public lists; says nothing about virtual machines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "advice/gpu_family.h"
#include "advice/options.h"

namespace hesper::advice {

struct MacosDriver {
  bool native = false;
  std::string_view first;  // version of macOS; empty: none
  std::string_view last;
  std::string_view models;  // which of the family, or what they need
};

[[nodiscard]] MacosDriver macos_driver_for(GpuFamily family) noexcept;

// What is true of macOS guests wherever they run.
[[nodiscard]] std::vector<Sourced> macos_remarks();

inline constexpr std::string_view kMacosGpuList = "https://dortania.github.io/OpenCore-Install-Guide/macos-limits.html";

}  // namespace hesper::advice
