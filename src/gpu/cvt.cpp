// CVT with reduced blanking, in whole numbers.
#include "gpu/cvt.h"

#include <algorithm>

namespace hesper::gpu {
namespace {

// CVT tells the aspect ratio by the width of the vertical sync pulse.
std::uint32_t vsync_lines(std::uint64_t width, std::uint64_t height) noexcept {
  if (width * 3 == height * 4) return 4;
  if (width * 9 == height * 16) return 5;
  if (width * 10 == height * 16) return 6;
  if (width * 4 == height * 5 || width * 9 == height * 15) return 7;
  return 10;
}

}  // namespace

Timing reduced_blanking(std::uint32_t width, std::uint32_t height, std::uint32_t refresh_mhz) noexcept {
  constexpr std::uint32_t kHorizontalBlank = 160;
  constexpr std::uint32_t kHorizontalSync = 32;
  constexpr std::uint32_t kHorizontalFrontPorch = 48;
  constexpr std::uint32_t kVerticalFrontPorch = 3;
  constexpr std::uint32_t kLeastVerticalBackPorch = 6;
  constexpr std::uint64_t kLeastBlankPs = 460'000'000;  // 460 us of vertical blanking
  constexpr std::uint64_t kClockStepKhz = 250;
  constexpr std::uint64_t kPsTimesMhz = 1'000'000'000'000'000;  // picoseconds a second, times 1000

  const std::uint64_t frame_ps = kPsTimesMhz / refresh_mhz;
  // How many lines of (frame - blanking) / height are in the blanking.
  const std::uint64_t blanking = kLeastBlankPs * height / (frame_ps - kLeastBlankPs) + 1;
  const std::uint32_t vsync = vsync_lines(width, height);
  const auto vblank = static_cast<std::uint32_t>(
      std::max<std::uint64_t>(blanking, kVerticalFrontPorch + vsync + kLeastVerticalBackPorch));

  Timing timing{.width = width, .height = height};
  timing.hsync_start = width + kHorizontalFrontPorch;
  timing.hsync_end = timing.hsync_start + kHorizontalSync;
  timing.htotal = width + kHorizontalBlank;
  timing.vsync_start = height + kVerticalFrontPorch;
  timing.vsync_end = timing.vsync_start + vsync;
  timing.vtotal = height + vblank;
  const std::uint64_t khz = std::uint64_t{timing.htotal} * timing.vtotal * refresh_mhz / 1'000'000;
  timing.clock_khz = static_cast<std::uint32_t>(std::max(khz / kClockStepKhz, std::uint64_t{1}) * kClockStepKhz);
  return timing;
}

}  // namespace hesper::gpu
