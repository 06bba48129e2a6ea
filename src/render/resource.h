// Resource: shared memory that a client and this context both know by a number. Blobs become resources when a door
// creates them, ranges of the door's files when it attaches them. Knows no Vulkan object; memory.cpp says which of them
// a VkDeviceMemory stands behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/budget.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "render/context.h"

namespace hesper::render {

enum class ResourceKind : std::uint8_t {
  shmem,          // blob_id 0: rings, reply and command streams
  shared_memory,  // pages behind a VkDeviceMemory of strategy hostptr
  dma_buf,        // exported by the host driver
  range,          // bytes of a file of the door's, for any of these uses
};

// Bytes of the file behind fd (borrowed).
[[nodiscard]] Result<std::uint64_t> file_size(int fd);

// Shared by all who use the bytes: the table while the client can name them, rings, and device memory that imports
// them. The end of the last one is the end of the use.
class Resource {
 public:
  // The caller has checked that the file has these bytes. paid: for the pages; nullptr where they are not ours or the
  // GPU's own.
  Resource(ResourceKind what, SharedRange where, std::shared_ptr<const Budget::Charge> paid)
      : kind(what), file(std::move(where.file)), offset(where.offset), size(where.size), charge(std::move(paid)) {}
  ~Resource();  // unmaps, then tells
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  // True for what rings, replies and streams may lie in.
  [[nodiscard]] bool holds_streams() const noexcept {
    return kind == ResourceKind::shmem || kind == ResourceKind::range;
  }
  // All `size` bytes; mapped at the first call, for as long as the resource lives. Any thread. Errors: no mapping.
  [[nodiscard]] Result<std::span<std::byte>> map();

  // Called by the destructor. Set before the last user can let go: by one who holds the resource.
  void tell_when_released(std::function<void()> released) { released_ = std::move(released); }

  const ResourceKind kind;
  const std::shared_ptr<const UniqueFd> file;
  const std::uint64_t offset;  // bytes from the file's start; 0 but for ranges
  const std::uint64_t size;    // bytes that may be used: the blob's size, never more than the file's
  const std::shared_ptr<const Budget::Charge> charge;

 private:
  std::mutex mutex_;
  platform::Mapping mapping_;  // under mutex_; whole pages around the bytes
  std::function<void()> released_;
};

// Any thread. Whoever holds a shared_ptr keeps the pages, also when the client has dropped the resource meanwhile.
class ResourceTable {
 public:
  // False: the id is 0 or in use.
  bool insert(ResourceId id, std::shared_ptr<Resource> resource) {
    if (id == ResourceId{}) return false;
    const std::scoped_lock lock(mutex_);
    return table_.try_emplace(id, std::move(resource)).second;
  }
  // Forgets the id. nullptr if unknown.
  std::shared_ptr<Resource> take(ResourceId id) {
    const std::scoped_lock lock(mutex_);
    auto node = table_.extract(id);
    return node ? std::move(node.mapped()) : nullptr;
  }
  // nullptr if unknown.
  [[nodiscard]] std::shared_ptr<Resource> find(ResourceId id) const {
    const std::scoped_lock lock(mutex_);
    auto it = table_.find(id);
    return it == table_.end() ? nullptr : it->second;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<ResourceId, std::shared_ptr<Resource>> table_;
};

}  // namespace hesper::render
