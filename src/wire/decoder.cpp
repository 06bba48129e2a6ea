// Decoder: the parts too large to inline.
#include "wire/decoder.h"

namespace hesper::wire {

const char* Decoder::string() noexcept {
  const std::size_t length = byte_count();
  const char* from = array<char>(length);
  if (from == nullptr || from[length - 1] == '\0') return from;
  auto* copy = static_cast<char*>(arena_->allocate(length, 1));
  if (copy == nullptr) {
    fail(DecodeErrc::budget, length);
    return nullptr;
  }
  std::memcpy(copy, from, length);
  copy[length - 1] = '\0';
  return copy;
}

}  // namespace hesper::wire
