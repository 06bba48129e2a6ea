// The messages of spice-vdagent, the agent that guests have for clipboards: reading the agent's, writing ours. Knows no
// socket; what a message brings about is agent_session.h's.
// Spec: spice-protocol, spice/vd_agent.h. All numbers are little-endian. A message is a header of 20 bytes (protocol,
// type, 8 bytes of the sender's, size) and its data; it travels in chunks with headers of 8 bytes (port, size).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hesper::clipboard {

// Those that are about clipboards.
enum class AgentType : std::uint32_t {
  clipboard = 4,
  announce_capabilities = 6,
  clipboard_grab = 7,
  clipboard_request = 8,
  clipboard_release = 9,
  max_clipboard = 14,
};

// Bits of the first word of capabilities.
inline constexpr std::uint32_t kClipboardByDemand = 1U << 5U;
inline constexpr std::uint32_t kClipboardSelection = 1U << 6U;
inline constexpr std::uint32_t kGuestLineEndCrLf = 1U << 9U;
inline constexpr std::uint32_t kMaxClipboard = 1U << 10U;

// What is in a clipboard.
inline constexpr std::uint32_t kNoData = 0;
inline constexpr std::uint32_t kUtf8Text = 1;

// With kClipboardSelection each message of a clipboard begins with four bytes, of which the first one says which. The
// others, of X11, are not shared.
inline constexpr std::uint8_t kSelectionClipboard = 0;
inline constexpr std::size_t kSelectionBytes = 4;

inline constexpr std::size_t kLargestChunk = 2048;  // that an agent takes; what it sends may be in larger ones

struct AgentMessage {
  AgentType type{};
  std::uint32_t size = 0;       // bytes that it had
  std::vector<std::byte> data;  // them, or, if there were more than the reader keeps, the first ones
};

// Puts messages together. Skips those that are not of AgentType, and keeps no more than `most_kept` bytes of data,
// however large a message says it is.
class AgentReader {
 public:
  explicit AgentReader(std::size_t most_kept) noexcept : most_kept_(most_kept) {}

  // Takes from the front of `bytes` until a message is complete, or none are left. Errors: this is no agent, or the
  // stream has lost its place; a sentence. Of no use after that.
  [[nodiscard]] std::expected<std::optional<AgentMessage>, std::string> next(std::span<const std::byte>& bytes);

 private:
  [[nodiscard]] std::expected<void, std::string> begin_chunk();
  [[nodiscard]] std::expected<void, std::string> begin_message();

  const std::size_t most_kept_;
  std::vector<std::byte> header_;  // of a chunk, then of a message, as far as it has come
  bool in_chunk_ = false;
  bool skips_chunk_ = false;      // it is not for us
  std::uint32_t chunk_left_ = 0;  // bytes
  bool in_message_ = false;
  std::uint32_t message_left_ = 0;  // bytes
  bool wanted_ = false;
  AgentMessage message_;
  std::vector<std::byte> message_header_;
};

// Appends a message, in chunks, to `to`.
void append_message(std::vector<std::byte>& to, AgentType type, std::span<const std::byte> data);

}  // namespace hesper::clipboard
