// Server: listens, bounds connections, and runs the thread that all of them live on.
#include "screen/web/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <list>
#include <thread>
#include <utility>

#include "base/log.h"
#include "platform/thread.h"
#include "screen/web/asio.h"
#include "screen/web/connection.h"
#include "screen/web/gate.h"
#include "screen/web/hall.h"
#include "screen/web/premises.h"
#include "screen/web/viewer.h"

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;

// How often displays are looked at that nobody shows; there is no news about them.
constexpr auto kBetweenLooks = 2s;
// After accept() failed: of descriptors there may be more later.
constexpr auto kAfterFailure = 200ms;

class TcpServer final : public Server {
 public:
  TcpServer(ServerOptions options, frame::Source& source, input::Input* input, clipboard::Clipboard* clipboard,
            frame::Ledger& ledger, Premises premises)
      : hall_(std::move(options), source, input, clipboard, ledger),
        premises_(std::move(premises)),
        acceptor_(hall_.io),
        look_timer_(hall_.io) {}

  ~TcpServer() override {
    asio::post(hall_.io, [this] { close(); });
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    error_code error;
    acceptor_.assign(premises_.is_v6 ? tcp::v6() : tcp::v4(), premises_.listener.get(), error);
    if (error) return fail(fmt::format("The web server cannot use its socket: {}.", error.message()));
    (void)premises_.listener.release();
    spawn(accept());
    thread_ = std::thread([this] {
      platform::name_thread("web server");
      run();
    });
    return {};
  }

  std::uint16_t port() const noexcept override { return premises_.port; }
  std::string url() const override { return url_with(hall_.tokens.full()); }
  std::string view_only_url() const override { return url_with(hall_.tokens.view_only()); }

 private:
  void run() {
    // What a connection cannot get, memory for instance, ends that connection.
    for (;;) {
      try {
        hall_.io.run();
        return;
      } catch (const std::exception& problem) {
        log::error("The web server ends a connection: {}.", problem.what());
      }
    }
  }

  template <class Work>
  void spawn(Work work) {
    asio::co_spawn(hall_.io, std::move(work), [](std::exception_ptr problem) {
      if (problem) std::rethrow_exception(problem);
    });
  }

  asio::awaitable<void> accept() {
    while (!closed_) {
      tcp::socket socket(hall_.io);
      const auto [error] = co_await acceptor_.async_accept(socket, kAwait);
      if (closed_) co_return;
      if (error) {
        asio::steady_timer pause(hall_.io, kAfterFailure);
        (void)co_await pause.async_wait(kAwait);
        continue;
      }
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto connection = std::make_shared<Connection>(hall_, std::move(socket), premises_.tls.get());
      make_room(*connection);
      spawn([](auto self) -> asio::awaitable<void> { co_await self->run(); }(std::move(connection)));
      if (!std::exchange(looks_, true)) spawn(look_at_displays());
    }
  }

  // Somebody who opens connections and says nothing must not keep out those with a token: the oldest unknown one goes.
  void make_room(Connection& newest) {
    if (hall_.connections.size() <= hall_.options.limits.connections) return;
    const auto oldest =
        std::ranges::find_if(hall_.connections, [](const Connection* connection) { return !connection->is_known(); });
    Connection& leaves = oldest == hall_.connections.end() ? newest : **oldest;
    hall_.refusals.count(Refusal::too_many_connections, leaves.peer());
    leaves.close();
  }

  // Displays come and go while nobody shows them. Without connections, nothing looks.
  asio::awaitable<void> look_at_displays() {
    while (!closed_ && !hall_.connections.empty()) {
      for (Viewer* viewer : hall_.viewers) viewer->tell_displays();
      look_timer_.expires_after(kBetweenLooks);
      (void)co_await look_timer_.async_wait(kAwait);
    }
    looks_ = false;
  }

  void close() {
    closed_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    look_timer_.cancel();
    for (Connection* connection : hall_.connections) connection->close();
  }

  std::string url_with(const std::string& token) const {
    const auto address = asio::ip::make_address(hall_.options.address);
    // A wildcard is no address to open.
    const std::string host = address.is_unspecified() ? "localhost"
                             : address.is_v6()        ? fmt::format("[{}]", address.to_string())
                                                      : address.to_string();
    return fmt::format("{}://{}:{}/?token={}", premises_.tls ? "https" : "http", host, premises_.port, token);
  }

  Hall hall_;
  Premises premises_;  // its socket is the acceptor's from start() on
  tcp::acceptor acceptor_;
  asio::steady_timer look_timer_;
  bool closed_ = false;
  bool looks_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Premises premises, frame::Source& source,
                                              input::Input* input, clipboard::Clipboard* clipboard,
                                              frame::Ledger& ledger) {
  if (options.token.empty()) options.token = make_token();
  if (options.view_token.empty()) options.view_token = derive_view_token(options.token);
  auto server = std::make_unique<TcpServer>(std::move(options), source, input, clipboard, ledger, std::move(premises));
  if (auto started = server->start(); !started) return std::unexpected(std::move(started.error()));
  return server;
}

}  // namespace hesper::screen::web
