// Doors: the next free port, or the next path.
#include "screen/vnc/doors.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "gpu/protocol.h"
#include "platform/tcp_socket.h"

namespace hesper::screen::vnc {
namespace {

constexpr std::uint16_t kFirstPort = 5900;
constexpr std::uint16_t kPorts = 100;  // that are tried

Result<UniqueFd> listen_on_next(const std::string& host, std::optional<std::uint16_t> port) {
  if (port) return platform::listen_on_tcp(host, *port);
  for (std::uint16_t i = 0; i < kPorts; ++i) {
    auto socket = platform::listen_on_tcp(host, static_cast<std::uint16_t>(kFirstPort + i));
    if (socket || socket.error().code != EADDRINUSE) return socket;
  }
  return fail(fmt::format("All ports from {} to {} are in use.", kFirstPort, kFirstPort + kPorts - 1), EADDRINUSE);
}

}  // namespace

Result<platform::Brought> Doors::open(std::uint32_t display) {
  if (display >= gpu::VIRTIO_GPU_MAX_SCANOUTS || displays_.contains(display))
    return fail(fmt::format("Display {} has a door already, or is none.", display), EINVAL);
  auto brought = address_.path.empty() ? open_port(fmt::format("vnc-{}", display)) : open_path();
  if (!brought) return brought;
  displays_.insert(display);
  ++opened_;
  return brought;
}

Result<platform::Brought> Doors::open_path() {
  std::filesystem::path path = address_.path;
  if (opened_ != 0) path += fmt::format(".{}", opened_);
  auto listener = platform::Listener::at(path);
  if (!listener) return std::unexpected(std::move(listener.error()));
  platform::Brought brought{.fd = listener->take_fd(), .text = fmt::format("unix:{}", path.native())};
  paths_.push_back(std::move(*listener));
  return brought;
}

Result<platform::Brought> Doors::open_port(const std::string& name) {
  const auto next = [&](std::uint16_t port) { return static_cast<std::uint16_t>(port == 0 ? 0 : port + opened_); };
  const auto asked = address_.port.transform(next);
  // Where viewers found it before this process was started anew, if nobody has taken that meanwhile.
  auto socket = listen_on_next(address_.host, asked ? asked : state_.port(name));
  if (!socket && !asked) socket = listen_on_next(address_.host, std::nullopt);
  if (!socket) return std::unexpected(std::move(socket.error()));
  const std::uint16_t port = platform::tcp_port_of(socket->get());
  state_.remember_port(name, port);
  return platform::Brought{.fd = std::move(*socket),
                           .text = address_.host.contains(':') ? fmt::format("[{}]:{}", address_.host, port)
                                                               : fmt::format("{}:{}", address_.host, port)};
}

}  // namespace hesper::screen::vnc
