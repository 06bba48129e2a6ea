// Connection: one TCP connection: its requests one after another, until it asks for the WebSocket and becomes a viewer.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "screen/web/asio.h"
#include "screen/web/hall.h"
#include "screen/web/transport.h"
#include "screen/web/viewer.h"

namespace hesper::screen::web {

// The server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // hall outlives it, and lists it among its connections. tls: nullptr: none.
  Connection(Hall& hall, tcp::socket socket, asio::ssl::context* tls);
  ~Connection();

  [[nodiscard]] asio::awaitable<void> run();
  // A token was right.
  [[nodiscard]] bool is_known() const noexcept { return known_; }
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  void close() noexcept { transport_->close(); }

 private:
  struct Answer;
  // False: the connection is of no more use.
  [[nodiscard]] asio::awaitable<bool> serve(const Request& request);
  [[nodiscard]] asio::awaitable<bool> send(const Request& request, Answer answer);
  [[nodiscard]] Answer answer_to(const Request& request);
  [[nodiscard]] Answer refuse(Refusal reason);
  [[nodiscard]] Answer session(const Request& request);
  // What speaks against a viewer; Role: who it is.
  [[nodiscard]] std::optional<Answer> against_viewer(const Request& request, Role& role);
  [[nodiscard]] Role know(std::string_view token);

  Hall& hall_;
  const std::shared_ptr<Transport> transport_;
  std::string peer_;
  bool from_here_ = false;  // the peer is this host, as far as addresses tell
  bool known_ = false;
  bool became_viewer_ = false;
  std::list<Connection*>::iterator place_;
};

}  // namespace hesper::screen::web
