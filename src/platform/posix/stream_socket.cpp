// Stream sockets without flags at creation (macOS): each property is set right after.
#include "platform/stream_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "platform/socket.h"

namespace hesper::platform {
namespace {

UniqueFd prepared(UniqueFd fd) noexcept {
  if (!fd) return fd;
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  // An accepted socket takes O_NONBLOCK from its listener on the BSDs.
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
#ifdef SO_NOSIGPIPE
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof(yes));
#endif
  return fd;
}

}  // namespace

UniqueFd open_stream_socket() noexcept { return prepared(UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0))); }

UniqueFd accept_stream_socket(int listener) noexcept {
  return prepared(UniqueFd(::accept(listener, nullptr, nullptr)));
}

bool open_stream_socket_pair(UniqueFd& one, UniqueFd& other) noexcept {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return false;
  one = prepared(UniqueFd(ends[0]));
  other = prepared(UniqueFd(ends[1]));
  return true;
}

int send_flags() noexcept {
#ifdef SO_NOSIGPIPE
  return MSG_DONTWAIT;
#else
  return MSG_NOSIGNAL | MSG_DONTWAIT;
#endif
}

int receive_fd_flags() noexcept { return 0; }

std::optional<pid_t> peer_process([[maybe_unused]] int socket) noexcept {
#ifdef LOCAL_PEERPID
  pid_t peer = 0;
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket, SOL_LOCAL, LOCAL_PEERPID, &peer, &size) == 0 && peer > 0) return peer;
#endif
  return std::nullopt;
}

}  // namespace hesper::platform
