// InputDoor: buffers of the guest's, filled with events.
#include "device/input_door.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.h"

namespace hesper::device {

InputDoor::InputDoor(platform::EventLoop& loop, input::Device& device)
    : loop_(loop),
      device_(device),
      look_for_buffers_(loop, [this] { back_end_->look_for_messages(input::kEventQueue); }) {
  device_.connect([this] { deliver(); });
}

InputDoor::~InputDoor() { device_.connect(nullptr); }

Result<void> InputDoor::serve(UniqueFd socket, vhost::BackEnd::OnEnd on_end) {
  if (back_end_)
    return fail(fmt::format("The {} has a front-end already, and room for one.", input::name_of(device_.kind())),
                EBUSY);
  vhost::BackEnd::Options options;
  // A driver has eight bytes to tell, and gets eight.
  options.queue.max_message_bytes = 4096;
  options.queue.max_descriptors = 1024;
  auto made = vhost::BackEnd::create(
      loop_, std::move(socket), *this, std::move(options),
      [this, on_end = std::move(on_end)](vhost::BackEnd::Ending ending, const std::string& reason) {
        buffers_.clear();
        look_for_buffers_.end();
        back_end_.reset();
        device_.reset();
        device_.set_driver_runs(false);
        on_end(ending, reason);
      });
  if (!made) return std::unexpected(std::move(made.error()));
  back_end_ = std::move(*made);
  return {};
}

void InputDoor::on_start(vhost::Start start) {
  if (start != vhost::Start::after_pause) {
    log::info("The guest's driver of the {} runs.", input::name_of(device_.kind()));
    buffers_.clear();
    device_.reset();
  }
  device_.set_driver_runs(true);
  deliver();
}

void InputDoor::on_stop() {
  look_for_buffers_.end();
  device_.set_driver_runs(false);
}

void InputDoor::on_message(unsigned queue, vhost::Message message) {
  if (queue == input::kEventQueue) {
    // One that is too small for an event goes back, empty, at the end of this function.
    if (message.room() < sizeof(input::virtio_input_event)) return;
    message.release_bytes();
    buffers_.push_back(std::move(message));
    return deliver();
  }
  input::virtio_input_event event{};
  if (message.bytes().size() < sizeof(event)) return;
  std::memcpy(&event, message.bytes().data(), sizeof(event));
  message.complete();
  device_.status(event);
}

void InputDoor::deliver() {
  if (!device_.driver_runs()) return;
  while (!buffers_.empty()) {
    const auto event = device_.next();
    if (!event) break;
    buffers_.front().complete(std::as_bytes(std::span(&*event, 1)));
    buffers_.pop_front();
  }
  if (device_.has_next())
    look_for_buffers_.begin();
  else
    look_for_buffers_.end();
}

}  // namespace hesper::device
