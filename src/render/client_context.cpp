// ClientContext: blobs, rings, timelines and the end.
#include "render/client_context.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "render/observer.h"
#include "wire/names.h"

namespace hesper::render {
namespace {

// VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE, and VIRTIO_GPU_MAP_CACHE_CACHED.
constexpr std::uint32_t kMappable = 1;
constexpr std::uint32_t kCached = 1;

SharedRange whole_file(UniqueFd fd, std::uint64_t size) {
  return {.file = std::make_shared<const UniqueFd>(std::move(fd)), .offset = 0, .size = size};
}

Result<UniqueFd> duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return fail_errno("Cannot duplicate a file descriptor", errno);
  return UniqueFd(copy);
}

}  // namespace

Result<std::unique_ptr<Context>> Context::create(ContextOptions options) {
  auto loader = Loader::open();
  if (!loader) return std::unexpected(loader.error());
  return std::make_unique<ClientContext>(std::move(options), std::move(*loader));
}

ClientContext::ClientContext(ContextOptions options, std::unique_ptr<Loader> loader)
    : options_(std::move(options)),
      own_recorder_(options_.recorder == nullptr ? std::make_unique<flight::Recorder>() : nullptr),
      recorder_(options_.recorder == nullptr ? own_recorder_.get() : options_.recorder),
      budget_(options_.memory_budget),
      loader_(std::move(loader)),
      objects_(wire::ObjectTable::kMostPages, &budget_),
      door_reader_(reclaimer_),
      context_stream_(*this, "context stream") {}

ClientContext::~ClientContext() {
  // All at once, so that no ring waits for another that is gone; then one by one.
  {
    const std::scoped_lock lock(rings_mutex_);
    for (auto& [id, entry] : rings_) entry.ring->request_stop();
  }
  for (auto& [id, entry] : rings_) {
    monitor_.remove(*entry.ring);
    entry.ring.reset();
  }
  // What the client left on its devices goes before them, as Vulkan wants it.
  while (instance_ != nullptr && !instance_->devices.empty()) {
    static_cast<void>(destroy_device(*this, *instance_->devices.back()));
  }
  instance_.reset();
}

void ClientContext::lose(std::string_view reason) {
  if (fatal_.exchange(true, std::memory_order_seq_cst)) return;
  log::error("{}: the context is lost: {}", options_.name, reason);
  if (options_.observer != nullptr) options_.observer->context_lost(reason);
  const std::scoped_lock lock(rings_mutex_);
  for (auto& [id, entry] : rings_) {
    entry.ring->set_fatal();
    entry.ring->request_stop();
  }
}

// ---- Instance and devices ----

std::shared_ptr<Instance> ClientContext::instance() {
  const std::scoped_lock lock(instance_mutex_);
  return instance_;
}

bool ClientContext::set_instance(std::shared_ptr<Instance> instance) {
  const std::scoped_lock lock(instance_mutex_);
  if (instance_ != nullptr) return false;
  instance_ = std::move(instance);
  return true;
}

std::shared_ptr<Instance> ClientContext::take_instance(const Instance& instance) {
  const std::scoped_lock lock(instance_mutex_);
  return instance_.get() == &instance ? std::move(instance_) : nullptr;
}

bool ClientContext::too_many_devices(Instance& instance) {
  const std::size_t waiting = reclaimer_.waiting();
  const std::scoped_lock lock(instance.devices_mutex);
  return instance.devices.size() + waiting >= options_.max_devices;
}

// ---- Submissions ----

bool ClientContext::submit(std::span<const std::byte> commands) {
  if (fatal()) return false;
  return context_stream_.execute(commands);
}

// ---- Blobs ----

namespace {

std::unexpected<Error> no_memory(wire::ObjectTable& objects, wire::ObjectId id) {
  return fail(objects.find(id).tombstone ? "The VkDeviceMemory could not be allocated."
                                         : "The blob id names no VkDeviceMemory.");
}

}  // namespace

Result<Blob> ClientContext::create_blob(const BlobRequest& request) {
  const flight::ActivityScope activity(context_stream_.record(), flight::Activity::creates_blob);
  if (request.size == 0) return fail("A blob has at least 1 byte.");
  if (options_.memory_in_ranges) return fail("Blobs of this context are made by its door.");
  auto blob = request.blob_id == 0 ? create_shmem(request) : export_memory(request);
  if (options_.observer != nullptr) options_.observer->blob_requested(request, blob ? &*blob : nullptr);
  return blob;
}

Result<Blob> ClientContext::create_shmem(const BlobRequest& request) {
  auto charge = std::make_shared<const Budget::Charge>(budget_, request.size);
  if (!*charge) {
    return fail("A blob of " + std::to_string(request.size) + " bytes does not fit into the memory budget, of whose " +
                std::to_string(budget_.limit()) + " bytes " + std::to_string(budget_.used()) + " are in use.");
  }
  auto fd = platform::create_shared_memory("hesper-shmem", request.size);
  if (!fd) return std::unexpected(fd.error());
  auto for_client = duplicate(fd->get());
  if (!for_client) return std::unexpected(for_client.error());
  auto resource =
      std::make_shared<Resource>(ResourceKind::shmem, whole_file(std::move(*fd), request.size), std::move(charge));
  if (auto mapped = resource->map(); !mapped) return std::unexpected(std::move(mapped.error()));
  if (!resources_.insert(request.resource, std::move(resource))) return fail("The resource id is 0 or in use.");
  return Blob{.fd = std::move(*for_client), .size = request.size, .mappable = true, .map_info = kCached};
}

Result<Blob> ClientContext::export_memory(const BlobRequest& request) {
  const Reclaimer::Visit visit(door_reader_);  // keeps the memory's device
  const std::shared_ptr<Memory> found = find_memory(request.blob_id);
  if (found == nullptr) return no_memory(objects_, request.blob_id);
  const Memory& memory = *found;
  const bool wants_map = (request.blob_flags & kMappable) != 0;
  if (wants_map && !memory.mappable) return fail("The VkDeviceMemory is not host-visible.");
  if (request.size > memory.size) {
    return fail("The blob (" + std::to_string(request.size) + " bytes) is larger than its VkDeviceMemory (" +
                std::to_string(memory.size) + ").");
  }

  ResourceKind kind = ResourceKind::shared_memory;
  UniqueFd fd;
  if (memory.fd) {
    auto copy = duplicate(memory.fd.get());
    if (!copy) return std::unexpected(copy.error());
    fd = std::move(*copy);
  } else if (memory.exportable) {
    kind = ResourceKind::dma_buf;
    const VkMemoryGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                    .pNext = nullptr,
                                    .memory = memory.handle,
                                    .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
    int raw = -1;
    const VkResult result = memory.device->procs->vkGetMemoryFdKHR(memory.device->handle, &info, &raw);
    if (result != VK_SUCCESS) return fail("The host driver does not export the VkDeviceMemory.", result);
    fd = UniqueFd(raw);
    if (const off_t end = ::lseek(raw, 0, SEEK_END); end >= 0 && static_cast<std::uint64_t>(end) < request.size) {
      return fail("The host driver's dma-buf (" + std::to_string(end) + " bytes) is smaller than the blob (" +
                  std::to_string(request.size) + ").");
    }
  } else {
    return fail("The VkDeviceMemory was not allocated for export.");
  }
  auto kept = duplicate(fd.get());
  if (!kept) return std::unexpected(kept.error());
  auto resource = std::make_shared<Resource>(kind, whole_file(std::move(*kept), request.size), memory.charge);
  if (!resources_.insert(request.resource, std::move(resource))) return fail("The resource id is 0 or in use.");
  return Blob{.fd = std::move(fd),
              .size = request.size,
              .mappable = memory.mappable,
              .map_info = memory.mappable ? kCached : 0};
}

void ClientContext::add_memory(wire::ObjectId id, std::shared_ptr<Memory> memory) {
  const std::scoped_lock lock(memories_mutex_);
  memories_.insert_or_assign(id, std::move(memory));
}

std::shared_ptr<Memory> ClientContext::find_memory(wire::ObjectId id) {
  const std::scoped_lock lock(memories_mutex_);
  const auto it = memories_.find(id);
  return it == memories_.end() ? nullptr : it->second;
}

std::shared_ptr<Memory> ClientContext::remove_memory(wire::ObjectId id) {
  const std::scoped_lock lock(memories_mutex_);
  auto node = memories_.extract(id);
  return node ? std::move(node.mapped()) : nullptr;
}

void ClientContext::remove_memories(const Device& device) {
  const std::scoped_lock lock(memories_mutex_);
  std::erase_if(memories_, [&](const auto& entry) { return entry.second->device == &device; });
}

void ClientContext::destroy_resource(ResourceId resource) {
  if (options_.observer != nullptr) options_.observer->resource_destroyed(resource);
  resources_.take(resource);
}

// ---- Ranges of the door's ----

Result<void> ClientContext::attach_resource(ResourceId id, SharedRange range) {
  if (range.file == nullptr) return fail("The range has no file.", EBADF);
  const auto end = file_size(range.file->get());
  if (!end) return std::unexpected(end.error());
  if (range.size == 0 || range.offset % kRangeStep != 0 || range.offset > *end || range.size > *end - range.offset) {
    return fail(
        fmt::format("The range of {} bytes at {} does not begin at a multiple of {}, or is not inside its file "
                    "of {} bytes.",
                    range.size, range.offset, kRangeStep, *end));
  }
  auto resource = std::make_shared<Resource>(ResourceKind::range, std::move(range), nullptr);
  if (!resources_.insert(id, std::move(resource))) return fail("The resource id is 0 or in use.");
  return {};
}

Result<void> ClientContext::move_memory(std::uint64_t id, ResourceId into) {
  const flight::ActivityScope activity(context_stream_.record(), flight::Activity::creates_blob);
  const Reclaimer::Visit visit(door_reader_);  // keeps the memory's device
  const std::shared_ptr<Memory> memory = find_memory(id);
  if (memory == nullptr) return no_memory(objects_, id);
  auto range = resources_.find(into);
  if (range == nullptr || range->kind != ResourceKind::range) return fail("There is no such range.");
  auto moved = move_into_range(imports_, *memory, std::move(range));
  if (!moved && moved.error().code == EFAULT) lose(moved.error().message);
  return moved;
}

void ClientContext::detach_resource(ResourceId id, std::function<void()> released) {
  const std::shared_ptr<Resource> resource = resources_.take(id);
  if (resource == nullptr) return released();
  resource->tell_when_released(std::move(released));
}

// ---- Rings ----

std::expected<void, std::string> ClientContext::create_ring(std::uint64_t id, const wire::VkRingCreateInfoMESA& info) {
  if (rings_.contains(id)) return std::unexpected("The ring exists already.");
  if (rings_.size() >= options_.max_rings) {
    return std::unexpected("The context has " + std::to_string(rings_.size()) + " rings already, the most allowed.");
  }
  auto resource = resources_.find(ResourceId{info.resourceId});
  if (resource == nullptr || !resource->holds_streams()) {
    return std::unexpected("The ring's resource is not shared memory of this context.");
  }
  const auto memory = resource->map();
  if (!memory) return std::unexpected(memory.error().message);
  const auto layout = check_ring_layout(info, resource->size);
  if (!layout) return std::unexpected(layout.error());

  const std::uint32_t number = last_ring_++;
  RingOptions options{
      .name = "ring " + std::to_string(number),
      .idle_timeout = std::chrono::nanoseconds(std::min<std::uint64_t>(info.idleTimeout, 1'000'000'000))};
  std::chrono::microseconds period{0};
  // SAFETY: the decoder built the chain and lets only these two structs in.
  for (auto* next = static_cast<const VkBaseInStructure*>(info.pNext); next != nullptr; next = next->pNext) {
    if (next->sType == wire::VK_STRUCTURE_TYPE_RING_MONITOR_INFO_MESA) {
      period = std::chrono::microseconds(
          reinterpret_cast<const wire::VkRingMonitorInfoMESA*>(next)->maxReportingPeriodMicroseconds);
      if (period.count() == 0) return std::unexpected("The ring monitor's period is 0.");
    } else if (next->sType == wire::VK_STRUCTURE_TYPE_RING_PRIORITY_INFO_MESA) {
      options.nice = std::clamp(reinterpret_cast<const wire::VkRingPriorityInfoMESA*>(next)->priority, 0, 19);
    }
  }

  Budget::Charge charge(budget_, layout->buffer_size);
  if (!charge) return std::unexpected("The memory budget has no room for the ring's private copy.");
  RingEntry entry{.charge = std::move(charge),
                  .resource = resource,
                  .stream = std::make_unique<CommandStream>(*this, options.name, flight::Kind::ring, number),
                  .ring = nullptr,
                  .number = number};
  entry.ring = std::make_unique<Ring>(*memory, *layout, std::move(options), *entry.stream);
  if (!entry.ring->fresh()) return std::unexpected("The ring's head and status are not 0.");
  entry.stream->set_ring(entry.ring.get());
  Ring& ring = *entry.ring;
  if (options_.observer != nullptr) options_.observer->stream_begins(entry.stream->number(), id);
  {
    const std::scoped_lock lock(rings_mutex_);
    rings_.emplace(id, std::move(entry));
  }
  if (options_.replays) return {};
  monitor_.add(ring, period);
  if (options_.ring_appears) {
    options_.ring_appears(number, resource->file->get(), resource->offset + layout->status, kRingFatal);
  }
  ring.start();
  return {};
}

bool ClientContext::destroy_ring(std::uint64_t id) {
  auto it = rings_.find(id);
  if (it == rings_.end()) return false;
  if (options_.ring_disappears) options_.ring_disappears(it->second.number);
  it->second.ring->request_stop();
  monitor_.remove(*it->second.ring);
  decltype(rings_)::node_type node;
  {
    const std::scoped_lock lock(rings_mutex_);
    node = rings_.extract(it);
  }
  node.mapped().ring.reset();  // joins; the thread may call lose(), so not under the lock
  if (options_.observer != nullptr) options_.observer->stream_ends(node.mapped().stream->number());
  return true;
}

Ring* ClientContext::find_ring(std::uint64_t id) {
  auto it = rings_.find(id);
  return it == rings_.end() ? nullptr : it->second.ring.get();
}

CommandStream* ClientContext::find_ring_stream(std::uint64_t id) {
  auto it = rings_.find(id);
  return it == rings_.end() ? nullptr : it->second.stream.get();
}

// ---- Timelines ----

bool ClientContext::bind_timeline(std::uint32_t ring_idx, Queue& queue) {
  const std::scoped_lock lock(timelines_mutex_);
  if (ring_idx == 0 || ring_idx >= timelines_.size() || timelines_[ring_idx] != nullptr) return false;
  if (queue.device->gone.load(std::memory_order_relaxed)) return false;
  timelines_[ring_idx] = &queue;
  queue.ring_idx = ring_idx;
  return true;
}

void ClientContext::unbind_timelines(const Device& device) {
  const std::scoped_lock lock(timelines_mutex_);
  for (Queue*& queue : timelines_) {
    if (queue != nullptr && queue->device == &device) queue = nullptr;
  }
}

void ClientContext::submit_fence(std::uint32_t ring_idx, std::function<void()> done) {
  if (options_.observer != nullptr) options_.observer->fence_submitted(ring_idx);
  if (ring_idx != 0 && ring_idx < timelines_.size() && !fatal()) {
    const std::scoped_lock lock(timelines_mutex_);  // keeps the queue
    if (Queue* queue = timelines_[ring_idx]; queue != nullptr) {
      const flight::ActivityScope activity(context_stream_.record(), flight::Activity::submits_fence);
      queue->notify_when_idle(std::move(done));
      return;
    }
  }
  done();
}

}  // namespace hesper::render
