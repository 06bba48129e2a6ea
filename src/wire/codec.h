// Codec: the shapes that generated code is made of: pointers, arrays, fixed arrays, arrays of arrays, of structs and
// scalars. Included by generated sources and unions.cpp only.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::wire {

// A length or selector as the wire has it. Never loads an enum, whose value the client chose.
template <class T>
[[nodiscard]] constexpr std::uint64_t number(const T& value) noexcept {
  if constexpr (std::is_enum_v<T>) {
    return std::bit_cast<std::uint32_t>(value);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}
// The same behind a pointer that may be NULL.
template <class T>
[[nodiscard]] constexpr std::uint64_t counted(const T* value) noexcept {
  return value != nullptr ? number(*value) : 0;
}

// ---- Decoding. nullptr where nothing was sent, or on error, which the decoder then holds. ----

template <class T>
void decode_element(Decoder& dec, T& out) {
  if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    decode(dec, out);
  } else {
    dec.take_all(out);
  }
}

template <class T>
[[nodiscard]] T* decode_pointer(Decoder& dec, bool present) {
  T* out = present ? dec.allocate<T>(1) : nullptr;
  if (out != nullptr) decode_element(dec, *out);
  return out;
}

// wire_size: the fewest bytes of an element.
template <class T>
[[nodiscard]] T* decode_array(Decoder& dec, std::size_t count, std::size_t wire_size) {
  T* out = dec.allocate<T>(count, wire_size);
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count && dec.ok(); ++i) decode_element(dec, out[i]);
  return out;
}

// An array of pointers to one element each.
template <class T>
[[nodiscard]] const T* const* decode_pointers(Decoder& dec, std::size_t count, std::size_t wire_size) {
  const T** out = dec.allocate<const T*>(count, wire_size);
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count && dec.ok(); ++i) out[i] = decode_pointer<T>(dec, dec.required_marker());
  return out;
}

// An array of arrays; length(i) is the length of the i-th.
template <class T, class Length>
[[nodiscard]] const T* const* decode_arrays(Decoder& dec, std::size_t count, std::size_t wire_size, Length length) {
  const T** out = dec.allocate<const T*>(count, sizeof(std::uint64_t));
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count && dec.ok(); ++i) {
    out[i] = decode_array<T>(dec, dec.array_count(length(i)), wire_size);
  }
  return out;
}

[[nodiscard]] inline const char* const* decode_strings(Decoder& dec, std::size_t count) {
  const char** out = dec.allocate<const char*>(count, sizeof(std::uint64_t));
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count && dec.ok(); ++i) {
    out[i] = dec.string();
    if (out[i] == nullptr) dec.fail(DecodeErrc::bad_string, i);
  }
  return out;
}

template <class H>
[[nodiscard]] const H* decode_handles(Decoder& dec, std::size_t count, VkObjectType type) {
  H* out = dec.allocate<H>(count, sizeof(ObjectId));
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count; ++i) out[i] = dec.handle<H>(type);
  return out;
}
template <class H>
[[nodiscard]] const H* decode_required_handles(Decoder& dec, std::size_t count, VkObjectType type) {
  H* out = dec.allocate<H>(count, sizeof(ObjectId));
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count; ++i) out[i] = dec.required_handle<H>(type);
  return out;
}
// An array parameter: handles, and the client's ids beside them.
template <class H>
void decode_handles(Decoder& dec, const H*& handles, const ObjectId*& ids, std::size_t count, VkObjectType type,
                    bool required) {
  H* out = dec.allocate<H>(count, sizeof(ObjectId));
  ids = dec.array<ObjectId>(count);
  handles = out;
  if (out == nullptr || ids == nullptr) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (ids[i] == 0 && required) dec.fail(DecodeErrc::null_handle);
    out[i] = dec.handle_of<H>(ids[i], type);
  }
}
// Objects to be created: ids that the client chose, and room for handles.
template <class H>
void decode_new_ids(Decoder& dec, H*& handles, ObjectId*& ids, std::size_t count) {
  ids = dec.copied_array<ObjectId>(count);
  handles = dec.allocate<H>(count);
}

template <class T, std::size_t N>
void decode_fixed_scalars(Decoder& dec, T (&out)[N]) {
  if (dec.array_count(N) == N) dec.array_into(out, N);
}
template <class T, std::size_t N>
void decode_fixed(Decoder& dec, T (&out)[N]) {
  if (dec.array_count(N) != N) return;
  for (T& element : out) decode_element(dec, element);
}
template <class T, std::size_t N>
void decode_partial_fixed(Decoder& dec, T (&out)[N]) {
  if (dec.array_count(N) != N) return;
  if constexpr (requires { decode_partial(dec, out[0]); }) {
    for (T& element : out) decode_partial(dec, element);
  }
}

// Room for what the host will fill in.
template <class T>
[[nodiscard]] T* output_array(Decoder& dec, std::size_t count) {
  return dec.allocate<T>(count);
}
[[nodiscard]] inline void* output_bytes(Decoder& dec, std::size_t count) {
  return count == 0 ? nullptr : dec.room(count);
}
template <class T>
[[nodiscard]] T* decode_partial_array(Decoder& dec, std::size_t count) {
  T* out = dec.allocate<T>(count, sizeof(std::uint32_t));
  if (out == nullptr) return nullptr;
  for (std::size_t i = 0; i < count && dec.ok(); ++i) decode_partial(dec, out[i]);
  return out;
}

// ---- Encoding ----

template <class T>
void encode_element(Encoder& enc, const T& value) {
  if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    encode(enc, value);
  } else {
    enc.put(value);
  }
}

template <class T>
void encode_pointer(Encoder& enc, const T* value) {
  enc.marker(value != nullptr);
  if (value != nullptr) encode_element(enc, *value);
}

template <class T>
void encode_array(Encoder& enc, const T* values, std::uint64_t count) {
  if (values == nullptr) count = 0;
  enc.count(count);
  if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    for (std::uint64_t i = 0; i < count && enc.ok(); ++i) encode(enc, values[i]);
  } else {
    enc.array(values, count);
  }
}
inline void encode_array(Encoder& enc, const void* values, std::uint64_t count) {
  encode_array(enc, static_cast<const std::byte*>(values), count);
}
inline void encode_bytes(Encoder& enc, const void* values, std::uint64_t count) { encode_array(enc, values, count); }

template <class T>
void encode_pointers(Encoder& enc, const T* const* values, std::uint64_t count) {
  if (values == nullptr) count = 0;
  enc.count(count);
  for (std::uint64_t i = 0; i < count && enc.ok(); ++i) encode_pointer(enc, values[i]);
}

template <class T, class Length>
void encode_arrays(Encoder& enc, const T* const* values, std::uint64_t count, Length length) {
  if (values == nullptr) count = 0;
  enc.count(count);
  for (std::uint64_t i = 0; i < count && enc.ok(); ++i) encode_array(enc, values[i], length(i));
}

inline void encode_strings(Encoder& enc, const char* const* values, std::uint64_t count) {
  if (values == nullptr) count = 0;
  enc.count(count);
  for (std::uint64_t i = 0; i < count && enc.ok(); ++i) enc.string(values[i]);
}

template <class T, std::size_t N>
void encode_fixed(Encoder& enc, const T (&values)[N]) {
  encode_array(enc, values, N);
}
template <class T, std::size_t N>
void encode_partial_fixed(Encoder& enc, const T (&values)[N]) {
  enc.count(N);
  if constexpr (requires { encode_partial(enc, values[0]); }) {
    for (const T& element : values) encode_partial(enc, element);
  }
}

// An output array in a request: its length only.
inline void encode_output_count(Encoder& enc, const void* values, std::uint64_t count) {
  enc.count(values != nullptr ? count : 0);
}
template <class T>
void encode_partial_array(Encoder& enc, const T* values, std::uint64_t count) {
  if (values == nullptr) count = 0;
  enc.count(count);
  for (std::uint64_t i = 0; i < count && enc.ok(); ++i) encode_partial(enc, values[i]);
}

}  // namespace hesper::wire
