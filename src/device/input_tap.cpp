// InputTap: one batch for each that is asked for.
#include "device/input_tap.h"

#include <span>
#include <utility>

#include "platform/socket.h"

namespace hesper::device {

InputTap::InputTap(platform::EventLoop& loop, input::Seat& seat) : loop_(loop), seat_(seat) {
  for (const input::Kind kind : input::kAllKinds) seat_.device(kind).when_idle([this] { deliver(); });
}

InputTap::~InputTap() {
  for (const input::Kind kind : input::kAllKinds) seat_.device(kind).when_idle(nullptr);
}

void InputTap::connect(UniqueFd socket) {
  disconnect();
  socket_ = std::move(socket);
  watch_ = loop_.when_readable(socket_.get(), [this] { on_readable(); });
}

void InputTap::disconnect() {
  watch_ = {};
  socket_ = UniqueFd();
  asked_ = false;
  for (auto& down : down_) down.reset();
}

void InputTap::on_readable() {
  std::array<std::byte, 16> bytes;
  const auto part = platform::receive_part(socket_.get(), bytes, 0);
  if (part.closed) return disconnect();
  if (part.size != 0) asked_ = true;
  deliver();
}

void InputTap::deliver() {
  if (!asked_) return;
  input::TapBatch batch;
  for (const input::Kind kind : input::kAllKinds) take(kind, batch);
  if (batch.count == 0) return;
  asked_ = false;
  if (!platform::send_all(socket_.get(), std::as_bytes(std::span(&batch, 1)))) disconnect();
}

// A frame may be cut by a batch's end; what follows then comes first in the next one.
void InputTap::take(input::Kind kind, input::TapBatch& batch) {
  input::Device& device = seat_.device(kind);
  auto& down = down_[std::to_underlying(kind)];
  const auto add = [&](const input::virtio_input_event& event) {
    batch.events[batch.count++] = {.kind = std::to_underlying(kind), .event = event};
  };
  if (device.driver_runs()) {
    for (std::uint16_t code = 0; code < input::kKeyCodes && down.any() && batch.count < batch.kMost; ++code) {
      if (!down.test(code)) continue;
      down.reset(code);
      add({.type = input::EV_KEY, .code = code, .value = 0});
    }
    return;
  }
  while (batch.count < batch.kMost) {
    const auto event = device.next();
    if (!event) return;
    if (event->type == input::EV_KEY && event->code < input::kKeyCodes) down.set(event->code, event->value != 0);
    add(*event);
  }
}

}  // namespace hesper::device
