// InputTap: takes what waits for devices that no driver of the guest runs, and sends it to a tap (input/tap.h).
#pragma once

#include <array>
#include <bitset>
#include <cstddef>

#include "base/unique_fd.h"
#include "input/seat.h"
#include "input/tap.h"
#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread. Never waits: who does not read loses his connection.
class InputTap {
 public:
  // Both outlive this.
  InputTap(platform::EventLoop& loop, input::Seat& seat);
  ~InputTap();
  InputTap(const InputTap&) = delete;
  InputTap& operator=(const InputTap&) = delete;

  // socket: a control connection that was asked to become a tap, and has answered. Takes the place of the one before.
  void connect(UniqueFd socket);
  [[nodiscard]] bool is_connected() const noexcept { return static_cast<bool>(socket_); }

 private:
  void on_readable();
  void deliver();
  void take(input::Kind kind, input::TapBatch& batch);
  void disconnect();

  platform::EventLoop& loop_;
  input::Seat& seat_;
  UniqueFd socket_;
  platform::EventLoop::Watch watch_;
  bool asked_ = false;
  // What was said to be down: let go once a driver runs, as from then on it gets everything.
  std::array<std::bitset<input::kKeyCodes>, input::kKinds> down_;
};

}  // namespace hesper::device
