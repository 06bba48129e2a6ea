// ControlConnections: a request at a time.
#include "device/control_connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.h"
#include "device/report.h"
#include "platform/shared_memory.h"
#include "platform/socket.h"

namespace hesper::device {

void ControlConnections::add(UniqueFd socket) {
  if (connections_.size() >= kMost) return log::warn("There are {} control connections already.", kMost);
  connections_.push_front({.socket = std::move(socket), .watch = {}});
  const Place place = connections_.begin();
  place->watch = loop_.when_readable(place->socket.get(), [this, place] { on_readable(place); });
}

void ControlConnections::on_readable(Place place) {
  ControlRequest request{};
  const auto received = platform::receive_message(place->socket.get(), std::as_writable_bytes(std::span(&request, 1)));
  // A request is sent at once and is smaller than any socket's buffer, so that half of one is nobody of ours.
  if (received.size != sizeof(request) || request.version != kControlVersion) {
    connections_.erase(place);
    return;
  }
  auto answer = execute(request);
  if (!answer) {
    ControlReply reply;
    reply.error = answer.error().code != 0 ? static_cast<std::uint32_t>(answer.error().code) : EIO;
    const std::string& message = answer.error().message;
    std::memcpy(reply.message.data(), message.data(), std::min(message.size(), reply.message.size() - 1));
    answer = Answer{.reply = reply};
  }
  if (!platform::send_message(place->socket.get(), std::as_bytes(std::span(&answer->reply, 1)), answer->fd.get())) {
    connections_.erase(place);
  } else if (request.command == ControlCommand::subscribe && answer->reply.error == 0) {
    UniqueFd socket = std::move(place->socket);
    connections_.erase(place);
    feeds_.add(std::move(socket));
  } else if (request.command == ControlCommand::input && answer->reply.error == 0) {
    UniqueFd socket = std::move(place->socket);
    connections_.erase(place);
    inputs_.add(std::move(socket));
  } else if (request.command == ControlCommand::input_tap) {
    UniqueFd socket = std::move(place->socket);
    connections_.erase(place);
    tap_.connect(std::move(socket));
  }
}

Result<ControlConnections::Answer> ControlConnections::execute(const ControlRequest& request) {
  if (request.command == ControlCommand::report) return report();
  if (request.command == ControlCommand::subscribe) return subscribe();
  if (request.command == ControlCommand::input) return open_input();
  if (request.command == ControlCommand::input_tap) return Answer{};
  if (request.command == ControlCommand::add_display) return add_display(request);
  if (request.display >= device_.outputs().count())
    return fail(fmt::format("There is no display {}; this device has {}.", request.display, device_.outputs().count()),
                EINVAL);
  switch (request.command) {
    case ControlCommand::screenshot: return screenshot(request.display);
    case ControlCommand::set_display: return set_display(request.display, request);
    default: return fail(fmt::format("Request {} is unknown.", static_cast<std::uint32_t>(request.command)), EINVAL);
  }
}

Result<ControlConnections::Answer> ControlConnections::subscribe() const {
  if (feeds_.full())
    return fail(fmt::format("{} programs are subscribed to the displays already, the limit.", FrameFeeds::kMost),
                EBUSY);
  return Answer{};
}

Result<ControlConnections::Answer> ControlConnections::open_input() const {
  if (inputs_.full())
    return fail(fmt::format("{} viewers type and point already, the limit.", InputChannels::kMost), EBUSY);
  return Answer{};
}

Result<ControlConnections::Answer> ControlConnections::screenshot(std::uint32_t display) {
  auto snapshot = screens_.take(display);
  if (!snapshot) return std::unexpected(std::move(snapshot.error()));
  Answer answer;
  answer.reply.width = snapshot->width;
  answer.reply.height = snapshot->height;
  answer.reply.has_cursor = snapshot->has_cursor ? 1 : 0;
  answer.reply.cursor_x = snapshot->cursor.x;
  answer.reply.cursor_y = snapshot->cursor.y;
  answer.reply.flushes = snapshot->flushes;
  answer.fd = std::move(snapshot->pixels);
  return answer;
}

Result<ControlConnections::Answer> ControlConnections::set_display(std::uint32_t display,
                                                                   const ControlRequest& request) {
  gpu::Output output = device_.outputs().get(display);
  output.connected = request.connected != 0;
  if (output.connected) {
    output.monitor.width = request.width;
    output.monitor.height = request.height;
    output.monitor.refresh_mhz = request.refresh_mhz;
  }
  auto set = device_.set_output(display, std::move(output));
  if (!set) return std::unexpected(std::move(set.error()));
  feeds_.outputs_changed();
  Answer answer;
  answer.reply.display = display;
  return answer;
}

Result<ControlConnections::Answer> ControlConnections::add_display(const ControlRequest& request) {
  const gpu::Outputs& outputs = device_.outputs();
  for (std::uint32_t display = 0; display < outputs.count(); ++display) {
    if (!outputs.get(display).connected) return set_display(display, request);
  }
  return fail(fmt::format("All {} displays of this device are connected. How many there may be is decided when it "
                          "starts (--displays).",
                          outputs.count()),
              ENOSPC);
}

Result<ControlConnections::Answer> ControlConnections::report() const {
  using std::chrono::nanoseconds;
  auto file = platform::create_shared_memory("hesper-report", sizeof(DeviceReport));
  if (!file) return std::unexpected(std::move(file.error()));
  auto mapping = platform::Mapping::map(file->get(), sizeof(DeviceReport));
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  DeviceReport report;
  const auto now = FrameTimes::Clock::now();
  report.time_ns = static_cast<std::uint64_t>(nanoseconds(now.time_since_epoch()).count());
  report.uptime_ns = static_cast<std::uint64_t>(nanoseconds(now - began_).count());
  report.display_count = device_.outputs().count();
  for (std::uint32_t display = 0; display < report.display_count; ++display) {
    const gpu::Output& output = device_.outputs().get(display);
    DisplayReport& to = report.displays[display];
    to.connected = output.connected ? 1 : 0;
    to.width = output.monitor.width;
    to.height = output.monitor.height;
    to.refresh_mhz = output.monitor.refresh_mhz;
  }
  const auto counts = device_.counts();
  report.has_guest = device_.activity().commands != 0 ? 1 : 0;
  report.resources = counts.resources;
  report.contexts = counts.contexts;
  report.mapped_blobs = counts.mapped_blobs;
  report.waiting_requests = counts.waiting_requests;
  report.host_memory = counts.host_memory;
  const auto& activity = device_.activity();
  report.commands = activity.commands;
  report.submissions = activity.submissions;
  report.submitted_bytes = activity.submitted_bytes;
  report.transfers = activity.transfers;
  report.transferred_bytes = activity.transferred_bytes;
  screens_.describe(report);
  feeds_.describe(report);
  if (workers_ != nullptr) workers_->describe(report);
  std::memcpy(mapping->data(), &report, sizeof(report));
  Answer answer;
  answer.fd = std::move(*file);
  return answer;
}

}  // namespace hesper::device
