// PreparedHost: what a worker can do before it knows its client: load the host's drivers, and find out how memory is
// made on each device (memory_plan.h), which takes longer than everything else at a client's start.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "base/error.h"
#include "render/loader.h"
#include "render/memory_plan.h"
#include "render/objects.h"

namespace hesper::render {

// Keeps the drivers loaded while it lives. Any thread, once created.
class PreparedHost {
 public:
  // options: those of the contexts that will use it. Errors: no loader, or no driver that starts. A device without a
  // plan is none: it is tried again by each context.
  [[nodiscard]] static Result<std::shared_ptr<const PreparedHost>> create(const ContextOptions& options);
  // The same with a driver that the caller has already.
  [[nodiscard]] static Result<std::shared_ptr<const PreparedHost>> create(const ContextOptions& options,
                                                                          std::unique_ptr<Loader> loader);

  // nullptr if there is none. device: of any instance.
  [[nodiscard]] const MemoryPlan* find_plan(const InstanceProcs& procs, VkPhysicalDevice device) const;

 private:
  // deviceUUID and driverUUID: two drivers may serve one device.
  using Key = std::array<std::uint8_t, std::size_t{2} * VK_UUID_SIZE>;

  PreparedHost() = default;
  [[nodiscard]] static Key key_of(const InstanceProcs& procs, VkPhysicalDevice device);

  std::unique_ptr<Loader> loader_;
  std::unique_ptr<Instance> instance_;
  std::map<Key, MemoryPlan> plans_;
};

}  // namespace hesper::render
