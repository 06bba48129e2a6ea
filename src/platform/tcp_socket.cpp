// TCP sockets: what is the same on every system.
#include "platform/tcp_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "platform/stream_socket.h"

namespace hesper::platform {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses addresses_of(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) found = nullptr;
  return {found, &::freeaddrinfo};
}

void set_flag(int fd, int level, int name) noexcept {
  const int yes = 1;
  ::setsockopt(fd, level, name, &yes, sizeof(yes));
}

const sockaddr* generic(const sockaddr_storage& address) noexcept {
  return reinterpret_cast<const sockaddr*>(&address);
}
sockaddr* generic(sockaddr_storage& address) noexcept { return reinterpret_cast<sockaddr*>(&address); }

bool is_loopback(const sockaddr* address) noexcept {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof(v6));
    return std::memcmp(&v6.sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
  }
  return false;
}

}  // namespace

Result<UniqueFd> listen_on_tcp(const std::string& host, std::uint16_t port) {
  const Addresses addresses = addresses_of(host, port);
  if (!addresses) return fail(fmt::format("'{}' is not an address of this machine.", host), EADDRNOTAVAIL);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
    UniqueFd fd(::socket(each->ai_family, SOCK_STREAM, 0));
    if (!fd) {
      error = errno;
      continue;
    }
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    // A port whose last connections are in TIME_WAIT can be used again; one that somebody listens on cannot.
    set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    if (::bind(fd.get(), each->ai_addr, each->ai_addrlen) == 0 && ::listen(fd.get(), SOMAXCONN) == 0) return fd;
    error = errno;
  }
  return fail_errno(fmt::format("Listening on {} port {} fails", host, port), error);
}

std::uint16_t tcp_port_of(int socket) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket, generic(address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return ntohs(v4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    return ntohs(v6.sin6_port);
  }
  return 0;
}

Result<UniqueFd> accept_tcp(int listener) {
  UniqueFd client = accept_stream_socket(listener);
  if (!client) return fail_errno("Accepting a client fails", errno);
  ::fcntl(client.get(), F_SETFL, ::fcntl(client.get(), F_GETFL) | O_NONBLOCK);
  set_flag(client.get(), IPPROTO_TCP, TCP_NODELAY);  // refused by Unix sockets, which need it not
  return client;
}

std::string peer_name(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getpeername(socket, generic(address), &size) != 0 ||
      (address.ss_family != AF_INET && address.ss_family != AF_INET6) ||
      ::getnameinfo(generic(std::as_const(address)), size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "a local client";
  return address.ss_family == AF_INET ? fmt::format("{}:{}", host.data(), port.data())
                                      : fmt::format("[{}]:{}", host.data(), port.data());
}

bool is_loopback(const std::string& host) {
  const Addresses addresses = addresses_of(host, 0);
  if (!addresses) return false;
  for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next)
    if (!is_loopback(each->ai_addr)) return false;
  return true;
}

}  // namespace hesper::platform
