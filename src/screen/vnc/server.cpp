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
#include "base/tell.h"
#include "gpu/protocol.h"
#include "platform/tcp_socket.h"
#include "platform/thread.h"
#include "screen/vnc/doors.h"

namespace hesper::screen::vnc {
namespace {

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

std::vector<std::uint32_t> connected(const frame::Source& source) {
  std::vector<std::uint32_t> displays;
  for (std::uint32_t display = 0; display < gpu::VIRTIO_GPU_MAX_SCANOUTS; ++display)
    if (source.info(display).connected) displays.push_back(display);
  if (displays.empty()) displays.push_back(0);
  return displays;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::prepare(const Options& options, const Preparing& preparing) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  std::unique_ptr<Server> server(new Server(std::move(*loop), options));
  if (auto read = server->read_secrets(); !read) return std::unexpected(std::move(read.error()));
  auto address = server->address();
  if (!address) return std::unexpected(std::move(address.error()));
  auto doors = std::make_shared<Doors>(std::move(*address), preparing.state);
  server->open_ =
      preparing.errands.add([doors = std::move(doors)](std::uint32_t display) { return doors->open(display); });
  return server;
}

Result<void> Server::start(const Shown& shown) {
  house_.source = &shown.source;
  house_.input = options_.view_only ? nullptr : &shown.input;
  house_.clipboard = options_.view_only ? nullptr : shown.clipboard;
  house_.ledger = &shown.ledger;
  if (auto listens = listen(); !listens) return listens;
  thread_ = std::thread([this] {
    platform::name_thread("vnc");
    loop_->run();
  });
  return {};
}

Server::~Server() {
  if (!thread_.joinable()) return;
  loop_->stop();
  thread_.join();
}

Result<void> Server::read_secrets() {
  if (options_.certificate.empty() != options_.key.empty())
    return fail("TLS for VNC needs both a certificate and its key.");
  house_.security.tls = !options_.certificate.empty();
  if (house_.security.tls) {
    auto tls = TlsContext::load(options_.certificate, options_.key);
    if (!tls) return std::unexpected(std::move(tls.error()));
    house_.tls = std::move(*tls);
  }
  if (options_.password_file.empty()) return {};
  auto password = read_password(options_.password_file);
  if (!password) return std::unexpected(std::move(password.error()));
  if (!house_.security.tls && password->size() > kVncPasswordBytes)
    log::warn("Of the VNC password only the first {} characters count without TLS.", kVncPasswordBytes);
  house_.security.password = std::move(*password);
  return {};
}

Result<Address> Server::address() const {
  auto address = Address::parse(options_.address);
  if (!address || !address->path.empty() || platform::is_loopback(address->host)) return address;
  if (!options_.allow_remote)
    return fail(fmt::format("'{}' can be reached from other machines. Say --vnc-allow-remote if it shall be.",
                            options_.address));
  if (!house_.security.tls)
    log::warn("VNC at {} is not encrypted{}: whoever is on the way can see and type.", options_.address,
              house_.security.password.empty() ? " and has no password" : "");
  return address;
}

Result<void> Server::listen() {
  const std::vector<std::uint32_t> displays = options_.displays.empty() ? connected(*house_.source) : options_.displays;
  for (const std::uint32_t display : displays) {
    auto opened = open_door(display);
    if (!opened) return std::unexpected(std::move(opened.error()));
    addresses_.push_back(std::move(*opened));
  }
  if (!options_.displays.empty()) return {};
  for (std::uint32_t display = 0; display < gpu::VIRTIO_GPU_MAX_SCANOUTS; ++display)
    if (!std::ranges::contains(displays, display)) await_display(display);
  return {};
}

Result<std::string> Server::open_door(std::uint32_t display) {
  auto opened = open_(display);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto door = std::make_unique<Door>();
  door->display = display;
  door->fd = std::move(opened->fd);
  door->watch = loop_->when_readable(door->fd.get(), [this, each = door.get()] { accept(*each); });
  doors_.push_back(std::move(door));
  return std::move(opened->text);
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
    tell("hesper: vnc: {} (display {})\n", *where, display);
  else
    log::error("Display {} cannot be shown by VNC: {}", display, where.error().message);
}

void Server::accept(const Door& door) {
  auto socket = platform::accept_tcp(door.fd.get());
  if (!socket) {
    if (socket.error().code == EAGAIN || socket.error().code == ECONNABORTED) return;
    log::warn("{}", socket.error().message);
    // No descriptor is free: the viewer still waits, and the doors would be ready again at once.
    for (auto& each : doors_) each->watch = {};
    pause_ = loop_->at(std::chrono::steady_clock::now() + kPauseAfterFailure, [this] {
      for (auto& each : doors_)
        each->watch = loop_->when_readable(each->fd.get(), [this, one = each.get()] { accept(*one); });
    });
    return;
  }
  make_room();
  if (viewers_.size() >= options_.most_viewers + kMostUnknown ||
      std::cmp_greater_equal(std::ranges::count_if(viewers_, &Viewer::admitted), options_.most_viewers)) {
    if (!std::exchange(complained_, true))
      log::warn("A VNC viewer is turned away, as there are {} already. More are not mentioned.", options_.most_viewers);
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
  if (viewers_.size() < options_.most_viewers) complained_ = false;
}

}  // namespace hesper::screen::vnc
