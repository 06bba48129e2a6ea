// Server: doors and who comes through them.
#include "screen/vnc/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <utility>

#include "base/log.h"
#include "gpu/protocol.h"
#include "platform/tcp_socket.h"
#include "platform/thread.h"
#include "screen/vnc/address.h"

namespace hesper::screen::vnc {
namespace {

constexpr std::uint16_t kFirstPort = 5900;
constexpr std::uint16_t kPorts = 100;                         // that are tried
constexpr std::size_t kMostUnknown = 8;                       // viewers that are not let in yet
constexpr std::size_t kVncPasswordBytes = 8;                  // that count without TLS
constexpr std::chrono::milliseconds kPauseAfterFailure{500};  // of accept(), which would fail again at once

Result<std::string> read_password(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line) || line.empty())
    return fail(fmt::format("'{}' has no password in its first line.", path.native()));
  return line;
}

Result<UniqueFd> listen_on_next(const std::string& host, std::optional<std::uint16_t> port) {
  if (port) return platform::listen_on_tcp(host, *port);
  for (std::uint16_t i = 0; i < kPorts; ++i) {
    auto socket = platform::listen_on_tcp(host, static_cast<std::uint16_t>(kFirstPort + i));
    if (socket || socket.error().code != EADDRINUSE) return socket;
  }
  return fail(fmt::format("All ports from {} to {} are in use.", kFirstPort, kFirstPort + kPorts - 1), EADDRINUSE);
}

std::vector<std::uint32_t> connected(const frame::Source& source) {
  std::vector<std::uint32_t> displays;
  for (std::uint32_t display = 0; display < gpu::VIRTIO_GPU_MAX_SCANOUTS; ++display)
    if (source.info(display).connected) displays.push_back(display);
  if (displays.empty()) displays.push_back(0);
  return displays;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Options& options, const Shown& shown) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  std::unique_ptr<Server> server(new Server(std::move(*loop)));
  server->house_.source = &shown.source;
  server->house_.input = options.view_only ? nullptr : &shown.input;
  server->house_.clipboard = options.view_only ? nullptr : shown.clipboard;
  server->house_.ledger = &shown.ledger;
  server->house_.name = options.name;
  server->most_viewers_ = options.most_viewers;
  if (auto prepared = server->prepare(options); !prepared) return std::unexpected(std::move(prepared.error()));
  if (auto listens = server->listen(options, shown.state); !listens) return std::unexpected(std::move(listens.error()));
  server->thread_ = std::thread([each = server.get()] {
    platform::name_thread("vnc");
    each->loop_->run();
  });
  return server;
}

Server::~Server() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

Result<void> Server::prepare(const Options& options) {
  if (options.certificate.empty() != options.key.empty())
    return fail("TLS for VNC needs both a certificate and its key.");
  house_.security.tls = !options.certificate.empty();
  if (house_.security.tls) {
    auto tls = TlsContext::load(options.certificate, options.key);
    if (!tls) return std::unexpected(std::move(tls.error()));
    house_.tls = std::move(*tls);
  }
  if (options.password_file.empty()) return {};
  auto password = read_password(options.password_file);
  if (!password) return std::unexpected(std::move(password.error()));
  if (!house_.security.tls && password->size() > kVncPasswordBytes)
    log::warn("Of the VNC password only the first {} characters count without TLS.", kVncPasswordBytes);
  house_.security.password = std::move(*password);
  return {};
}

Result<void> Server::listen(const Options& options, State& state) {
  auto address = Address::parse(options.address);
  if (!address) return std::unexpected(std::move(address.error()));
  if (address->path.empty() && !platform::is_loopback(address->host)) {
    if (!options.allow_remote)
      return fail(fmt::format("'{}' can be reached from other machines. Say --vnc-allow-remote if it shall be.",
                              options.address));
    if (!house_.security.tls)
      log::warn("VNC at {} is not encrypted{}: whoever is on the way can see and type.", options.address,
                house_.security.password.empty() ? " and has no password" : "");
  }
  address_ = std::move(*address);
  state_ = &state;
  const std::vector<std::uint32_t> displays = options.displays.empty() ? connected(*house_.source) : options.displays;
  for (const std::uint32_t display : displays) {
    auto opened = open_door(display);
    if (!opened) return std::unexpected(std::move(opened.error()));
    addresses_.push_back(std::move(*opened));
  }
  if (!options.displays.empty()) return {};
  for (std::uint32_t display = 0; display < gpu::VIRTIO_GPU_MAX_SCANOUTS; ++display)
    if (!std::ranges::contains(displays, display)) await_display(display);
  return {};
}

Result<std::string> Server::open_door(std::uint32_t display) {
  const std::size_t number = doors_.size();
  auto door = std::make_unique<Door>();
  door->display = display;
  std::string where;
  if (!address_.path.empty()) {
    std::filesystem::path path = address_.path;
    if (number != 0) path += fmt::format(".{}", number);
    auto listener = platform::Listener::at(path);
    if (!listener) return std::unexpected(std::move(listener.error()));
    door->local = std::move(*listener);
    where = fmt::format("unix:{}", path.native());
  } else {
    const std::string name = fmt::format("vnc-{}", display);
    const auto next = [&](std::uint16_t port) { return static_cast<std::uint16_t>(port == 0 ? 0 : port + number); };
    const auto asked = address_.port.transform(next);
    // Where viewers found it before this process was started anew, if nobody has taken that meanwhile.
    auto socket = listen_on_next(address_.host, asked ? asked : state_->port(name));
    if (!socket && !asked) socket = listen_on_next(address_.host, std::nullopt);
    if (!socket) return std::unexpected(std::move(socket.error()));
    door->tcp = std::move(*socket);
    const std::uint16_t port = platform::tcp_port_of(door->fd());
    state_->remember_port(name, port);
    where = address_.host.contains(':') ? fmt::format("[{}]:{}", address_.host, port)
                                        : fmt::format("{}:{}", address_.host, port);
  }
  door->watch = loop_->when_readable(door->fd(), [this, each = door.get()] { accept(*each); });
  doors_.push_back(std::move(door));
  return where;
}

void Server::await_display(std::uint32_t display) {
  awaited_[display] = house_.source->subscribe(
      display, [this, display] { loop_->post([this, display] { look_at_display(display); }); });
}

// It keeps its door when it goes again: who waits there sees it when it comes back.
void Server::look_at_display(std::uint32_t display) {
  const auto reader = awaited_.find(display);
  if (reader == awaited_.end()) return;
  static_cast<void>(reader->second->take());  // so that it tells of the next
  if (!house_.source->info(display).connected) return;
  awaited_.erase(reader);
  if (const auto where = open_door(display))
    fmt::print(stderr, "hesper: vnc: {} (display {})\n", *where, display);
  else
    log::error("Display {} cannot be shown by VNC: {}", display, where.error().message);
}

void Server::accept(const Door& door) {
  auto socket = platform::accept_tcp(door.fd());
  if (!socket) {
    if (socket.error().code == EAGAIN || socket.error().code == ECONNABORTED) return;
    log::warn("{}", socket.error().message);
    // No descriptor is free: the viewer still waits, and the doors would be ready again at once.
    for (auto& each : doors_) each->watch = {};
    pause_ = loop_->at(std::chrono::steady_clock::now() + kPauseAfterFailure, [this] {
      for (auto& each : doors_)
        each->watch = loop_->when_readable(each->fd(), [this, one = each.get()] { accept(*one); });
    });
    return;
  }
  make_room();
  if (viewers_.size() >= most_viewers_ + kMostUnknown ||
      std::cmp_greater_equal(std::ranges::count_if(viewers_, &Viewer::admitted), most_viewers_)) {
    if (!std::exchange(complained_, true))
      log::warn("A VNC viewer is turned away, as there are {} already. More are not mentioned.", most_viewers_);
    return;
  }
  auto viewer =
      Viewer::start(std::move(*socket), house_, door.display, [this] { loop_->post([this] { clear_away(); }); });
  if (!viewer) {
    log::warn("{}", viewer.error().message);
    return;
  }
  viewers_.push_back(std::move(*viewer));
}

// Who has not said for longest who he is makes room for others.
void Server::make_room() {
  clear_away();
  if (std::cmp_less(std::ranges::count_if(viewers_, std::not_fn(&Viewer::admitted)), kMostUnknown)) return;
  viewers_.erase(std::ranges::find_if(viewers_, std::not_fn(&Viewer::admitted)));
}

void Server::clear_away() {
  std::erase_if(viewers_, [](const auto& viewer) { return viewer->gone(); });
  if (viewers_.size() < most_viewers_) complained_ = false;
}

}  // namespace hesper::screen::vnc
