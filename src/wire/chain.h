// Chains: pNext lists on the wire. Which structs a root accepts is in generated tables.
//
// A chain is all markers and sTypes, outermost first, then a zero, and then the bodies in reverse order.
#pragma once

#include <cstdint>
#include <span>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::wire {

enum class Form : std::uint8_t {
  full,
  partial,  // what a request carries of output structs
};

// One struct that a root accepts. The functions treat what follows sType and pNext; nullptr: nothing does in that form.
struct ChainLink {
  std::uint32_t stype;
  std::uint32_t size;  // bytes of the C struct
  void (*decode)(Decoder&, void*);
  void (*encode)(Encoder&, const void*);
  void (*decode_partial)(Decoder&, void*);
  void (*encode_partial)(Encoder&, const void*);
};

// The decoded chain, in the arena, in the client's order. Anything not in `allowed` is an error.
[[nodiscard]] void* decode_links(Decoder& dec, std::span<const ChainLink> allowed, Form form);
[[nodiscard]] inline void* decode_chain(Decoder& dec, std::span<const ChainLink> allowed, Form form) {
  return dec.marker() ? decode_links(dec, allowed, form) : nullptr;
}

// Skips what is not in `allowed`: the receiver could not decode it.
void encode_chain(Encoder& enc, const void* next, std::span<const ChainLink> allowed, Form form);

// Table entries. SAFETY: the erased pointers are only ever those of structs with this entry's sType.
template <class T>
constexpr ChainLink link(VkStructureType stype) {
  return {.stype = static_cast<std::uint32_t>(stype),
          .size = sizeof(T),
          .decode = [](Decoder& dec, void* body) { decode_body(dec, *static_cast<T*>(body)); },
          .encode = [](Encoder& enc, const void* body) { encode_body(enc, *static_cast<const T*>(body)); },
          .decode_partial = nullptr,
          .encode_partial = nullptr};
}
template <class T>
constexpr ChainLink output_link(VkStructureType stype) {
  ChainLink entry = link<T>(stype);
  if constexpr (requires(Decoder& dec, T& body) { decode_body_partial(dec, body); }) {
    entry.decode_partial = [](Decoder& dec, void* body) { decode_body_partial(dec, *static_cast<T*>(body)); };
    entry.encode_partial = [](Encoder& enc, const void* body) {
      encode_body_partial(enc, *static_cast<const T*>(body));
    };
  }
  return entry;
}

}  // namespace hesper::wire
