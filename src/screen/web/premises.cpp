// Premises: checked, and opened.
#include "screen/web/premises.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "base/log.h"
#include "platform/tcp_socket.h"

namespace hesper::screen::web {
namespace {

Result<std::shared_ptr<asio::ssl::context>> make_tls(const ServerOptions& options) {
  if (options.tls_certificate.empty() && options.tls_key.empty()) return nullptr;
  if (options.tls_certificate.empty() || options.tls_key.empty())
    return fail("TLS needs a certificate and its key, both as PEM files.");
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
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

}  // namespace

Result<Premises> Premises::open(const ServerOptions& options) {
  auto tls = make_tls(options);
  if (!tls) return std::unexpected(std::move(tls.error()));
  error_code error;
  const auto ip = asio::ip::make_address(options.address, error);
  if (error) return fail(fmt::format("'{}' is not an IP address to listen at.", options.address));
  if (!ip.is_loopback() && !options.allow_remote)
    return fail(fmt::format("At {} other machines could see and use the screens; --web-allow-remote allows that.",
                            options.address));
  auto listener = platform::listen_on_tcp(options.address, options.port);
  if (!listener)
    return fail(fmt::format("The web server cannot listen at {}, port {}: {}.", options.address, options.port,
                            std::generic_category().message(listener.error().code)),
                listener.error().code);
  if (!ip.is_loopback() && !*tls)
    log::warn(
        "The web server listens at {} without TLS: whoever is on the network can read pictures, keys and the token, "
        "and browsers decode no video. --web-tls-cert and --web-tls-key help.",
        options.address);
  const std::uint16_t port = platform::tcp_port_of(listener->get());
  return Premises{.listener = std::move(*listener), .port = port, .is_v6 = ip.is_v6(), .tls = std::move(*tls)};
}

}  // namespace hesper::screen::web
