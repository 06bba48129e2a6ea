// Encoder: writes Venus commands and replies into memory it is given, which may be shared with a client: it only
// ever writes, never reads back. Knows scalars, markers and padding; the structs are in the generated code.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "wire/decoder.h"

namespace hesper::wire {

// Running out of room is sticky: nothing more is written, and ok() is false until reset().
class Encoder {
 public:
  Encoder() noexcept = default;
  explicit Encoder(std::span<std::byte> room) noexcept { reset(room); }

  // Borrows `room` until the next reset.
  void reset(std::span<std::byte> room) noexcept {
    begin_ = at_ = room.data();
    end_ = begin_ + room.size();
    ok_ = true;
  }

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(end_ - begin_); }
  // False (and no change) if `position` is past the end.
  bool seek(std::size_t position) noexcept {
    if (position > capacity()) return false;
    at_ = begin_ + position;
    return true;
  }

  template <Scalar T>
  void put(T value) noexcept {
    bytes(&value, sizeof(T));
  }
  template <Scalar... T>
  void put_all(const T&... values) noexcept {
    (bytes(&values, sizeof(T)), ...);
  }
  // A scalar of 1 or 2 bytes, in a word of its own.
  template <class T>
  void put_narrow(T value) noexcept {
    put<std::uint32_t>(value);
  }
  void marker(bool present) noexcept { put<std::uint64_t>(present ? 1 : 0); }
  void count(std::uint64_t n) noexcept { put<std::uint64_t>(n); }

  // `count` elements of 1, 2, 4 or 8 bytes, zero-padded to 4 bytes.
  template <class T>
  void array(const T* from, std::size_t count) noexcept {
    bytes(from, count * sizeof(T));
    if constexpr (sizeof(T) < 4) {
      const std::uint32_t zero = 0;
      bytes(&zero, (4 - count * sizeof(T) % 4) % 4);
    }
  }
  // NULL is length 0; otherwise the length counts the NUL.
  void string(const char* s) noexcept {
    const std::size_t length = s == nullptr ? 0 : std::strlen(s) + 1;
    count(length);
    array(s, length);
  }
  // The handle's bits as id. A server that answers with handles translates them to ids first.
  template <class H>
  void handle(H h) noexcept {
    put(std::bit_cast<std::uint64_t>(h));
  }

 private:
  void bytes(const void* from, std::size_t size) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]] {
      ok_ = false;
      at_ = end_;
      return;
    }
    if (size != 0) std::memcpy(at_, from, size);
    at_ += size;
  }

  std::byte* begin_ = nullptr;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace hesper::wire
