// Hostile VNC viewers: any bytes through the handshake and then as messages, clipboards among them. And hostile agents
// in guests, whose texts go to such viewers.
#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/check.h"
#include "clipboard/agent_session.h"
#include "clipboard/text.h"
#include "screen/vnc/client_messages.h"
#include "screen/vnc/handshake.h"
#include "screen/vnc/viewer_clipboard.h"

namespace {

using namespace hesper;
using namespace hesper::screen;
using Bytes = std::span<const std::byte>;

constexpr std::size_t kMostText = 1000;

// From the front of what is left, in pieces whose sizes the input has too.
Bytes take_piece(Bytes& rest) {
  if (rest.empty()) return {};
  const std::size_t size = std::min<std::size_t>(1 + std::to_integer<std::size_t>(rest.front()), rest.size() - 1);
  const Bytes piece = rest.subspan(1, size);
  rest = rest.subspan(1 + size);
  return piece;
}

// Whether it is let in; what comes behind is left.
bool shake_hands(Bytes& bytes, unsigned how) {
  const vnc::Security security{.password = (how & 1U) != 0 ? "secret" : "", .tls = (how & 2U) != 0};
  vnc::Handshake handshake(security, vnc::Challenge{});
  std::vector<std::byte> out;
  vnc::Handshake::greet(out);
  for (;;) {
    const std::size_t before = bytes.size();
    const auto outcome = handshake.take(bytes, out);
    HESPER_CHECK(bytes.size() <= before && out.size() < 4096);
    if (outcome == vnc::Handshake::Outcome::done) return true;
    if (outcome == vnc::Handshake::Outcome::refused) HESPER_CHECK(!handshake.why().empty());
    if (outcome != vnc::Handshake::Outcome::start_tls) return false;
  }
}

void be_viewer(Bytes bytes, vnc::ViewerClipboard& clipboard) {
  while (const auto parsed = vnc::parse(bytes, kMostText)) {
    if (parsed->size == 0) {
      HESPER_CHECK(bytes.size() <= vnc::kLongestMessage + kMostText);
      return;
    }
    HESPER_CHECK(parsed->size <= bytes.size());
    std::string offered;
    if (const auto* text = std::get_if<vnc::CutText>(&parsed->message)) {
      offered = clipboard.take(*text);
      HESPER_CHECK(offered.size() <= 2 * kMostText);
    } else if (const auto* extended = std::get_if<vnc::ExtendedClipboard>(&parsed->message)) {
      offered = clipboard.take(*extended);
      HESPER_CHECK(offered.size() <= 2 * kMostText + 1);
    } else if (const auto* encodings = std::get_if<vnc::SetEncodings>(&parsed->message)) {
      clipboard.set_extended(std::ranges::contains(encodings->encodings, vnc::Encoding::extended_clipboard));
    }
    bytes = bytes.subspan(parsed->size);
    bytes = bytes.subspan(std::min(parsed->skip, bytes.size()));
    std::vector<std::byte> said;
    clipboard.say(said);
    HESPER_CHECK(said.size() < 8 * kMostText);
  }
}

void be_agent(Bytes bytes, vnc::ViewerClipboard& clipboard) {
  using namespace std::chrono_literals;
  clipboard::AgentSession session({.most_bytes = kMostText}, std::make_shared<const std::string>("ours\n"));
  clipboard::AgentSession::Time now{1h};
  while (!bytes.empty()) {
    now += 10ms * std::to_integer<int>(bytes.front());
    if (session.due() && *session.due() <= now) session.on_time(now);
    const Bytes piece = take_piece(bytes);
    if (!session.take(piece, now)) return;
    for (int i = 0; i < 3; ++i) HESPER_CHECK(session.to_send().size() < 64 * 1024);
    if (const clipboard::Text text = session.take_text()) {
      HESPER_CHECK(text->size() <= kMostText && clipboard::is_text(*text) && !text->contains('\r'));
      HESPER_CHECK(clipboard::is_text(clipboard::from_latin1(clipboard::to_latin1(*text))));
      clipboard.tell(text);
      std::vector<std::byte> said;
      clipboard.say(said);
      session.offer(text);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes bytes = std::as_bytes(std::span(data, size));
  const unsigned how = data[0];
  bytes = bytes.subspan(1);
  vnc::ViewerClipboard clipboard(kMostText);
  if ((how & 8U) != 0) {
    clipboard.set_extended((how & 1U) != 0);
    be_agent(bytes, clipboard);
    return 0;
  }
  clipboard.tell(std::make_shared<const std::string>("the guest's\n"));
  if ((how & 4U) != 0 || shake_hands(bytes, how)) be_viewer(bytes, clipboard);
  return 0;
}
