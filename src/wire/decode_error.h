// DecodeError: what is wrong with a client's byte stream, and where. Host failures are hesper::Error instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hesper::wire {

enum class DecodeErrc : std::uint8_t {
  none,
  truncated,        // the stream ends inside a command
  unknown_command,  // a command type without decoder
  wrong_stype,      // sType is not the struct's
  unknown_chain,    // a pNext struct that the chain's root does not allow
  count_mismatch,   // an array's wire count differs from its count member
  null_pointer,     // NULL where Vulkan requires a pointer
  null_handle,      // id 0 where Vulkan requires an object
  unknown_object,   // an id that names no object
  wrong_object,     // an id that names an object of another type
  foreign_object,   // an id that names an object of another device than the command's
  bad_union_tag,    // a union tag that names no member
  bad_string,       // a string of length 0 inside an array
  bad_range,        // a size, count or index that goes past what it is about
  bad_spirv,        // a shader whose instructions cannot be walked
  budget,           // the decoder's memory limit would be passed
  unsupported,      // a value that has no encoding on this wire
};

[[nodiscard]] std::string_view describe(DecodeErrc code) noexcept;

// offset: bytes from the start of the stream. detail: the offending value (id, sType, count, tag).
struct DecodeError {
  DecodeErrc code = DecodeErrc::none;
  std::size_t offset = 0;
  std::uint64_t detail = 0;
};

}  // namespace hesper::wire
