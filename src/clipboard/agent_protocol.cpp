// Chunks and headers.
#include "clipboard/agent_protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hesper::clipboard {
namespace {

constexpr std::uint32_t kClientPort = 1;  // a message between agent and us
constexpr std::uint32_t kServerPort = 2;  // between agent and a SPICE server, which there is none of
constexpr std::size_t kChunkHeader = 8;
constexpr std::size_t kMessageHeader = 20;
constexpr std::uint32_t kProtocol = 1;

std::uint32_t u32_at(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

void put_u32(std::vector<std::byte>& to, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

// Moves bytes until `to` has `size`.
bool fill(std::vector<std::byte>& to, std::size_t size, std::span<const std::byte>& from) {
  const auto part = from.first(std::min(size - to.size(), from.size()));
  to.insert(to.end(), part.begin(), part.end());
  from = from.subspan(part.size());
  return to.size() == size;
}

bool is_known(std::uint32_t type) {
  switch (static_cast<AgentType>(type)) {
    case AgentType::clipboard:
    case AgentType::announce_capabilities:
    case AgentType::clipboard_grab:
    case AgentType::clipboard_request:
    case AgentType::clipboard_release:
    case AgentType::max_clipboard: return true;
  }
  return false;
}

}  // namespace

std::expected<void, std::string> AgentReader::begin_chunk() {
  const std::uint32_t port = u32_at(header_, 0);
  chunk_left_ = u32_at(header_, 4);
  header_.clear();
  if (port != kClientPort && port != kServerPort)
    return std::unexpected(fmt::format("It sends a chunk for port {}, which does not exist.", port));
  skips_chunk_ = port != kClientPort;
  in_chunk_ = chunk_left_ != 0;
  return {};
}

std::expected<void, std::string> AgentReader::begin_message() {
  const std::uint32_t protocol = u32_at(message_header_, 0);
  const std::uint32_t type = u32_at(message_header_, 4);
  message_left_ = u32_at(message_header_, 16);
  message_header_.clear();
  if (protocol != kProtocol) return std::unexpected(fmt::format("It speaks version {} of the protocol.", protocol));
  wanted_ = is_known(type);
  message_ = {.type = static_cast<AgentType>(type), .size = message_left_, .data = {}};
  in_message_ = true;
  return {};
}

std::expected<std::optional<AgentMessage>, std::string> AgentReader::next(std::span<const std::byte>& bytes) {
  while (!bytes.empty()) {
    if (!in_chunk_) {
      if (!fill(header_, kChunkHeader, bytes)) break;
      if (auto begun = begin_chunk(); !begun) return std::unexpected(std::move(begun.error()));
      continue;
    }
    auto part = bytes.first(std::min<std::size_t>(chunk_left_, bytes.size()));
    const std::size_t before = part.size();
    bool complete = false;
    if (skips_chunk_) {
      part = {};
    } else if (!in_message_) {
      if (fill(message_header_, kMessageHeader, part))
        if (auto begun = begin_message(); !begun) return std::unexpected(std::move(begun.error()));
      complete = in_message_ && message_left_ == 0;
    } else {
      const auto data = part.first(std::min<std::size_t>(message_left_, part.size()));
      if (wanted_) {
        const auto kept = data.first(std::min(most_kept_ - message_.data.size(), data.size()));
        message_.data.insert(message_.data.end(), kept.begin(), kept.end());
      }
      message_left_ -= static_cast<std::uint32_t>(data.size());
      part = part.subspan(data.size());
      complete = message_left_ == 0;
    }
    const auto taken = static_cast<std::uint32_t>(before - part.size());
    bytes = bytes.subspan(taken);
    chunk_left_ -= taken;
    in_chunk_ = chunk_left_ != 0;
    if (!complete) continue;
    if (in_chunk_) return std::unexpected("It sends a chunk that is longer than its message.");
    in_message_ = false;
    if (wanted_) return std::exchange(message_, {});
  }
  return std::nullopt;
}

void append_message(std::vector<std::byte>& to, AgentType type, std::span<const std::byte> data) {
  std::vector<std::byte> header;
  put_u32(header, kProtocol);
  put_u32(header, std::to_underlying(type));
  header.resize(header.size() + 8);  // opaque
  put_u32(header, static_cast<std::uint32_t>(data.size()));
  auto from = std::span<const std::byte>(header);
  std::size_t left = header.size() + data.size();
  while (left != 0) {
    std::size_t room = std::min(left, kLargestChunk);
    left -= room;
    put_u32(to, kClientPort);
    put_u32(to, static_cast<std::uint32_t>(room));
    for (auto* part : {&from, &data}) {
      const auto now = part->first(std::min(room, part->size()));
      to.insert(to.end(), now.begin(), now.end());
      *part = part->subspan(now.size());
      room -= now.size();
    }
  }
}

}  // namespace hesper::clipboard
