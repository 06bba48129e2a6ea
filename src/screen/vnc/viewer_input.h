// ViewerInput: a viewer's keys and pointer as a guest takes them. Reads no message.
#pragma once

#include <cstdint>
#include <memory>

#include "input/sink.h"
#include "screen/vnc/client_messages.h"

namespace hesper::screen::vnc {

class ViewerInput {
 public:
  // sink: may be null, for one who only watches.
  ViewerInput(std::unique_ptr<input::Sink> sink, std::uint32_t display) noexcept
      : sink_(std::move(sink)), display_(display) {}

  void key(const KeyEvent& event);
  void key(const ExtendedKeyEvent& event);
  // Positions are on a picture of this size.
  void pointer(const PointerEvent& event, std::uint16_t width, std::uint16_t height);

 private:
  void send(input::KeyCode code, bool down);

  std::unique_ptr<input::Sink> sink_;
  std::uint32_t display_;
  std::uint8_t buttons_ = 0;  // as the last PointerEvent had them
};

}  // namespace hesper::screen::vnc
