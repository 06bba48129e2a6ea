// ControlConnections: a request at a time.
#include "device/control_connections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.h"
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
  auto result = execute(request);
  ControlReply reply;
  if (result) {
    reply.width = result->width;
    reply.height = result->height;
    reply.has_cursor = result->has_cursor ? 1 : 0;
    reply.cursor_x = result->cursor.x;
    reply.cursor_y = result->cursor.y;
    reply.flushes = result->flushes;
  } else {
    reply.error = result.error().code != 0 ? static_cast<std::uint32_t>(result.error().code) : EIO;
    const std::string& message = result.error().message;
    std::memcpy(reply.message.data(), message.data(), std::min(message.size(), reply.message.size() - 1));
  }
  if (!platform::send_message(place->socket.get(), std::as_bytes(std::span(&reply, 1)),
                              result ? result->pixels.get() : -1)) {
    connections_.erase(place);
  }
}

Result<Snapshot> ControlConnections::execute(const ControlRequest& request) {
  if (request.display >= device_.outputs().count())
    return fail(fmt::format("There is no display {}; this device has {}.", request.display, device_.outputs().count()),
                EINVAL);
  switch (request.command) {
    case ControlCommand::screenshot: return screens_.take(request.display);
    case ControlCommand::set_display: {
      gpu::Output output = device_.outputs().get(request.display);
      output.connected = request.connected != 0;
      if (output.connected) {
        output.monitor.width = request.width;
        output.monitor.height = request.height;
        output.monitor.refresh_mhz = request.refresh_mhz;
      }
      auto set = device_.set_output(request.display, std::move(output));
      if (!set) return std::unexpected(std::move(set.error()));
      return Snapshot{};
    }
  }
  return fail(fmt::format("Request {} is unknown.", static_cast<std::uint32_t>(request.command)), EINVAL);
}

}  // namespace hesper::device
