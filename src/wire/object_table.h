// ObjectTable: Venus object ids of one context to host handles. Knows no Vulkan command and owns no host object.
#pragma once

#include <vulkan/vulkan_core.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "base/budget.h"

namespace hesper::wire {

static_assert(sizeof(void*) == 8, "Handles travel as 64-bit words; 32-bit hosts are not supported.");

using ObjectId = std::uint64_t;  // chosen by the client, unique within a context; 0 is VK_NULL_HANDLE

// What a lookup found. type VK_OBJECT_TYPE_UNKNOWN: no such object.
struct Object {
  VkObjectType type = VK_OBJECT_TYPE_UNKNOWN;
  bool tombstone = false;    // the object's creation failed on the host; handle is 0
  std::uint32_t owner = 0;   // the device that it belongs to, by a number of the table owner's; 0: to none
  std::uint64_t handle = 0;  // the host's handle, bit for bit
  void* state = nullptr;     // the table owner's own word for the object
};

// The same without the state, such that it travels in two registers and one comparison tells a decoder that all is as
// it must be.
struct Found {
  std::uint64_t kind = 0;  // kind_of(); 0: no such object
  std::uint64_t handle = 0;
};
[[nodiscard]] constexpr std::uint64_t kind_of(VkObjectType type, std::uint32_t owner, bool tombstone = false) noexcept {
  return (std::uint64_t{owner} << 32) | (tombstone ? 0x8000'0000u : 0u) | static_cast<std::uint32_t>(type);
}
[[nodiscard]] constexpr VkObjectType type_of(std::uint64_t kind) noexcept {
  return static_cast<VkObjectType>(kind & 0x7fff'ffffu);
}
[[nodiscard]] constexpr bool is_tombstone(std::uint64_t kind) noexcept { return (kind & 0x8000'0000u) != 0; }
[[nodiscard]] constexpr std::uint32_t owner_of(std::uint64_t kind) noexcept {
  return static_cast<std::uint32_t>(kind >> 32);
}

// Client ids come from a counter, so the table is a radix array of pages: a lookup is two loads and takes no lock.
// Any thread may look up at any time; insert, erase and replace lock one mutex. Pages are recycled but never
// unmapped while the table lives, so a lookup that races with an erase finds the old object or none.
class ObjectTable {
 public:
  // page_limit: pages of 512 objects (16 KiB) that may be in use at once. budget: who pays for them, or nullptr.
  explicit ObjectTable(std::size_t page_limit = kMostPages, Budget* budget = nullptr);
  ~ObjectTable();
  ObjectTable(const ObjectTable&) = delete;
  ObjectTable& operator=(const ObjectTable&) = delete;

  // 16 million objects: far more than a program has, and their pages take 512 MiB.
  static constexpr std::size_t kMostPages = 32768;

  // full: the page limit or the budget is reached.
  enum class Insert : std::uint8_t { ok, zero_id, id_in_use, full };
  [[nodiscard]] Insert insert(ObjectId id, const Object& object);
  // All return false if the id is unknown.
  bool erase(ObjectId id);
  // Erases the object only if it still has this handle. Of several threads that destroy one object, one gets true.
  [[nodiscard]] bool take(ObjectId id, std::uint64_t handle);
  bool replace_handle(ObjectId id, std::uint64_t handle);

  [[nodiscard]] Found look_up(ObjectId id) const noexcept;
  [[nodiscard]] Found look_up(ObjectId id, void*& state) const noexcept;  // state: nullptr if there is no such object
  [[nodiscard]] Object find(ObjectId id) const noexcept {
    Object object;
    const Found found = look_up(id, object.state);
    object.type = type_of(found.kind);
    object.tombstone = is_tombstone(found.kind);
    object.owner = owner_of(found.kind);
    object.handle = found.handle;
    return object;
  }

  // Calls `visit` for every object, in no order, with the table locked against changes: visit may only look up.
  void for_each(const std::function<void(ObjectId, const Object&)>& visit) const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry;
  struct Page;

  template <class TakeState>
  [[nodiscard]] Found look_up_with(ObjectId id, TakeState&& take_state) const noexcept;
  [[nodiscard]] Page* page_of(ObjectId id) const noexcept;
  [[nodiscard]] Entry* entry_of(ObjectId id) const noexcept;
  void erase_entry(ObjectId id, Entry& entry);  // under mutex_

  struct Free {
    void operator()(void* p) const noexcept;
  };
  std::unique_ptr<std::atomic<Page*>[], Free> root_;  // indexed by id / 512, zero pages until touched
  mutable std::mutex mutex_;                          // insert, erase, replace
  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Page*> free_pages_;
  std::size_t page_limit_;
  Budget* budget_;
  std::size_t size_ = 0;
  mutable std::shared_mutex large_mutex_;
  std::unordered_map<ObjectId, Object> large_;  // ids from 2^32 on, after days of a very busy client
};

}  // namespace hesper::wire
