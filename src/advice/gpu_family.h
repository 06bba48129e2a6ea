// GpuFamily: GPUs that advice treats alike, told by their PCI ids. What follows from a family is elsewhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "host/facts.h"

namespace hesper::advice {

inline constexpr std::uint16_t kAmd = 0x1002;
inline constexpr std::uint16_t kNvidia = 0x10de;
inline constexpr std::uint16_t kIntel = 0x8086;

enum class GpuFamily : std::uint8_t {
  unknown,
  // AMD
  polaris,
  lexa,  // sold as Polaris
  vega10,
  vega12,
  vega20,
  navi10,
  navi12,
  navi14,
  navi21,
  navi22,
  navi23,
  navi24,
  rdna3,
  rdna4,
  amd_integrated,
  // Intel
  ivy_bridge,
  haswell,
  broadwell,
  skylake,
  kaby_lake,
  coffee_lake,  // and Whiskey Lake
  comet_lake,
  ice_lake,
  tiger_lake,
  rocket_lake,
  alder_lake,  // and Raptor Lake
  meteor_lake,
  lunar_lake,
  panther_lake,
  arc_a,
  battlemage,
  // NVIDIA
  nvidia_fermi,  // and before
  nvidia_kepler,
  nvidia_later,
};

[[nodiscard]] GpuFamily gpu_family_of(const host::PciFunction& function) noexcept;
[[nodiscard]] std::string_view name_of(GpuFamily family) noexcept;  // "Navi 10"

}  // namespace hesper::advice
