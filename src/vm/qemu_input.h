// QemuInput: what is typed and pointed for guests that have no driver for our input devices (input/tap.h), given to
// QEMU's own over QMP: PS/2 keyboard and mouse of the board, or what else there is. Firmware and boot loaders get their
// keys so. Fingers have no way.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "input/tap.h"
#include "platform/event_loop.h"
#include "vm/qmp.h"

namespace hesper::vm {

// The events of QMP's input-send-event; an array, empty if QEMU has no such thing.
[[nodiscard]] nlohmann::json qmp_events(std::span<const input::TapEvent> events);

// The loop's thread. One command is on its way at a time; meanwhile events wait where they come from.
class QemuInput {
 public:
  using Open = std::function<Result<UniqueFd>()>;

  // Both outlive this.
  QemuInput(platform::EventLoop& loop, Qmp& qmp) noexcept : loop_(loop), qmp_(qmp) {}
  QemuInput(const QemuInput&) = delete;
  QemuInput& operator=(const QemuInput&) = delete;

  // tap: connected to hesper-gpu.
  void start(UniqueFd tap);
  // For a guest that stands still: what comes waits in hesper-gpu.
  void stop();

 private:
  void ask();
  void read();

  platform::EventLoop& loop_;
  Qmp& qmp_;
  UniqueFd tap_;
  input::TapBatch batch_;
  std::size_t received_ = 0;  // bytes of batch_
  platform::EventLoop::Watch watch_;
};

}  // namespace hesper::vm
