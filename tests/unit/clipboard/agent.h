// What an agent in a guest writes and reads, for tests. Shares the reader with what is tested, and not the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "clipboard/agent_protocol.h"

namespace hesper::clipboard::test {

using Bytes = std::vector<std::byte>;

inline void put(Bytes& to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

inline Bytes words(std::initializer_list<std::uint32_t> values) {
  Bytes bytes;
  for (const std::uint32_t value : values) put(bytes, value);
  return bytes;
}

inline Bytes joined(Bytes a, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  a.insert(a.end(), bytes.begin(), bytes.end());
  return a;
}

// In one chunk, as spice-vdagentd sends it.
inline Bytes message(AgentType type, const Bytes& data, std::uint32_t port = 1, std::uint32_t protocol = 1) {
  Bytes bytes = words({port, static_cast<std::uint32_t>(20 + data.size()), protocol, static_cast<std::uint32_t>(type),
                       0, 0, static_cast<std::uint32_t>(data.size())});
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

inline constexpr std::uint32_t kLinux = kClipboardByDemand | kClipboardSelection | 1U << 8U | kMaxClipboard;

inline Bytes capabilities(bool request, std::uint32_t bits = kLinux) {
  return message(AgentType::announce_capabilities, words({request ? 1U : 0U, bits}));
}
inline Bytes grab(std::uint32_t selection = 0, std::uint32_t type = kUtf8Text) {
  return message(AgentType::clipboard_grab, words({selection, type}));
}
inline Bytes request(std::uint32_t selection = 0, std::uint32_t type = kUtf8Text) {
  return message(AgentType::clipboard_request, words({selection, type}));
}
inline Bytes data(std::string_view text, std::uint32_t type = kUtf8Text) {
  return message(AgentType::clipboard, joined(words({0, type}), text));
}

// All messages in `bytes`, which must be whole.
inline std::vector<AgentMessage> read(std::span<const std::byte> bytes) {
  AgentReader reader(std::size_t{1} << 24);
  std::vector<AgentMessage> messages;
  while (!bytes.empty())
    if (auto message = reader.next(bytes).value()) messages.push_back(std::move(*message));
  return messages;
}

}  // namespace hesper::clipboard::test
