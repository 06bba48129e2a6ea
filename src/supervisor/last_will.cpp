// Last will: its message, and the checks of what a worker hands over.
#include "supervisor/last_will.h"

#include <sys/stat.h>

#include <bit>
#include <span>

#include "platform/socket.h"

namespace hesper::supervisor {
namespace {

struct Message {
  std::uint32_t number;
  std::uint32_t bits;  // 0: revokes
  std::uint64_t offset;
};
static_assert(std::has_unique_object_representations_v<Message>);

bool send(int supervisor, const Message& message, int fd) noexcept {
  return platform::send_message(supervisor, std::as_bytes(std::span(&message, 1)), fd);
}

}  // namespace

bool bequeath(int supervisor, std::uint32_t number, int fd, std::uint64_t offset, std::uint32_t bits) noexcept {
  return send(supervisor, {.number = number, .bits = bits, .offset = offset}, fd);
}

bool revoke(int supervisor, std::uint32_t number) noexcept {
  return send(supervisor, {.number = number, .bits = 0, .offset = 0}, -1);
}

void LastWill::take() {
  constexpr int kAtOnce = 256;  // so that a worker that never stops sending does not keep the supervisor
  for (int i = 0; i < kAtOnce && worker_; ++i) {
    Message message{};
    const auto received = platform::receive_message(worker_.get(), std::as_writable_bytes(std::span(&message, 1)));
    if (received.size == 0) return;
    if (received.size != sizeof(message)) {
      worker_ = UniqueFd();
      return;
    }
    if (message.bits == 0) {
      wishes_.erase(message.number);
      continue;
    }
    struct stat info{};
    const std::uint64_t page = platform::page_size();
    const std::uint64_t begin = message.offset / page * page;
    // A mapping outlives the fd, and does not fault as long as the file cannot shrink.
    if (!received.fd || wishes_.size() >= kMaxWishes || message.offset % sizeof(std::uint32_t) != 0 ||
        !platform::cannot_shrink(received.fd.get()) || ::fstat(received.fd.get(), &info) != 0 ||
        static_cast<std::uint64_t>(info.st_size) < sizeof(std::uint32_t) ||
        message.offset > static_cast<std::uint64_t>(info.st_size) - sizeof(std::uint32_t))
      continue;
    const std::size_t offset = message.offset - begin;
    auto mapped = platform::Mapping::map(received.fd.get(), offset + sizeof(std::uint32_t), begin);
    if (!mapped) continue;
    wishes_.insert_or_assign(message.number, Wish{.page = std::move(*mapped), .offset = offset, .bits = message.bits});
  }
}

void LastWill::execute() {
  take();
  for (const auto& [number, wish] : wishes_) {
    // SAFETY: take() checked that the word lies inside the file and is aligned.
    std::atomic_ref word(*reinterpret_cast<std::uint32_t*>(wish.page.data() + wish.offset));
    word.fetch_or(wish.bits, std::memory_order_seq_cst);
  }
  wishes_.clear();
  worker_ = UniqueFd();
}

}  // namespace hesper::supervisor
