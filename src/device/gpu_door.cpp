// GpuDoor: one call after another.
#include "device/gpu_door.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/budget.h"
#include "base/log.h"
#include "gpu/request.h"

namespace hesper::device {
namespace {

// The guest's RAM by the front-end's table, which it keeps mapped.
class TableView final : public gpu::GuestView {
 public:
  explicit TableView(std::shared_ptr<const vhost::MemoryTable> table) noexcept : table_(std::move(table)) {}

  [[nodiscard]] std::span<std::byte> at(std::uint64_t address, std::uint64_t size) const noexcept override {
    for (const auto& region : table_->regions()) {
      const std::uint64_t offset = address - region.description.guest_address;
      if (address < region.description.guest_address || offset >= region.description.size) continue;
      if (region.data == nullptr) return {};  // a window is no RAM
      return {region.data + offset, static_cast<std::size_t>(std::min(size, region.description.size - offset))};
    }
    return {};
  }

 private:
  std::shared_ptr<const vhost::MemoryTable> table_;
};

// Shared, so that who handed the request over can still tell whether it is answered.
class MessageResponder final : public gpu::Responder {
 public:
  explicit MessageResponder(std::shared_ptr<vhost::Message> message) noexcept : message_(std::move(message)) {}
  void respond(std::span<const std::byte> response) override { message_->complete(response); }

 private:
  std::shared_ptr<vhost::Message> message_;
};

}  // namespace

Result<std::unique_ptr<gpu::HostContext>> NoContexts::create(const gpu::ContextRequest&) {
  return fail("This device has no contexts.", ENOTSUP);
}

GpuDoor::GpuDoor(platform::EventLoop& loop, const Options& options, UniqueFd window)
    : loop_(loop),
      message_budget_(options.message_budget),
      window_size_(options.device.window_size),
      on_display_socket_(options.on_display_socket),
      window_(std::move(window)) {}

GpuDoor::~GpuDoor() = default;

Result<std::unique_ptr<GpuDoor>> GpuDoor::create(platform::EventLoop& loop, Options options, gpu::ContextHost& contexts,
                                                 gpu::Display& display, UniqueFd window) {
  std::unique_ptr<GpuDoor> door(new GpuDoor(loop, options, std::move(window)));
  options.device.config_changed = [door = door.get()] { door->config_changed(); };
  auto made = gpu::Device::create(std::move(options.device), *door, contexts, display);
  if (!made) return std::unexpected(std::move(made.error()));
  door->device_ = std::move(*made);
  return door;
}

Result<void> GpuDoor::serve(UniqueFd socket, vhost::BackEnd::OnEnd on_end) {
  if (back_end_) return fail("A front-end is served already, and a device has room for one.", EBUSY);
  vhost::BackEnd::Options options;
  options.queue.budget = std::make_shared<Budget>(message_budget_);
  auto back_end = vhost::BackEnd::create(loop_, std::move(socket), *this, std::move(options), std::move(on_end));
  if (!back_end) return std::unexpected(std::move(back_end.error()));
  back_end_ = std::move(*back_end);
  return {};
}

std::uint64_t GpuDoor::features() const { return device_->features(); }

void GpuDoor::read_config(std::size_t offset, std::span<std::byte> into) const {
  device_->read_config(static_cast<std::uint32_t>(offset), into);
}

void GpuDoor::write_config(std::size_t offset, std::span<const std::byte> bytes) {
  device_->write_config(static_cast<std::uint32_t>(offset), bytes);
}

std::uint64_t GpuDoor::shared_memory_size(std::uint8_t id) const { return id == kWindowRegion ? window_size_ : 0; }

void GpuDoor::on_start(vhost::Start start) {
  constexpr std::array kWhy = {"for the first time", "after a reset", "after a pause"};
  log::info("The guest's driver runs, {}.", kWhy[static_cast<std::size_t>(start)]);
  if (start == vhost::Start::after_pause) return;
  device_->reset();
  device_->set_features(accepted_);
  map_window();
}

void GpuDoor::on_stop() { log::info("The guest's driver does not run."); }

// One mapping for all blobs, until the guest starts anew.
void GpuDoor::map_window() {
  if (window_size_ == 0) return;
  auto asked =
      back_end_->map({.region = kWindowRegion, .length = window_size_}, window_.get(), [](const Result<void>& done) {
        // Cancelled: the guest starts anew, and so do we.
        if (!done && done.error().code != ECANCELED)
          log::error(
              "The window cannot be mapped into the guest, so that its programs will "
              "fail: {}",
              done.error().message);
      });
  if (!asked) log::error("The window cannot be mapped into the guest: {}", asked.error().message);
}

void GpuDoor::on_message(unsigned queue, vhost::Message message) {
  const auto shared = std::make_shared<vhost::Message>(std::move(message));
  device_->handle({.queue = queue == 0 ? gpu::Queue::control : gpu::Queue::cursor,
                   .bytes = shared->bytes(),
                   .room = static_cast<std::size_t>(shared->room()),
                   .responder = std::make_unique<MessageResponder>(shared)});
  // Of what waits for a fence, only the place of its response is needed.
  shared->release_bytes();
}

std::shared_ptr<const gpu::GuestView> GpuDoor::view() const {
  return std::make_shared<TableView>(
      back_end_ ? back_end_->memory().table()
                : std::make_shared<const vhost::MemoryTable>(std::vector<vhost::MemoryTable::Region>{}));
}

// The device says so from within a call of the back-end, too, which must have ended before it is told.
void GpuDoor::config_changed() {
  if (std::exchange(change_posted_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    change_posted_ = false;
    if (back_end_ && !back_end_->ended()) back_end_->config_changed();
  });
}

}  // namespace hesper::device
