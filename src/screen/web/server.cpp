// Server: listens, bounds connections, and runs the thread that all of them live on.
#include "screen/web/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <list>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "platform/thread.h"
#include "screen/web/asio.h"
#include "screen/web/connection.h"
#include "screen/web/gate.h"
#include "screen/web/hall.h"
#include "screen/web/viewer.h"

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;

// How often displays are looked at that nobody shows; there is no news about them.
constexpr auto kBetweenLooks = 2s;
// After accept() failed: of descriptors there may be more later.
constexpr auto kAfterFailure = 200ms;

Result<std::unique_ptr<asio::ssl::context>> make_tls(const ServerOptions& options) {
  if (options.tls_certificate.empty() && options.tls_key.empty()) return nullptr;
  if (options.tls_certificate.empty() || options.tls_key.empty())
    return fail("TLS needs a certificate and its key, both as PEM files.");
  auto tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                       asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1,
                   error);
  if (!error) tls->use_certificate_chain_file(options.tls_certificate, error);
  if (error)
    return fail(fmt::format("The certificate '{}' cannot be used: {}.", options.tls_certificate, error.message()));
  tls->use_private_key_file(options.tls_key, asio::ssl::context::pem, error);
  if (error) return fail(fmt::format("The key '{}' cannot be used: {}.", options.tls_key, error.message()));
  return tls;
}

Result<tcp::acceptor> listen(asio::io_context& io, const ServerOptions& options) {
  const std::string& address = options.address;
  const std::uint16_t port = options.port;
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail(fmt::format("'{}' is not an IP address to listen at.", address));
  if (!ip.is_loopback() && !options.allow_remote)
    return fail(
        fmt::format("At {} other machines could see and use the screens; --web-allow-remote allows that.", address));
  tcp::acceptor acceptor(io);
  const tcp::endpoint endpoint(ip, port);
  acceptor.open(endpoint.protocol(), error);
  // So that the port can be had again at once after a restart.
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(fmt::format("The web server cannot listen at {}, port {}: {}.", address, port, error.message()),
                error.value());
  return acceptor;
}

class TcpServer final : public Server {
 public:
  TcpServer(ServerOptions options, frame::Source& source, input::Input* input, clipboard::Clipboard* clipboard,
            frame::Ledger& ledger, std::unique_ptr<asio::ssl::context> tls)
      : hall_(std::move(options), source, input, clipboard, ledger), tls_(std::move(tls)), look_timer_(hall_.io) {}

  ~TcpServer() override {
    asio::post(hall_.io, [this] { close(); });
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start() {
    auto acceptor = listen(hall_.io, hall_.options);
    if (!acceptor) return std::unexpected(std::move(acceptor.error()));
    acceptor_.emplace(std::move(*acceptor));
    error_code error;
    const auto endpoint = acceptor_->local_endpoint(error);
    if (error) return fail(fmt::format("The web server's port cannot be found out: {}.", error.message()));
    port_ = endpoint.port();
    loopback_ = endpoint.address().is_loopback();
    if (!loopback_ && !tls_)
      log::warn(
          "The web server listens at {} without TLS: whoever is on the network can read pictures, keys and the token, "
          "and browsers decode no video. --web-tls-cert and --web-tls-key help.",
          hall_.options.address);
    spawn(accept());
    thread_ = std::thread([this] {
      platform::name_thread("web server");
      run();
    });
    return {};
  }

  std::uint16_t port() const noexcept override { return port_; }
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
      const auto [error] = co_await acceptor_->async_accept(socket, kAwait);
      if (closed_) co_return;
      if (error) {
        asio::steady_timer pause(hall_.io, kAfterFailure);
        (void)co_await pause.async_wait(kAwait);
        continue;
      }
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto connection = std::make_shared<Connection>(hall_, std::move(socket), tls_.get());
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
    if (acceptor_) acceptor_->close(ignored);
    look_timer_.cancel();
    for (Connection* connection : hall_.connections) connection->close();
  }

  std::string url_with(const std::string& token) const {
    const auto address = asio::ip::make_address(hall_.options.address);
    // A wildcard is no address to open.
    const std::string host = address.is_unspecified() ? "localhost"
                             : address.is_v6()        ? fmt::format("[{}]", address.to_string())
                                                      : address.to_string();
    return fmt::format("{}://{}:{}/?token={}", tls_ ? "https" : "http", host, port_, token);
  }

  Hall hall_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::optional<tcp::acceptor> acceptor_;
  asio::steady_timer look_timer_;
  std::uint16_t port_ = 0;
  bool loopback_ = true;
  bool closed_ = false;
  bool looks_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, frame::Source& source, input::Input* input,
                                              clipboard::Clipboard* clipboard, frame::Ledger& ledger) {
  if (options.token.empty()) options.token = make_token();
  if (options.view_token.empty()) options.view_token = derive_view_token(options.token);
  auto tls = make_tls(options);
  if (!tls) return std::unexpected(std::move(tls.error()));
  auto server = std::make_unique<TcpServer>(std::move(options), source, input, clipboard, ledger, std::move(*tls));
  if (auto started = server->start(); !started) return std::unexpected(std::move(started.error()));
  return server;
}

}  // namespace hesper::screen::web
