// Web: options and state to a Server.
#include "screen/web/web.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "screen/web/gate.h"
#include "screen/web/server.h"

namespace hesper::screen {
namespace {

constexpr std::string_view kName = "web";

class Web final : public Output {
 public:
  explicit Web(std::unique_ptr<web::Server> server) : server_(std::move(server)) {}
  [[nodiscard]] std::string describe() const override { return fmt::format("{}: {}", kName, server_->url()); }

 private:
  std::unique_ptr<web::Server> server_;
};

web::ServerOptions server_options(const WebOptions& options, const Shown& shown) {
  web::ServerOptions server{.address = options.address,
                            .port = options.port,
                            .allow_remote = options.allow_remote,
                            .token = shown.state.token(),
                            .view_token = web::derive_view_token(shown.state.token()),
                            .names = options.names,
                            .tls_certificate = options.tls_certificate,
                            .tls_key = options.tls_key,
                            .max_fps = options.max_fps,
                            .max_bitrate = options.max_bitrate};
  if (!shown.name.empty()) server.title = shown.name;
  if (!options.title.empty()) server.title = options.title;
  server.encoders = shown.encoders;
  if (!options.encoders.empty()) server.encoders = [encoders = options.encoders] { return encoders; };
  server.limits.viewers = options.viewers;
  return server;
}

}  // namespace

Result<std::unique_ptr<Output>> open_web(const WebOptions& options, Shown shown) {
  const auto start = [&](std::uint16_t port) {
    auto with = server_options(options, shown);
    with.port = port;
    return web::Server::start(std::move(with), shown.source, &shown.input, shown.clipboard, shown.ledger);
  };
  const std::uint16_t port = options.port != 0 ? options.port : shown.state.port(kName).value_or(0);
  auto server = start(port);
  // Somebody else may have the one that it had before.
  if (!server && server.error().code == EADDRINUSE && options.port == 0 && port != 0) server = start(0);
  if (!server) return std::unexpected(std::move(server.error()));
  if ((*server)->port() != port) shown.state.remember_port(kName, (*server)->port());
  return std::make_unique<Web>(std::move(*server));
}

}  // namespace hesper::screen
