// The conversion for each machine, and what it is told. Which one runs is convert.cpp's choice.
#pragma once

#include <cstddef>
#include <cstdint>

#include "video/convert.h"

namespace hesper::video {

// Coefficients are in 1/32768.
inline constexpr int kScale = 15;
// Halved chroma is made of sums of eight: 1 2 1 of each of two rows.
inline constexpr int kEight = 3;

// What each byte of a pixel counts, when pixels are read as words: of_byte[0] belongs to bits 0 to 7.
struct Weights {
  std::int32_t of_byte[4];
};

// A rectangle, with an even place and size where chroma is halved, but for the right and lower edges of odd pictures.
struct Job {
  const std::byte* from;  // its first pixel
  std::size_t from_stride;
  bool has_left;  // there is a pixel to the left of that
  std::uint32_t readable_width;
  std::uint32_t readable_height;
  Layout layout;
  std::uint8_t* to[3];  // the places of its first pixel; written are as many as are read, rounded up to even
  std::size_t to_stride[3];
  Weights luma, cb, cr;
};

void convert_baseline(const Job& job) noexcept;
#if defined(__x86_64__)
void convert_avx2(const Job& job) noexcept;
void convert_avx512(const Job& job) noexcept;
#endif

}  // namespace hesper::video
