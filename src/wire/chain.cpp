// Chains: the walk in both directions. Iterative, so that a long chain cannot exhaust the stack.
#include "wire/chain.h"

#include <array>

namespace hesper::wire {
namespace {

// More than any valid chain: the longest list of allowed structs has 120.
constexpr std::size_t kMaxLinks = 256;

const ChainLink* find(std::span<const ChainLink> allowed, std::uint32_t stype) {
  for (const ChainLink& link : allowed) {
    if (link.stype == stype) return &link;
  }
  return nullptr;
}

struct Decoded {
  const ChainLink* link;
  VkBaseOutStructure* body;
};

struct Encoded {
  const ChainLink* link;
  const VkBaseInStructure* body;
};

}  // namespace

void* decode_links(Decoder& dec, std::span<const ChainLink> allowed, Form form) {
  std::array<Decoded, kMaxLinks> links;
  std::size_t count = 0;
  do {
    const auto stype = dec.take<std::uint32_t>();
    const ChainLink* link = find(allowed, stype);
    if (link == nullptr || count == kMaxLinks) {
      dec.fail(DecodeErrc::unknown_chain, stype);
      return nullptr;
    }
    void* room = dec.room(link->size);
    if (room == nullptr) return nullptr;
    // SAFETY: every struct with an sType begins with the members of VkBaseOutStructure.
    auto* body = static_cast<VkBaseOutStructure*>(room);
    body->sType = static_cast<VkStructureType>(stype);
    if (count > 0) links[count - 1].body->pNext = body;
    links[count++] = {.link = link, .body = body};
  } while (dec.marker());

  for (std::size_t i = count; i-- > 0;) {
    const auto decode = form == Form::full ? links[i].link->decode : links[i].link->decode_partial;
    if (decode != nullptr) decode(dec, links[i].body);
  }
  return links[0].body;
}

void encode_chain(Encoder& enc, const void* next, std::span<const ChainLink> allowed, Form form) {
  std::array<Encoded, kMaxLinks> links;
  std::size_t count = 0;
  // SAFETY: as in decode_links.
  for (const auto* body = static_cast<const VkBaseInStructure*>(next); body != nullptr && count < kMaxLinks;
       body = body->pNext) {
    const auto stype = static_cast<std::uint32_t>(body->sType);
    const ChainLink* link = find(allowed, stype);
    if (link == nullptr) continue;
    links[count++] = {.link = link, .body = body};
    enc.marker(true);
    enc.put(stype);
  }
  enc.marker(false);
  for (std::size_t i = count; i-- > 0;) {
    const auto encode = form == Form::full ? links[i].link->encode : links[i].link->encode_partial;
    if (encode != nullptr) encode(enc, links[i].body);
  }
}

}  // namespace hesper::wire
