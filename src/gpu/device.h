// Device: the virtio-gpu device model. Takes commands, keeps what they made, answers with the specification's codes.
// Knows no virtqueue, no socket, no Venus and no driver, and never waits: what takes time is answered later.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/budget.h"
#include "base/error.h"
#include "gpu/answer.h"
#include "gpu/complaints.h"
#include "gpu/context_host.h"
#include "gpu/display.h"
#include "gpu/guest_memory.h"
#include "gpu/outputs.h"
#include "gpu/protocol.h"
#include "gpu/request.h"
#include "gpu/resource.h"
#include "gpu/scanouts.h"
#include "gpu/timelines.h"
#include "gpu/window.h"

namespace hesper::gpu {

struct DeviceOptions {
  std::vector<Output> outputs = {Output{}};  // one a scanout, 1 to 16

  std::uint64_t window_size = 0;            // bytes of the host-visible window; 0: none
  std::uint64_t window_granularity = 4096;  // what mapped ranges are aligned to: a power of two, 4096 or more
  // Offered as BLOB_ALIGNMENT if not 0: a power of two. Guests before Linux 7.2 do not know it; from then on, all blobs
  // of a Mesa that does not either are refused by the guest's kernel unless their sizes happen to fit.
  std::uint32_t blob_alignment = 0;

  std::size_t max_resources = 262'144;
  std::size_t max_contexts = 1024;
  std::uint32_t max_backing_entries = 65'536;              // of one resource
  std::uint32_t max_image_size = 16'384;                   // width and height, pixels
  std::uint64_t max_blob_size = std::uint64_t{1} << 40;    // bytes
  std::uint32_t max_submit_size = 64u << 20;               // bytes of one SUBMIT_3D
  std::uint64_t max_host_memory = std::uint64_t{1} << 30;  // bytes of all images, lists of backings and attachments

  // The guest is to be told that the configuration has changed: VHOST_USER_BACKEND_CONFIG_CHANGE_MSG and its kind.
  std::function<void()> config_changed = [] {};
};

// One thread. What it is given outlives it. Responders, contexts, blobs and displays must not call it, except for
// ContextEvents.
class Device final : public ContextEvents {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Device>> create(DeviceOptions options, const GuestMemory& memory,
                                                              ContextHost& contexts, Display& display);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  // The device's feature bits, without those of the transport.
  [[nodiscard]] std::uint64_t features() const noexcept;
  // What the guest acknowledged. Commands of other features are refused.
  void set_features(std::uint64_t acknowledged) noexcept { features_ = acknowledged & features(); }

  // Configuration space; offset: any. Bytes past the end read as zero. Of what is written only events_clear counts: a
  // vhost-user front-end writes back all that it read.
  void read_config(std::uint32_t offset, std::span<std::byte> to) const noexcept;
  void write_config(std::uint32_t offset, std::span<const std::byte> from);

  // Answers through request.responder, now or later. Commands start in the order in which they come.
  void handle(Request request);

  // Resizes, connects or disconnects a screen. scanout: any. Errors: there is no such scanout, or no such screen.
  [[nodiscard]] Result<void> set_output(std::uint32_t scanout, Output output);
  [[nodiscard]] const Outputs& outputs() const noexcept { return outputs_; }

  // The guest starts anew: resources, contexts, what is shown, events and unanswered requests are forgotten.
  void reset();

  void fence_reached(Cookie cookie) override;
  void blob_mapped(Cookie cookie, Result<MapCache> how) override;
  void context_lost(Cookie cookie) override;

  struct Counts {
    std::size_t resources, contexts, mapped_blobs, waiting_requests;
    std::uint64_t host_memory;  // bytes
  };
  [[nodiscard]] Counts counts() const noexcept;

  // What was done since the device was made, resets or not.
  struct Activity {
    std::uint64_t commands = 0;  // of both queues, refused ones too
    std::uint64_t submissions = 0;
    std::uint64_t submitted_bytes = 0;
    std::uint64_t transfers = 0;  // copies by this processor: pixels of guest memory to an image
    std::uint64_t transferred_bytes = 0;
  };
  [[nodiscard]] const Activity& activity() const noexcept { return activity_; }

  // Of the work that contexts did, what ended last: when it came, and when its fence was reached.
  struct Work {
    using Clock = std::chrono::steady_clock;
    Clock::time_point submitted{};  // this and the next: the epoch if there was none since the guest started
    Clock::time_point done{};
  };
  [[nodiscard]] const Work& newest_work() const noexcept { return newest_work_; }

 private:
  struct Context {
    Cookie cookie;                      // for context_lost(), and owner of fences
    std::unique_ptr<HostContext> host;  // nullptr: a context that can do nothing, as the guest makes for its console
    bool lost = false;
    std::unordered_map<ResourceId, Budget::Charge> resources;  // that are attached
  };

  // A command on its way through its handler.
  struct Call {
    virtio_gpu_ctrl_hdr header;
    std::span<const std::byte> bytes;  // with the header; as many as the layout has, or more
    // Set by the handler if the response must wait: called with the cookie by which it waits.
    std::function<void(Cookie)> wait_for;

    template <class Layout>
    [[nodiscard]] Layout as() const noexcept;
    // What follows the layout.
    template <class Layout>
    [[nodiscard]] std::span<const std::byte> after() const noexcept {
      return bytes.subspan(sizeof(Layout));
    }
    [[nodiscard]] ContextId context() const noexcept { return ContextId{header.ctx_id}; }
  };
  using Handler = Answer<Response> (Device::*)(Call& call);
  struct Command;  // a row of the table in device.cpp

  Device(DeviceOptions options, const GuestMemory& memory, ContextHost& contexts, Display& display);

  [[nodiscard]] static std::span<const Command> commands() noexcept;
  [[nodiscard]] Answer<Response> execute(const Command* command, Queue queue, Call& call);
  void finish(Call& call, Answer<Response> answer, Reply reply);
  void note(const Refusal& refusal, const Command* command);
  [[nodiscard]] Cookie next_cookie() noexcept { return Cookie{++last_cookie_}; }
  [[nodiscard]] bool has(std::uint64_t feature) const noexcept { return (features_ & feature) != 0; }

  // display_commands.cpp
  [[nodiscard]] Answer<Response> get_display_info(Call& call);
  [[nodiscard]] Answer<Response> get_edid(Call& call);
  [[nodiscard]] Answer<Response> set_scanout(Call& call);
  [[nodiscard]] Answer<Response> set_scanout_blob(Call& call);
  [[nodiscard]] Answer<Response> resource_flush(Call& call);
  [[nodiscard]] Answer<Response> update_cursor(Call& call);
  [[nodiscard]] Answer<Response> move_cursor(Call& call);
  [[nodiscard]] Answer<void> check_scanout(std::uint32_t scanout) const;

  // resource_commands.cpp
  [[nodiscard]] Answer<Response> resource_create_2d(Call& call);
  [[nodiscard]] Answer<Response> resource_unref(Call& call);
  [[nodiscard]] Answer<Response> resource_attach_backing(Call& call);
  [[nodiscard]] Answer<Response> resource_detach_backing(Call& call);
  [[nodiscard]] Answer<Response> transfer_to_host_2d(Call& call);
  [[nodiscard]] Answer<Response> resource_assign_uuid(Call& call);
  [[nodiscard]] Answer<Backing> read_backing(std::span<const std::byte> entries, std::uint32_t count);

  // blob_commands.cpp
  [[nodiscard]] Answer<Response> resource_create_blob(Call& call);
  [[nodiscard]] Answer<Response> resource_map_blob(Call& call);
  [[nodiscard]] Answer<Response> resource_unmap_blob(Call& call);
  void unmap(Resource& resource);

  // context_commands.cpp
  [[nodiscard]] Answer<Response> get_capset_info(Call& call);
  [[nodiscard]] Answer<Response> get_capset(Call& call);
  [[nodiscard]] Answer<Response> ctx_create(Call& call);
  [[nodiscard]] Answer<Response> ctx_destroy(Call& call);
  [[nodiscard]] Answer<Response> ctx_attach_resource(Call& call);
  [[nodiscard]] Answer<Response> ctx_detach_resource(Call& call);
  [[nodiscard]] Answer<Response> submit_3d(Call& call);
  [[nodiscard]] Answer<Response> refuse_3d(Call& call);
  [[nodiscard]] Answer<Context*> find_context(ContextId id);
  // One that can execute something. Errors: invalid_context_id, unspec (it is lost, or can do nothing).
  [[nodiscard]] Answer<Context*> find_working_context(ContextId id);
  void detach(ContextId id, Resource& resource);  // that is attached

  DeviceOptions options_;
  const GuestMemory& memory_;
  ContextHost& context_host_;
  Display& display_;
  const std::uint64_t uuid_seed_;
  std::uint64_t features_ = 0;
  std::uint64_t last_cookie_ = 0;

  Budget host_memory_;
  Complaints complaints_;
  Activity activity_;
  Work newest_work_;
  Outputs outputs_;
  Window window_;
  Scanouts scanouts_;
  Timelines timelines_;
  ResourceTable resources_;
  std::unordered_map<ContextId, Context> contexts_;
  std::unordered_map<Cookie, Resource*> mappings_;  // that have not been told
};

template <class Layout>
Layout Device::Call::as() const noexcept {
  // The command's row in the table says the layout's size, so there are enough bytes.
  Layout layout;
  std::memcpy(&layout, bytes.data(), sizeof(layout));
  return layout;
}

}  // namespace hesper::gpu
