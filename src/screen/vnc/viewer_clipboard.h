// ViewerClipboard: one viewer's part in the guest's clipboard: cut text of RFC 6143, which is Latin-1, and the Extended
// Clipboard, which is UTF-8 and sent when it is asked for. Knows no socket.
// Spec: RFC 6143, "ClientCutText", "ServerCutText"; rfbproto.rst, "Extended Clipboard Pseudo-Encoding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clipboard/clipboard.h"
#include "screen/vnc/client_messages.h"

namespace hesper::screen::vnc {

// Not for several threads at once.
class ViewerClipboard {
 public:
  // most_bytes: of a text.
  explicit ViewerClipboard(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  // The viewer knows the Extended Clipboard, or no longer.
  void set_extended(bool extended);
  // The guest has copied this.
  void tell(clipboard::Text text);
  // What the viewer says; the text that is the viewer's now, or empty.
  [[nodiscard]] std::string take(const CutText& message);
  [[nodiscard]] std::string take(const ExtendedClipboard& message);

  // Appends what there is to be said, at most one text however often the viewer asks. To be called when all before has
  // been sent.
  void say(std::vector<std::byte>& out);

 private:
  const std::size_t most_bytes_;
  bool extended_ = false;
  clipboard::Text text_;  // the guest's, newest
  bool tell_capabilities_ = false;
  bool tell_text_ = false;  // or, extended, that there is one
  bool provide_ = false;
  bool ask_ = false;
};

}  // namespace hesper::screen::vnc
