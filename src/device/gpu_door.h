// GpuDoor: gpu::Device as a vhost::Device: what one calls what the other calls otherwise. Decides nothing about
// commands and reads no message itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"
#include "gpu/context_host.h"
#include "gpu/device.h"
#include "gpu/display.h"
#include "gpu/guest_memory.h"
#include "platform/event_loop.h"
#include "vhost/back_end.h"

namespace hesper::device {

// For a device without contexts: 2D, cursors and screens only.
class NoContexts final : public gpu::ContextHost {
 public:
  [[nodiscard]] std::span<const gpu::Capset> capsets() const noexcept override { return {}; }
  [[nodiscard]] Result<std::unique_ptr<gpu::HostContext>> create(const gpu::ContextRequest& request) override;
};

// The loop's thread. Serves one front-end in its life, as what a guest left behind must never meet another's.
class GpuDoor final : public vhost::Device, private gpu::GuestMemory {
 public:
  // The shared memory region that the guest's driver takes for the host-visible window.
  static constexpr std::uint8_t kWindowRegion = 1;

  struct Options {
    gpu::DeviceOptions device;  // config_changed is replaced
    // What the messages of both queues may take together while they are worked on, bytes. More than one message's most.
    std::uint64_t message_budget = std::uint64_t{256} << 20;
    // What QEMU hands over for screens of its own, see QemuConsole.
    std::function<void(UniqueFd socket)> on_display_socket = [](UniqueFd) {};
  };

  // window: a file of Options::device.window_size bytes that cannot shrink; none if that is 0.
  // loop, contexts and display outlive the door.
  [[nodiscard]] static Result<std::unique_ptr<GpuDoor>> create(platform::EventLoop& loop, Options options,
                                                               gpu::ContextHost& contexts, gpu::Display& display,
                                                               UniqueFd window);
  ~GpuDoor();

  // socket: of the front-end. on_end: as BackEnd has it. Errors: EBUSY, there was one already; what BackEnd refuses.
  [[nodiscard]] Result<void> serve(UniqueFd socket, vhost::BackEnd::OnEnd on_end);

  [[nodiscard]] gpu::Device& device() noexcept { return *device_; }

  [[nodiscard]] std::uint64_t features() const override;
  void accept_features(std::uint64_t features) override { accepted_ = features; }
  [[nodiscard]] unsigned queue_count() const override { return 2; }
  void read_config(std::size_t offset, std::span<std::byte> into) const override;
  void write_config(std::size_t offset, std::span<const std::byte> bytes) override;
  [[nodiscard]] std::uint64_t shared_memory_size(std::uint8_t id) const override;
  void on_start(vhost::Start start) override;
  void on_stop() override;
  void on_message(unsigned queue, vhost::Message message) override;
  void on_display_socket(UniqueFd socket) override { on_display_socket_(std::move(socket)); }

 private:
  GpuDoor(platform::EventLoop& loop, const Options& options, UniqueFd window);

  [[nodiscard]] std::shared_ptr<const gpu::GuestView> view() const override;
  void config_changed();
  void map_window();

  platform::EventLoop& loop_;
  const std::uint64_t message_budget_;
  const std::uint64_t window_size_;
  const std::function<void(UniqueFd)> on_display_socket_;
  UniqueFd window_;
  std::uint64_t accepted_ = 0;
  bool change_posted_ = false;
  std::unique_ptr<gpu::Device> device_;
  // Goes before the device does, so that responders of a device that ends write nothing any more.
  std::unique_ptr<vhost::BackEnd> back_end_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what is posted holds it weakly
};

}  // namespace hesper::device
