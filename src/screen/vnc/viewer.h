// Viewer: one VNC viewer, on a thread of its own, so that none waits for another. Takes a frame only when the viewer
// wants one and has been sent all of the last one: one that does not read costs nothing but its socket.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "clipboard/clipboard.h"
#include "frame/ledger.h"
#include "frame/source.h"
#include "input/sink.h"
#include "platform/event_loop.h"
#include "screen/vnc/encoders.h"
#include "screen/vnc/handshake.h"
#include "screen/vnc/picture.h"
#include "screen/vnc/pixel_converter.h"
#include "screen/vnc/transport.h"
#include "screen/vnc/viewer_clipboard.h"
#include "screen/vnc/viewer_input.h"

namespace hesper::screen::vnc {

// What all viewers of a server share. Outlives them.
struct House {
  frame::Source* source = nullptr;
  input::Input* input = nullptr;              // nullptr: everybody only watches
  clipboard::Clipboard* clipboard = nullptr;  // nullptr: none is shared
  frame::Ledger* ledger = nullptr;
  Security security;
  std::shared_ptr<const TlsContext> tls;  // not null if security.tls
  std::string name;                       // in the title of viewers' windows
};

// Made, used and destroyed by one thread, which is not the viewer's.
class Viewer {
 public:
  // on_gone: called once, on any thread, when the viewer has left or has been hung up on; must not destroy it.
  [[nodiscard]] static Result<std::unique_ptr<Viewer>> start(UniqueFd socket, const House& house, std::uint32_t display,
                                                             std::function<void()> on_gone);
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;
  ~Viewer();  // hangs up

  [[nodiscard]] bool gone() const noexcept { return gone_; }
  // Has shown that it may be here.
  [[nodiscard]] bool admitted() const noexcept { return admitted_; }

 private:
  Viewer(std::unique_ptr<platform::EventLoop> loop, UniqueFd socket, const House& house, std::uint32_t display,
         std::function<void()> on_gone);

  void run();
  void limit_time(std::chrono::seconds time);
  void leave(const std::string& why);  // says why, unless empty
  void on_readable();
  void flush();

  void shake_hands(std::span<const std::byte>& bytes);
  void enter();
  void understand(std::span<const std::byte>& bytes);
  void obey(const ClientMessage& message);
  void set_encodings(const SetEncodings& message);
  void join_clipboard();

  // Sends what is new, if the viewer wants it and has room.
  void update();
  void take_news();
  void append_size(ResizeReason reason, ResizeStatus status);
  [[nodiscard]] std::uint16_t append_cursor();
  [[nodiscard]] std::uint16_t append_picture();
  void end_update(std::size_t head, std::uint16_t rectangles);

  const std::unique_ptr<platform::EventLoop> loop_;
  const House& house_;
  const std::uint32_t display_;
  const std::function<void()> on_gone_;
  const std::string peer_;
  std::atomic<bool> gone_ = false;
  std::atomic<bool> admitted_ = false;

  // Of the viewer's thread only.
  std::unique_ptr<Transport> transport_;
  Handshake handshake_;
  bool start_tls_ = false;  // once out_ is empty
  bool refused_ = false;    // hang up once out_ is empty
  bool held_ = false;       // send nothing now
  std::vector<std::byte> in_;
  std::size_t skip_ = 0;  // bytes to come that nobody wants
  std::vector<std::byte> out_;
  std::size_t sent_ = 0;  // of out_

  std::unique_ptr<frame::Reader> reader_;
  std::shared_ptr<frame::OutputLedger> ledger_;
  std::unique_ptr<ViewerInput> input_;
  std::optional<ViewerClipboard> clipboard_;   // none: the viewer has no part in it
  std::unique_ptr<clipboard::Holder> holder_;  // likewise
  Picture picture_;
  std::optional<frame::Cursor> cursor_;
  std::uint64_t last_serial_ = 0;
  std::optional<frame::Row> row_;  // of the frame that is being sent

  PixelConverter converter_{PixelFormat{}};
  RawEncoder raw_;
  std::unique_ptr<ZrleEncoder> zrle_;    // its streams live on while another encoding is used
  std::unique_ptr<TightEncoder> tight_;  // likewise
  Encoder* encoder_ = &raw_;
  Pixels pixels_;

  bool wants_update_ = false;
  std::uint16_t width_ = 0;  // as the viewer has it
  std::uint16_t height_ = 0;
  bool can_resize_ = false;
  bool can_ask_for_size_ = false;
  bool tell_size_ = false;
  std::optional<ResizeStatus> resize_answer_;
  bool has_cursor_ = false;
  bool has_alpha_cursor_ = false;
  bool tell_cursor_ = false;
  bool tell_scan_codes_ = false;
  bool has_leds_ = false;
  bool tell_leds_ = false;
  input::Leds leds_;

  platform::EventLoop::Watch readable_;
  platform::EventLoop::Watch writable_;
  platform::EventLoop::Watch deadline_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hesper::screen::vnc
