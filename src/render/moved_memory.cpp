// Moving memory that a client has allocated into a range of the door's. Why a client's memory can lie elsewhere at
// first: docs/memory.md, "Memory that comes first".
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "render/objects.h"

namespace hesper::render {
namespace {

// With what a queue that does not get done may add, see Queue::notify_when_idle().
constexpr std::chrono::milliseconds kPatience{500};

// Nothing is submitted as long as these live.
std::vector<std::unique_lock<std::mutex>> hold_queues(Device& device) {
  std::vector<std::unique_lock<std::mutex>> held;
  for (const auto& queue : device.queues) held.emplace_back(queue->mutex);
  return held;
}

// Until the GPU has done what it was given so far, or does not get done.
void wait_until_idle(Device& device) {
  struct Busy {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t queues = 0;
  };
  const auto busy = std::make_shared<Busy>();  // a queue may answer after this has given up
  for (const auto& queue : device.queues) {
    if (!queue->may_be_busy()) continue;
    {
      const std::scoped_lock lock(busy->mutex);
      ++busy->queues;
    }
    queue->notify_when_idle(
        [busy] {
          const std::scoped_lock lock(busy->mutex);
          --busy->queues;
          busy->changed.notify_one();
        },
        kPatience);
  }
  std::unique_lock lock(busy->mutex);
  if (!busy->changed.wait_for(lock, 4 * kPatience, [&] { return busy->queues == 0; }))
    log::warn("Memory is moved although the GPU does not say that it is done with it.");
}

}  // namespace

std::uint64_t Device::submissions() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& queue : queues) sum += queue->submissions.load(std::memory_order_relaxed);
  return sum;
}

Result<void> move_into_range(Budget& imports, Memory& memory, std::shared_ptr<Resource> range) {
  Device& device = *memory.device;
  if (device.gone) return fail("The VkDevice is being destroyed.");
  const std::scoped_lock lock(memory.mutex);
  if (memory.freed) return fail("The VkDeviceMemory is freed.");
  if (memory.range != nullptr) return fail("The VkDeviceMemory lies in a blob already.");
  if (!memory.mappable || !memory.fd) return fail("The VkDeviceMemory is not host-visible.");
  if (!device.physical_device.memory.replaceable) return fail("The host's driver does not let memory be moved.");
  const std::size_t size = memory.mapping.size();
  if (range->offset % platform::page_size() != 0 || range->size < size)
    return fail("The blob is smaller than its VkDeviceMemory, or at a place where the host cannot map it.");

  // What was submitted before the memory existed has nothing to do with it. That is how most memory is moved: programs
  // map theirs before they use it. Otherwise the GPU may be writing to it.
  auto held = hold_queues(device);
  if (device.submissions() != memory.submissions_before) {
    held.clear();
    wait_until_idle(device);
    held = hold_queues(device);
  }
  // The range is zeroed, as the pages are that nobody has written to.
  if (const auto written = platform::written_ranges(memory.fd.get(), size); !written.empty()) {
    const auto bytes = range->map();
    if (!bytes) return std::unexpected(bytes.error());
    for (const auto& part : written)
      std::memcpy(bytes->data() + part.offset, memory.mapping.data() + part.offset, part.size);
  }
  // The system may have taken the old pages away before it failed: what used them now would fault.
  if (auto replaced = memory.mapping.replace(range->file->get(), range->offset); !replaced)
    return fail(fmt::format("A VkDeviceMemory is lost half-way into its blob. {}.", replaced.error().message), EFAULT);
  memory.fd = UniqueFd();
  memory.charge = std::make_shared<const Budget::Charge>(imports, size);  // it has no limit
  memory.range = std::move(range);
  return {};
}

}  // namespace hesper::render
