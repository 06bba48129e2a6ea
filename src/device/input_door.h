// InputDoor: an input::Device as a vhost::Device. One front-end at a time; when it has gone, another may come.
//
// The driver of EDK2, through which its menus and GRUB read keys, gives buffers back without a kick: QEMU's own device
// looks for them whenever it has an event. So does this, while events wait and no buffer is there: soon, then ever more
// rarely, and after ten seconds not any more, until there is a new event. A device that has nothing to say does
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "device/repeated_look.h"
#include "input/device.h"
#include "platform/event_loop.h"
#include "vhost/back_end.h"

namespace hesper::device {

// The loop's thread.
class InputDoor final : public vhost::Device {
 public:
  // Both outlive the door.
  InputDoor(platform::EventLoop& loop, input::Device& device);
  ~InputDoor();
  InputDoor(const InputDoor&) = delete;
  InputDoor& operator=(const InputDoor&) = delete;

  // socket: of the front-end. on_end: as BackEnd has it; serve() may be called from there.
  // Errors: EBUSY, there is one; what BackEnd refuses.
  [[nodiscard]] Result<void> serve(UniqueFd socket, vhost::BackEnd::OnEnd on_end);
  [[nodiscard]] bool is_serving() const noexcept { return back_end_ != nullptr; }

  [[nodiscard]] std::uint64_t features() const override { return 0; }
  void accept_features(std::uint64_t) override {}
  [[nodiscard]] unsigned queue_count() const override { return input::kQueueCount; }
  void read_config(std::size_t offset, std::span<std::byte> into) const override { device_.read_config(offset, into); }
  void write_config(std::size_t offset, std::span<const std::byte> bytes) override {
    device_.write_config(offset, bytes);
  }
  [[nodiscard]] std::uint64_t shared_memory_size(std::uint8_t) const override { return 0; }
  void on_start(vhost::Start start) override;
  void on_stop() override;
  void on_message(unsigned queue, vhost::Message message) override;

 private:
  void deliver();

  platform::EventLoop& loop_;
  input::Device& device_;
  std::deque<vhost::Message> buffers_;  // for events; at most as many as the ring has
  RepeatedLook look_for_buffers_;       // while events wait for some
  std::unique_ptr<vhost::BackEnd> back_end_;
};

}  // namespace hesper::device
