// QemuConsole: what the guest shows, for the screens of QEMU itself (GTK, SDL, VNC, SPICE), where QEMU's own front-end
// vhost-user-gpu-pci is used: it hands over a socket, and pixels go down that. Other front-ends have no such socket,
// and then this does nothing but remember.
//
// QEMU takes as much as it likes, when it likes: one message is on its way at a time, and what the guest shows
// meanwhile is sent as it then is. Pixels are copied when their message goes out. A large picture goes in bands, so
// that neither the copies nor the memory they take have anything to do with its size. Spec: QEMU's "Vhost-user-gpu
// Protocol".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "gpu/display.h"
#include "gpu/protocol.h"
#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread.
class QemuConsole final : public gpu::Display {
 public:
  static constexpr std::size_t kBand = std::size_t{4} << 20;  // bytes of pixels in one message, or one row

  // loop outlives this.
  explicit QemuConsole(platform::EventLoop& loop) noexcept : loop_(loop) {}

  // From now on this socket is told, beginning with all that is shown; an older one is closed.
  void connect(UniqueFd socket);
  [[nodiscard]] bool connected() const noexcept { return static_cast<bool>(socket_); }

  void set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) override;
  void flushed(std::uint32_t scanout, const gpu::Rect& damage) override;
  void set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) override;
  void move_cursor(std::uint32_t scanout, gpu::Point position) override;

 private:
  struct Size {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    friend bool operator==(const Size&, const Size&) = default;
  };
  struct Screen {
    const gpu::Picture* picture = nullptr;
    gpu::Rect part;
    std::optional<gpu::Cursor> cursor;
    gpu::Point position;
    // What QEMU does not know yet.
    Size told;         // of its surface; 0x0: off
    gpu::Rect damage;  // in pixels of `part`, that is, of QEMU's surface
    bool cursor_changed = false;
    bool cursor_moved = false;
  };

  // Sends what there is until the socket takes no more.
  void send();
  [[nodiscard]] bool compose();
  [[nodiscard]] bool compose(std::uint32_t number, Screen& screen);
  void compose_update(std::uint32_t number, Screen& screen);
  void append(std::uint32_t request, std::span<const std::byte> payload, std::size_t more);
  void disconnect();

  platform::EventLoop& loop_;
  UniqueFd socket_;
  platform::EventLoop::Watch readable_;
  platform::EventLoop::Watch writable_;  // while something is on its way
  std::vector<std::byte> message_;       // on its way
  std::size_t sent_ = 0;                 // bytes of it
  std::vector<std::byte> row_;
  std::array<Screen, gpu::VIRTIO_GPU_MAX_SCANOUTS> screens_;
  std::uint32_t next_ = 0;  // whose turn it is
};

}  // namespace hesper::device
