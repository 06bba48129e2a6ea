// Unix stream sockets: listen, accept, connect, read by count, and an fd with its one byte. No protocol.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

// A socket that listens at a path of the file system, and removes that path when it is destroyed.
class Listener {
 public:
  // Only this user may connect. A socket that a dead server left behind is replaced.
  // Errors: EADDRINUSE (somebody answers there, or the path is not a socket), ENAMETOOLONG, and what bind() refuses.
  // Not for several threads at once: the umask changes for a moment.
  [[nodiscard]] static Result<Listener> at(const std::filesystem::path& path);

  Listener(Listener&& from) noexcept;
  Listener& operator=(Listener&& from) noexcept;
  ~Listener();

  // Readable when a client waits. Borrowed.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  // The next client's socket (blocking, close-on-exec). EAGAIN when there is none: never blocks.
  [[nodiscard]] Result<UniqueFd> accept() const;

  // Gives the socket away; only the path is left to be removed.
  [[nodiscard]] UniqueFd take_fd() noexcept { return std::move(fd_); }
  // A socket that another process has made, and whose path it removes.
  [[nodiscard]] static Listener made_elsewhere(UniqueFd listening) noexcept { return {std::move(listening), {}}; }

 private:
  Listener(UniqueFd fd, std::filesystem::path path) noexcept : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::filesystem::path path_;  // empty after a move
};

[[nodiscard]] Result<UniqueFd> connect_to(const std::filesystem::path& path);
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> create_socket_pair();

// The process that connected, where the system tells it.
[[nodiscard]] std::optional<pid_t> peer_process(int socket) noexcept;

enum class Received : std::uint8_t {
  all,
  end,     // the peer closed before the first byte
  broken,  // the peer closed in the middle, or reset
};

// Blocks until `into` is full. fds that the peer sends are discarded by the system.
[[nodiscard]] Received receive_exactly(int socket, std::span<std::byte> into) noexcept;

// These never block and never raise SIGPIPE. False: the peer is gone or does not read (its buffer is full); what
// went out by then is not known, so the connection is of no more use.
[[nodiscard]] bool send_all(int socket, std::span<const std::byte> bytes) noexcept;
// Likewise, but waits while the peer does not read.
[[nodiscard]] bool wait_and_send(int socket, std::span<const std::byte> bytes) noexcept;
// Sends one zero byte that carries a copy of `fd` (borrowed).
[[nodiscard]] bool send_fd(int socket, int fd) noexcept;

// A message of a few bytes with an fd (borrowed; -1: none), for peers that agree on the size of their messages. False
// as above. Never blocks.
[[nodiscard]] bool send_message(int socket, std::span<const std::byte> bytes, int fd) noexcept;

struct ReceivedMessage {
  std::size_t size = 0;  // bytes, 0: nothing there, or the peer is gone
  UniqueFd fd;
};
// At most into.size() bytes, and the fd that came with them; further fds are closed. Never blocks.
[[nodiscard]] ReceivedMessage receive_message(int socket, std::span<std::byte> into) noexcept;

struct SentPart {
  std::size_t size = 0;  // bytes; 0: the socket's buffer is full, or `broken`
  bool broken = false;   // the peer has closed, or the socket failed
};
// For messages that are longer than what goes out at once: sends as many bytes of head and then tail as the socket
// takes now. fds (borrowed, at most kMaxReceivedFds) go with the first byte. Never blocks, never raises SIGPIPE.
[[nodiscard]] SentPart send_part(int socket, std::span<const std::byte> head, std::span<const std::byte> tail = {},
                                 std::span<const int> fds = {}) noexcept;

inline constexpr std::size_t kMaxReceivedFds = 8;

struct ReceivedPart {
  std::size_t size = 0;       // bytes; 0: nothing there yet, or `closed`
  bool closed = false;        // the peer has closed, or the socket failed
  bool fds_lost = false;      // more fds came than `max_fds`
  std::vector<UniqueFd> fds;  // those that came
};
// For protocols whose messages are longer than what there may be at once: takes at most into.size() bytes (> 0), and at
// most max_fds (up to kMaxReceivedFds) fds that came with them. Never blocks.
[[nodiscard]] ReceivedPart receive_part(int socket, std::span<std::byte> into, std::size_t max_fds);
// Likewise, but waits until there is a byte.
[[nodiscard]] ReceivedPart wait_for_part(int socket, std::span<std::byte> into, std::size_t max_fds);

// Takes one byte and the fd it carries; blocks. Errors: no byte, or a byte without an fd.
[[nodiscard]] Result<UniqueFd> receive_fd(int socket);

// The peer finds the end of file behind what was sent; it can still send.
void end_sending(int socket) noexcept;

// Makes the peer's writes fail, while it can still read what was sent, and waits for more.
void refuse_to_read(int socket) noexcept;

// True when bytes wait to be read; false when there are none or the peer closed. Never blocks.
[[nodiscard]] bool has_unread_bytes(int socket) noexcept;

}  // namespace hesper::platform
