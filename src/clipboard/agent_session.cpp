// AgentSession: what the agent says, and what follows from it.
#include "clipboard/agent_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "clipboard/text.h"

namespace hesper::clipboard {
namespace {

using namespace std::chrono_literals;
using Bytes = std::span<const std::byte>;

// A guest that copies all the time is asked so often.
constexpr auto kBetweenRequests = 200ms;
// After which an answer is no longer waited for, if the guest copies something else.
constexpr auto kPatience = 5s;
// Requests of the guest that wait for their answers. Agents have few programs that paste at once.
constexpr std::size_t kMostOwed = 64;
constexpr std::uint32_t kOurs = kClipboardByDemand | kClipboardSelection;

std::uint32_t u32_at(Bytes bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

std::vector<std::byte> words(std::initializer_list<std::uint32_t> values) {
  std::vector<std::byte> bytes;
  for (const std::uint32_t value : values)
    for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  return bytes;
}

std::unexpected<std::string> too_short(const AgentMessage& message) {
  return std::unexpected(
      fmt::format("Its message of type {} has only {} bytes.", std::to_underlying(message.type), message.size));
}

}  // namespace

AgentSession::AgentSession(const Options& options, Text ours)
    : options_(options), reader_(options.most_bytes + kSelectionBytes + 4), ours_(std::move(ours)) {
  announce(true);
}

std::expected<void, std::string> AgentSession::take(Bytes bytes, Time now) {
  while (!bytes.empty()) {
    auto message = reader_.next(bytes);
    if (!message) return std::unexpected(std::move(message.error()));
    if (!*message) break;
    if (auto heard = hear(**message, now); !heard) return heard;
  }
  return {};
}

AgentSession::Outcome AgentSession::hear(const AgentMessage& message, Time now) {
  const Bytes data(message.data);
  if (message.type == AgentType::announce_capabilities) {
    if (data.size() < 4) return too_short(message);
    on_capabilities(data);
    return {};
  }
  // What was sent before the agent knew what we understand has another form.
  if (!agent_ || message.type == AgentType::max_clipboard) return {};
  if (data.empty()) return too_short(message);
  const auto selection = std::to_integer<std::uint8_t>(data[0]);
  if (message.type == AgentType::clipboard_release) {  // which spice-vdagentd sends with one byte, too
    if (selection == kSelectionClipboard && owner_ == Owner::guest) owner_ = Owner::nobody;
    return {};
  }
  if (data.size() < kSelectionBytes) return too_short(message);
  switch (message.type) {
    case AgentType::clipboard_grab:
      if (selection == kSelectionClipboard) on_grab(data.subspan(kSelectionBytes), now);
      return {};
    case AgentType::clipboard_request:
      if (data.size() < kSelectionBytes + 4) return too_short(message);
      return on_request(selection, data.subspan(kSelectionBytes));
    case AgentType::clipboard:
      if (data.size() < kSelectionBytes + 4) return too_short(message);
      if (selection == kSelectionClipboard) on_data(message, now);
      return {};
    default: return {};
  }
}

void AgentSession::on_capabilities(Bytes data) {
  const std::uint32_t bits = data.size() >= 8 ? u32_at(data, 4) : 0;
  const bool begins = u32_at(data, 0) != 0;  // an agent that has just been started, and wants to know what we can do
  if (begins) {
    announce(false);
    answers_owed_ = refusals_owed_ = 0;
    owner_ = Owner::nobody;
    wants_text_ = false;
    asked_.reset();
  }
  agent_ = (bits & kOurs) == kOurs;
  wants_crlf_ = (bits & kGuestLineEndCrLf) != 0;
  if (!agent_) return;
  if ((bits & kMaxClipboard) != 0)
    append_message(out_, AgentType::max_clipboard,
                   words({static_cast<std::uint32_t>(std::min<std::size_t>(options_.most_bytes, INT32_MAX))}));
  if (ours_ && owner_ != Owner::guest) grab();
}

void AgentSession::on_grab(Bytes types, Time now) {
  owner_ = Owner::guest;
  ours_.reset();
  guests_.reset();
  wants_text_ = false;
  for (std::size_t at = 0; at + 4 <= types.size(); at += 4) wants_text_ = wants_text_ || u32_at(types, at) == kUtf8Text;
  wants_text_ = wants_text_ && options_.from_guest;
  ask_if_wanted(now);
}

void AgentSession::ask_if_wanted(Time now) {
  due_.reset();
  if (!wants_text_) return;
  if (asked_ && now - *asked_ < kPatience) return;  // its answer, whatever it is, comes first
  if (last_asked_ && now - *last_asked_ < kBetweenRequests) {
    due_ = *last_asked_ + kBetweenRequests;
    return;
  }
  append_message(out_, AgentType::clipboard_request, words({kSelectionClipboard, kUtf8Text}));
  asked_ = last_asked_ = now;
  wants_text_ = false;
}

void AgentSession::on_data(const AgentMessage& message, Time now) {
  if (!std::exchange(asked_, std::nullopt)) return;  // nobody has asked
  constexpr std::size_t kHead = kSelectionBytes + 4;
  const Bytes data(message.data);
  if (message.size > data.size()) {
    log::info("What the guest has copied is not shared: it has {} bytes, more than {}.", message.size - kHead,
              options_.most_bytes);
  } else if (u32_at(data, kSelectionBytes) == kUtf8Text) {
    // SAFETY: char may look at any bytes.
    std::string_view text(reinterpret_cast<const char*>(data.data()) + kHead, data.size() - kHead);
    while (text.ends_with('\0')) text.remove_suffix(1);
    if (is_text(text)) {
      guests_ = std::make_shared<const std::string>(with_lf(text));
      has_news_ = true;
    }
  }
  ask_if_wanted(now);
}

AgentSession::Outcome AgentSession::on_request(std::uint8_t selection, Bytes data) {
  if (answers_owed_ + refusals_owed_ >= kMostOwed)
    return std::unexpected("It asks for the clipboard more often than it takes it.");
  if (selection == kSelectionClipboard && u32_at(data, 0) == kUtf8Text && owner_ == Owner::viewer) {
    ++answers_owed_;
    return {};
  }
  ++refusals_owed_;
  refused_selection_ = selection;
  return {};
}

void AgentSession::offer(Text text) {
  if (!options_.to_guest || is_guests(*text)) return;
  const bool again = owner_ == Owner::viewer && ours_ && *ours_ == *text;
  ours_ = std::move(text);
  if (agent_ && !again) grab();
}

void AgentSession::grab() {
  owner_ = Owner::viewer;
  wants_text_ = false;
  append_message(out_, AgentType::clipboard_grab, words({kSelectionClipboard, kUtf8Text}));
}

void AgentSession::announce(bool request) {
  append_message(out_, AgentType::announce_capabilities, words({request ? 1U : 0U, kOurs}));
}

void AgentSession::on_time(Time now) { ask_if_wanted(now); }

std::vector<std::byte> AgentSession::to_send() {
  if (!out_.empty()) return std::exchange(out_, {});
  std::vector<std::byte> answer;
  if (refusals_owed_ != 0) {
    --refusals_owed_;
    append_message(answer, AgentType::clipboard, words({refused_selection_, kNoData}));
  } else if (answers_owed_ != 0) {
    --answers_owed_;
    auto data = words({kSelectionClipboard, ours_ ? kUtf8Text : kNoData});
    const std::string text = !ours_ ? std::string() : wants_crlf_ ? with_crlf(*ours_) : *ours_;
    const auto bytes = std::as_bytes(std::span(text));
    data.insert(data.end(), bytes.begin(), bytes.end());
    append_message(answer, AgentType::clipboard, data);
  }
  return answer;
}

Text AgentSession::take_text() { return std::exchange(has_news_, false) ? guests_ : nullptr; }

Ways AgentSession::ways() const noexcept {
  return {.to_guest = agent_ && options_.to_guest, .from_guest = agent_ && options_.from_guest};
}

}  // namespace hesper::clipboard
