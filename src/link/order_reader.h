// OrderReader: takes orders off the link, with what follows them, and the files that come along. Executes nothing.
#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "link/protocol.h"

namespace hesper::link {

class OrderReader {
 public:
  explicit OrderReader(UniqueFd socket);

  struct Received {
    Order order;
    std::span<const std::byte> bytes;  // that follow it, aligned to kPadding; valid until the next call
    UniqueFd fd;                       // none if none is due
  };
  // Why there is no further order; empty: the other end has closed.
  using End = std::string;
  // Waits for the next order.
  [[nodiscard]] std::expected<Received, End> next();

 private:
  [[nodiscard]] std::expected<void, End> fill(std::size_t size);

  UniqueFd socket_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  // of what has been received and not been handed out
  std::size_t end_ = 0;
  std::deque<UniqueFd> fds_;
};

}  // namespace hesper::link
