// TCP sockets: listen, accept, names. No protocol; Unix sockets are in socket.h.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

// Listens there; never blocks in accept_tcp(). host: a name or a number of IPv4 or IPv6. port 0: a free one.
// Errors: EADDRINUSE, EADDRNOTAVAIL and what else bind() refuses; a name that nobody knows.
[[nodiscard]] Result<UniqueFd> listen_on_tcp(const std::string& host, std::uint16_t port);

// The port that a socket has on this side; 0: none.
[[nodiscard]] std::uint16_t tcp_port_of(int socket) noexcept;

// The next client's socket: non-blocking, close-on-exec, sends small messages at once. EAGAIN when there is none.
[[nodiscard]] Result<UniqueFd> accept_tcp(int listener);

// "ADDRESS:PORT" of the other end, "[ADDRESS]:PORT" for IPv6, or "a local client".
[[nodiscard]] std::string peer_name(int socket);

// True for addresses and names that only this machine can reach.
[[nodiscard]] bool is_loopback(const std::string& host);

}  // namespace hesper::platform
