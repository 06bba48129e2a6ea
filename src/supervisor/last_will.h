// Last will: what a worker asks its supervisor to do once it is dead: to set bits in words of memory that it shares
// with its client. Rings have a bit that tells the client of a fatal error; a dead worker cannot set it.
//
// The worker sends one message for each word over a socket pair. A worker may be hostile: it decides over memory that
// it could write itself, and nothing it sends makes the supervisor block, fault or hold a file descriptor.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/unique_fd.h"
#include "platform/shared_memory.h"

namespace hesper::supervisor {

// ---- The worker's side. Never blocks; false: the supervisor is gone or does not read. ----

// fd: borrowed, of create_shared_memory(). offset: bytes, a multiple of 4. number: the worker's name for this wish.
bool bequeath(int supervisor, std::uint32_t number, int fd, std::uint64_t offset, std::uint32_t bits) noexcept;
bool revoke(int supervisor, std::uint32_t number) noexcept;

// ---- The supervisor's side ----

class LastWill {
 public:
  static constexpr std::size_t kMaxWishes = 128;  // further ones are ignored

  LastWill() noexcept = default;
  // worker: this end of the socket pair.
  explicit LastWill(UniqueFd worker) noexcept : worker_(std::move(worker)) {}

  // Readable when take() has something to do; -1 after the worker has broken the protocol or ended. Borrowed.
  [[nodiscard]] int fd() const noexcept { return worker_.get(); }
  // Takes the messages that wait.
  void take();
  // Once the worker is dead: takes what it left unread, and does what it wished.
  void execute();

 private:
  struct Wish {
    platform::Mapping page;
    std::size_t offset;  // in the mapping
    std::uint32_t bits;
  };

  UniqueFd worker_;
  std::map<std::uint32_t, Wish> wishes_;
};

}  // namespace hesper::supervisor
