// Hostile browsers: any bytes as messages of a viewer, and as what the headers of a request hold, behind which tokens
// are looked for. What HTTP and WebSocket are around that is Beast's.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "gpu/protocol.h"
#include "screen/web/gate.h"
#include "screen/web/protocol.h"
#include "screen/web/web.h"

namespace {

using namespace hesper;
using namespace hesper::screen;
using namespace hesper::screen::web;

constexpr std::size_t kMostText = 1000;

// What is let pass is in the ranges that the header promises.
struct Check {
  void operator()(const Hello& hello) const { HESPER_CHECK(hello.display < gpu::VIRTIO_GPU_MAX_SCANOUTS); }
  void operator()(const WantMode& mode) const {
    HESPER_CHECK(mode.width != 0 && mode.height != 0 && mode.width <= 16384 && mode.height <= 16384);
  }
  void operator()(const InputEvents& input) const {
    for (const InputEvent& event : input.events) {
      if (const auto* key = std::get_if<KeyEvent>(&event)) HESPER_CHECK(std::to_underlying(key->code) < 0x100);
      if (const auto* button = std::get_if<ButtonEvent>(&event))
        HESPER_CHECK(std::to_underlying(button->code) >= 0x110 && std::to_underlying(button->code) <= 0x117);
      if (const auto* touch = std::get_if<Touch>(&event)) HESPER_CHECK(touch->finger < 10);
      if (const auto* end = std::get_if<TouchEnd>(&event)) HESPER_CHECK(end->finger < 10);
    }
  }
  void operator()(const ClipboardText& text) const { HESPER_CHECK(text.text.size() <= kMostText); }
  void operator()(const auto&) const {}
};

// A part of the whole, or empty.
void check_part(std::string_view part, std::string_view whole) {
  HESPER_CHECK(part.empty() ||
               (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void ask(std::string_view text) {
  static const Tokens tokens("0123456789abcdef", "fedcba9876543210");
  static const std::array<std::string, 1> names = {"screens.example"};
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view host = text.substr(0, end);
  const std::string_view other = text.substr(std::min(end + 1, text.size()));
  const bool ours = is_our_host(host, names);
  HESPER_CHECK(!ours || !host.empty());
  if (is_our_origin(other, host)) HESPER_CHECK(other.empty() || other.starts_with("http"));
  check_part(path_of(other), other);
  for (const std::string_view token :
       {query_value(other, "token"), bearer_token(other), offered_token(other), query_value(other, "")}) {
    check_part(token, other);
    const Role role = tokens.role_of(token);
    HESPER_CHECK(role == Role::none || token == tokens.full() || token == tokens.view_only());
  }
  if (offers_protocol(other, kSubprotocol)) HESPER_CHECK(other.contains(kSubprotocol));
  WebOptions options;
  (void)parse_web_address(std::string(host), options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  if (data[0] >= 0x80) {
    if (const auto message = read_viewer_message(bytes, kMostText)) std::visit(Check(), *message);
    HESPER_CHECK(size <= kMaxViewerMessage || data[0] == 0x91 || !read_viewer_message(bytes, kMostText));
  } else {
    // SAFETY: char may look at any bytes.
    ask({reinterpret_cast<const char*>(data), size});
  }
  return 0;
}
