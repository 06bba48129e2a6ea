// The lists: https://dortania.github.io/OpenCore-Install-Guide/macos-limits.html and .../GPU-Buyers-Guide, written when
// 13 was the newest macOS; what it still had drivers for is given as "13 or later".
#include "advice/macos_guests.h"

namespace hesper::advice {

MacosDriver macos_driver_for(GpuFamily family) noexcept {
  constexpr std::string_view kNow = "13 or later";
  switch (family) {
    case GpuFamily::polaris: return {true, "10.12", kNow, "RX 460 to 590, WX 4100 to 7100"};
    case GpuFamily::vega10: return {true, "10.13", kNow, "Vega 56, 64, Frontier Edition, WX 9100"};
    case GpuFamily::vega20: return {true, "10.14.5", kNow, "Radeon VII"};
    case GpuFamily::navi10: return {true, "10.15.1", kNow, "RX 5600, 5700; most need the boot argument agdpmod=pikera"};
    case GpuFamily::navi14: return {true, "10.15.1", kNow, "RX 5500; most need the boot argument agdpmod=pikera"};
    case GpuFamily::navi21: return {true, "11.4", kNow, "RX 6800, 6900 XT; some need the boot argument agdpmod=pikera"};
    case GpuFamily::navi23: return {true, "12.1", kNow, "RX 6600 XT"};
    case GpuFamily::ivy_bridge: return {true, "10.7.3", "11", "HD 4000"};
    case GpuFamily::haswell: return {true, "10.8.5", "12", "HD 4200 to 5100"};
    case GpuFamily::broadwell: return {true, "10.10", "12", ""};
    case GpuFamily::skylake: return {true, "10.11", "12", "not HD 510"};
    case GpuFamily::kaby_lake: return {true, "10.12.4", kNow, "not HD 610"};
    case GpuFamily::coffee_lake: return {true, "10.13.6", kNow, "not UHD 610"};
    case GpuFamily::comet_lake: return {true, "10.15.4", kNow, "not UHD 610"};
    case GpuFamily::ice_lake: return {true, "10.15.4", kNow, ""};
    case GpuFamily::nvidia_kepler: return {true, "10.8", "11", "not those with GK106"};
    default: return {};
  }
}

std::vector<Sourced> macos_remarks() {
  return {
      {.sentence = "virtio-gpu gives macOS guests no 3D: macOS has no driver for it, and Metal is not Vulkan.",
       .source = "https://docs.mesa3d.org/drivers/venus.html"},
      {.sentence =
           "Native drivers: AMD Polaris (not Lexa), Vega 10 and 20, Navi 10, 14, 21 and 23, in macOS 13 or later; "
           "Intel's from Ivy Bridge (to macOS 11) over Haswell to Skylake (to 12) to Kaby Lake, Coffee Lake, Comet "
           "Lake and Ice Lake (13 or later); nothing newer, and none of AMD's integrated ones.",
       .source = std::string(kMacosGpuList)},
      {.sentence =
           "NVIDIA: none since macOS 10.14 but Kepler's, which end with macOS 11; Maxwell and Pascal end with 10.13.",
       .source = std::string(kMacosGpuList)},
      {.sentence = "macOS 26 is the last one for Intel processors.",
       .source = "https://www.notebookcheck.net/"
                 "The-end-for-Intel-Macs-Apple-to-discontinue-software-support-with-macOS-27.1033777.0.html"},
      {.sentence =
           "A relay carries finished pictures; it speeds up how they reach you, and nothing of how they are drawn.",
       .source = "https://looking-glass.io/docs/B7/install_host/"},
      {.sentence = "Apple's licence allows macOS in virtual machines on Apple's own hardware; read it.",
       .source = "https://www.apple.com/legal/sla/"},
  };
}

}  // namespace hesper::advice
