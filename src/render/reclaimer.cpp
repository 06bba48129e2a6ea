// Reclaimer: who was inside when something was retired, and whether they have left since.
#include "render/reclaimer.h"

#include <algorithm>
#include <iterator>

namespace hesper::render {

Reclaimer::Reader::Reader(Reclaimer& reclaimer) : reclaimer_(reclaimer) {
  const std::scoped_lock lock(reclaimer_.mutex_);
  reclaimer_.readers_.push_back(this);
}

Reclaimer::Reader::~Reader() {
  const std::scoped_lock lock(reclaimer_.mutex_);
  std::erase(reclaimer_.readers_, this);
  for (Retired& retired : reclaimer_.retired_) {
    std::erase_if(retired.visitors, [&](const auto& visitor) { return visitor.first == this; });
  }
}

void Reclaimer::retire(std::shared_ptr<void> object) {
  std::vector<Retired> free;  // ends after the lock is given back
  const std::scoped_lock lock(mutex_);
  Retired retired{.object = std::move(object), .visitors = {}};
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const Reader* reader : readers_) {
    const std::uint64_t visit = reader->visits_.load(std::memory_order_seq_cst);
    if (visit % 2 == 1) retired.visitors.emplace_back(reader, visit);
  }
  retired_.push_back(std::move(retired));
  free = take_free();
}

std::size_t Reclaimer::waiting() {
  std::vector<Retired> free;
  const std::scoped_lock lock(mutex_);
  free = take_free();
  return retired_.size();
}

std::vector<Reclaimer::Retired> Reclaimer::take_free() {
  for (Retired& retired : retired_) {
    std::erase_if(retired.visitors, [](const auto& visitor) {
      return visitor.first->visits_.load(std::memory_order_acquire) != visitor.second;
    });
  }
  const auto free = std::ranges::partition(retired_, [](const Retired& r) { return !r.visitors.empty(); });
  std::vector<Retired> taken(std::make_move_iterator(free.begin()), std::make_move_iterator(free.end()));
  retired_.erase(free.begin(), free.end());
  return taken;
}

}  // namespace hesper::render
