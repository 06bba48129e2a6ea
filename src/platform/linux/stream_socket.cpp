// Stream sockets on Linux: flags at creation, SO_PEERCRED.
#include "platform/stream_socket.h"

#include <sys/socket.h>

#include "platform/socket.h"

namespace hesper::platform {

UniqueFd open_stream_socket() noexcept { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

UniqueFd accept_stream_socket(int listener) noexcept {
  return UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

bool open_stream_socket_pair(UniqueFd& one, UniqueFd& other) noexcept {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  one = UniqueFd(ends[0]);
  other = UniqueFd(ends[1]);
  return true;
}

int send_flags() noexcept { return MSG_NOSIGNAL | MSG_DONTWAIT; }
int receive_fd_flags() noexcept { return MSG_CMSG_CLOEXEC; }

std::optional<pid_t> peer_process(int socket) noexcept {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return std::nullopt;
  return peer.pid;
}

}  // namespace hesper::platform
