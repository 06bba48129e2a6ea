// reduced_blanking: the timing of a display mode by VESA's CVT standard with reduced blanking, version 1. Knows no
// EDID.
#pragma once

#include <cstdint>

namespace hesper::gpu {

// Pixels and lines; sync pulses count from the start of the line or frame. Horizontal sync is positive, vertical
// negative.
struct Timing {
  std::uint32_t clock_khz = 0;
  std::uint32_t width = 0, hsync_start = 0, hsync_end = 0, htotal = 0;
  std::uint32_t height = 0, vsync_start = 0, vsync_end = 0, vtotal = 0;
};

// width, height: 1 to 65535; widths that are no multiple of 8, which CVT would round, are kept. refresh_mhz:
// millihertz, 1000 to 1000000. The clock is a multiple of 250 kHz, so the real refresh rate is a little below.
[[nodiscard]] Timing reduced_blanking(std::uint32_t width, std::uint32_t height, std::uint32_t refresh_mhz) noexcept;

}  // namespace hesper::gpu
