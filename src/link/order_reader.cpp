// OrderReader: one buffer, in which orders are handed out where they lie.
#include "link/order_reader.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "platform/socket.h"

namespace hesper::link {
namespace {

// Bytes: room for many orders at once, and for nearly every submission.
constexpr std::size_t kBuffer = std::size_t{256} << 10;
// fds that wait for their orders; each order has one at most, and orders are read as they come.
constexpr std::size_t kMostFds = 1024;

bool has_bytes(OrderKind kind) noexcept { return kind == OrderKind::create || kind == OrderKind::submit; }

}  // namespace

OrderReader::OrderReader(UniqueFd socket) : socket_(std::move(socket)), buffer_(kBuffer) {}

// Sees to it that `size` bytes lie in the buffer.
std::expected<void, OrderReader::End> OrderReader::fill(std::size_t size) {
  if (end_ - begin_ >= size) return {};
  if (begin_ == end_) {
    begin_ = end_ = 0;
    // One huge submission must not cost its memory for ever.
    if (buffer_.size() > kBuffer) buffer_ = std::vector<std::byte>(kBuffer);
  }
  if (begin_ + size > buffer_.size()) {
    std::vector<std::byte> larger(size > buffer_.size() ? size : 0);
    std::memmove(larger.empty() ? buffer_.data() : larger.data(), buffer_.data() + begin_, end_ - begin_);
    if (!larger.empty()) buffer_ = std::move(larger);
    end_ -= std::exchange(begin_, 0);
  }
  while (end_ - begin_ < size) {
    auto part = platform::wait_for_part(socket_.get(), std::span(buffer_).subspan(end_), platform::kMaxReceivedFds);
    if (part.closed) return std::unexpected(begin_ == end_ ? End() : End("The link ends in the middle of an order."));
    for (auto& fd : part.fds) fds_.push_back(std::move(fd));
    if (part.fds_lost || fds_.size() > kMostFds) return std::unexpected("The link carries more files than orders.");
    end_ += part.size;
  }
  return {};
}

std::expected<OrderReader::Received, OrderReader::End> OrderReader::next() {
  if (auto filled = fill(sizeof(Order)); !filled) return std::unexpected(std::move(filled.error()));
  Received received;
  std::memcpy(&received.order, buffer_.data() + begin_, sizeof(Order));
  const Order& order = received.order;
  const std::uint64_t most = order.kind == OrderKind::create ? kMostNameBytes : kMostSubmissionBytes;
  if (has_bytes(order.kind) && order.size > most)
    return std::unexpected(fmt::format("An order of {} bytes comes.", order.size));
  const std::size_t following = has_bytes(order.kind) ? order.size : 0;
  if (auto filled = fill(sizeof(Order) + padded(following)); !filled) return std::unexpected(std::move(filled.error()));
  begin_ += sizeof(Order);
  received.bytes = std::span(buffer_).subspan(begin_, following);
  begin_ += padded(following);
  if (order.kind == OrderKind::create || order.own_file != 0) {
    if (fds_.empty()) return std::unexpected("An order comes without its file.");
    received.fd = std::move(fds_.front());
    fds_.pop_front();
  }
  return received;
}

}  // namespace hesper::link
