// Reflection: every struct and command of the wire, and of the host's functions, as data. Generated tables (wiregen),
// on which fill.h, dump.h and the fake driver work. Test code only; src/ knows nothing of it.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::fake {

struct Type;

enum class Kind : std::uint8_t {
  scalar,        // `size` bytes whose value means nothing to the codec; also unions that travel as raw bits
  handle,        //
  string,        // const char*
  structure,     // also a union with a selector
  stype,         //
  chain,         // pNext
  host_pointer,  // has no encoding: always NULL from a client
};

enum class Shape : std::uint8_t {
  value,
  fixed,    // T x[extent]
  pointer,  // T* x, one element
  array,    // T* x, length() elements
  arrays,   // T* const* x, length() pointers to inner_length(i) elements each
};

// What a scalar must be, as others depend on it.
enum class Role : std::uint8_t {
  none,
  count,           // of array elements
  count_of_bytes,  // of an array with elements of 4 bytes
  sample_count,    // 32 to a word of a mask
  constant,
};

struct Field {
  const char* name;
  std::size_t offset;
  std::size_t size;  // bytes of one element
  Kind kind = Kind::scalar;
  Shape shape = Shape::value;
  std::size_t extent = 0;      // shape fixed
  const Type* type = nullptr;  // kind structure
  VkObjectType object_type = VK_OBJECT_TYPE_UNKNOWN;
  bool optional = false;         // the pointer may be NULL
  bool required_handle = false;  // never VK_NULL_HANDLE
  bool output = false;           // a parameter that the host fills in
  bool in_out_count = false;     // sizes an output array; travels in requests also inside output structs
  Role role = Role::none;
  std::uint64_t constant = 0;
  std::uint64_t (*length)(const void* owner) = nullptr;
  std::uint64_t (*inner_length)(const void* owner, std::size_t i) = nullptr;  // nullptr: 1
  bool (*travels)(const void* owner) = nullptr;  // false: the protocol omits the array; nullptr: it never does
  std::size_t selector_offset = SIZE_MAX;        // of a union: the 4-byte member of the owner that selects
  std::uint64_t selection = 0;                   // of a union's member: the selector's value for it
};

// src/wire's functions for a struct. The partial ones are nullptr if the struct has no partial form, or is never an
// output.
struct Coding {
  void (*encode)(wire::Encoder&, const void*) = nullptr;
  void (*decode)(wire::Decoder&, void*) = nullptr;
  void (*encode_partial)(wire::Encoder&, const void*) = nullptr;
  void (*decode_partial)(wire::Decoder&, void*) = nullptr;
};

struct Type {
  const char* name;
  std::size_t size;  // bytes
  bool is_union = false;
  VkStructureType stype{};               // 0, which is VkApplicationInfo's, for structs without
  std::span<const Field> fields{};       //
  std::span<const Type* const> chain{};  // what its pNext accepts on the wire
  Coding coding{};                       // empty: only ever inside other structs, or not on the wire

  [[nodiscard]] bool has_stype() const noexcept { return !fields.empty() && fields[0].kind == Kind::stype; }
};

// The same for a command. Over vkX_params, the plain parameters of the C function in their order and the return value
// `ret`; a client's handles are its ids.
struct CommandCoding {
  void (*encode_request)(wire::Encoder&, std::uint32_t flags, const void* params) = nullptr;
  void (*decode_request)(wire::Decoder&, void* params) = nullptr;
  void (*encode_reply)(wire::Encoder&, const void* params) = nullptr;
  void (*decode_reply)(wire::Decoder&, void* params) = nullptr;
};

struct Command {
  const char* name;
  Type params;
  std::size_t return_offset = 0;
  std::size_t return_size = 0;  // 0: void
  bool returns_result = false;  // VkResult
  std::span<const VkResult> successes{};
  std::span<const VkResult> errors{};
  bool always_there = false;  // Vulkan 1.1 has it, the least that hosts may have
  std::uint32_t number = 0;
  bool on_wire = false;  // otherwise only a host function
  bool by_hand = false;
  bool venus = false;  // no host has it
  CommandCoding coding{};

  [[nodiscard]] VkResult result(const void* called) const noexcept {
    VkResult value{};
    std::memcpy(&value, static_cast<const std::byte*>(called) + return_offset, sizeof(value));
    return value;
  }
};

// Generated.
[[nodiscard]] std::span<const Type* const> all_types() noexcept;  // by name; unions of raw bits are not among them
[[nodiscard]] std::span<const Command* const> all_commands() noexcept;  // those on the wire first, by number

// nullptr if there is none.
[[nodiscard]] const Command* find_command(std::string_view name) noexcept;
[[nodiscard]] const Type* find_type(VkStructureType stype) noexcept;

// ---- Access. SAFETY (all): `owner` is a struct that `field` belongs to. ----

[[nodiscard]] inline std::byte* at(void* owner, const Field& field) noexcept {
  return static_cast<std::byte*>(owner) + field.offset;
}
[[nodiscard]] inline const std::byte* at(const void* owner, const Field& field) noexcept {
  return static_cast<const std::byte*>(owner) + field.offset;
}
template <class T>
[[nodiscard]] T load(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <class T>
void store(void* to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof(T));
}
// A scalar of up to 8 bytes.
[[nodiscard]] inline std::uint64_t load_number(const void* from, std::size_t size) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, from, size);
  return value;
}
inline void store_number(void* to, std::size_t size, std::uint64_t value) noexcept { std::memcpy(to, &value, size); }

// The union's member that `owner`, which has the union as `field`, selects; nullptr: none.
[[nodiscard]] const Field* selected_member(const void* owner, const Field& field) noexcept;

template <class T>
inline constexpr Coding kCoding{
    .encode = [](wire::Encoder& enc, const void* value) { encode(enc, *static_cast<const T*>(value)); },
    .decode = [](wire::Decoder& dec, void* value) { decode(dec, *static_cast<T*>(value)); }};

template <class T>
constexpr Coding output_coding() {
  Coding coding = kCoding<T>;
  if constexpr (requires(wire::Decoder& dec, T& value) { decode_partial(dec, value); }) {
    coding.encode_partial = [](wire::Encoder& enc, const void* value) {
      encode_partial(enc, *static_cast<const T*>(value));
    };
    coding.decode_partial = [](wire::Decoder& dec, void* value) { decode_partial(dec, *static_cast<T*>(value)); };
  }
  return coding;
}
template <class T>
inline constexpr Coding kOutputCoding = output_coding<T>();

}  // namespace hesper::fake
