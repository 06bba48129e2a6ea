// Viewer: handshake, messages and updates of one viewer.
#include "screen/vnc/viewer.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

#include "base/log.h"
#include "platform/tcp_socket.h"
#include "platform/thread.h"

namespace hesper::screen::vnc {
namespace {

constexpr std::size_t kReadSize = 16 * 1024;
// What an update may be longer than by a piece of the picture; the rest comes with the next one. Bounds the memory that
// a viewer may cost, and how old the end of an update can be.
constexpr std::size_t kLongUpdate = std::size_t{16} * 1024 * 1024;
constexpr std::uint16_t kMostRectangles = 60'000;

constexpr std::chrono::seconds kHandshakeTime{10};
constexpr std::chrono::seconds kPasswordTime{120};  // somebody has to find and type it

constexpr std::chrono::seconds kRefusalTime{1};

constexpr std::uint32_t kEmptyWidth = 640;
constexpr std::uint32_t kEmptyHeight = 480;

Challenge new_challenge() {
  Challenge challenge;
  // Without it nobody could be let in by a password; 1 is success.
  if (::RAND_bytes(reinterpret_cast<unsigned char*>(challenge.data()), static_cast<int>(challenge.size())) != 1)
    std::terminate();
  return challenge;
}

}  // namespace

Result<std::unique_ptr<Viewer>> Viewer::start(UniqueFd socket, const House& house, std::uint32_t display,
                                              std::function<void()> on_gone) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  std::unique_ptr<Viewer> viewer(new Viewer(std::move(*loop), std::move(socket), house, display, std::move(on_gone)));
  try {
    viewer->thread_ = std::thread([each = viewer.get()] { each->run(); });
  } catch (const std::system_error& error) {
    return fail(fmt::format("A viewer's thread cannot be started: {}.", error.what()), error.code().value());
  }
  return viewer;
}

Viewer::Viewer(std::unique_ptr<platform::EventLoop> loop, UniqueFd socket, const House& house, std::uint32_t display,
               std::function<void()> on_gone)
    : loop_(std::move(loop)),
      house_(house),
      display_(display),
      on_gone_(std::move(on_gone)),
      peer_(platform::peer_name(socket.get())),
      transport_(plain_transport(std::move(socket))),
      handshake_(house.security, new_challenge()) {}

Viewer::~Viewer() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

void Viewer::run() {
  platform::name_thread("vnc viewer");
  limit_time(kHandshakeTime);
  readable_ = loop_->when_readable(transport_->fd(), [this] { on_readable(); });
  Handshake::greet(out_);
  flush();
  loop_->run();
  // Here, as others may still call back into the loop until these are gone.
  reader_.reset();
  input_.reset();
  holder_.reset();
}

void Viewer::limit_time(std::chrono::seconds time) {
  deadline_ = loop_->at(std::chrono::steady_clock::now() + time, [this] { leave("It takes too long to be let in."); });
}

void Viewer::leave(const std::string& why) {
  if (gone_) return;
  if (why.empty())
    log::debug("The VNC viewer {} has left.", peer_);
  else
    log::info("The VNC viewer {} is hung up on: {}", peer_, why);
  readable_ = {};
  writable_ = {};
  deadline_ = {};
  reader_.reset();
  input_.reset();
  holder_.reset();
  ledger_.reset();
  transport_.reset();
  out_ = {};
  gone_ = true;
  on_gone_();
}

void Viewer::on_readable() {
  std::array<std::byte, kReadSize> bytes;
  for (;;) {
    const auto moved = transport_->read(bytes);
    if (moved.closed) {
      leave("");
      return;
    }
    if (moved.size == 0) {
      flush();  // TLS may have waited for what it has read
      return;
    }
    auto fresh = std::span<const std::byte>(bytes).first(moved.size);
    const std::size_t skipped = std::min(skip_, fresh.size());
    skip_ -= skipped;
    fresh = fresh.subspan(skipped);
    in_.insert(in_.end(), fresh.begin(), fresh.end());
    std::span<const std::byte> rest(in_);
    if (!admitted_) shake_hands(rest);
    if (admitted_ && !gone_) understand(rest);
    if (gone_) return;
    if (start_tls_ && !rest.empty()) {
      leave("It goes on without TLS.");  // what comes before TLS may be somebody else's
      return;
    }
    in_.erase(in_.begin(), in_.end() - static_cast<std::ptrdiff_t>(rest.size()));
    update();
    if (gone_) return;
    flush();
    if (gone_) return;
  }
}

void Viewer::shake_hands(std::span<const std::byte>& bytes) {
  if (start_tls_ || refused_) return;
  const auto outcome = handshake_.take(bytes, out_);
  if (handshake_.waits_for_person()) limit_time(kPasswordTime);
  switch (outcome) {
    case Handshake::Outcome::waiting: return;
    case Handshake::Outcome::start_tls: start_tls_ = true; return;
    case Handshake::Outcome::done:
      deadline_ = {};
      enter();
      return;
    case Handshake::Outcome::refused:
      // Not at once, so that few passwords can be tried.
      refused_ = true;
      held_ = true;
      deadline_ = loop_->at(std::chrono::steady_clock::now() + kRefusalTime, [this] {
        held_ = false;
        flush();
      });
      return;
  }
}

// ServerInit.
void Viewer::enter() {
  log::info("The VNC viewer {} is let in{}.", peer_, house_.input == nullptr ? ", to watch only" : "");
  ledger_ = house_.ledger->open("vnc " + peer_, display_);
  auto sink = house_.input == nullptr ? nullptr : house_.input->join([this](input::Leds leds) {
    loop_->post([this, leds] {
      tell_leds_ = tell_leds_ || leds != leds_;
      leds_ = leds;
      if (!gone_) update();
      if (!gone_) flush();
    });
  });
  input_ = std::make_unique<ViewerInput>(std::move(sink), display_);
  join_clipboard();
  const frame::DisplayInfo info = house_.source->info(display_);
  picture_.set_empty(info.width == 0 ? kEmptyWidth : info.width, info.height == 0 ? kEmptyHeight : info.height);
  reader_ = house_.source->subscribe(display_, [this] {
    loop_->post([this] {
      if (!gone_) update();
      if (!gone_) flush();
    });
  });
  take_news();
  width_ = picture_.width();
  height_ = picture_.height();
  Writer out(out_);
  out.u16(width_);
  out.u16(height_);
  out.pixel_format(converter_.format());
  out.u32(static_cast<std::uint32_t>(house_.name.size()));
  out.text(house_.name);
  admitted_ = true;
}

void Viewer::join_clipboard() {
  if (house_.clipboard == nullptr) return;
  clipboard_.emplace(house_.clipboard->most_bytes());
  holder_ = house_.clipboard->join({.on_ways = {}, .on_text = [this](const clipboard::Text& text) {
                                      loop_->post([this, text] {
                                        if (gone_) return;
                                        clipboard_->tell(text);
                                        flush();
                                      });
                                    }});
}

void Viewer::understand(std::span<const std::byte>& bytes) {
  for (;;) {
    // As extended text comes: with two bytes for each end of a line, and packed, which makes nothing much longer.
    const std::size_t most_text = house_.clipboard == nullptr ? 0 : 2 * house_.clipboard->most_bytes() + 4096;
    auto parsed = parse(bytes, most_text);
    if (!parsed) {
      leave(parsed.error());
      return;
    }
    if (parsed->size == 0) return;
    bytes = bytes.subspan(parsed->size);
    const std::size_t skipped = std::min(parsed->skip, bytes.size());
    bytes = bytes.subspan(skipped);
    skip_ = parsed->skip - skipped;
    obey(parsed->message);
  }
}

void Viewer::obey(const ClientMessage& message) {
  if (const auto* format = std::get_if<SetPixelFormat>(&message)) {
    converter_ = PixelConverter(format->format);
    tell_cursor_ = true;
  } else if (const auto* encodings = std::get_if<SetEncodings>(&message)) {
    set_encodings(*encodings);
  } else if (const auto* request = std::get_if<FramebufferUpdateRequest>(&message)) {
    wants_update_ = true;
    if (!request->incremental) {
      picture_.damage(request->area);
      tell_size_ = tell_size_ || can_ask_for_size_;
    }
  } else if (const auto* key = std::get_if<KeyEvent>(&message)) {
    input_->key(*key);
  } else if (const auto* extended = std::get_if<ExtendedKeyEvent>(&message)) {
    input_->key(*extended);
  } else if (const auto* pointer = std::get_if<PointerEvent>(&message)) {
    // One that cannot resize has the top left part of the picture.
    if (can_resize_)
      input_->pointer(*pointer, width_, height_);
    else
      input_->pointer(*pointer, picture_.width(), picture_.height());
  } else if (const auto* text = std::get_if<CutText>(&message)) {
    if (holder_) holder_->offer(clipboard_->take(*text));
  } else if (const auto* extended_text = std::get_if<ExtendedClipboard>(&message)) {
    if (!clipboard_) return;
    if (std::string given = clipboard_->take(*extended_text); !given.empty()) holder_->offer(std::move(given));
  } else if (const auto* size = std::get_if<SetDesktopSize>(&message)) {
    if (house_.input == nullptr) {
      resize_answer_ = ResizeStatus::prohibited;
    } else if (size->width == 0 || size->height == 0) {
      resize_answer_ = ResizeStatus::invalid_layout;
    } else {
      // Whether the guest follows shows in its frames: to wait for it could be to wait for ever.
      house_.source->ask_for_mode(display_, size->width, size->height, 0);
    }
  }
}

void Viewer::set_encodings(const SetEncodings& message) {
  const auto has = [&](Encoding encoding) { return std::ranges::contains(message.encodings, encoding); };
  std::optional<int> quality;
  encoder_ = nullptr;
  for (const Encoding encoding : message.encodings) {
    if (encoding >= Encoding::jpeg_quality_0 && encoding <= Encoding::jpeg_quality_9)
      quality = static_cast<int>(encoding) - static_cast<int>(Encoding::jpeg_quality_0);
    if (encoder_ != nullptr) continue;  // the first is the one that it likes best
    if (encoding == Encoding::raw) {
      encoder_ = &raw_;
    } else if (encoding == Encoding::zrle) {
      if (!zrle_) zrle_ = std::make_unique<ZrleEncoder>();
      encoder_ = zrle_.get();
    } else if (encoding == Encoding::tight) {
      if (!tight_) tight_ = std::make_unique<TightEncoder>();
      encoder_ = tight_.get();
    }
  }
  if (encoder_ == nullptr) encoder_ = &raw_;
  if (tight_) tight_->set_quality(quality);
  can_ask_for_size_ = has(Encoding::extended_desktop_size);
  can_resize_ = can_ask_for_size_ || has(Encoding::desktop_size);
  tell_size_ = can_ask_for_size_;
  has_alpha_cursor_ = has(Encoding::cursor_with_alpha);
  has_cursor_ = has_alpha_cursor_ || has(Encoding::cursor);
  tell_cursor_ = true;
  tell_scan_codes_ = has(Encoding::qemu_extended_key_event);
  has_leds_ = has(Encoding::qemu_led_state);
  tell_leds_ = has_leds_;
  if (clipboard_) clipboard_->set_extended(has(Encoding::extended_clipboard));
}

void Viewer::take_news() {
  frame::News news = reader_->take();
  if (news.frame) {
    const std::uint64_t serial = news.frame->serial;
    if (last_serial_ != 0 && serial > last_serial_ + 1) ledger_->skip(serial - last_serial_ - 1);
    last_serial_ = serial;
    row_ = frame::row_of(*news.frame);
    (*row_)[static_cast<std::size_t>(frame::Stage::taken)] = frame::now_ns();
  }
  picture_.take(news);
  if (news.cursor && (!cursor_ || news.cursor->shape != cursor_->shape)) tell_cursor_ = true;
  if (news.cursor) cursor_ = std::move(news.cursor);
  if (news.ended) leave("The device is gone.");
}

void Viewer::update() {
  if (!admitted_ || !wants_update_ || !out_.empty()) return;
  take_news();
  if (gone_) return;
  const bool resized = can_resize_ && (picture_.width() != width_ || picture_.height() != height_);
  // A viewer that cannot resize sees what fits.
  if (!resized) picture_.crop(width_, height_);
  const bool tell_cursor = tell_cursor_ && has_cursor_ && cursor_;
  const bool tell_leds = tell_leds_ && has_leds_;
  if (!resized && !tell_size_ && !resize_answer_ && !tell_scan_codes_ && !tell_cursor && !tell_leds &&
      !picture_.damaged())
    return;
  wants_update_ = false;
  const std::size_t head = out_.size();
  Writer out(out_);
  out.u8(static_cast<std::uint8_t>(ServerMessageType::framebuffer_update));
  out.zeros(3);  // padding, and the number of rectangles, which end_update() puts in
  if (resized || tell_size_ || resize_answer_) {
    // Of such an update it is the only rectangle: what comes in a picture of another size comes with the next one.
    if (resized) picture_.damage_all();
    width_ = picture_.width();
    height_ = picture_.height();
    append_size(resize_answer_ ? ResizeReason::this_client : ResizeReason::server,
                resize_answer_.value_or(ResizeStatus::done));
    tell_size_ = false;
    resize_answer_.reset();
    end_update(head, 1);
    return;
  }
  std::uint16_t rectangles = 0;
  if (tell_scan_codes_) {
    out.rectangle(0, 0, 0, 0, Encoding::qemu_extended_key_event);
    tell_scan_codes_ = false;
    ++rectangles;
  }
  if (tell_leds) {
    out.rectangle(0, 0, 1, 1, Encoding::qemu_led_state);
    out.u8(static_cast<std::uint8_t>((leds_.scroll_lock ? 1U : 0U) | (leds_.num_lock ? 2U : 0U) |
                                     (leds_.caps_lock ? 4U : 0U)));
    tell_leds_ = false;
    ++rectangles;
  }
  if (tell_cursor) rectangles = static_cast<std::uint16_t>(rectangles + append_cursor());
  rectangles = static_cast<std::uint16_t>(rectangles + append_picture());
  end_update(head, rectangles);
}

void Viewer::append_size(ResizeReason reason, ResizeStatus status) {
  Writer out(out_);
  if (!can_ask_for_size_) {
    out.rectangle(0, 0, width_, height_, Encoding::desktop_size);
    return;
  }
  out.rectangle(static_cast<std::uint16_t>(reason), static_cast<std::uint16_t>(status), width_, height_,
                Encoding::extended_desktop_size);
  out.u8(1);                 // screen
  out.zeros(3 + 4 + 2 + 2);  // padding, its id, x and y
  out.u16(width_);
  out.u16(height_);
  out.zeros(4);  // flags
}

std::uint16_t Viewer::append_cursor() {
  tell_cursor_ = false;
  Writer out(out_);
  const auto& shape = cursor_->shape;
  constexpr std::uint16_t kSize = gpu::kCursorSize;
  const std::uint16_t size = shape ? kSize : 0;
  const auto hot_x = static_cast<std::uint16_t>(shape ? shape->hot_x : 0);
  const auto hot_y = static_cast<std::uint16_t>(shape ? shape->hot_y : 0);
  if (has_alpha_cursor_) {
    out.rectangle(hot_x, hot_y, size, size, Encoding::cursor_with_alpha);
    out.u32(static_cast<std::uint32_t>(Encoding::raw));
    if (!shape) return 1;
    for (std::size_t at = 0; at < shape->pixels.size(); at += gpu::kBytesPerPixel) {
      const std::array rgba = {shape->pixels[at + 2], shape->pixels[at + 1], shape->pixels[at], shape->pixels[at + 3]};
      out.bytes(rgba);
    }
    return 1;
  }
  out.rectangle(hot_x, hot_y, size, size, Encoding::cursor);
  if (!shape) return 1;
  std::vector<std::uint32_t> pixels;
  std::array<std::byte, std::size_t{kSize} * kSize / 8> mask{};
  for (std::size_t i = 0; i < std::size_t{kSize} * kSize; ++i) {
    const auto channel = [&](std::size_t place) {
      return std::to_integer<unsigned>(shape->pixels[gpu::kBytesPerPixel * i + place]);
    };
    const unsigned alpha = channel(3);
    const auto whole = [&](std::size_t place) {  // no longer premultiplied
      return static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(255U, channel(place) * 255 / alpha));
    };
    pixels.push_back(converter_.pixel(whole(2), whole(1), whole(0)));
    if (alpha >= 128) mask[i / 8] |= static_cast<std::byte>(0x80U >> (i % 8));
  }
  converter_.append_pixels(pixels, out_);
  out.bytes(mask);
  return 1;
}

std::uint16_t Viewer::append_picture() {
  std::uint16_t rectangles = 0;
  std::uint64_t copied = 0;
  for (const gpu::Rect& piece : picture_.take_damage(encoder_->largest())) {
    if (out_.size() > kLongUpdate || rectangles == kMostRectangles) {
      picture_.damage(piece);
      continue;
    }
    if (picture_.frame()) {
      converter_.convert(*picture_.frame(), piece, pixels_);
      copied += std::uint64_t{gpu::kBytesPerPixel} * piece.width * piece.height;
    } else {
      pixels_ = {.width = piece.width, .height = piece.height, .values = {}};
      pixels_.values.resize(std::size_t{piece.width} * piece.height);
    }
    encoder_->encode(converter_, pixels_, static_cast<std::uint16_t>(piece.x), static_cast<std::uint16_t>(piece.y),
                     out_);
    ++rectangles;
  }
  if (copied != 0) ledger_->count_copy(copied);
  if (row_) (*row_)[static_cast<std::size_t>(frame::Stage::encoded)] = frame::now_ns();
  return rectangles;
}

void Viewer::end_update(std::size_t head, std::uint16_t rectangles) {
  out_[head + 2] = static_cast<std::byte>(rectangles >> 8U);
  out_[head + 3] = static_cast<std::byte>(rectangles);
}

void Viewer::flush() {
  if (held_) return;
  if (out_.empty() && clipboard_) clipboard_->say(out_);
  while (sent_ < out_.size()) {
    const auto moved = transport_->write(std::span<const std::byte>(out_).subspan(sent_));
    if (moved.closed) {
      leave("");
      return;
    }
    if (moved.size == 0) {
      if (moved.wants_read)
        writable_ = {};
      else if (!writable_)
        writable_ = loop_->when_writable(transport_->fd(), [this] { flush(); });
      return;
    }
    sent_ += moved.size;
    if (ledger_) ledger_->count_bytes(moved.size);
  }
  writable_ = {};
  const bool sent_something = sent_ != 0;
  sent_ = 0;
  out_.clear();
  if (row_ && (*row_)[static_cast<std::size_t>(frame::Stage::encoded)] != 0) {
    (*row_)[static_cast<std::size_t>(frame::Stage::sent)] = frame::now_ns();
    ledger_->add(*row_);
    row_.reset();
  }
  if (refused_) {
    leave(handshake_.why());
    return;
  }
  if (start_tls_) {
    start_tls_ = false;
    transport_ = house_.tls->accept(std::move(transport_));
    if (!transport_) {
      leave("TLS cannot be started.");
      return;
    }
    readable_ = loop_->when_readable(transport_->fd(), [this] { on_readable(); });
    std::span<const std::byte> nothing;
    shake_hands(nothing);
  }
  // It may have asked for more meanwhile.
  if (sent_something) {
    if (clipboard_) clipboard_->say(out_);
    update();
    if (!gone_ && !out_.empty()) flush();
  }
}

}  // namespace hesper::screen::vnc
