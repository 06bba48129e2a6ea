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

std::uint64_t Decoder::judge(const Found& found, ObjectId id, VkObjectType type) noexcept {
  if (type_of(found.kind) != type) {
    fail(found.kind == 0 ? DecodeErrc::unknown_object : DecodeErrc::wrong_object, id);
    return 0;
  }
  if (owner_of(found.kind) != owner_ && owner_of(found.kind) != 0) {
    fail(DecodeErrc::foreign_object, id);
    return 0;
  }
  if (is_tombstone(found.kind)) tombstone_ = true;
  return found.handle;
}

}  // namespace hesper::wire
