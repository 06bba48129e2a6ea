// Viewer: reader and writer of one WebSocket, as coroutines on the server's thread.
#include "screen/web/viewer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <chrono>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/log.h"
#include "gpu/protocol.h"
#include "screen/web/report_json.h"

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;
namespace websocket = beast::websocket;

constexpr auto kHelloTime = 10s;
constexpr auto kBetweenStatistics = 1s;
constexpr auto kBetweenModes = 100ms;
// Bytes that the system may hold: more would only let pictures grow old there. FlowControl keeps below it anyway.
constexpr int kSendBuffer = 256 * 1024;

std::uint64_t now_us() { return frame::now_ns() / 1000; }

}  // namespace

Viewer::Viewer(Hall& hall, std::shared_ptr<Transport> transport, Role role, std::string peer)
    : hall_(hall),
      transport_(std::move(transport)),
      socket_(*transport_),
      role_(role),
      most_text_(role == Role::operator_ && hall.clipboard != nullptr ? hall.clipboard->most_bytes() : 0),
      peer_(std::move(peer)),
      number_(++hall.viewers_ever),
      place_(hall.viewers.insert(hall.viewers.end(), this)),
      writer_wake_(hall.io, asio::steady_timer::time_point::max()),
      hello_timer_(hall.io),
      stream_ended_(hall.io, asio::steady_timer::time_point::max()),
      statistics_timer_(hall.io),
      mode_timer_(hall.io) {}

Viewer::~Viewer() { hall_.viewers.erase(place_); }

template <class Work>
void Viewer::spawn(Work work) {
  // The coroutine's frame holds `self`, so that this lives as long as it.
  asio::co_spawn(
      hall_.io, [](auto self, Work go) -> asio::awaitable<void> { co_await go(*self); }(shared_from_this(), work),
      [](std::exception_ptr problem) {
        if (problem) std::rethrow_exception(problem);
      });
}

asio::awaitable<void> Viewer::run(const Request& request) {
  const auto self = shared_from_this();
  error_code ignored;
  transport_->stream().socket().set_option(asio::socket_base::send_buffer_size(kSendBuffer), ignored);
  // Time limits are the WebSocket's from here on.
  transport_->stream().expires_never();
  socket_.set_option(websocket::stream_base::timeout{.handshake_timeout = hall_.options.limits.request_time,
                                                     .idle_timeout = hall_.options.limits.silence,
                                                     .keep_alive_pings = true});
  socket_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(beast::http::field::sec_websocket_protocol, kSubprotocol);
    response.set(beast::http::field::server, "hesper");
  }));
  socket_.read_message_max(longest_message());
  socket_.auto_fragment(false);
  socket_.binary(true);
  if (const auto [error] = co_await socket_.async_accept(request, kAwait); error) co_return;

  log::info("A viewer has come from {}{}.", peer_, role_ == Role::viewer ? ", who may only look" : "");
  send(Outbox::Latest::welcome, welcome_message(role_ != Role::operator_ || hall_.input == nullptr, now_us()));
  tell_displays();
  if (role_ == Role::operator_) join();
  spawn([](Viewer& viewer) { return viewer.write(); });
  spawn([](Viewer& viewer) { return viewer.await_hello(); });
  co_await read();

  closed_ = true;
  sink_.reset();
  holder_.reset();
  transport_->close();
  writer_wake_.cancel();
  hello_timer_.cancel();
  statistics_timer_.cancel();
  mode_timer_.cancel();
  if (stream_) {
    stream_->stop();
    co_await stream_ended_.async_wait(kAwait);
  }
  log::info("The viewer from {} has left.", peer_);
}

// One that may type takes part in the guest's keyboard lights and its clipboard.
void Viewer::join() {
  const auto weak = weak_from_this();
  auto& io = hall_.io;
  const auto send_later = [weak, &io](Outbox::Latest kind, Message message) {
    asio::post(io, [weak, kind, message = std::move(message)]() mutable {
      if (const auto viewer = weak.lock()) viewer->send(kind, std::move(message));
    });
  };
  if (hall_.input != nullptr)
    sink_ = hall_.input->join([send_later](input::Leds leds) { send_later(Outbox::Latest::leds, leds_message(leds)); });
  if (hall_.clipboard != nullptr)
    holder_ =
        hall_.clipboard->join({.on_ways =
                                   [send_later, most = most_text_](clipboard::Ways ways) {
                                     send_later(Outbox::Latest::clipboard_ways, clipboard_ways_message(ways, most));
                                   },
                               .on_text =
                                   [send_later](const clipboard::Text& text) {
                                     send_later(Outbox::Latest::clipboard, clipboard_message(*text));
                                   }});
}

asio::awaitable<void> Viewer::read() {
  beast::flat_buffer buffer(longest_message());
  for (;;) {
    buffer.clear();
    if (buffer.capacity() > kMaxViewerMessage) buffer.shrink_to_fit();  // a text has come, which is rare
    const auto [error, size] = co_await socket_.async_read(buffer, kAwait);
    if (error) {
      if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow)
        hall_.refusals.count(Refusal::bad_message, peer_);
      co_return;
    }
    const auto data = buffer.cdata();
    const auto message =
        socket_.got_binary()
            ? read_viewer_message(std::span(static_cast<const std::byte*>(data.data()), data.size()), most_text_)
            : std::nullopt;
    const bool understood = message && std::visit([this](const auto& said) { return take(said); }, *message);
    if (!understood) {
      hall_.refusals.count(Refusal::bad_message, peer_);
      co_return;
    }
  }
}

asio::awaitable<void> Viewer::write() {
  while (!closed_) {
    auto item = outbox_.take();
    if (!item) {
      (void)co_await writer_wake_.async_wait(kAwait);
      continue;
    }
    const auto [error, size] = co_await socket_.async_write(asio::buffer(item->message), kAwait);
    if (error) {
      transport_->close();  // which ends read(), too
      co_return;
    }
    if (item->frame != 0 && stream_) stream_->sent(item->frame, frame::now_ns());
  }
}

asio::awaitable<void> Viewer::await_hello() {
  hello_timer_.expires_after(kHelloTime);
  (void)co_await hello_timer_.async_wait(kAwait);
  if (closed_ || hello_) co_return;
  hall_.refusals.count(Refusal::too_slow, peer_);
  transport_->close();
}

bool Viewer::take(const Hello& hello) {
  if (hello.version != kProtocolVersion) {
    send(Outbox::Latest::notice,
         notice_message(Notice::error, "This page is of another version than the server: load it again."));
    return true;
  }
  hello_ = hello;
  if (!stream_)
    start_stream();
  else if (!stream_is_current())
    stream_->stop();  // the new one starts when this has ended
  return true;
}

void Viewer::start_stream() {
  const auto weak = weak_from_this();
  auto& io = hall_.io;
  StreamSettings settings{.display = hello_->display,
                          .picture = hello_->picture,
                          .codecs = hello_->codecs,
                          .encoders = hall_.options.encoders,
                          .flow = {.max_fps = hall_.options.max_fps, .max_bitrate = hall_.options.max_bitrate}};
  if (hello_->max_fps != 0) settings.flow.max_fps = std::min<double>(settings.flow.max_fps, hello_->max_fps);
  stream_hello_ = *hello_;
  stream_ = std::make_unique<PictureStream>(
      hall_.source, hall_.ledger.open(fmt::format("web {}", peer_), hello_->display), std::move(settings),
      PictureStream::Callbacks{
          .send =
              [weak, &io](StreamMessage message) {
                asio::post(io, [weak, message = std::move(message)]() mutable {
                  if (const auto viewer = weak.lock()) viewer->send(std::move(message));
                });
              },
          .displays_changed =
              [weak, &io] {
                asio::post(io, [weak] {
                  if (const auto viewer = weak.lock()) viewer->tell_displays();
                });
              },
          .ended =
              [weak, &io] {
                asio::post(io, [weak] {
                  if (const auto viewer = weak.lock()) viewer->stream_ended();
                });
              },
      });
  stream_->set_visible(attention_.visible);
}

void Viewer::stream_ended() {
  const bool replaced = !stream_is_current();
  stream_.reset();
  outbox_.drop_ordered();
  if (closed_)
    stream_ended_.cancel();
  else if (replaced)
    start_stream();
}

bool Viewer::take(const Acknowledge& acknowledge) {
  if (stream_) stream_->acknowledge(acknowledge);
  return hello_.has_value();
}

bool Viewer::take(const WantKey&) {
  if (stream_) stream_->want_key();
  return hello_.has_value();
}

bool Viewer::take(const WantMode& mode) {
  if (role_ != Role::operator_) return true;
  wanted_mode_ = mode;
  if (std::exchange(mode_waits_, true)) return true;
  spawn([](Viewer& viewer) { return viewer.ask_for_mode(); });
  return true;
}

asio::awaitable<void> Viewer::ask_for_mode() {
  // While somebody draws at a window's edge, the guest is asked now and then.
  mode_timer_.expires_at(mode_timer_.expiry() + kBetweenModes);
  (void)co_await mode_timer_.async_wait(kAwait);
  mode_waits_ = false;
  mode_timer_.expires_after(0s);
  if (!closed_ && hello_ && wanted_mode_)
    hall_.source.ask_for_mode(hello_->display, wanted_mode_->width, wanted_mode_->height, wanted_mode_->refresh_mhz);
}

bool Viewer::take(const Attention& attention) {
  attention_ = attention;
  if (stream_) stream_->set_visible(attention.visible);
  if (attention.statistics && !std::exchange(statistics_run_, true))
    spawn([](Viewer& viewer) { return viewer.tell_statistics(); });
  return true;
}

bool Viewer::take(const Ping& ping) {
  send(Outbox::Latest::pong, pong_message(ping.number, ping.viewer_time, now_us()));
  return true;
}

bool Viewer::take(const InputEvents& input) {
  if (!hello_) return false;
  if (!sink_) return true;  // one who may only look
  struct Do {
    input::Sink& sink;
    std::uint32_t display;
    void operator()(const KeyEvent& event) const { sink.key(event.code, event.down); }
    void operator()(const ButtonEvent& event) const { sink.button(event.code, event.down); }
    void operator()(const MoveTo& event) const { sink.move_to(display, event.x, event.y); }
    void operator()(const MoveBy& event) const { sink.move_by(event.x, event.y); }
    void operator()(const Scroll& event) const { sink.scroll(event.vertical, event.horizontal); }
    void operator()(const Touch& event) const { sink.touch(event.finger, display, event.x, event.y); }
    void operator()(const TouchEnd& event) const { sink.touch_end(event.finger); }
  };
  for (const auto& event : input.events) std::visit(Do{.sink = *sink_, .display = hello_->display}, event);
  sink_->flush();
  return true;
}

bool Viewer::take(const ClipboardText& text) {
  if (!hello_) return false;
  if (holder_) holder_->offer(text.text);
  return true;
}

asio::awaitable<void> Viewer::tell_statistics() {
  while (!closed_ && attention_.statistics) {
    send(Outbox::Latest::statistics, statistics_message(statistics()));
    statistics_timer_.expires_after(kBetweenStatistics);
    (void)co_await statistics_timer_.async_wait(kAwait);
  }
  statistics_run_ = false;
}

std::string Viewer::statistics() const {
  nlohmann::json json = {{"viewers", hall_.viewers.size()}};
  if (stream_) {
    json["stream"] = to_json(stream_->report());
    json["output"] = to_json(stream_->ledger()->report());
  }
  return json.dump();
}

void Viewer::tell_displays() {
  std::vector<frame::DisplayInfo> displays;
  for (std::uint32_t display = 0; display < gpu::VIRTIO_GPU_MAX_SCANOUTS; ++display)
    displays.push_back(hall_.source.info(display));
  if (displays == displays_told_) return;
  send(Outbox::Latest::displays, displays_message(displays));
  displays_told_ = std::move(displays);
}

void Viewer::send(Outbox::Latest kind, Message message) {
  outbox_.put(kind, std::move(message));
  wake_writer();
}

void Viewer::send(StreamMessage message) {
  if (!stream_is_current()) return;  // of one that is about to end
  switch (message.kind) {
    case StreamMessage::Kind::ordered:
      outbox_.put_ordered({.frame = message.frame, .message = std::move(message.message)});
      break;
    case StreamMessage::Kind::cursor_shape:
      outbox_.put(Outbox::Latest::cursor_shape, std::move(message.message));
      break;
    case StreamMessage::Kind::cursor: outbox_.put(Outbox::Latest::cursor, std::move(message.message)); break;
    case StreamMessage::Kind::notice: outbox_.put(Outbox::Latest::notice, std::move(message.message)); break;
  }
  wake_writer();
}

Viewer::Report Viewer::report() const {
  return {.number = number_,
          .peer = peer_,
          .role = role_,
          .stream = stream_ ? std::optional(stream_->report()) : std::nullopt};
}

}  // namespace hesper::screen::web
