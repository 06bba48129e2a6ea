// Web: options and state to a Server.
#include "screen/web/web.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "screen/web/gate.h"
#include "screen/web/premises.h"
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

web::ServerOptions server_options(const WebOptions& options, const State& state) {
  web::ServerOptions server{.address = options.address,
                            .port = options.port,
                            .allow_remote = options.allow_remote,
                            .token = state.token(),
                            .view_token = web::derive_view_token(state.token()),
                            .names = options.names,
                            .tls_certificate = options.tls_certificate,
                            .tls_key = options.tls_key,
                            .max_fps = options.max_fps,
                            .max_bitrate = options.max_bitrate};
  server.limits.viewers = options.viewers;
  return server;
}

}  // namespace

Result<Prepared> prepare_web(const WebOptions& options, const Preparing& preparing) {
  web::ServerOptions with = server_options(options, preparing.state);
  if (with.port == 0) with.port = preparing.state.port(kName).value_or(0);
  auto premises = web::Premises::open(with);
  if (!premises && premises.error().code == EADDRINUSE && options.port == 0 && with.port != 0) {
    // Somebody else has the one that it had before.
    with.port = 0;
    premises = web::Premises::open(with);
  }
  if (!premises) return std::unexpected(std::move(premises.error()));
  if (premises->port != with.port) preparing.state.remember_port(kName, premises->port);
  return [options, with, premises = std::make_shared<web::Premises>(std::move(*premises))](
             const Shown& shown) mutable -> Result<std::unique_ptr<Output>> {
    if (!shown.name.empty()) with.title = shown.name;
    if (!options.title.empty()) with.title = options.title;
    with.encoders = shown.encoders;
    if (!options.encoders.empty()) with.encoders = [encoders = options.encoders] { return encoders; };
    auto server = web::Server::start(std::move(with), std::move(*premises), shown.source, &shown.input, shown.clipboard,
                                     shown.ledger);
    if (!server) return std::unexpected(std::move(server.error()));
    return std::make_unique<Web>(std::move(*server));
  };
}

}  // namespace hesper::screen
