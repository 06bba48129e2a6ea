// Transport: one TCP connection with or without TLS, as one type, so that HTTP and WebSocket above it are compiled once
// and do not ask. Knows neither.
#pragma once

#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <optional>
#include <utility>

#include "screen/web/asio.h"

namespace hesper::screen::web {

// An AsyncStream in Asio's terms. The server's thread only.
class Transport {
 public:
  using executor_type = beast::tcp_stream::executor_type;
  using Tls = asio::ssl::stream<beast::tcp_stream&>;

  // tls: outlives this; nullptr: none.
  Transport(tcp::socket socket, asio::ssl::context* tls) : tcp_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(tcp_, *tls);
  }
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] executor_type get_executor() noexcept { return tcp_.get_executor(); }
  // For time limits, and to see who the peer is.
  [[nodiscard]] beast::tcp_stream& stream() noexcept { return tcp_; }
  [[nodiscard]] bool is_encrypted() const noexcept { return tls_.has_value(); }

  // Before anything else. At once without TLS.
  [[nodiscard]] asio::awaitable<error_code> handshake() {
    if (!tls_) co_return error_code{};
    const auto [error] = co_await tls_->async_handshake(Tls::server, kAwait);
    co_return error;
  }

  // Whatever is under way fails.
  void close() noexcept {
    error_code ignored;
    tcp_.socket().close(ignored);
  }

  // Says that nothing more follows, and does not wait for an answer.
  void end_sending() noexcept {
    error_code ignored;
    tcp_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            tcp_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            tcp_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

 private:
  beast::tcp_stream tcp_;
  std::optional<Tls> tls_;
};

// What Beast calls when a WebSocket ends, and on its time limits.
inline void beast_close_socket(Transport& transport) { transport.close(); }

inline void teardown(beast::role_type, Transport& transport, error_code& error) {
  error = {};
  transport.close();
}

template <class Handler>
void async_teardown(beast::role_type, Transport& transport, Handler&& handler) {
  transport.end_sending();
  asio::post(transport.get_executor(), [handler = std::forward<Handler>(handler)]() mutable { handler(error_code{}); });
}

}  // namespace hesper::screen::web
