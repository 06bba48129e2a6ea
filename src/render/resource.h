// Resource: shared memory that a client and this context both know by a number. Blobs become resources when a door
// creates them. Knows no Vulkan object; memory.h says which of them a VkDeviceMemory stands behind.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/budget.h"
#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "render/context.h"

namespace hesper::render {

enum class ResourceKind : std::uint8_t {
  shmem,          // blob_id 0: rings, reply and command streams; always mapped
  shared_memory,  // pages behind a VkDeviceMemory of strategy hostptr
  dma_buf,        // exported by the host driver
};

struct Resource {
  ResourceKind kind{};
  UniqueFd fd;
  std::uint64_t size = 0;                        // bytes that may be used: the blob's size, never more than the file's
  platform::Mapping mapping;                     // kind shmem only
  std::shared_ptr<const Budget::Charge> charge;  // for the pages; nullptr where they are not ours or the GPU's own
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
  void erase(ResourceId id) {
    std::shared_ptr<Resource> last;  // destroyed after the lock is given back
    const std::scoped_lock lock(mutex_);
    if (auto it = table_.find(id); it != table_.end()) {
      last = std::move(it->second);
      table_.erase(it);
    }
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
