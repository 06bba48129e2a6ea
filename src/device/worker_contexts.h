// WorkerContexts: the guest's contexts, each in a worker process of its own, and their blobs, which are ranges of the
// window. Starts no process itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/budget.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "device/window_file.h"
#include "device/worker_link.h"
#include "gpu/complaints.h"
#include "gpu/context_host.h"
#include "platform/event_loop.h"

namespace hesper::device {

// The loop's thread. Blobs and contexts that it made must be gone before it.
//
// A blob is bytes of the window that the guest chose, and a worker that has it attached is told which: no worker is
// ever asked for memory. Either Venus makes a blob before the device memory that lies in it, as it does if it finds
// `use_guest_vram` in the capset; or the memory comes first, and its worker moves it into the blob (docs/memory.md).
class WorkerContexts final : public gpu::ContextHost {
 public:
  // Has a worker process started for a context. link: its end of the link. life: to be closed by whoever started the
  // worker, once it is dead and not before; when the other end is shut down, the worker is to be killed. Both are
  // borrowed. False: it cannot be asked for now.
  using StartWorker = std::function<bool(gpu::ContextId context, std::string_view name, int link, int life)>;

  struct Options {
    std::vector<std::byte> capset;      // Venus's; constant from now on
    bool memory_first = false;          // the capset lacks use_guest_vram, and workers can move memory
    std::size_t max_workers = 256;      // those that have yet to end count
    std::uint64_t max_waiting = 0;      // bytes of orders that wait for one worker
    std::uint64_t max_waiting_all = 0;  // and for all together
    std::uint64_t max_unmapped = 0;     // bytes of all blobs that the guest cannot map
    // How long who maps a blob waits for workers that still use the place.
    std::chrono::milliseconds release_timeout{10'000};
  };

  // All that is borrowed outlives this.
  WorkerContexts(platform::EventLoop& loop, WindowFile& window, StartWorker start_worker, Options options);
  ~WorkerContexts() override;

  // Before the first context. The device that this was given to.
  void tell(gpu::ContextEvents& events) noexcept { events_ = &events; }

  [[nodiscard]] std::span<const gpu::Capset> capsets() const noexcept override { return {&capset_, 1}; }
  [[nodiscard]] Result<std::unique_ptr<gpu::HostContext>> create(const gpu::ContextRequest& request) override;

  // Workers that are alive.
  [[nodiscard]] std::size_t workers() const noexcept { return links_.size(); }
  // Its workers; the rest of the report is left alone.
  void describe(DeviceReport& report) const;

 private:
  class Blob;
  class Context;

  [[nodiscard]] WorkerLink* find(gpu::Cookie context) const noexcept;  // nullptr: its worker is dead
  [[nodiscard]] Result<std::shared_ptr<const OwnFile>> make_file(std::uint64_t size);

  platform::EventLoop& loop_;
  WindowFile& window_;
  const StartWorker start_worker_;
  const Options options_;
  const gpu::Capset capset_;
  gpu::ContextEvents* events_ = nullptr;
  Budget waiting_;
  Budget unmapped_;
  gpu::Complaints complaints_;
  std::unordered_map<gpu::Cookie, std::unique_ptr<WorkerLink>> links_;  // by their contexts' cookies
};

}  // namespace hesper::device
