// Schema: the shape of every request on the wire as tables, for tools that show commands to people. Generated. The
// codecs do not use it: arrays, tags and markers carry on the wire all that is needed to walk it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace hesper::wire {

struct StructSchema;
struct EnumSchema;

enum class FieldKind : std::uint8_t {
  u32,
  i32,
  f32,
  u64,
  i64,
  boolean,
  enumeration,  // 32 bits; of FieldSchema::names
  flags32,      // of FieldSchema::names, which may be nullptr
  flags64,
  byte,  // alone in a word, in arrays packed and padded to 4
  character,
  half,  // uint16_t; as byte
  handle,
  structure,    // of FieldSchema::structure
  clear_color,  // the unions that unions.h codes by hand
  clear_value,
  address,
};

enum class FieldShape : std::uint8_t {
  one,
  pointer,   // a marker, and one if it is set
  array,     // a length and that many
  string,    // a length and that many characters, NUL included
  strings,   // a length and that many strings
  pointers,  // a length and that many pointers
  arrays,    // a length and that many arrays
  room,      // a marker or length alone: for an answer
};

struct FieldSchema {
  const char* name;
  FieldKind kind;
  FieldShape shape;
  bool partial;  // the structure comes in its partial form
  const StructSchema* structure;
  const EnumSchema* names;
  std::uint64_t selection;  // in a union: the tag that selects this field
};

struct StructSchema {
  const char* name;
  bool has_stype;
  std::uint32_t stype;                   // 0 is VkApplicationInfo's
  bool is_union;                         // a tag and one of the fields
  std::span<const FieldSchema> fields;   // without sType and pNext
  std::span<const FieldSchema> partial;  // those that travel in the partial form
};

struct EnumValue {
  std::uint64_t value;
  const char* name;
};
struct EnumSchema {
  std::span<const EnumValue> values;
};

// Parameters behind a command's type and flags; nullptr if the command has no decoder.
[[nodiscard]] const std::span<const FieldSchema>* request_schema(std::uint32_t type) noexcept;
// nullptr if no command carries such a struct.
[[nodiscard]] const StructSchema* struct_schema(std::uint32_t stype) noexcept;

// The kind of a scalar by its C type, which the generator does not know.
template <class T>
consteval FieldKind scalar_kind() {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (std::is_enum_v<T>) {
    return FieldKind::enumeration;
  } else if constexpr (std::is_floating_point_v<T>) {
    return FieldKind::f32;
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 4 ? FieldKind::i32 : FieldKind::i64;
  } else {
    return sizeof(T) == 4 ? FieldKind::u32 : FieldKind::u64;
  }
}
template <class T>
consteval FieldKind flags_kind() {
  return sizeof(T) == 4 ? FieldKind::flags32 : FieldKind::flags64;
}

}  // namespace hesper::wire
