// The conversion itself, in vectors as wide as the machine that this is compiled for: included once for each of them,
// by convert_MACHINE.cpp. Uses nothing of the standard library, of which the linker would keep any machine's version.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "video/convert_machines.h"

namespace hesper::video {
namespace {

#if defined(__AVX512BW__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif
constexpr std::uint32_t kLanes = kVectorBytes / 4;

// A pixel or two numbers of 16 bits a lane.
using Vector [[gnu::vector_size(kVectorBytes)]] = std::uint32_t;
using Signed [[gnu::vector_size(kVectorBytes)]] = std::int32_t;
using Halves [[gnu::vector_size(kVectorBytes / 2)]] = std::uint16_t;
using Bytes [[gnu::vector_size(kVectorBytes / 4)]] = std::uint8_t;

// The sum of both products of 16 bits in each lane.
[[gnu::always_inline]] inline Signed multiply(Vector a, Vector b) noexcept {
#if defined(__AVX512BW__)
  return __builtin_bit_cast(Signed, _mm512_madd_epi16(__builtin_bit_cast(__m512i, a), __builtin_bit_cast(__m512i, b)));
#elif defined(__AVX2__)
  return __builtin_bit_cast(Signed, _mm256_madd_epi16(__builtin_bit_cast(__m256i, a), __builtin_bit_cast(__m256i, b)));
#elif defined(__SSE2__)
  return __builtin_bit_cast(Signed, _mm_madd_epi16(__builtin_bit_cast(__m128i, a), __builtin_bit_cast(__m128i, b)));
#else
  const Signed low = __builtin_bit_cast(Signed, b << 16) >> 16;
  const Signed high = __builtin_bit_cast(Signed, b) >> 16;
  return __builtin_bit_cast(Signed, a & 0xffff) * low + __builtin_bit_cast(Signed, a >> 16) * high;
#endif
}

template <class To>
[[gnu::always_inline]] inline To load(const void* from) noexcept {
  To value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <class From>
[[gnu::always_inline]] inline void store(From value, void* to) noexcept {
  __builtin_memcpy(to, &value, sizeof value);
}

// Two colours a lane: bytes 0 and 2 of its pixel, and bytes 1 and 3.
struct Colors {
  Vector even, odd;
};

[[gnu::always_inline]] inline Colors split(Vector pixels) noexcept {
  return {.even = pixels & 0x00ff00ff, .odd = pixels >> 8 & 0x00ff00ff};
}

[[gnu::always_inline]] inline Colors sum(const Colors& a, const Colors& b) noexcept {
  return {.even = a.even + b.even, .odd = a.odd + b.odd};
}

// What a plane is made with: coefficients as Colors have their colours.
struct Factors {
  Vector even, odd;
  Signed offset;  // with the half that rounds to nearest
};

[[gnu::always_inline]] inline Factors factors(const Weights& weights, std::int32_t offset, int bits) noexcept {
  const auto pair = [](std::int32_t low, std::int32_t high) {
    return (static_cast<std::uint32_t>(low) & 0xffff) | static_cast<std::uint32_t>(high) << 16;
  };
  return {.even = Vector{} + pair(weights.of_byte[0], weights.of_byte[2]),
          .odd = Vector{} + pair(weights.of_byte[1], weights.of_byte[3]),
          .offset = Signed{} + ((offset << bits) + (1 << (bits - 1)))};
}

[[gnu::always_inline]] inline Vector weigh(const Colors& colors, const Factors& by, int bits) noexcept {
  return __builtin_bit_cast(Vector,
                            (multiply(colors.even, by.even) + multiply(colors.odd, by.odd) + by.offset) >> bits);
}

// The low 8 or 16 bits of each lane; the others are 0. By hand, as compilers take lane for lane here.
[[gnu::always_inline]] inline void store_bytes(Vector values, std::uint8_t* to) noexcept {
#if defined(__AVX512BW__)
  store(_mm512_cvtepi32_epi8(__builtin_bit_cast(__m512i, values)), to);
#elif defined(__AVX2__)
  const __m256i words = _mm256_packus_epi32(__builtin_bit_cast(__m256i, values), __m256i{});
  const __m256i bytes = _mm256_packus_epi16(words, words);
  const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), both);
#elif defined(__SSE2__)
  const __m128i words = _mm_packs_epi32(__builtin_bit_cast(__m128i, values), __m128i{});
  const int bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  store(bytes, to);
#else
  store(__builtin_convertvector(values, Bytes), to);
#endif
}
[[gnu::always_inline]] inline void store_halves(Vector values, std::uint8_t* to) noexcept {
#if defined(__AVX512BW__)
  store(_mm512_cvtepi32_epi16(__builtin_bit_cast(__m512i, values)), to);
#elif defined(__AVX2__)
  const __m256i halves = _mm256_packus_epi32(__builtin_bit_cast(__m256i, values), __m256i{});
  store(_mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08)), to);
#elif defined(__SSE2__)
  // There is a pack for signed numbers only.
  const __m128i as_signed = _mm_srai_epi32(_mm_slli_epi32(__builtin_bit_cast(__m128i, values), 16), 16);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(as_signed, __m128i{}));
#else
  store(__builtin_convertvector(values, Halves), to);
#endif
}

// Lanes 0, 2, 4 ... of both, and 1, 3, 5 ...
[[gnu::always_inline]] inline Vector even_lanes(Vector a, Vector b) noexcept {
#if defined(__AVX512BW__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}
[[gnu::always_inline]] inline Vector odd_lanes(Vector a, Vector b) noexcept {
#if defined(__AVX512BW__)
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}
// The last lane of `before`, then all but the last of `values`.
[[gnu::always_inline]] inline Vector one_later(Vector before, Vector values) noexcept {
#if defined(__AVX512BW__)
  return __builtin_shufflevector(before, values, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
#elif defined(__AVX2__)
  return __builtin_shufflevector(before, values, 7, 8, 9, 10, 11, 12, 13, 14);
#else
  return __builtin_shufflevector(before, values, 3, 4, 5, 6);
#endif
}

// Pixels that are converted at once, of two rows.
constexpr std::uint32_t kStep = 2 * kLanes;

struct PlaneFactors {
  Factors luma, cb, cr;
};

// Two rows to convert, from the rectangle's left edge on.
struct Rows {
  const std::byte *top, *bottom;
  std::ptrdiff_t left;     // to the pixel to the left, in bytes
  std::uint32_t readable;  // pixels
  std::uint32_t writable;  // likewise, even; one more than that where the picture's width is odd
  std::uint8_t *luma_top, *luma_bottom;
  std::uint8_t *cb, *cr;  // nv12: cb is both
};

struct Output {
  std::uint8_t *top, *bottom;  // luma
  std::uint8_t *cb, *cr;       // nv12: cb is both
};

// kStep pixels of two rows. before: sums of the columns to the left, of which the last lane counts; becomes that of
// these.
template <bool interleaved>
[[gnu::always_inline]] inline void convert_step(const std::byte* top, const std::byte* bottom,
                                                const PlaneFactors& factors, Colors& before,
                                                const Output& to) noexcept {
  Colors sums[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const Colors above = split(load<Vector>(top + i * kVectorBytes));
    const Colors below = split(load<Vector>(bottom + i * kVectorBytes));
    store_bytes(weigh(above, factors.luma, kScale), to.top + i * kLanes);
    store_bytes(weigh(below, factors.luma, kScale), to.bottom + i * kLanes);
    sums[i] = sum(above, below);
  }
  const Colors center{.even = even_lanes(sums[0].even, sums[1].even), .odd = even_lanes(sums[0].odd, sums[1].odd)};
  const Colors right{.even = odd_lanes(sums[0].even, sums[1].even), .odd = odd_lanes(sums[0].odd, sums[1].odd)};
  const Colors left{.even = one_later(before.even, right.even), .odd = one_later(before.odd, right.odd)};
  before = right;
  const Colors eight = sum(sum(left, right), sum(center, center));
  const Vector cb = weigh(eight, factors.cb, kScale + kEight);
  const Vector cr = weigh(eight, factors.cr, kScale + kEight);
  if constexpr (interleaved) {
    store_halves(cb | cr << 8, to.cb);
  } else {
    store_bytes(cb, to.cb);
    store_bytes(cr, to.cr);
  }
}

template <bool interleaved>
[[gnu::always_inline]] inline void convert_two_rows(const Rows& rows, const PlaneFactors& factors) noexcept {
  // The bytes of chroma for each column.
  constexpr std::uint32_t kPerTwo = interleaved ? 2 : 1;
  const auto pixel = [](const std::byte* from) { return Vector{} + load<std::uint32_t>(from); };
  Colors before = sum(split(pixel(rows.top + rows.left)), split(pixel(rows.bottom + rows.left)));
  std::uint32_t x = 0;
  for (; x + kStep <= rows.readable; x += kStep) {
    convert_step<interleaved>(rows.top + std::size_t{4} * x, rows.bottom + std::size_t{4} * x, factors, before,
                              {.top = rows.luma_top + x,
                               .bottom = rows.luma_bottom + x,
                               .cb = rows.cb + x / 2 * kPerTwo,
                               .cr = interleaved ? nullptr : rows.cr + x / 2});
  }
  if (x >= rows.writable) return;
  // The rest, with the last pixel repeated, through memory of our own.
  const std::uint32_t have = rows.readable - x;
  const std::uint32_t want = rows.writable - x;  // even; if it is more than `have`, then by one, and that is odd
  std::byte top[2 * kVectorBytes] = {};
  std::byte bottom[2 * kVectorBytes] = {};
  __builtin_memcpy(top, rows.top + std::size_t{4} * x, std::size_t{4} * have);
  __builtin_memcpy(bottom, rows.bottom + std::size_t{4} * x, std::size_t{4} * have);
  if (want > have) {
    __builtin_memcpy(top + std::size_t{4} * have, top + std::size_t{4} * (have - 1), 4);
    __builtin_memcpy(bottom + std::size_t{4} * have, bottom + std::size_t{4} * (have - 1), 4);
  }
  std::uint8_t luma_top[kStep];
  std::uint8_t luma_bottom[kStep];
  std::uint8_t cb[kStep];
  std::uint8_t cr[kStep];
  convert_step<interleaved>(top, bottom, factors, before, {.top = luma_top, .bottom = luma_bottom, .cb = cb, .cr = cr});
  __builtin_memcpy(rows.luma_top + x, luma_top, want);
  __builtin_memcpy(rows.luma_bottom + x, luma_bottom, want);
  __builtin_memcpy(rows.cb + x / 2 * kPerTwo, cb, std::size_t{want} / 2 * kPerTwo);
  if constexpr (!interleaved) __builtin_memcpy(rows.cr + x / 2, cr, want / 2);
}

// As many pixels as there are lanes, or `count` of those.
[[gnu::always_inline]] inline void convert_row(const std::byte* from, std::uint32_t count, const PlaneFactors& factors,
                                               std::uint8_t* luma, std::uint8_t* cb, std::uint8_t* cr) noexcept {
  std::uint32_t x = 0;
  const auto step = [&](const std::byte* pixels, std::uint8_t* y, std::uint8_t* u, std::uint8_t* v) {
    const Colors colors = split(load<Vector>(pixels));
    store_bytes(weigh(colors, factors.luma, kScale), y);
    store_bytes(weigh(colors, factors.cb, kScale), u);
    store_bytes(weigh(colors, factors.cr, kScale), v);
  };
  for (; x + kLanes <= count; x += kLanes) step(from + std::size_t{4} * x, luma + x, cb + x, cr + x);
  if (x == count) return;
  std::byte rest[kVectorBytes] = {};
  std::uint8_t planes[3][kLanes];
  __builtin_memcpy(rest, from + std::size_t{4} * x, std::size_t{4} * (count - x));
  step(rest, planes[0], planes[1], planes[2]);
  __builtin_memcpy(luma + x, planes[0], count - x);
  __builtin_memcpy(cb + x, planes[1], count - x);
  __builtin_memcpy(cr + x, planes[2], count - x);
}

[[gnu::always_inline]] inline void convert_rectangle(const Job& job) noexcept {
  const int more = job.layout == Layout::i444 ? 0 : kEight;
  const PlaneFactors by{.luma = factors(job.luma, 16, kScale),
                        .cb = factors(job.cb, 128, kScale + more),
                        .cr = factors(job.cr, 128, kScale + more)};
  if (job.layout == Layout::i444) {
    for (std::uint32_t y = 0; y < job.readable_height; ++y) {
      convert_row(job.from + job.from_stride * y, job.readable_width, by, job.to[0] + job.to_stride[0] * y,
                  job.to[1] + job.to_stride[1] * y, job.to[2] + job.to_stride[2] * y);
    }
    return;
  }
  // The picture's left edge is its own neighbour.
  const std::ptrdiff_t left = job.has_left ? -4 : 0;
  for (std::uint32_t y = 0; y < job.readable_height; y += 2) {
    const std::byte* top = job.from + job.from_stride * y;
    const std::byte* bottom = y + 1 < job.readable_height ? top + job.from_stride : top;
    const Rows rows{.top = top,
                    .bottom = bottom,
                    .left = left,
                    .readable = job.readable_width,
                    .writable = (job.readable_width + 1) & ~1u,
                    .luma_top = job.to[0] + job.to_stride[0] * y,
                    .luma_bottom = job.to[0] + job.to_stride[0] * (y + 1),
                    .cb = job.to[1] + job.to_stride[1] * (y / 2),
                    .cr = job.layout == Layout::i420 ? job.to[2] + job.to_stride[2] * (y / 2) : nullptr};
    if (job.layout == Layout::nv12)
      convert_two_rows<true>(rows, by);
    else
      convert_two_rows<false>(rows, by);
  }
}

}  // namespace
}  // namespace hesper::video
