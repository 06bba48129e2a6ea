// The table of families. Ids: https://pci-ids.ucw.cz and Linux's include/drm/intel/pciids.h; where a family has
// scattered ids, the range that no other family of its vendor has part in.
#include "advice/gpu_family.h"

#include <algorithm>
#include <array>

namespace hesper::advice {
namespace {

struct Row {
  std::uint16_t vendor, first, last;
  GpuFamily family;
};

constexpr std::array kTable = {
    Row{kAmd, 0x1304, 0x131d, GpuFamily::amd_integrated},
    Row{kAmd, 0x13c0, 0x13c0, GpuFamily::amd_integrated},
    Row{kAmd, 0x13fe, 0x13fe, GpuFamily::navi10},
    Row{kAmd, 0x1506, 0x1506, GpuFamily::amd_integrated},
    Row{kAmd, 0x150e, 0x150e, GpuFamily::amd_integrated},
    Row{kAmd, 0x1586, 0x1586, GpuFamily::amd_integrated},
    Row{kAmd, 0x15bf, 0x15bf, GpuFamily::amd_integrated},
    Row{kAmd, 0x15c8, 0x15c8, GpuFamily::amd_integrated},
    Row{kAmd, 0x15d8, 0x15dd, GpuFamily::amd_integrated},
    Row{kAmd, 0x15e7, 0x15e7, GpuFamily::amd_integrated},
    Row{kAmd, 0x1636, 0x1638, GpuFamily::amd_integrated},
    Row{kAmd, 0x163f, 0x163f, GpuFamily::amd_integrated},
    Row{kAmd, 0x164c, 0x164f, GpuFamily::amd_integrated},
    Row{kAmd, 0x1681, 0x1681, GpuFamily::amd_integrated},
    Row{kAmd, 0x1900, 0x1901, GpuFamily::amd_integrated},
    Row{kAmd, 0x66a0, 0x66af, GpuFamily::vega20},
    Row{kAmd, 0x67c0, 0x67ff, GpuFamily::polaris},
    Row{kAmd, 0x6860, 0x687f, GpuFamily::vega10},
    Row{kAmd, 0x6980, 0x699f, GpuFamily::lexa},
    Row{kAmd, 0x69a0, 0x69af, GpuFamily::vega12},
    Row{kAmd, 0x6fdf, 0x6fdf, GpuFamily::polaris},
    Row{kAmd, 0x7310, 0x731f, GpuFamily::navi10},
    Row{kAmd, 0x7340, 0x734f, GpuFamily::navi14},
    Row{kAmd, 0x7360, 0x7362, GpuFamily::navi12},
    Row{kAmd, 0x73a0, 0x73bf, GpuFamily::navi21},
    Row{kAmd, 0x73c0, 0x73df, GpuFamily::navi22},
    Row{kAmd, 0x73e0, 0x73ff, GpuFamily::navi23},
    Row{kAmd, 0x7420, 0x743f, GpuFamily::navi24},
    Row{kAmd, 0x7440, 0x749f, GpuFamily::rdna3},
    Row{kAmd, 0x7550, 0x759f, GpuFamily::rdna4},
    Row{kIntel, 0x0152, 0x016a, GpuFamily::ivy_bridge},
    Row{kIntel, 0x0402, 0x042e, GpuFamily::haswell},
    Row{kIntel, 0x0a02, 0x0a2e, GpuFamily::haswell},
    Row{kIntel, 0x0c02, 0x0c2e, GpuFamily::haswell},
    Row{kIntel, 0x0d02, 0x0d2e, GpuFamily::haswell},
    Row{kIntel, 0x1602, 0x163e, GpuFamily::broadwell},
    Row{kIntel, 0x1902, 0x193d, GpuFamily::skylake},
    Row{kIntel, 0x3e90, 0x3eaf, GpuFamily::coffee_lake},
    Row{kIntel, 0x4626, 0x46d4, GpuFamily::alder_lake},
    Row{kIntel, 0x4c80, 0x4c9a, GpuFamily::rocket_lake},
    Row{kIntel, 0x5690, 0x56c2, GpuFamily::arc_a},
    Row{kIntel, 0x5902, 0x593b, GpuFamily::kaby_lake},
    Row{kIntel, 0x6420, 0x64b0, GpuFamily::lunar_lake},
    Row{kIntel, 0x7d40, 0x7dd5, GpuFamily::meteor_lake},
    Row{kIntel, 0x87c0, 0x87c0, GpuFamily::kaby_lake},
    Row{kIntel, 0x87ca, 0x87ca, GpuFamily::coffee_lake},
    Row{kIntel, 0x8a50, 0x8a71, GpuFamily::ice_lake},
    Row{kIntel, 0x9a40, 0x9aff, GpuFamily::tiger_lake},
    Row{kIntel, 0x9b21, 0x9bf6, GpuFamily::comet_lake},
    Row{kIntel, 0xa720, 0xa7ad, GpuFamily::alder_lake},
    Row{kIntel, 0xb080, 0xb0bf, GpuFamily::panther_lake},
    Row{kIntel, 0xe200, 0xe2ff, GpuFamily::battlemage},
    Row{kNvidia, 0x0020, 0x0e3f, GpuFamily::nvidia_fermi},
    Row{kNvidia, 0x0fc0, 0x103f, GpuFamily::nvidia_kepler},
    Row{kNvidia, 0x1040, 0x117f, GpuFamily::nvidia_fermi},
    Row{kNvidia, 0x1180, 0x11ff, GpuFamily::nvidia_kepler},
    Row{kNvidia, 0x1200, 0x127f, GpuFamily::nvidia_fermi},
    Row{kNvidia, 0x1280, 0x12bf, GpuFamily::nvidia_kepler},
    Row{kNvidia, 0x1340, 0xffff, GpuFamily::nvidia_later},
};

}  // namespace

GpuFamily gpu_family_of(const host::PciFunction& function) noexcept {
  const auto row = std::ranges::find_if(kTable, [&](const Row& each) {
    return each.vendor == function.vendor && each.first <= function.device && function.device <= each.last;
  });
  return row == kTable.end() ? GpuFamily::unknown : row->family;
}

std::string_view name_of(GpuFamily family) noexcept {
  switch (family) {
    case GpuFamily::unknown: return "unknown";
    case GpuFamily::polaris: return "Polaris";
    case GpuFamily::lexa: return "Lexa";
    case GpuFamily::vega10: return "Vega 10";
    case GpuFamily::vega12: return "Vega 12";
    case GpuFamily::vega20: return "Vega 20";
    case GpuFamily::navi10: return "Navi 10";
    case GpuFamily::navi12: return "Navi 12";
    case GpuFamily::navi14: return "Navi 14";
    case GpuFamily::navi21: return "Navi 21";
    case GpuFamily::navi22: return "Navi 22";
    case GpuFamily::navi23: return "Navi 23";
    case GpuFamily::navi24: return "Navi 24";
    case GpuFamily::rdna3: return "RDNA 3";
    case GpuFamily::rdna4: return "RDNA 4";
    case GpuFamily::amd_integrated: return "AMD's integrated GPUs";
    case GpuFamily::ivy_bridge: return "Ivy Bridge";
    case GpuFamily::haswell: return "Haswell";
    case GpuFamily::broadwell: return "Broadwell";
    case GpuFamily::skylake: return "Skylake";
    case GpuFamily::kaby_lake: return "Kaby Lake";
    case GpuFamily::coffee_lake: return "Coffee Lake";
    case GpuFamily::comet_lake: return "Comet Lake";
    case GpuFamily::ice_lake: return "Ice Lake";
    case GpuFamily::tiger_lake: return "Tiger Lake";
    case GpuFamily::rocket_lake: return "Rocket Lake";
    case GpuFamily::alder_lake: return "Alder Lake and Raptor Lake";
    case GpuFamily::meteor_lake: return "Meteor Lake and Arrow Lake";
    case GpuFamily::lunar_lake: return "Lunar Lake";
    case GpuFamily::panther_lake: return "Panther Lake";
    case GpuFamily::arc_a: return "Arc A";
    case GpuFamily::battlemage: return "Battlemage";
    case GpuFamily::nvidia_fermi: return "NVIDIA's GPUs up to Fermi";
    case GpuFamily::nvidia_kepler: return "Kepler";
    case GpuFamily::nvidia_later: return "NVIDIA's GPUs since Maxwell";
  }
  return "";
}

}  // namespace hesper::advice
