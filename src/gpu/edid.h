// make_edid: what a monitor tells about itself, for a monitor of any size and refresh rate. EDID 1.4, with a DisplayID
// block for modes that its fields are too small for. Knows no scanout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hesper::gpu {

struct Monitor {
  std::uint32_t width = 1280;          // pixels of the preferred mode, 32 to 16384
  std::uint32_t height = 800;          // likewise
  std::uint32_t refresh_mhz = 60'000;  // millihertz of the preferred mode, 1000 to 1000000
  std::string name = "Hesper";         // at most 13 printable ASCII characters are told
  std::string serial = "0";            // likewise
  std::uint32_t width_mm = 0;          // 0: that of 96 dots an inch; both are told up to 4095
  std::uint32_t height_mm = 0;         // likewise
  friend bool operator==(const Monitor&, const Monitor&) = default;
};

// The largest clock of a mode; DisplayID has 24 bits for it, in units of 10 kHz.
inline constexpr std::uint32_t kMostEdidClockKhz = 10u << 24;

// 128 bytes, or 256. Beside the preferred mode it has those of a few standard modes that are smaller.
[[nodiscard]] std::vector<std::byte> make_edid(const Monitor& monitor);

}  // namespace hesper::gpu
