// Outbox: straight into the socket as long as nothing waits, else behind what waits.
#include "link/outbox.h"

#include <algorithm>

#include "platform/socket.h"

namespace hesper::link {
namespace {

platform::SentPart send_now(int socket, std::span<const std::byte> head, std::span<const std::byte> tail,
                            const UniqueFd* fd) noexcept {
  const int number = fd != nullptr ? fd->get() : -1;
  return platform::send_part(socket, head, tail, std::span(&number, fd != nullptr ? 1 : 0));
}

}  // namespace

bool Outbox::send(std::span<const std::byte> head, std::span<const std::byte> tail,
                  const std::shared_ptr<const UniqueFd>& fd) {
  if (broken_) return false;
  if (!pieces_.empty()) return keep(head, tail, fd);
  const auto sent = send_now(socket_, head, tail, fd.get());
  broken_ = sent.broken;
  if (broken_) return false;
  if (sent.size == head.size() + tail.size()) return true;
  const std::size_t of_head = std::min(sent.size, head.size());
  return keep(head.subspan(of_head), tail.subspan(sent.size - of_head), sent.size == 0 ? fd : nullptr);
}

bool Outbox::keep(std::span<const std::byte> head, std::span<const std::byte> tail,
                  const std::shared_ptr<const UniqueFd>& fd) {
  const std::uint64_t size = head.size() + tail.size();
  Budget::Charge charge(budget_, size);
  broken_ = size > most_ - waiting_ || !charge;
  if (broken_) return false;
  Piece piece{.bytes = {}, .sent = 0, .fd = fd, .charge = std::move(charge)};
  piece.bytes.reserve(size);
  piece.bytes.insert(piece.bytes.end(), head.begin(), head.end());
  piece.bytes.insert(piece.bytes.end(), tail.begin(), tail.end());
  pieces_.push_back(std::move(piece));
  waiting_ += size;
  if (!writable_) writable_ = loop_.when_writable(socket_, [this] { send_waiting(); });
  return true;
}

void Outbox::send_waiting() {
  while (!pieces_.empty()) {
    Piece& piece = pieces_.front();
    const auto sent = send_now(socket_, std::span(piece.bytes).subspan(piece.sent), {}, piece.fd.get());
    if (sent.size == 0) {
      broken_ = sent.broken;
      if (broken_) writable_ = {};
      return;
    }
    piece.fd = nullptr;
    piece.sent += sent.size;
    waiting_ -= sent.size;
    if (piece.sent == piece.bytes.size()) pieces_.pop_front();
  }
  writable_ = {};
}

}  // namespace hesper::link
