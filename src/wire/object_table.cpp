// ObjectTable: pages, their recycling, and the lock-free lookup.
#include "wire/object_table.h"

#include <sys/mman.h>

#include <new>

namespace hesper::wire {
namespace {

constexpr unsigned kPageBits = 9;
constexpr std::size_t kPageSize = std::size_t{1} << kPageBits;
constexpr ObjectId kLargeId = ObjectId{1} << 32;
constexpr std::size_t kRootSize = kLargeId >> kPageBits;
constexpr std::size_t kRootBytes = kRootSize * sizeof(void*);

constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) noexcept {
  return (std::uint64_t{high} << 32) | low;
}
constexpr std::uint32_t low(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value >> 32); }

}  // namespace

// Every field is atomic so that a hostile client that races two rings meets stale values, not undefined behaviour.
// `key` is written last on insert (release) and first on erase; find() reads it before and after the rest. Its version
// tells an object from the next one under the same id, so that no lookup sees the type of one and the handle of
// another.
struct ObjectTable::Entry {
  std::atomic<std::uint64_t> key{0};   // id, 0: none; above it the version, which grows with every insert
  std::atomic<std::uint64_t> kind{0};  // kind_of()
  std::atomic<std::uint64_t> handle{0};
  std::atomic<void*> state{nullptr};
};

struct ObjectTable::Page {
  Entry entries[kPageSize];
  std::size_t live = 0;  // under mutex_
  std::size_t root_index = 0;
};

void ObjectTable::Free::operator()(void* p) const noexcept { ::munmap(p, kRootBytes); }

ObjectTable::ObjectTable(std::size_t page_limit, Budget* budget) : page_limit_(page_limit), budget_(budget) {
  // From the kernel itself: 64 MiB of mostly unused root cost nothing until they are touched, under an allocator that
  // marks every byte (the address sanitizer's) neither.
  // SAFETY: the pages are zero, and a zeroed atomic<Page*> is a valid null on every platform we build for.
  static_assert(sizeof(std::atomic<Page*>) == sizeof(void*));
  void* root = ::mmap(nullptr, kRootBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (root == MAP_FAILED) throw std::bad_alloc();
  root_.reset(static_cast<std::atomic<Page*>*>(root));
}

ObjectTable::~ObjectTable() {
  if (budget_ != nullptr) budget_->give(pages_.size() * sizeof(Page));  // they are freed only now
}

ObjectTable::Page* ObjectTable::page_of(ObjectId id) const noexcept {
  return root_[id >> kPageBits].load(std::memory_order_acquire);
}

ObjectTable::Entry* ObjectTable::entry_of(ObjectId id) const noexcept {
  if (id >= kLargeId) return nullptr;
  Page* page = page_of(id);
  if (page == nullptr) return nullptr;
  Entry* entry = &page->entries[id % kPageSize];
  return low(entry->key.load(std::memory_order_acquire)) == id ? entry : nullptr;
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
      if (budget_ != nullptr && !budget_->take(sizeof(Page))) return Insert::full;
      pages_.push_back(std::make_unique<Page>());
      page = pages_.back().get();
    }
    page->root_index = index;
    root_[index].store(page, std::memory_order_release);
  }
  Entry& entry = page->entries[id % kPageSize];
  const std::uint64_t key = entry.key.load(std::memory_order_relaxed);
  if (low(key) != 0) return Insert::id_in_use;
  // Release, so that who sees one of these also sees that the key has lost its id.
  entry.handle.store(object.handle, std::memory_order_release);
  entry.state.store(object.state, std::memory_order_release);
  entry.kind.store(kind_of(object.type, object.owner, object.tombstone), std::memory_order_release);
  entry.key.store(join(static_cast<std::uint32_t>(id), high(key) + 1), std::memory_order_release);
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
  erase_entry(id, *entry);
  return true;
}

bool ObjectTable::take(ObjectId id, std::uint64_t handle) {
  if (id >= kLargeId) {
    const std::scoped_lock lock(large_mutex_);
    const auto it = large_.find(id);
    if (it == large_.end() || it->second.handle != handle) return false;
    large_.erase(it);
    return true;
  }
  const std::scoped_lock lock(mutex_);
  Entry* entry = entry_of(id);
  if (id == 0 || entry == nullptr || entry->handle.load(std::memory_order_relaxed) != handle) return false;
  erase_entry(id, *entry);
  return true;
}

void ObjectTable::erase_entry(ObjectId id, Entry& entry) {
  entry.key.store(join(0, high(entry.key.load(std::memory_order_relaxed))), std::memory_order_release);
  --size_;
  Page* page = root_[id >> kPageBits].load(std::memory_order_relaxed);
  if (--page->live == 0) {
    root_[page->root_index].store(nullptr, std::memory_order_release);
    free_pages_.push_back(page);
  }
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

// take_state: called with the state if the object is there.
template <class TakeState>
Found ObjectTable::look_up_with(ObjectId id, TakeState&& take_state) const noexcept {
  if (id >= kLargeId) [[unlikely]] {
    const std::shared_lock lock(large_mutex_);
    auto it = large_.find(id);
    if (it == large_.end()) return {};
    const Object& object = it->second;
    take_state(object.state);
    return {.kind = kind_of(object.type, object.owner, object.tombstone), .handle = object.handle};
  }
  Page* page = page_of(id);
  if (page == nullptr || id == 0) return {};
  const Entry& entry = page->entries[id % kPageSize];
  const std::uint64_t key = entry.key.load(std::memory_order_acquire);
  if (low(key) != id) return {};
  // Acquire, so that the key is read again after all of them; the partner is insert().
  const Found found{.kind = entry.kind.load(std::memory_order_acquire),
                    .handle = entry.handle.load(std::memory_order_acquire)};
  void* const state = entry.state.load(std::memory_order_acquire);
  if (entry.key.load(std::memory_order_relaxed) != key) return {};
  take_state(state);
  return found;
}

Found ObjectTable::look_up(ObjectId id) const noexcept {
  return look_up_with(id, [](void*) {});
}

Found ObjectTable::look_up(ObjectId id, void*& state) const noexcept {
  state = nullptr;
  return look_up_with(id, [&state](void* found) { state = found; });
}

void ObjectTable::for_each(const std::function<void(ObjectId, const Object&)>& visit) const {
  const std::scoped_lock lock(mutex_);
  const std::shared_lock large_lock(large_mutex_);
  for (const auto& page : pages_) {
    for (const Entry& entry : page->entries) {
      const ObjectId id = low(entry.key.load(std::memory_order_acquire));
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
