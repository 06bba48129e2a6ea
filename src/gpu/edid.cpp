// EDID: the base block by VESA's E-EDID 1.4, and the DisplayID 1.3 extension. Offsets are named where they are written.
#include "gpu/edid.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/hash.h"
#include "gpu/cvt.h"

namespace hesper::gpu {
namespace {

constexpr std::size_t kBlock = 128;
using Block = std::array<std::uint8_t, kBlock>;
using Descriptor = std::span<std::uint8_t, 18>;

constexpr std::uint8_t low(std::uint32_t value) noexcept { return static_cast<std::uint8_t>(value); }
constexpr std::uint8_t high(std::uint32_t value) noexcept { return static_cast<std::uint8_t>(value >> 8); }

// What makes the sum of the bytes, with this one, a multiple of 256.
std::uint8_t checksum(std::span<const std::uint8_t> bytes) noexcept {
  std::uint8_t sum = 0;
  for (const std::uint8_t byte : bytes) sum = low(sum + byte);
  return low(256u - sum);
}

struct Millimetres {
  std::uint32_t width, height;
};

Millimetres size_of(const Monitor& monitor) noexcept {
  constexpr std::uint32_t kMost = 4095;  // 12 bits
  const auto at_96_dpi = [](std::uint32_t pixels) { return (pixels * 254 + 480) / 960; };
  return {.width = std::min(monitor.width_mm != 0 ? monitor.width_mm : at_96_dpi(monitor.width), kMost),
          .height = std::min(monitor.height_mm != 0 ? monitor.height_mm : at_96_dpi(monitor.height), kMost)};
}

// A detailed timing has 12 bits for sizes and 16 for the clock in units of 10 kHz: 655.35 MHz.
bool fits_detailed_timing(const Timing& timing) noexcept {
  constexpr std::uint32_t kMost = 4095;
  return timing.width <= kMost && timing.height <= kMost && timing.vtotal - timing.height <= kMost &&
         timing.clock_khz / 10 <= 0xffff;
}

void write_detailed_timing(Descriptor to, const Timing& timing, const Millimetres& size) noexcept {
  const std::uint32_t hblank = timing.htotal - timing.width;
  const std::uint32_t vblank = timing.vtotal - timing.height;
  const std::uint32_t hfront = timing.hsync_start - timing.width;
  const std::uint32_t hsync = timing.hsync_end - timing.hsync_start;
  const std::uint32_t vfront = timing.vsync_start - timing.height;
  const std::uint32_t vsync = timing.vsync_end - timing.vsync_start;
  to[0] = low(timing.clock_khz / 10);
  to[1] = high(timing.clock_khz / 10);
  to[2] = low(timing.width);
  to[3] = low(hblank);
  to[4] = low((timing.width >> 8 << 4) | (hblank >> 8));
  to[5] = low(timing.height);
  to[6] = low(vblank);
  to[7] = low((timing.height >> 8 << 4) | (vblank >> 8));
  to[8] = low(hfront);
  to[9] = low(hsync);
  to[10] = low(((vfront & 15) << 4) | (vsync & 15));
  to[11] = low((hfront >> 8 << 6) | (hsync >> 8 << 4) | (vfront >> 4 << 2) | (vsync >> 4));
  to[12] = low(size.width);
  to[13] = low(size.height);
  to[14] = low((size.width >> 8 << 4) | (size.height >> 8));
  to[15] = to[16] = 0;  // no border
  to[17] = 0x1a;        // digital separate sync, horizontal positive, vertical negative
}

enum class Text : std::uint8_t { serial = 0xff, name = 0xfc };

void write_text(Descriptor to, Text tag, std::string_view text) noexcept {
  constexpr std::size_t kMost = 13;
  std::ranges::fill(to, std::uint8_t{0});
  to[3] = static_cast<std::uint8_t>(tag);
  const auto field = to.subspan(5);
  std::ranges::fill(field, std::uint8_t{' '});
  const std::size_t length = std::min(text.size(), kMost);
  std::ranges::transform(text.substr(0, length), field.begin(),
                         [](char c) { return static_cast<std::uint8_t>(c >= ' ' && c <= '~' ? c : '?'); });
  if (length < kMost) field[length] = '\n';
}

// Display range limits, wide enough for the preferred mode and the standard ones. Values that do not fit are told as
// the largest that do.
void write_range_limits(Descriptor to, const Timing& timing, std::uint32_t refresh_mhz) noexcept {
  std::ranges::fill(to, std::uint8_t{0});
  const std::uint32_t refresh = std::max((refresh_mhz + 999) / 1000, 76u);
  const std::uint32_t khz = std::max(timing.clock_khz / timing.htotal + 1, 82u);
  const auto capped = [](std::uint32_t value) { return std::clamp(value, 1u, 510u); };
  // Values above 255 have a flag that adds 255.
  const auto without_offset = [](std::uint32_t value) { return low(value > 255 ? value - 255 : value); };
  to[3] = 0xfd;
  to[4] = low((capped(refresh) > 255 ? 2u : 0u) | (capped(khz) > 255 ? 8u : 0u));
  to[5] = low(std::min(refresh_mhz / 1000, 50u));
  to[6] = without_offset(capped(refresh));
  to[7] = low(std::min(timing.clock_khz / timing.htotal, 30u));
  to[8] = without_offset(capped(khz));
  to[9] = low(std::clamp(timing.clock_khz / 10'000 + 1, 17u, 255u));
  to[10] = 1;  // these limits, and no formula
  to[11] = '\n';
  std::ranges::fill(to.subspan(12), std::uint8_t{' '});
}

struct StandardMode {
  std::uint32_t width, height;
  std::uint8_t aspect;  // 0: 16:10, 1: 4:3, 2: 5:4, 3: 16:9
};
constexpr StandardMode kStandardModes[] = {{1920, 1080, 3}, {1680, 1050, 0}, {1600, 900, 3}, {1440, 900, 0},
                                           {1280, 1024, 2}, {1280, 960, 1},  {1280, 800, 0}, {1280, 720, 3}};

struct EstablishedMode {
  std::uint32_t width, height;
  std::uint8_t byte, bit;  // bytes 35 and 36
};
constexpr EstablishedMode kEstablishedModes[] = {{640, 480, 0, 5}, {800, 600, 0, 0}, {1024, 768, 1, 3}};

template <class Mode>
bool is_smaller(const Mode& mode, const Monitor& monitor) noexcept {
  return mode.width <= monitor.width && mode.height <= monitor.height &&
         (mode.width < monitor.width || mode.height < monitor.height);
}

// first: the detailed timing that it begins with. preferred: what the limits must allow.
Block base_block(const Monitor& monitor, const Timing& first, const Timing& preferred, std::uint8_t extensions) {
  Block block{};
  constexpr std::array<std::uint8_t, 8> kHeader{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
  std::ranges::copy(kHeader, block.begin());
  // Manufacturer "HSP", five bits a letter, the first letter highest. This one word is big-endian.
  constexpr std::uint32_t kManufacturer = ('H' - '@') << 10 | ('S' - '@') << 5 | ('P' - '@');
  block[8] = high(kManufacturer);
  block[9] = low(kManufacturer);
  block[10] = 1;  // product
  const std::uint64_t number = hash64(std::as_bytes(std::span(monitor.serial)));
  for (std::size_t i = 0; i < 4; ++i) block[12 + i] = low(static_cast<std::uint32_t>(number >> (8 * i)));
  block[16] = 0xff;         // no week: the next is a model year
  block[17] = 2026 - 1990;  // model year
  block[18] = 1;            // EDID 1.4
  block[19] = 4;
  block[20] = 0xa5;  // digital, 8 bits a colour, DisplayPort
  const Millimetres size = size_of(monitor);
  block[21] = low(std::min((size.width + 5) / 10, 255u));  // centimetres
  block[22] = low(std::min((size.height + 5) / 10, 255u));
  block[23] = 120;   // gamma 2.2
  block[24] = 0x06;  // RGB only; sRGB is the default; the first timing is native
  // Chromaticity of sRGB: low bits, then red, green, blue and white, x before y.
  constexpr std::array<std::uint8_t, 10> kSrgb{0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
  std::ranges::copy(kSrgb, block.begin() + 25);

  for (const EstablishedMode& mode : kEstablishedModes) {
    if (is_smaller(mode, monitor)) block[35u + mode.byte] |= low(1u << mode.bit);
  }
  std::size_t standard = 38;
  std::ranges::fill(std::span(block).subspan<38, 16>(), std::uint8_t{1});  // unused
  for (const StandardMode& mode : kStandardModes) {
    if (!is_smaller(mode, monitor)) continue;
    block[standard++] = low(mode.width / 8 - 31);
    block[standard++] = low(std::uint32_t{mode.aspect} << 6);  // 60 Hz
  }

  const auto descriptor = [&](std::size_t index) { return Descriptor(&block[54 + 18 * index], 18); };
  write_detailed_timing(descriptor(0), first, size);
  write_range_limits(descriptor(1), preferred, monitor.refresh_mhz);
  write_text(descriptor(2), Text::name, monitor.name);
  write_text(descriptor(3), Text::serial, monitor.serial);
  block[126] = extensions;
  block[127] = checksum(std::span(block).first<127>());
  return block;
}

// A DisplayID 1.3 section with one detailed timing (type I), which is the preferred one.
Block display_id_block(const Timing& timing) noexcept {
  Block block{};
  block[0] = 0x70;  // extension: DisplayID
  block[1] = 0x13;
  block[2] = 121;  // bytes of data blocks, padded with zeros
  block[3] = 0;    // an extension of EDID; so is what product it is
  block[4] = 0;
  block[5] = 0x03;  // data block: type I timing
  block[6] = 0;
  block[7] = 20;
  const auto to = std::span(block).subspan<8, 20>();
  const auto write = [&](std::size_t at, std::uint32_t value) {
    to[at] = low(value);
    to[at + 1] = high(value);
  };
  const std::uint32_t clock = timing.clock_khz / 10 - 1;  // all fields are less one
  write(0, clock);
  to[2] = low(clock >> 16);
  to[3] = 0x88;  // preferred; the aspect ratio is not told
  constexpr std::uint32_t kPositive = 0x8000;
  write(4, timing.width - 1);
  write(6, timing.htotal - timing.width - 1);
  write(8, (timing.hsync_start - timing.width - 1) | kPositive);
  write(10, timing.hsync_end - timing.hsync_start - 1);
  write(12, timing.height - 1);
  write(14, timing.vtotal - timing.height - 1);
  write(16, timing.vsync_start - timing.height - 1);
  write(18, timing.vsync_end - timing.vsync_start - 1);
  block[126] = checksum(std::span(block).subspan<1, 125>());  // of the section
  block[127] = checksum(std::span(block).first<127>());
  return block;
}

}  // namespace

std::vector<std::byte> make_edid(const Monitor& monitor) {
  const Timing timing = reduced_blanking(monitor.width, monitor.height, monitor.refresh_mhz);
  std::vector<Block> blocks;
  if (fits_detailed_timing(timing)) {
    blocks = {base_block(monitor, timing, timing, 0)};
  } else {
    // The base block must begin with a timing. Linux takes it for a preferred one, and drops preferred modes that are
    // not of the size in the display info, other than 1024x768. For readers without DisplayID it is all there is.
    const Timing fallback = reduced_blanking(1024, 768, 60'000);
    blocks = {base_block(monitor, fallback, timing, 1), display_id_block(timing)};
  }
  const auto bytes = std::as_bytes(std::span(blocks));
  return {bytes.begin(), bytes.end()};
}

}  // namespace hesper::gpu
