// Conversion, in pieces of two rows that stay in the nearest cache. Plain loops that compilers turn into vectors,
// compiled for several machines.
#include "video/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace hesper::video {
namespace {

// Coefficients in 1/32768. Those of a chroma add up to 0, so that greys have none, and those of luma to little enough
// that white is 235: nothing has to be clamped.
constexpr int kScale = 15;
struct Weights {
  std::int32_t red, green, blue;
};
constexpr Weights kY{.red = 5983, .green = 20127, .blue = 2032};
constexpr Weights kCb{.red = -3298, .green = -11094, .blue = 14392};
constexpr Weights kCr{.red = 14392, .green = -13072, .blue = -1320};
// Halved chroma is made of sums of eight: 1 2 1 of each of two rows.
constexpr int kEight = 3;

constexpr std::uint32_t kPiece = 256;  // pixels, even

// Where the colours are in a pixel that is read as a word of this machine.
struct Shifts {
  int red, green, blue;
};

Shifts shifts_of(gpu::Format format) noexcept {
  const gpu::FormatInfo& info = gpu::format_info(format);
  const auto shift = [](int byte) { return 8 * (std::endian::native == std::endian::little ? byte : 3 - byte); };
  return {.red = shift(info.red), .green = shift(info.green), .blue = shift(info.blue)};
}

using Words = std::array<std::uint32_t, kPiece>;

struct Piece {
  Words top, bottom;
  // Two colours a word: sums of both rows, of bits 0 to 7 and 16 to 23, and of the others. [0] is the column to the
  // left.
  std::array<std::uint32_t, kPiece + 1> low, high;
};

#define HESPER_INLINE [[gnu::always_inline]] inline

HESPER_INLINE std::uint8_t weigh(const Weights& weights, std::uint32_t red, std::uint32_t green, std::uint32_t blue,
                                 std::int32_t offset, int bits) noexcept {
  const std::int32_t sum = weights.red * static_cast<std::int32_t>(red) +
                           weights.green * static_cast<std::int32_t>(green) +
                           weights.blue * static_cast<std::int32_t>(blue);
  return static_cast<std::uint8_t>((sum + (offset << bits) + (1 << (bits - 1))) >> bits);
}

HESPER_INLINE void write_plane(const Weights& weights, std::int32_t offset, const std::uint32_t* words,
                               std::uint32_t count, const Shifts& shifts, std::uint8_t* to) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t word = words[i];
    to[i] = weigh(weights, word >> shifts.red & 0xff, word >> shifts.green & 0xff, word >> shifts.blue & 0xff, offset,
                  kScale);
  }
}

HESPER_INLINE void write_halved_chroma(const Piece& piece, std::uint32_t count, const Shifts& shifts, Layout layout,
                                       std::uint8_t* cb, std::uint8_t* cr) noexcept {
  constexpr int kBits = kScale + kEight;
  std::array<std::uint32_t, kPiece / 2> low;
  std::array<std::uint32_t, kPiece / 2> high;
  for (std::uint32_t i = 0; i < count; ++i) {
    low[i] = piece.low[2 * i] + 2 * piece.low[2 * i + 1] + piece.low[2 * i + 2];
    high[i] = piece.high[2 * i] + 2 * piece.high[2 * i + 1] + piece.high[2 * i + 2];
  }
  const auto words = [&](int shift) { return shift % 16 == 0 ? low.data() : high.data(); };
  const std::uint32_t* red = words(shifts.red);
  const std::uint32_t* green = words(shifts.green);
  const std::uint32_t* blue = words(shifts.blue);
  const int red_half = shifts.red & 16;
  const int green_half = shifts.green & 16;
  const int blue_half = shifts.blue & 16;
  std::array<std::uint8_t, kPiece / 2> cbs;
  std::array<std::uint8_t, kPiece / 2> crs;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t r = red[i] >> red_half & 0xffff;
    const std::uint32_t g = green[i] >> green_half & 0xffff;
    const std::uint32_t b = blue[i] >> blue_half & 0xffff;
    cbs[i] = weigh(kCb, r, g, b, 128, kBits);
    crs[i] = weigh(kCr, r, g, b, 128, kBits);
  }
  if (layout == Layout::nv12) {
    for (std::uint32_t i = 0; i < count; ++i) {
      cb[2 * i] = cbs[i];
      cb[2 * i + 1] = crs[i];
    }
  } else {
    std::memcpy(cb, cbs.data(), count);
    std::memcpy(cr, crs.data(), count);
  }
}

// count pixels from column x on; beyond the picture its last one again.
HESPER_INLINE void load(const Pixels& from, std::uint32_t y, std::uint32_t x, std::uint32_t count,
                        Words& words) noexcept {
  const std::uint32_t have = std::min(count, from.width - x);
  std::memcpy(words.data(), from.row(std::min(y, from.height - 1)) + std::size_t{4} * x, std::size_t{4} * have);
  std::fill(words.begin() + have, words.begin() + count, words[have - 1]);
}

HESPER_INLINE void convert_halved(const Pixels& from, const gpu::Rect& part, const Planes& to,
                                  const Shifts& shifts) noexcept {
  constexpr std::uint32_t kMask = 0x00ff00ff;
  Piece piece;
  for (std::uint32_t y = part.y; y < part.y + part.height; y += 2) {
    for (std::uint32_t x = part.x; x < part.x + part.width; x += kPiece) {
      const std::uint32_t count = std::min(kPiece, part.x + part.width - x);
      if (x == part.x) {
        // The picture's left edge is its own neighbour.
        const std::uint32_t left = x == 0 ? 0 : x - 1;
        load(from, y, left, 1, piece.top);
        load(from, y + 1, left, 1, piece.bottom);
        piece.low[0] = (piece.top[0] & kMask) + (piece.bottom[0] & kMask);
        piece.high[0] = (piece.top[0] >> 8 & kMask) + (piece.bottom[0] >> 8 & kMask);
      } else {
        piece.low[0] = piece.low[kPiece];
        piece.high[0] = piece.high[kPiece];
      }
      load(from, y, x, count, piece.top);
      load(from, y + 1, x, count, piece.bottom);
      for (std::uint32_t i = 0; i < count; ++i) {
        piece.low[i + 1] = (piece.top[i] & kMask) + (piece.bottom[i] & kMask);
        piece.high[i + 1] = (piece.top[i] >> 8 & kMask) + (piece.bottom[i] >> 8 & kMask);
      }
      std::uint8_t* luma = to.first[0] + to.stride[0] * y + x;
      write_plane(kY, 16, piece.top.data(), count, shifts, luma);
      write_plane(kY, 16, piece.bottom.data(), count, shifts, luma + to.stride[0]);
      const std::uint32_t chroma_x = to.layout == Layout::nv12 ? x : x / 2;
      write_halved_chroma(piece, count / 2, shifts, to.layout, to.first[1] + to.stride[1] * (y / 2) + chroma_x,
                          to.layout == Layout::nv12 ? nullptr : to.first[2] + to.stride[2] * (y / 2) + chroma_x);
    }
  }
}

HESPER_INLINE void convert_whole(const Pixels& from, const gpu::Rect& part, const Planes& to,
                                 const Shifts& shifts) noexcept {
  Words words;
  for (std::uint32_t y = part.y; y < part.y + part.height; ++y) {
    for (std::uint32_t x = part.x; x < part.x + part.width; x += kPiece) {
      const std::uint32_t count = std::min(kPiece, part.x + part.width - x);
      load(from, y, x, count, words);
      write_plane(kY, 16, words.data(), count, shifts, to.first[0] + to.stride[0] * y + x);
      write_plane(kCb, 128, words.data(), count, shifts, to.first[1] + to.stride[1] * y + x);
      write_plane(kCr, 128, words.data(), count, shifts, to.first[2] + to.stride[2] * y + x);
    }
  }
}

HESPER_INLINE void convert_part(const Pixels& from, const gpu::Rect& part, const Planes& to) noexcept {
  const Shifts shifts = shifts_of(from.format);
  if (halves_chroma(to.layout))
    convert_halved(from, part, to, shifts);
  else
    convert_whole(from, part, to, shifts);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void convert_avx2(const Pixels& from, const gpu::Rect& part, const Planes& to) noexcept {
  convert_part(from, part, to);
}
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]] void convert_avx512(const Pixels& from, const gpu::Rect& part,
                                                                          const Planes& to) noexcept {
  convert_part(from, part, to);
}
#endif

}  // namespace

gpu::Rect touched_by(const gpu::Rect& damage, const Planes& planes) noexcept {
  if (damage.empty() || !halves_chroma(planes.layout)) return damage;
  const auto even = [](std::uint64_t number) { return static_cast<std::uint32_t>(number & ~std::uint64_t{1}); };
  const std::uint32_t x = even(damage.x);
  const std::uint32_t y = even(damage.y);
  // The last column, if odd, has a part in the chroma around the next one.
  const std::uint32_t right = std::min(planes.width, even(damage.right()) + 2);
  const std::uint32_t bottom = std::min(planes.height, even(damage.bottom() + 1));
  return {.x = x, .y = y, .width = right - x, .height = bottom - y};
}

bool can_use([[maybe_unused]] Machine machine) noexcept {
#if defined(__x86_64__)
  if (machine == Machine::avx2) return __builtin_cpu_supports("avx2") != 0;
  if (machine == Machine::avx512)
    return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
           __builtin_cpu_supports("avx512dq") != 0;
#endif
  return machine == Machine::baseline;
}

Machine best_machine() noexcept {
  static const Machine best = can_use(Machine::avx512) ? Machine::avx512
                              : can_use(Machine::avx2) ? Machine::avx2
                                                       : Machine::baseline;
  return best;
}

void convert(const Pixels& from, const gpu::Rect& damage, const Planes& to, [[maybe_unused]] Machine machine) noexcept {
  HESPER_CHECK(damage.fits(from.width, from.height) && from.width <= to.width && from.height <= to.height);
  const gpu::Rect part = touched_by(damage, to);
  if (part.empty()) return;
#if defined(__x86_64__)
  if (machine == Machine::avx2) return convert_avx2(from, part, to);
  if (machine == Machine::avx512) return convert_avx512(from, part, to);
#endif
  convert_part(from, part, to);
}

}  // namespace hesper::video
