// Little-endian numbers in byte vectors and spans. For the capture format only; the wire has its own.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace hesper::capture {

template <std::unsigned_integral T>
void put(std::vector<std::byte>& to, T value) {
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  const std::size_t at = to.size();
  to.resize(at + sizeof(T));
  std::memcpy(to.data() + at, &value, sizeof(T));
}

// `at` bytes into `from`, which is long enough.
template <std::unsigned_integral T>
[[nodiscard]] T get(std::span<const std::byte> from, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, from.data() + at, sizeof(T));
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

// The same way into `to`.
template <std::unsigned_integral T>
void set(std::span<std::byte> to, std::size_t at, T value) noexcept {
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  std::memcpy(to.data() + at, &value, sizeof(T));
}

}  // namespace hesper::capture
