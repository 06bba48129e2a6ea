// Unix stream sockets: what is the same on every system.
#include "platform/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "platform/stream_socket.h"

namespace hesper::platform {
namespace {

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.empty() || text.size() >= sizeof(address.sun_path)) {
    return fail(fmt::format("The socket path '{}' has {} bytes; it must have between 1 and {}.", text, text.size(),
                            sizeof(address.sun_path) - 1),
                ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) noexcept { return reinterpret_cast<const sockaddr*>(&address); }

// Makes the path free for bind(): nothing there, or a socket on which nobody listens any more.
Result<void> clear_stale_socket(const std::filesystem::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return fail(fmt::format("'{}' exists and is not a socket.", path.native()), EADDRINUSE);
  auto probe = connect_to(path);
  if (probe || probe.error().code != ECONNREFUSED)
    return fail(fmt::format("The socket '{}' is in use by another server. Stop that server or choose another path.",
                            path.native()),
                EADDRINUSE);
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Result<Listener> Listener::at(const std::filesystem::path& path) {
  auto address = address_of(path);
  if (!address) return std::unexpected(std::move(address.error()));
  if (auto cleared = clear_stale_socket(path); !cleared) return std::unexpected(std::move(cleared.error()));

  UniqueFd fd = open_stream_socket();
  if (!fd) return fail_errno("Creating a socket fails", errno);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(fd.get(), generic(*address), sizeof(*address));
  const int error = errno;
  ::umask(before);
  if (bound != 0) return fail_errno(fmt::format("Binding the socket '{}' fails", path.native()), error);
  Listener listener(std::move(fd), path);
  if (::listen(listener.fd(), SOMAXCONN) != 0)
    return fail_errno(fmt::format("Listening on '{}' fails", path.native()), errno);
  ::fcntl(listener.fd(), F_SETFL, ::fcntl(listener.fd(), F_GETFL) | O_NONBLOCK);
  return listener;
}

Listener::Listener(Listener&& from) noexcept : fd_(std::move(from.fd_)), path_(std::exchange(from.path_, {})) {}

Listener& Listener::operator=(Listener&& from) noexcept {
  std::swap(fd_, from.fd_);
  std::swap(path_, from.path_);
  return *this;
}

Listener::~Listener() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<UniqueFd> Listener::accept() const {
  UniqueFd client = accept_stream_socket(fd_.get());
  if (!client) return fail_errno("Accepting a client fails", errno);
  return client;
}

Result<UniqueFd> connect_to(const std::filesystem::path& path) {
  auto address = address_of(path);
  if (!address) return std::unexpected(std::move(address.error()));
  UniqueFd fd = open_stream_socket();
  if (!fd) return fail_errno("Creating a socket fails", errno);
  if (::connect(fd.get(), generic(*address), sizeof(*address)) != 0)
    return fail_errno(fmt::format("Connecting to '{}' fails", path.native()), errno);
  return fd;
}

Result<std::pair<UniqueFd, UniqueFd>> create_socket_pair() {
  std::pair<UniqueFd, UniqueFd> ends;
  if (!open_stream_socket_pair(ends.first, ends.second)) return fail_errno("Creating a socket pair fails", errno);
  return ends;
}

Received receive_exactly(int socket, std::span<std::byte> into) noexcept {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::recv(socket, into.data() + done, into.size() - done, MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 && done == 0) return Received::end;
    if (got <= 0) return Received::broken;
    done += static_cast<std::size_t>(got);
  }
  return Received::all;
}

namespace {

bool send_bytes(int socket, std::span<const std::byte> bytes, int flags) noexcept {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), flags);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

bool send_all(int socket, std::span<const std::byte> bytes) noexcept { return send_bytes(socket, bytes, send_flags()); }

bool wait_and_send(int socket, std::span<const std::byte> bytes) noexcept {
  return send_bytes(socket, bytes, send_flags() & ~MSG_DONTWAIT);
}

bool send_fd(int socket, int fd) noexcept {
  constexpr std::byte kZero{};
  return send_message(socket, {&kZero, 1}, fd);
}

bool send_message(int socket, std::span<const std::byte> bytes, int fd) noexcept {
  // sendmsg() takes void* for historical reasons and changes nothing.
  iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, send_flags());
  } while (sent < 0 && errno == EINTR);
  return sent >= 0 && static_cast<std::size_t>(sent) == bytes.size();
}

ReceivedMessage receive_message(int socket, std::span<std::byte> into) noexcept {
  iovec data{.iov_base = into.data(), .iov_len = into.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);  // the system closes the fds that do not fit
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, receive_fd_flags() | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  ReceivedMessage result{.size = got > 0 ? static_cast<std::size_t>(got) : 0, .fd = UniqueFd()};
  const cmsghdr* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return result;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof(int));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  result.fd = UniqueFd(fd);
  return result;
}

SentPart send_part(int socket, std::span<const std::byte> head, std::span<const std::byte> tail,
                   std::span<const int> fds) noexcept {
  // sendmsg() takes void* for historical reasons and changes nothing.
  std::array<iovec, 2> data{{{.iov_base = const_cast<std::byte*>(head.data()), .iov_len = head.size()},
                             {.iov_base = const_cast<std::byte*>(tail.data()), .iov_len = tail.size()}}};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxReceivedFds * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = data.data();
  message.msg_iovlen = data.size();
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(fds.size_bytes()));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(fds.size_bytes()));
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, send_flags());
  } while (sent < 0 && errno == EINTR);
  return {.size = sent > 0 ? static_cast<std::size_t>(sent) : 0,
          .broken = sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK};
}

namespace {

ReceivedPart receive(int socket, std::span<std::byte> into, std::size_t max_fds, int flags) {
  iovec data{.iov_base = into.data(), .iov_len = into.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxReceivedFds * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (max_fds > 0) {
    message.msg_control = control;
    message.msg_controllen =
        static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(std::min(max_fds, kMaxReceivedFds) * sizeof(int)));
  }
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, receive_fd_flags() | flags);
  } while (got < 0 && errno == EINTR);
  ReceivedPart result;
  result.closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  if (got <= 0) return result;
  result.size = static_cast<std::size_t>(got);
  result.fds_lost = (message.msg_flags & MSG_CTRUNC) != 0;
  if (max_fds == 0) return result;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      result.fds.emplace_back(fd);
    }
  }
  // The last place of the buffer's padding may have held one fd more than was asked for.
  if (result.fds.size() > max_fds) {
    result.fds.resize(max_fds);
    result.fds_lost = true;
  }
  return result;
}

}  // namespace

ReceivedPart receive_part(int socket, std::span<std::byte> into, std::size_t max_fds) {
  return receive(socket, into, max_fds, MSG_DONTWAIT);
}

ReceivedPart wait_for_part(int socket, std::span<std::byte> into, std::size_t max_fds) {
  return receive(socket, into, max_fds, 0);
}

void end_sending(int socket) noexcept { ::shutdown(socket, SHUT_WR); }

void refuse_to_read(int socket) noexcept { ::shutdown(socket, SHUT_RD); }

Result<UniqueFd> receive_fd(int socket) {
  std::byte byte{};
  iovec data{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, receive_fd_flags());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno("Receiving a file descriptor fails", errno);
  if (got == 0) return fail("The peer closed where a file descriptor is due.");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return fail("A byte comes without the file descriptor that is due.");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof(int));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return UniqueFd(fd);
}

bool has_unread_bytes(int socket) noexcept {
  std::byte byte{};
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

}  // namespace hesper::platform
