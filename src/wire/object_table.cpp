// ObjectTable: pages, their recycling, and the lock-free lookup.
#include "wire/object_table.h"

#include <cstdlib>
#include <new>

namespace hesper::wire {
namespace {

constexpr unsigned kPageBits = 9;
constexpr std::size_t kPageSize = std::size_t{1} << kPageBits;
constexpr ObjectId kLargeId = ObjectId{1} << 32;
constexpr std::size_t kRootSize = kLargeId >> kPageBits;
constexpr std::uint32_t kTombstone = 0x8000'0000u;

}  // namespace

// Every field is atomic so that a hostile client that races two rings meets stale values, not undefined behaviour.
// `id` is written last on insert (release) and first on erase; find() reads it before and after the rest.
struct ObjectTable::Entry {
  std::atomic<ObjectId> id{0};
  std::atomic<std::uint64_t> handle{0};
  std::atomic<void*> state{nullptr};
  std::atomic<std::uint32_t> type{0};  // VkObjectType, or kTombstone added
};

struct ObjectTable::Page {
  Entry entries[kPageSize];
  std::size_t live = 0;  // under mutex_
  std::size_t root_index = 0;
};

void ObjectTable::Free::operator()(void* p) const noexcept { std::free(p); }

ObjectTable::ObjectTable(std::size_t page_limit) : page_limit_(page_limit) {
  // SAFETY: calloc gives untouched zero pages, which is what 64 MiB of mostly unused root should cost; a zeroed
  // atomic<Page*> is a valid null on every platform we build for.
  void* root = std::calloc(kRootSize, sizeof(std::atomic<Page*>));
  if (root == nullptr) throw std::bad_alloc();
  root_.reset(static_cast<std::atomic<Page*>*>(root));
}

ObjectTable::~ObjectTable() = default;

ObjectTable::Page* ObjectTable::page_of(ObjectId id) const noexcept {
  return root_[id >> kPageBits].load(std::memory_order_acquire);
}

ObjectTable::Entry* ObjectTable::entry_of(ObjectId id) const noexcept {
  if (id >= kLargeId) return nullptr;
  Page* page = page_of(id);
  if (page == nullptr) return nullptr;
  Entry* entry = &page->entries[id % kPageSize];
  return entry->id.load(std::memory_order_acquire) == id ? entry : nullptr;
}

ObjectTable::Insert ObjectTable::insert(ObjectId id, const Object& object) {
  if (id == 0) return Insert::zero_id;
  if (id >= kLargeId) {
    const std::scoped_lock lock(large_mutex_);
    if (large_.size() >= page_limit_ * kPageSize) return Insert::full;
    return large_.try_emplace(id, object).second ? Insert::ok : Insert::id_in_use;
  }
  const std::scoped_lock lock(mutex_);
  const std::size_t index = id >> kPageBits;
  Page* page = root_[index].load(std::memory_order_relaxed);
  if (page == nullptr) {
    if (!free_pages_.empty()) {
      page = free_pages_.back();
      free_pages_.pop_back();
    } else {
      if (pages_.size() >= page_limit_) return Insert::full;
      pages_.push_back(std::make_unique<Page>());
      page = pages_.back().get();
    }
    page->root_index = index;
    root_[index].store(page, std::memory_order_release);
  }
  Entry& entry = page->entries[id % kPageSize];
  if (entry.id.load(std::memory_order_relaxed) != 0) return Insert::id_in_use;
  entry.handle.store(object.handle, std::memory_order_relaxed);
  entry.state.store(object.state, std::memory_order_relaxed);
  entry.type.store(static_cast<std::uint32_t>(object.type) | (object.tombstone ? kTombstone : 0u),
                   std::memory_order_relaxed);
  entry.id.store(id, std::memory_order_release);
  ++page->live;
  ++size_;
  return Insert::ok;
}

bool ObjectTable::erase(ObjectId id) {
  if (id >= kLargeId) {
    const std::scoped_lock lock(large_mutex_);
    return large_.erase(id) != 0;
  }
  const std::scoped_lock lock(mutex_);
  Entry* entry = entry_of(id);
  if (id == 0 || entry == nullptr) return false;
  entry->id.store(0, std::memory_order_release);
  --size_;
  Page* page = root_[id >> kPageBits].load(std::memory_order_relaxed);
  if (--page->live == 0) {
    root_[page->root_index].store(nullptr, std::memory_order_release);
    free_pages_.push_back(page);
  }
  return true;
}

bool ObjectTable::replace_handle(ObjectId id, std::uint64_t handle) {
  if (id >= kLargeId) {
    const std::scoped_lock lock(large_mutex_);
    auto it = large_.find(id);
    if (it == large_.end()) return false;
    it->second.handle = handle;
    return true;
  }
  const std::scoped_lock lock(mutex_);
  Entry* entry = entry_of(id);
  if (id == 0 || entry == nullptr) return false;
  entry->handle.store(handle, std::memory_order_release);
  return true;
}

Object ObjectTable::find(ObjectId id) const noexcept {
  if (id >= kLargeId) [[unlikely]] {
    const std::shared_lock lock(large_mutex_);
    auto it = large_.find(id);
    return it == large_.end() ? Object{} : it->second;
  }
  const Entry* entry = entry_of(id);
  if (entry == nullptr || id == 0) return {};
  const std::uint32_t type = entry->type.load(std::memory_order_relaxed);
  Object found{.type = static_cast<VkObjectType>(type & ~kTombstone),
               .tombstone = (type & kTombstone) != 0,
               .handle = entry->handle.load(std::memory_order_relaxed),
               .state = entry->state.load(std::memory_order_acquire)};
  if (entry->id.load(std::memory_order_acquire) != id) return {};
  return found;
}

void ObjectTable::for_each(const std::function<void(ObjectId, const Object&)>& visit) const {
  const std::scoped_lock lock(mutex_);
  const std::shared_lock large_lock(large_mutex_);
  for (const auto& page : pages_) {
    for (const Entry& entry : page->entries) {
      const ObjectId id = entry.id.load(std::memory_order_acquire);
      if (id != 0) visit(id, find(id));
    }
  }
  for (const auto& [id, object] : large_) visit(id, object);
}

std::size_t ObjectTable::size() const {
  const std::scoped_lock lock(mutex_);
  const std::shared_lock large_lock(large_mutex_);
  return size_ + large_.size();
}

}  // namespace hesper::wire
