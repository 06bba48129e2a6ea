// The sentences behind DecodeErrc.
#include "wire/decode_error.h"

namespace hesper::wire {

std::string_view describe(DecodeErrc code) noexcept {
  switch (code) {
    case DecodeErrc::none: return "no error";
    case DecodeErrc::truncated: return "the stream ends inside the command";
    case DecodeErrc::unknown_command: return "the command type is unknown";
    case DecodeErrc::wrong_stype: return "sType is not the struct's";
    case DecodeErrc::unknown_chain: return "the pNext chain holds a struct that is not allowed there";
    case DecodeErrc::count_mismatch: return "the array's length differs from its count";
    case DecodeErrc::null_pointer: return "a required pointer is NULL";
    case DecodeErrc::null_handle: return "a required object is VK_NULL_HANDLE";
    case DecodeErrc::unknown_object: return "the object id is unknown";
    case DecodeErrc::wrong_object: return "the object id names an object of another type";
    case DecodeErrc::foreign_object: return "the object id names an object of another device";
    case DecodeErrc::bad_union_tag: return "the union tag names no member";
    case DecodeErrc::bad_string: return "a string in an array has no terminator";
    case DecodeErrc::bad_range: return "a size, a count or an index goes past the array that it is about";
    case DecodeErrc::bad_spirv: return "the shader is not SPIR-V that can be walked";
    case DecodeErrc::budget: return "the command needs more memory than the decoder may use";
    case DecodeErrc::unsupported: return "a value has no encoding on this wire";
  }
  return "unknown error";
}

}  // namespace hesper::wire
