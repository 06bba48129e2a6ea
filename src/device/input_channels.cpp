// InputChannels: from messages to calls.
#include "device/input_channels.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using input::ChannelKind;
using input::ChannelMessage;

bool is_place(const ChannelMessage& message) {
  constexpr std::int32_t kMax = std::numeric_limits<std::uint16_t>::max();
  return message.a >= 0 && message.a <= kMax && message.b >= 0 && message.b <= kMax;
}
bool is_switch(const ChannelMessage& message) {
  return message.what < input::kKeyCodes && (message.a == 0 || message.a == 1);
}

// False: the message makes no sense.
bool apply(const ChannelMessage& message, input::Sink& sink) {
  const auto x = static_cast<std::uint16_t>(message.a);
  const auto y = static_cast<std::uint16_t>(message.b);
  const auto code = static_cast<input::KeyCode>(message.what);
  switch (message.kind) {
    case ChannelKind::key:
      if (is_switch(message)) sink.key(code, message.a != 0);
      return is_switch(message);
    case ChannelKind::button:
      if (is_switch(message)) sink.button(code, message.a != 0);
      return is_switch(message);
    case ChannelKind::move_to:
      if (is_place(message)) sink.move_to(message.what, x, y);
      return is_place(message);
    case ChannelKind::move_by: sink.move_by(message.a, message.b); return true;
    case ChannelKind::scroll: sink.scroll(message.a, message.b); return true;
    case ChannelKind::touch:
      if (is_place(message)) sink.touch(message.finger, message.what, x, y);
      return is_place(message) && message.finger < input::kFingers;
    case ChannelKind::touch_end: sink.touch_end(message.finger); return message.finger < input::kFingers;
    case ChannelKind::flush: sink.flush(); return true;
  }
  return false;
}

}  // namespace

void InputChannels::add(UniqueFd socket) {
  channels_.emplace_front();
  const Place place = channels_.begin();
  place->socket = std::move(socket);
  place->sink = seat_.join([place](input::Leds leds) {
    const input::ChannelLeds message = input::message_of(leds);
    const auto sent = platform::send_part(place->socket.get(), std::as_bytes(std::span(&message, 1)));
    // Who has gone may have typed before, which is still to be read.
    if (sent.size == sizeof(message) || sent.broken) return;
    // Who does not read is found out by the next look at his socket, as nothing may be destroyed in here.
    place->broken = true;
    platform::refuse_to_read(place->socket.get());
  });
  place->watch = loop_.when_readable(place->socket.get(), [this, place] { on_readable(place); });
}

void InputChannels::on_readable(Place place) {
  const auto room = std::as_writable_bytes(std::span(place->received)).subspan(place->size);
  const auto part = platform::receive_part(place->socket.get(), room, 0);
  if (part.closed || place->broken) return static_cast<void>(channels_.erase(place));
  place->size += part.size;
  const std::size_t whole = place->size / sizeof(ChannelMessage);
  for (std::size_t i = 0; i < whole; ++i) {
    if (apply(place->received[i], *place->sink)) continue;
    log::warn("A viewer sends input that makes no sense (kind {}, {}, {}, {}); its channel is closed.",
              static_cast<unsigned>(place->received[i].kind), place->received[i].what, place->received[i].a,
              place->received[i].b);
    return static_cast<void>(channels_.erase(place));
  }
  const std::size_t used = whole * sizeof(ChannelMessage);
  auto* bytes = std::as_writable_bytes(std::span(place->received)).data();
  std::memmove(bytes, bytes + used, place->size - used);
  place->size -= used;
}

}  // namespace hesper::device
