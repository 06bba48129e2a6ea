// WorkerLink: hesper-gpu's end of the link to one worker, from the order to start it until it is dead. Knows no guest
// command. Ranges that it has been told of stay in use until it says that it has released them, or is dead.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/budget.h"
#include "base/unique_fd.h"
#include "device/report.h"
#include "device/window_file.h"
#include "gpu/context_host.h"
#include "link/outbox.h"
#include "link/protocol.h"
#include "platform/event_loop.h"
#include "platform/shared_memory.h"

namespace hesper::device {

class WorkerLink;

// A file for a blob that the guest does not map, and which has therefore no place in the window.
struct OwnFile {
  std::shared_ptr<const UniqueFd> fd;
  platform::Mapping mapping;
  Budget::Charge charge;
};

// Where a blob's bytes are now, and which workers know it by which resource id. The loop's thread.
struct BlobMemory {
  std::uint64_t size = 0;                      // bytes
  std::shared_ptr<const OwnFile> file;         // nullptr: its place is in the window
  std::shared_ptr<const WindowFile::Use> use;  // nullptr: it has none now
  std::vector<std::pair<WorkerLink*, gpu::ResourceId>> attached;

  // The guest has mapped it, but others still use the place; or it has a file, into which memory has yet to move.
  bool awaited = false;
  bool lost = false;  // that memory has not moved, so that these bytes are nobody's

  // Who waits for a worker to have it, and for the device memory of this id (0: none) to have moved there.
  struct Giving {
    WorkerLink* worker = nullptr;
    std::uint64_t memory = 0;
    std::function<void(Result<void>)> done;
  };
  std::optional<Giving> giving;

  [[nodiscard]] bool exists() const noexcept { return !lost && (file != nullptr || use != nullptr); }
};

// The loop's thread.
class WorkerLink {
 public:
  struct Options {
    gpu::ContextId context{};
    std::string name;      // as the guest calls it
    gpu::Cookie cookie{};  // for context_lost()
    // Bytes of orders that may wait for the worker, and what those of all workers may hold together.
    std::uint64_t most_waiting = 0;
    Budget* waiting_budget = nullptr;
  };
  // Called once, never from within another call of this, when the worker is dead. Destroys the link.
  using OnDeath = std::function<void()>;

  // link, life: our ends of the two socket pairs. life is closed by hesper when the worker is dead, and no earlier;
  // when we close it, hesper kills the worker. All that is borrowed outlives this.
  WorkerLink(platform::EventLoop& loop, gpu::ContextEvents& events, const WindowFile& window, UniqueFd link,
             UniqueFd life, Options options, OnDeath on_death);
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;
  ~WorkerLink();

  // Orders. After the worker is lost they do nothing; submit() says so.
  [[nodiscard]] Result<void> submit(std::span<const std::byte> commands);
  void fence(std::uint8_t ring_idx, gpu::Cookie cookie);
  void attach(gpu::ResourceId resource, std::shared_ptr<BlobMemory> blob);
  void detach(gpu::ResourceId resource);

  // Whether the worker has the resource attached.
  [[nodiscard]] bool has(gpu::ResourceId resource) const noexcept { return attachments_.contains(resource); }

  // The blob is there from now on, or will not be any more, or not as soon as it was awaited. The worker has it
  // attached.
  void blob_appears(gpu::ResourceId resource);
  void blob_disappears(gpu::ResourceId resource);

  // The guest has no context any more; the worker is to end.
  void leave();

  [[nodiscard]] WorkerReport describe() const;

  // Kills the worker if it has not released a byte of this range, although it was told to.
  void enforce_release(const gpu::WindowRange& range);

 private:
  struct Attachment {
    std::shared_ptr<BlobMemory> blob;
    std::optional<std::uint64_t> told;  // the worker knows it by this cookie
  };
  struct Hold {
    std::shared_ptr<const WindowFile::Use> use;
    std::shared_ptr<const OwnFile> file;
    bool detached = false;
  };

  // An order that must not overtake an attachment whose blob is awaited: what the guest asks for afterwards may name
  // it.
  struct Held {
    std::optional<gpu::ResourceId> awaits;  // the place of such an attachment
    link::Order order;
    std::vector<std::byte> bytes;
    std::shared_ptr<const UniqueFd> fd;
    Budget::Charge charge;
  };

  // Sends, or holds behind what is held.
  void send(const link::Order& order, std::span<const std::byte> bytes = {},
            const std::shared_ptr<const UniqueFd>& fd = nullptr);
  void send_now(const link::Order& order, std::span<const std::byte> bytes, const std::shared_ptr<const UniqueFd>& fd);
  void hold(Held held);
  void send_held();
  void stop_awaiting(gpu::ResourceId resource);
  void read_events();
  // What is wrong with it; empty: nothing.
  [[nodiscard]] std::string take(const link::Event& event);
  void lose(const std::string& reason);
  void forget_blobs();
  void order_death();

  platform::EventLoop& loop_;
  gpu::ContextEvents& events_;
  const Options options_;
  const OnDeath on_death_;
  UniqueFd link_;
  UniqueFd life_;
  std::optional<link::Outbox> outbox_;  // none: lost or left
  bool told_lost_ = false;              // the device knows, or has left first
  std::vector<std::byte> partial_;      // of an event
  std::uint64_t last_attachment_ = 0;
  std::deque<Held> held_;  // not empty: the first one awaits a blob
  std::uint64_t held_bytes_ = 0;
  std::unordered_map<gpu::ResourceId, Attachment> attachments_;
  std::unordered_map<std::uint64_t, Hold> holds_;
  std::unordered_set<gpu::Cookie> fences_;
  std::unordered_map<std::uint64_t, std::function<void(Result<void>)>> giving_;  // by their attachments
  platform::EventLoop::Watch readable_;
  platform::EventLoop::Watch dead_;
  platform::EventLoop::Watch too_late_;
};

}  // namespace hesper::device
