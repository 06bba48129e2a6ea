// What socket.cpp needs from each half of the platform. Not for other folders.
#pragma once

#include "base/unique_fd.h"

namespace hesper::platform {

// Close-on-exec, blocking, and unable to raise SIGPIPE when used with send_flags(). Empty with errno set on failure.
[[nodiscard]] UniqueFd open_stream_socket() noexcept;
[[nodiscard]] UniqueFd accept_stream_socket(int listener) noexcept;
[[nodiscard]] bool open_stream_socket_pair(UniqueFd& one, UniqueFd& other) noexcept;

// Flags for send() and sendmsg(): no SIGPIPE, no blocking.
[[nodiscard]] int send_flags() noexcept;
// Flags for recvmsg(): received fds are close-on-exec where the system can do that.
[[nodiscard]] int receive_fd_flags() noexcept;

}  // namespace hesper::platform
