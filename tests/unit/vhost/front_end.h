// FrontEnd: the front-end's half of a vhost-user connection, for tests and fuzzing: sends messages in the order of
// stock QEMU, or as wrong as its caller wants, and takes answers. Never waits. Knows no ring.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"
#include "platform/pipe.h"
#include "platform/socket.h"
#include "vhost/guest_driver.h"
#include "vhost/protocol.h"

namespace hesper::vhost::testing {

struct Received {
  MessageHeader header{};
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;

  template <class T>
  [[nodiscard]] T as() const {
    T value{};
    if (payload.size() >= sizeof(T)) std::memcpy(&value, payload.data(), sizeof(T));
    return value;
  }
};

template <class T>
std::span<const std::byte> payload_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Bytes with fds attached to the first of them. False: the peer is gone.
inline bool send_with_fds(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  constexpr std::size_t kMost = 32;
  iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMost * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  HESPER_CHECK(fds.size() <= kMost);
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size());
}

// The next message on a socket, if one is there as a whole.
inline std::optional<Received> take_message(int socket) {
  Received result;
  auto part = platform::receive_part(socket, std::as_writable_bytes(std::span(&result.header, 1)), 8);
  if (part.size != sizeof(MessageHeader)) return std::nullopt;
  result.fds = std::move(part.fds);
  result.payload.resize(result.header.size);
  for (std::size_t done = 0; done < result.payload.size();) {
    part = platform::receive_part(socket, std::span(result.payload).subspan(done), 0);
    if (part.size == 0) return std::nullopt;
    done += part.size;
  }
  return result;
}

class FrontEnd {
 public:
  explicit FrontEnd(UniqueFd socket) : socket_(std::move(socket)) {
    auto channel = platform::create_socket_pair();
    HESPER_CHECK(channel.has_value());
    channel_ = std::move(channel->first);
    channel_peer_ = std::move(channel->second);
    for (auto* pipes : {&kick_, &call_, &err_}) {
      for (platform::Pipe& pipe : *pipes) {
        auto made = platform::create_pipe();
        HESPER_CHECK(made.has_value());
        pipe = std::move(*made);
      }
    }
  }

  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  [[nodiscard]] int channel() const noexcept { return channel_.get(); }
  void close() { socket_ = UniqueFd(); }
  void close_channel() { channel_ = UniqueFd(); }

  bool send_raw(std::span<const std::byte> bytes, std::initializer_list<int> fds = {}) const {
    return send_with_fds(socket(), bytes, std::span(fds.begin(), fds.size()));
  }
  bool send(std::uint32_t request, std::span<const std::byte> payload = {}, std::initializer_list<int> fds = {},
            std::uint32_t flags = kVersion) const {
    const MessageHeader header{.request = request, .flags = flags, .size = static_cast<std::uint32_t>(payload.size())};
    std::vector<std::byte> bytes(sizeof(header) + payload.size());
    std::memcpy(bytes.data(), &header, sizeof(header));
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof(header), payload.data(), payload.size());
    return send_raw(bytes, fds);
  }
  bool send(Request request, std::span<const std::byte> payload = {}, std::initializer_list<int> fds = {},
            std::uint32_t flags = kVersion) const {
    return send(std::to_underlying(request), payload, fds, flags);
  }
  bool send_u64(Request request, std::uint64_t value, std::initializer_list<int> fds = {},
                std::uint32_t flags = kVersion) const {
    return send(request, payload_of(value), fds, flags);
  }
  bool send_state(Request request, std::uint32_t index, std::uint32_t num, std::uint32_t flags = kVersion) const {
    const VringState state{.index = index, .num = num};
    return send(request, payload_of(state), {}, flags);
  }
  [[nodiscard]] std::optional<Received> take() const { return take_message(socket()); }

  // The sequences of QEMU 11.1, without waiting for the answers.
  void connect(std::uint64_t protocol_features) const {
    send(Request::get_features);
    send(Request::get_protocol_features);
    send_u64(Request::set_protocol_features, protocol_features);
    send(Request::set_backend_req_fd, {}, {channel_peer_.get()}, kVersion | kFlagNeedReply);
    send(Request::set_owner);
    send(Request::get_features);
    for (unsigned i = 0; i < 2; ++i) {
      send_u64(Request::set_vring_call, i, {call_[i].write_end.get()});
      send_u64(Request::set_vring_err, i, {err_[i].write_end.get()});
    }
    send(Request::get_shmem_config);
  }
  void set_memory(const GuestRam& ram, std::uint32_t flags = kVersion) const {
    const auto region = ram.region();
    const struct {
      MemoryTableHeader header{.num_regions = 1, .padding = 0};
      MemoryRegion region;
    } table{.region = {.guest_phys_addr = region.guest_address,
                       .memory_size = region.size,
                       .userspace_addr = region.user_address,
                       .mmap_offset = region.file_offset}};
    send(Request::set_mem_table, payload_of(table), {ram.fd()}, flags);
  }
  void set_up_ring(unsigned index, const GuestDriver& driver, std::uint16_t base) const {
    send_state(Request::set_vring_num, index, driver.size());
    send_state(Request::set_vring_base, index, base);
    const VringAddr address{.index = index,
                            .flags = 0,
                            .desc_user_addr = driver.desc_address(),
                            .used_user_addr = driver.used_address(),
                            .avail_user_addr = driver.avail_address(),
                            .log_guest_addr = 0};
    send(Request::set_vring_addr, payload_of(address));
  }
  void start_ring(unsigned index) const {
    send_u64(Request::set_vring_kick, index, {kick_[index].read_end.get()});
    send_u64(Request::set_vring_call, index, {call_[index].write_end.get()});
  }
  void start(std::uint64_t features, const GuestRam& ram, std::span<const GuestDriver> drivers,
             std::span<const std::uint16_t> bases) const {
    send_u64(Request::set_features, features);
    set_memory(ram);
    for (unsigned i = 0; i < drivers.size(); ++i) {
      set_up_ring(i, drivers[i], bases[i]);
      start_ring(i);
    }
    for (unsigned i = 0; i < drivers.size(); ++i) send_state(Request::set_vring_enable, i, 1);
    for (unsigned i = 0; i < drivers.size(); ++i) send_u64(Request::set_vring_call, i, {call_[i].write_end.get()});
  }
  void stop(unsigned rings = 2) const {
    for (unsigned i = 0; i < rings; ++i) send_state(Request::set_vring_enable, i, 0);
    for (unsigned i = 0; i < rings; ++i) send_state(Request::get_vring_base, i, 0);
  }

  void kick(unsigned index) const { write_event(kick_[index].write_end.get()); }
  // How often it was signalled since the last call.
  [[nodiscard]] int calls(unsigned index) const { return events(call_[index].read_end.get()); }
  [[nodiscard]] int errors(unsigned index) const { return events(err_[index].read_end.get()); }
  [[nodiscard]] int kick_fd(unsigned index) const noexcept { return kick_[index].read_end.get(); }
  [[nodiscard]] int call_fd(unsigned index) const noexcept { return call_[index].write_end.get(); }

  // The back-end channel.
  [[nodiscard]] std::optional<Received> take_request() const { return take_message(channel()); }
  bool answer(BackEndRequest request, std::uint64_t value) const {
    const struct {
      MessageHeader header;
      std::uint64_t value;
    } __attribute__((packed)) message{
        .header = {.request = std::to_underlying(request), .flags = kReplyFlags, .size = 8}, .value = value};
    return send_with_fds(channel(), payload_of(message), {});
  }

 private:
  static void write_event(int fd) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof(one));
  }
  static int events(int fd) {
    int count = 0;
    for (std::uint64_t value = 0;; ++count) {
      pollfd state{.fd = fd, .events = POLLIN, .revents = 0};
      if (::poll(&state, 1, 0) <= 0 || (state.revents & POLLIN) == 0) return count;
      if (::read(fd, &value, sizeof(value)) != sizeof(value)) return count;
    }
  }

  UniqueFd socket_;
  UniqueFd channel_;
  UniqueFd channel_peer_;
  std::array<platform::Pipe, 2> kick_;
  std::array<platform::Pipe, 2> call_;
  std::array<platform::Pipe, 2> err_;
};

}  // namespace hesper::vhost::testing
