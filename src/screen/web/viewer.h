// Viewer: one WebSocket: reads what the page says and does it, sends what its pictures' stream and the guest's state
// bring. Who may open one is decided before.
#pragma once

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clipboard/clipboard.h"
#include "screen/web/gate.h"
#include "screen/web/hall.h"
#include "screen/web/outbox.h"
#include "screen/web/picture_stream.h"
#include "screen/web/protocol.h"
#include "screen/web/transport.h"

namespace hesper::screen::web {

using Request = beast::http::request<beast::http::empty_body>;

// The server's thread.
class Viewer : public std::enable_shared_from_this<Viewer> {
 public:
  // hall outlives it. peer: its address.
  Viewer(Hall& hall, std::shared_ptr<Transport> transport, Role role, std::string peer);
  ~Viewer();

  // Until the connection has ended, and its stream with it.
  [[nodiscard]] asio::awaitable<void> run(const Request& request);

  // The displays' modes or connections may have changed.
  void tell_displays();

  struct Report {
    std::uint32_t number = 0;
    std::string peer;
    Role role = Role::none;
    std::optional<StreamReport> stream;
  };
  [[nodiscard]] Report report() const;

 private:
  using WebSocket = beast::websocket::stream<Transport&, false>;

  [[nodiscard]] std::size_t longest_message() const noexcept {
    return std::max(kMaxViewerMessage, kClipboardHeader + most_text_);
  }
  [[nodiscard]] asio::awaitable<void> read();
  [[nodiscard]] asio::awaitable<void> write();
  [[nodiscard]] asio::awaitable<void> tell_statistics();
  [[nodiscard]] asio::awaitable<void> await_hello();
  [[nodiscard]] asio::awaitable<void> ask_for_mode();
  template <class Work>
  void spawn(Work work);

  // False: the viewer breaks the protocol.
  [[nodiscard]] bool take(const Hello& hello);
  [[nodiscard]] bool take(const Acknowledge& acknowledge);
  [[nodiscard]] bool take(const WantKey& want);
  [[nodiscard]] bool take(const WantMode& mode);
  [[nodiscard]] bool take(const Attention& attention);
  [[nodiscard]] bool take(const Ping& ping);
  [[nodiscard]] bool take(const InputEvents& input);
  [[nodiscard]] bool take(const ClipboardText& text);

  void join();
  void start_stream();
  void stream_ended();
  [[nodiscard]] bool stream_is_current() const noexcept { return stream_ && hello_ && stream_hello_ == *hello_; }
  void send(Outbox::Latest kind, Message message);
  void send(StreamMessage message);
  void wake_writer() { writer_wake_.cancel(); }
  [[nodiscard]] std::string statistics() const;

  Hall& hall_;
  std::shared_ptr<Transport> transport_;
  WebSocket socket_;
  const Role role_;
  const std::size_t most_text_;  // bytes of a clipboard's text that it may send; 0: none
  const std::string peer_;
  const std::uint32_t number_;
  std::list<Viewer*>::iterator place_;  // among the hall's
  bool closed_ = false;

  Outbox outbox_;
  asio::steady_timer writer_wake_;  // never expires; cancelled when there is something to send
  asio::steady_timer hello_timer_;
  std::optional<Hello> hello_;  // the newest
  std::unique_ptr<input::Sink> sink_;
  std::unique_ptr<clipboard::Holder> holder_;  // of the clipboard; nullptr: the viewer has no part in it

  // At most one, and of an earlier Hello as long as it takes to end.
  std::unique_ptr<PictureStream> stream_;
  Hello stream_hello_;               // what it was made for
  asio::steady_timer stream_ended_;  // never expires; cancelled when there is none any more

  Attention attention_;
  asio::steady_timer statistics_timer_;
  bool statistics_run_ = false;

  std::optional<WantMode> wanted_mode_;
  asio::steady_timer mode_timer_;
  bool mode_waits_ = false;

  std::vector<frame::DisplayInfo> displays_told_;
};

}  // namespace hesper::screen::web
