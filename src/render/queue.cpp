// Queues: submission, and telling the client when what it submitted is complete.
#include <algorithm>
#include <utility>

#include "platform/thread.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/made.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

constexpr std::uint64_t kSlice = 500'000'000;  // ns; so that a watcher sees the thread live, and for deadlines

Queue& queue_of(const void* state) noexcept {
  // SAFETY: the state of every VkQueue is its Queue.
  return *static_cast<Queue*>(static_cast<DeviceChild*>(const_cast<void*>(state)));
}

// A submission with an object that does not exist can neither run nor be left out silently: fences would never signal.
bool lost_object(CommandStream& stream, wire::CommandType type, VkResult& result) {
  if (!stream.tombstone()) return false;
  result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (!stream.reply_wanted()) stream.refuse(type, "An object of the submission could not be created on the host.");
  return true;
}

// Emulated sync_fd semaphores. The waits of one batch that find an imported payload are taken out: waiting for a
// signalled payload has no effect but to consume it. Remembers where semaphores are signalled.
class SemaphoreEdit {
 public:
  SemaphoreEdit(Queue& queue) : queue_(queue), device_(*queue.device), lock_(device_.sync_mutex) {}

  // True if the wait was for an imported payload, which it consumes.
  bool consumes_import(VkSemaphore semaphore) {
    if (device_.imported_semaphores == 0) return false;
    const auto it = device_.emulated_semaphores.find(semaphore);
    if (it == device_.emulated_semaphores.end() || !it->second.imported) return false;
    it->second.imported = false;
    --device_.imported_semaphores;
    return true;
  }
  void signals(VkSemaphore semaphore) {
    const auto it = device_.emulated_semaphores.find(semaphore);
    if (it != device_.emulated_semaphores.end()) it->second.last_signal = &queue_;
  }

 private:
  Queue& queue_;
  Device& device_;
  std::scoped_lock<std::mutex> lock_;
};

// Removes the elements of parallel arrays (null ones are skipped) for which keep[i] is false.
template <class... Arrays>
std::uint32_t compact(const std::vector<bool>& keep, Arrays*... arrays) {
  std::uint32_t to = 0;
  for (std::uint32_t from = 0; from < keep.size(); ++from) {
    if (!keep[from]) continue;
    ((arrays != nullptr ? static_cast<void>(arrays[to] = arrays[from]) : static_cast<void>(0)), ...);
    ++to;
  }
  return to;
}

// SAFETY of the const_casts below: the arrays lie in the decoder's own memory, which is not const.
template <class T>
T* mutable_array(const T* array, std::uint32_t have, std::size_t need) {
  return have >= need ? const_cast<T*>(array) : nullptr;
}

std::vector<bool> kept_waits(SemaphoreEdit& edit, const VkSemaphore* waits, std::uint32_t count, bool& all) {
  std::vector<bool> keep(count, true);
  for (std::uint32_t i = 0; i < count; ++i) {
    keep[i] = !edit.consumes_import(waits[i]);
    all = all && keep[i];
  }
  return keep;
}

void edit_submit(SemaphoreEdit& edit, VkSubmitInfo& submit) {
  bool all = true;
  const auto keep = kept_waits(edit, submit.pWaitSemaphores, submit.waitSemaphoreCount, all);
  if (!all) {
    auto* timeline =
        find_in_chain<VkTimelineSemaphoreSubmitInfo>(submit.pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    auto* group = find_in_chain<VkDeviceGroupSubmitInfo>(submit.pNext, VK_STRUCTURE_TYPE_DEVICE_GROUP_SUBMIT_INFO);
    const std::size_t need = keep.size();
    std::uint64_t* values =
        timeline == nullptr ? nullptr
                            : mutable_array(timeline->pWaitSemaphoreValues, timeline->waitSemaphoreValueCount, need);
    std::uint32_t* indices =
        group == nullptr ? nullptr : mutable_array(group->pWaitSemaphoreDeviceIndices, group->waitSemaphoreCount, need);
    submit.waitSemaphoreCount = compact(keep, const_cast<VkSemaphore*>(submit.pWaitSemaphores),
                                        const_cast<VkPipelineStageFlags*>(submit.pWaitDstStageMask), values, indices);
    if (values != nullptr) timeline->waitSemaphoreValueCount = submit.waitSemaphoreCount;
    if (indices != nullptr) group->waitSemaphoreCount = submit.waitSemaphoreCount;
  }
  for (std::uint32_t i = 0; i < submit.signalSemaphoreCount; ++i) edit.signals(submit.pSignalSemaphores[i]);
}

void edit_submit(SemaphoreEdit& edit, VkSubmitInfo2& submit) {
  std::vector<bool> keep(submit.waitSemaphoreInfoCount, true);
  for (std::uint32_t i = 0; i < submit.waitSemaphoreInfoCount; ++i) {
    keep[i] = !edit.consumes_import(submit.pWaitSemaphoreInfos[i].semaphore);
  }
  submit.waitSemaphoreInfoCount = compact(keep, const_cast<VkSemaphoreSubmitInfo*>(submit.pWaitSemaphoreInfos));
  for (std::uint32_t i = 0; i < submit.signalSemaphoreInfoCount; ++i) {
    edit.signals(submit.pSignalSemaphoreInfos[i].semaphore);
  }
}

void edit_submit(SemaphoreEdit& edit, VkBindSparseInfo& submit) {
  bool all = true;
  const auto keep = kept_waits(edit, submit.pWaitSemaphores, submit.waitSemaphoreCount, all);
  if (!all) {
    auto* timeline =
        find_in_chain<VkTimelineSemaphoreSubmitInfo>(submit.pNext, VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    std::uint64_t* values = timeline == nullptr ? nullptr
                                                : mutable_array(timeline->pWaitSemaphoreValues,
                                                                timeline->waitSemaphoreValueCount, keep.size());
    submit.waitSemaphoreCount = compact(keep, const_cast<VkSemaphore*>(submit.pWaitSemaphores), values);
    if (values != nullptr) timeline->waitSemaphoreValueCount = submit.waitSemaphoreCount;
  }
  for (std::uint32_t i = 0; i < submit.signalSemaphoreCount; ++i) edit.signals(submit.pSignalSemaphores[i]);
}

template <class Submit>
void edit_submits(Queue& queue, const Submit* submits, std::uint32_t count) {
  if (!queue.device->physical_device.emulation.semaphore_sync_fd) return;
  SemaphoreEdit edit(queue);
  for (std::uint32_t i = 0; i < count; ++i) edit_submit(edit, const_cast<Submit&>(submits[i]));
}

}  // namespace

void on_vkQueueSubmit(CommandStream& stream, wire::vkQueueSubmit_args& args) {
  if (lost_object(stream, args.kType, args.ret)) return;
  Queue& queue = queue_of(args.queue.state);
  edit_submits(queue, args.pSubmits, args.submitCount);
  const std::scoped_lock lock(queue.mutex);
  ++queue.submissions;
  args.ret = queue.procs->vkQueueSubmit(queue.handle, args.submitCount, args.pSubmits, args.fence.handle);
}

void on_vkQueueSubmit2(CommandStream& stream, wire::vkQueueSubmit2_args& args) {
  if (lost_object(stream, args.kType, args.ret)) return;
  Queue& queue = queue_of(args.queue.state);
  if (queue.procs->vkQueueSubmit2 == nullptr) return stream.missing(args.kType);
  edit_submits(queue, args.pSubmits, args.submitCount);
  const std::scoped_lock lock(queue.mutex);
  ++queue.submissions;
  args.ret = queue.procs->vkQueueSubmit2(queue.handle, args.submitCount, args.pSubmits, args.fence.handle);
}

void on_vkQueueBindSparse(CommandStream& stream, wire::vkQueueBindSparse_args& args) {
  if (lost_object(stream, args.kType, args.ret)) return;
  Queue& queue = queue_of(args.queue.state);
  if (!queue.device->physical_device.memory.sparse) {
    return stream.refuse(args.kType, "Sparse resources cannot be bound to shared memory on this host.");
  }
  edit_submits(queue, args.pBindInfo, args.bindInfoCount);
  if (!move_sparse_binds(*queue.device, args.pBindInfo, args.bindInfoCount)) {
    return stream.refuse(args.kType, "A sparse bind lies outside of its memory.");
  }
  const std::scoped_lock lock(queue.mutex);
  ++queue.submissions;
  args.ret = queue.procs->vkQueueBindSparse(queue.handle, args.bindInfoCount, args.pBindInfo, args.fence.handle);
}

// ---- Completion ----

Queue::Queue(Device& owner, VkQueue queue, std::uint32_t queue_family, std::uint32_t queue_index,
             VkDeviceQueueCreateFlags queue_flags, flight::Recorder& recorder)
    : DeviceChild{.procs = owner.procs, .device = &owner},
      handle(queue),
      family(queue_family),
      index(queue_index),
      flags(queue_flags),
      recorder_(recorder) {}

Queue::~Queue() { finish(); }

void Queue::finish() {
  if (std::exchange(finished_, true)) return;
  {
    const std::scoped_lock lock(pending_mutex_);
    stop_ = true;
  }
  pending_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  procs->vkQueueWaitIdle(handle);
  for (VkFence fence : free_fences_) procs->vkDestroyFence(device->handle, fence, nullptr);
}

bool Queue::may_be_busy() {
  const std::scoped_lock lock(mutex);
  return submissions != complete_.load(std::memory_order_relaxed);
}

void Queue::notify(std::function<void()> done, Clock::time_point deadline) {
  {
    // Held over the submission, so that the order of pending_ is the order on the queue.
    const std::scoped_lock lock(pending_mutex_);
    VkFence fence = VK_NULL_HANDLE;
    VkResult result = VK_SUCCESS;
    std::uint64_t covered = 0;
    if (!free_fences_.empty()) {
      fence = free_fences_.back();
      free_fences_.pop_back();
    } else {
      const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = nullptr, .flags = 0};
      result = made(procs->vkCreateFence(device->handle, &info, nullptr, &fence), fence);
    }
    if (result == VK_SUCCESS) {
      const std::scoped_lock queue_lock(mutex);
      covered = submissions;
      result = procs->vkQueueSubmit(handle, 0, nullptr, fence);
    }
    if (result != VK_SUCCESS && fence != VK_NULL_HANDLE) {
      // A lost device owes nothing any more: the fence counts as signalled, as the client would see it.
      free_fences_.push_back(std::exchange(fence, VK_NULL_HANDLE));
    }
    pending_.push_back({.fence = fence, .done = std::move(done), .deadline = deadline, .submissions = covered});
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  pending_changed_.notify_one();
}

void Queue::call_overdue(Pending& current) {
  std::vector<std::function<void()>> overdue;
  const auto now = Clock::now();
  const auto look = [&](Pending& pending) {
    if (pending.done && now >= pending.deadline) overdue.push_back(std::exchange(pending.done, nullptr));
  };
  look(current);
  {
    const std::scoped_lock lock(pending_mutex_);
    std::ranges::for_each(pending_, look);
  }
  for (const auto& done : overdue) done();
}

void Queue::run() {
  platform::name_thread("queue");
  flight::StreamRecord& record = recorder_.open(flight::Kind::queue, ring_idx);
  std::unique_lock lock(pending_mutex_);
  while (true) {
    pending_changed_.wait(lock, [&] { return stop_ || !pending_.empty(); });
    if (pending_.empty()) break;
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    lock.unlock();
    if (next.fence != VK_NULL_HANDLE) {
      const flight::ActivityScope activity(record, flight::Activity::waits_for_fence);
      while (procs->vkWaitForFences(device->handle, 1, &next.fence, VK_TRUE, kSlice) == VK_TIMEOUT) {
        record.pulse();
        call_overdue(next);
      }
      procs->vkResetFences(device->handle, 1, &next.fence);
      complete_.store(next.submissions, std::memory_order_relaxed);
    }
    if (next.done) next.done();
    next.done = nullptr;  // without the lock: what it holds may end with it
    lock.lock();
    if (next.fence != VK_NULL_HANDLE) free_fences_.push_back(next.fence);
  }
  recorder_.close(record);
}

void keep_until_idle(Device& device, const std::shared_ptr<const void>& object) {
  for (const auto& queue : device.queues) {
    if (queue->may_be_busy()) queue->notify_when_idle([object] {}, kLongestKeep);
  }
}

}  // namespace hesper::render
