// convert: red, green and blue to luma and chroma, as encoders take them. Owns no picture; image.h does.
//
// BT.709, limited range, 8 bits, not linearised, rounded to nearest. Halved chroma is left-sited, as decoders take it
// to be where a stream says nothing: [1 2 1]/4 horizontally around even columns, the mean of two rows vertically.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gpu/geometry.h"
#include "video/pixels.h"

namespace hesper::video {

enum class Layout : std::uint8_t {
  nv12,  // chroma halved both ways; Cb and Cr interleaved in one plane
  i420,  // chroma halved both ways; three planes
  i444,  // whole chroma; three planes
};

[[nodiscard]] constexpr bool halves_chroma(Layout layout) noexcept { return layout != Layout::i444; }

// Where to write. With halved chroma an even size that is not below the picture's: odd pictures get their last column
// and row twice.
struct Planes {
  Layout layout = Layout::nv12;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::array<std::uint8_t*, 3> first{};  // nv12: two
  std::array<std::size_t, 3> stride{};   // bytes
};

// What of the planes depends on the pixels `damage`, which lies within a picture of that size: even where chroma is
// halved, and with the chroma to the right that an odd column has a part in.
[[nodiscard]] gpu::Rect touched_by(const gpu::Rect& damage, const Planes& planes) noexcept;

// Which instructions to convert with. They give the same results.
enum class Machine : std::uint8_t { baseline, avx2, avx512 };
[[nodiscard]] bool can_use(Machine machine) noexcept;
[[nodiscard]] Machine best_machine() noexcept;

// Writes what touched_by(damage) says. Each byte of the pixels in there is read once, but for the column to the left of
// it. `from` is not larger than the planes; what of the planes is beyond it by more than one is not written.
void convert(const Pixels& from, const gpu::Rect& damage, const Planes& to, Machine machine = best_machine()) noexcept;

}  // namespace hesper::video
