// AgentSession: one connection to the guest's agent: who has the clipboard, and what is asked for and answered. Pure:
// bytes in, bytes and texts out, at times that it is told. Knows no socket and no viewer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clipboard/agent_protocol.h"
#include "clipboard/clipboard.h"

namespace hesper::clipboard {

// Not for several threads at once.
class AgentSession {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Options {
    bool to_guest = true;
    bool from_guest = true;
    std::size_t most_bytes = std::size_t{1} << 20;  // of a text
  };

  // ours: what a viewer has offered before; the guest gets to know of it once there is an agent.
  AgentSession(const Options& options, Text ours);

  // What the agent says; takes all of it. Errors: nonsense, as a sentence; then this is of no more use.
  [[nodiscard]] std::expected<void, std::string> take(std::span<const std::byte> bytes, Time now);
  // A viewer has this: is_text().
  void offer(Text text);
  // At due().
  void on_time(Time now);
  [[nodiscard]] std::optional<Time> due() const noexcept { return due_; }

  // What is to be sent: to be called until it is empty, and not before the last has gone, as long as that takes: what
  // the agent asks for meanwhile costs no memory.
  [[nodiscard]] std::vector<std::byte> to_send();
  // The newest text that the guest has copied and nobody has taken yet.
  [[nodiscard]] Text take_text();

  [[nodiscard]] Ways ways() const noexcept;
  // What take_text() had last, if the guest still has it: to offer it would only take it from the program that has it.
  [[nodiscard]] bool is_guests(const std::string& text) const noexcept {
    return owner_ == Owner::guest && guests_ && *guests_ == text;
  }
  // Of what is to be told to the next session.
  [[nodiscard]] const Text& ours() const noexcept { return ours_; }

 private:
  using Outcome = std::expected<void, std::string>;
  enum class Owner : std::uint8_t { nobody, guest, viewer };

  [[nodiscard]] Outcome hear(const AgentMessage& message, Time now);
  void on_capabilities(std::span<const std::byte> data);
  void on_grab(std::span<const std::byte> types, Time now);
  [[nodiscard]] Outcome on_request(std::uint8_t selection, std::span<const std::byte> data);
  void on_data(const AgentMessage& message, Time now);
  void announce(bool request);
  void grab();
  void ask_if_wanted(Time now);

  const Options options_;
  AgentReader reader_;
  std::vector<std::byte> out_;
  bool agent_ = false;  // has said that it can do all that is needed
  bool wants_crlf_ = false;
  Owner owner_ = Owner::nobody;

  Text ours_;                      // what a viewer has offered
  std::size_t answers_owed_ = 0;   // with ours_
  std::size_t refusals_owed_ = 0;  // of what we have not
  std::uint8_t refused_selection_ = kSelectionClipboard;

  Text guests_;  // newest
  bool has_news_ = false;
  bool wants_text_ = false;    // the guest has copied a text that has not been asked for
  std::optional<Time> asked_;  // when it was asked for the one that it has not sent yet
  std::optional<Time> last_asked_;
  std::optional<Time> due_;
};

}  // namespace hesper::clipboard
