// ClientContext: what one client's streams share: objects, resources, rings, timelines, and whether all is lost.
// The face to the doors is context.h.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "render/context.h"
#include "render/loader.h"
#include "render/objects.h"
#include "render/reclaimer.h"
#include "render/resource.h"
#include "render/ring.h"
#include "render/ring_monitor.h"
#include "render/stream.h"
#include "wire/object_table.h"

namespace hesper::render {

class ClientContext final : public Context {
 public:
  ClientContext(ContextOptions options, std::unique_ptr<Loader> loader);
  ~ClientContext() override;

  bool submit(std::span<const std::byte> commands) override;
  Result<Blob> create_blob(const BlobRequest& request) override;
  void destroy_resource(ResourceId resource) override;
  Result<void> attach_resource(ResourceId resource, SharedRange range) override;
  Result<void> move_memory(std::uint64_t memory, ResourceId into) override;
  void detach_resource(ResourceId resource, std::function<void()> released) override;
  void submit_fence(std::uint32_t ring_idx, std::function<void()> done) override;
  bool fatal() const noexcept override { return fatal_.load(std::memory_order_relaxed); }

  // Any thread. Logs once, shows FATAL on every ring and asks their threads to end.
  void lose(std::string_view reason);

  [[nodiscard]] flight::Recorder& recorder() noexcept { return *recorder_; }
  [[nodiscard]] const ContextOptions& options() const noexcept { return options_; }
  [[nodiscard]] Budget& budget() noexcept { return budget_; }
  // Bytes of the door's ranges that device memory imports. Without a limit: the door has one.
  [[nodiscard]] Budget& imports() noexcept { return imports_; }
  [[nodiscard]] const Loader& loader() const noexcept { return *loader_; }
  [[nodiscard]] wire::ObjectTable& objects() noexcept { return objects_; }
  [[nodiscard]] ResourceTable& resources() noexcept { return resources_; }
  [[nodiscard]] Reclaimer& reclaimer() noexcept { return reclaimer_; }

  // The one instance, or nullptr. Any thread. set: false if there is one already. take: nullptr if it is not this one
  // (any more).
  [[nodiscard]] std::shared_ptr<Instance> instance();
  [[nodiscard]] bool set_instance(std::shared_ptr<Instance> instance);
  [[nodiscard]] std::shared_ptr<Instance> take_instance(const Instance& instance);

  // Never 0, never the same again.
  [[nodiscard]] std::uint32_t next_device_number() noexcept { return ++last_device_number_; }
  // True if no further device may be created; those that streams still hold count.
  [[nodiscard]] bool too_many_devices(Instance& instance);

  // Memories by id, beside the object table: a door may export one while a ring frees it. Any thread.
  void add_memory(wire::ObjectId id, std::shared_ptr<Memory> memory);
  [[nodiscard]] std::shared_ptr<Memory> find_memory(wire::ObjectId id);  // nullptr if unknown
  std::shared_ptr<Memory> remove_memory(wire::ObjectId id);              // nullptr if unknown
  void remove_memories(const Device& device);

  // Rings; context stream only. create_ring's error is a sentence; the others return nullptr / false if unknown.
  [[nodiscard]] std::expected<void, std::string> create_ring(std::uint64_t id, const wire::VkRingCreateInfoMESA& info);
  [[nodiscard]] bool destroy_ring(std::uint64_t id);
  [[nodiscard]] Ring* find_ring(std::uint64_t id);

  // For replay, on its thread: the stream that executes the context's or a ring's commands; nullptr if unknown.
  [[nodiscard]] CommandStream& context_stream() noexcept { return context_stream_; }
  [[nodiscard]] CommandStream* find_ring_stream(std::uint64_t id);

  // Binds ring_idx to the queue. False: ring_idx is 0, too large or taken.
  [[nodiscard]] bool bind_timeline(std::uint32_t ring_idx, Queue& queue);
  void unbind_timelines(const Device& device);

 private:
  // One ring with the stream that executes its commands.
  struct RingEntry {
    Budget::Charge charge;  // of the ring's private copy
    std::shared_ptr<Resource> resource;
    std::unique_ptr<CommandStream> stream;
    std::unique_ptr<Ring> ring;
    std::uint32_t number = 0;  // of ContextOptions::ring_appears
  };

  [[nodiscard]] Result<Blob> create_shmem(const BlobRequest& request);
  [[nodiscard]] Result<Blob> export_memory(const BlobRequest& request);

  const ContextOptions options_;
  std::unique_ptr<flight::Recorder> own_recorder_;  // if the options name none
  flight::Recorder* recorder_;
  Budget budget_;  // before all that has charges
  Budget imports_;
  std::unique_ptr<Loader> loader_;
  wire::ObjectTable objects_;
  ResourceTable resources_;
  std::atomic<bool> fatal_{false};

  std::mutex memories_mutex_;
  std::unordered_map<wire::ObjectId, std::shared_ptr<Memory>> memories_;

  std::mutex timelines_mutex_;
  std::array<Queue*, kTimelineCount> timelines_{};

  Reclaimer reclaimer_;  // before the streams, which are its readers
  std::atomic<std::uint32_t> last_device_number_{0};
  std::mutex instance_mutex_;
  std::shared_ptr<Instance> instance_;  // after the tables that it uses while it is destroyed

  Reclaimer::Reader door_reader_;
  CommandStream context_stream_;
  std::mutex rings_mutex_;  // lose() comes from any thread
  std::map<std::uint64_t, RingEntry> rings_;
  std::uint32_t last_ring_ = 0;
  RingMonitor monitor_;
};

// Destroys a device with all that its client left on it, whose ids are forgotten. Waits for the GPU. False: another
// stream destroys it.
[[nodiscard]] bool destroy_device(ClientContext& context, Device& device);

}  // namespace hesper::render
