// Fuzz target: a hostile guest's life with a virtio-gpu device: commands on both queues, and what happens meanwhile to
// its memory, its contexts and its screens. Checks that every request is answered once, no timeline out of order, that
// mapped blobs do not meet, and that nothing is left after a reset.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/check.h"
#include "fakes.h"
#include "gpu/device.h"
#include "gpu_guest.h"

namespace {

using namespace hesper;
using namespace hesper::gpu;
using Record = hesper::fuzz::GuestRecord;

constexpr std::uint64_t kWindow = 1 << 16;
constexpr std::uint64_t kRam = hesper::fuzz::kGuestRam;
constexpr std::size_t kRegion = 0x8000;  // two of them, one after the other

class Guest {
 public:
  Guest() {
    memory_.add(kRam, kRegion);
    memory_.add(kRam + kRegion, kRegion);
    auto made = Device::create({.outputs = std::vector<Output>(2),
                                .window_size = kWindow,
                                .max_resources = 64,
                                .max_contexts = 8,
                                .max_backing_entries = 64,
                                .max_host_memory = 4 << 20},
                               memory_, host_, display_);
    HESPER_CHECK(made);
    device_ = std::move(*made);
    host_.record.events = device_.get();
    start(0xff);
    make_something();
  }
  ~Guest() {
    device_.reset();
    HESPER_CHECK(open_ == 0);
    HESPER_CHECK(host_.record.blobs == 0 && host_.record.contexts.empty());
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  void live(const Record& record, std::span<const std::byte> bytes) {
    HostRecord& host = host_.record;
    const std::uint8_t argument = record.argument;
    switch (record.kind % Record::count) {
      case Record::control: return send(Queue::control, argument, bytes);
      case Record::cursor: return send(Queue::cursor, argument, bytes);
      case Record::fence:
        if (const auto reached = take(host.fences, argument)) device_->fence_reached(reached->cookie);
        return;
      case Record::mapped:
        if (const auto map = take(host.maps, argument / 2)) {
          if (argument % 2 != 0) return host.fail_map(*map);
          device_->blob_mapped(map->cookie, MapCache::cached);
        }
        return;
      case Record::lost:
        if (!host.contexts.empty())
          device_->context_lost(std::next(host.contexts.begin(), argument % host.contexts.size())->second);
        return;
      case Record::output: {
        const Output output{.connected = argument % 3 != 0, .monitor = {.width = 100u * argument, .height = 600}};
        static_cast<void>(device_->set_output(argument % 4, output));
        return;
      }
      case Record::config: {
        std::array<std::byte, 32> read{};
        device_->read_config(argument, read);
        return device_->write_config(argument % 16, bytes);
      }
      case Record::memory:
        memory_.remove(kRam + kRegion);
        if (argument % 2 == 0) memory_.add(kRam + kRegion, kRegion);
        return;
      case Record::reset: device_->reset(); return start(argument);
      case Record::host:
        host.maps_at_once = (argument & 1) != 0;
        host.fences_at_once = (argument & 2) != 0;
        host.readable_blobs = (argument & 4) != 0;
        host.refusal = (argument & 8) != 0 ? "It is tired." : "";
        return;
      default: return;
    }
  }

 private:
  using HostRecord = gpu::test::HostRecord;
  using Timeline = std::pair<std::uint32_t, int>;  // context and ring, or {0, -1}

  class Responder final : public gpu::Responder {
   public:
    Responder(Guest& guest, std::size_t room, Timeline timeline, std::uint64_t fence)
        : guest_(guest), room_(room), timeline_(timeline), fence_(fence) {
      ++guest_.open_;
    }
    ~Responder() override { --guest_.open_; }
    void respond(std::span<const std::byte> response) override {
      HESPER_CHECK(!answered_ && response.size() <= room_);
      answered_ = true;
      virtio_gpu_ctrl_hdr header{};
      if (response.size() >= sizeof(header)) std::memcpy(&header, response.data(), sizeof(header));
      if (response.size() >= sizeof(header)) {
        HESPER_CHECK(header.type >= VIRTIO_GPU_RESP_OK_NODATA && header.type <= VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        HESPER_CHECK(header.fence_id == fence_ && (header.flags & VIRTIO_GPU_FLAG_FENCE) == (fence_ != 0 ? 1 : 0));
      }
      if (fence_ == 0) return;
      auto& open = guest_.fences_[timeline_];
      HESPER_CHECK(!open.empty() && open.front() == fence_);
      open.pop_front();
    }

   private:
    Guest& guest_;
    std::size_t room_;
    Timeline timeline_;
    std::uint64_t fence_;
    bool answered_ = false;
  };

  template <class Waiting>
  static std::optional<Waiting> take(std::vector<Waiting>& waiting, std::size_t index) {
    if (waiting.empty()) return std::nullopt;
    const auto at = waiting.begin() + static_cast<std::ptrdiff_t>(index % waiting.size());
    const Waiting taken = *at;
    waiting.erase(at);
    return taken;
  }

  void start(std::uint8_t features) {
    const auto counts = device_->counts();
    HESPER_CHECK(counts.resources + counts.contexts + counts.mapped_blobs + counts.waiting_requests == 0);
    HESPER_CHECK(counts.host_memory == 0 && open_ == 0 && host_.record.mapped.empty());
    fences_.clear();
    device_->set_features(features);
    has_rings_ = (features & VIRTIO_GPU_F_CONTEXT_INIT) != 0;
  }

  // Two contexts, an image with backing, and three blobs: what most commands need before they do anything.
  void make_something() {
    for (const std::uint32_t id : {1u, 2u})
      send(virtio_gpu_ctx_create{.hdr = {.type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = id},
                                 .context_init = VIRTIO_GPU_CAPSET_VENUS});
    send(virtio_gpu_resource_create_2d{
        .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D}, .resource_id = 1, .format = 1, .width = 64, .height = 64});
    const struct {
      virtio_gpu_resource_attach_backing command;
      virtio_gpu_mem_entry entry;
    } attach{.command = {.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, .resource_id = 1, .nr_entries = 1},
             .entry = {.addr = kRam + 0x6000, .length = 0x4000}};
    send(attach);
    for (const std::uint32_t id : {2u, 3u, 4u})
      send(virtio_gpu_resource_create_blob{.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, .ctx_id = 1},
                                           .resource_id = id,
                                           .blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                                           .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                           .size = id * 0x1000});
    HESPER_CHECK(device_->counts().resources == 4 && device_->counts().contexts == 2);
  }

  template <class Command>
  void send(const Command& command) {
    send(Queue::control, 0, std::as_bytes(std::span(&command, 1)));
  }

  void send(Queue queue, std::uint8_t argument, std::span<const std::byte> bytes) {
    constexpr std::size_t kRooms[] = {4096, 0, 24, 100};
    const std::size_t room = kRooms[argument % std::size(kRooms)];
    std::vector<std::byte> command(bytes.begin(), bytes.end());
    virtio_gpu_ctrl_hdr header{};
    Timeline timeline{0, -1};
    if (command.size() >= sizeof(header)) {
      std::memcpy(&header, command.data(), sizeof(header));
      // As Linux numbers them: through all timelines.
      header.fence_id = (header.flags & VIRTIO_GPU_FLAG_FENCE) != 0 ? ++last_fence_ : 0;
      std::memcpy(command.data(), &header, sizeof(header));
      if (has_rings_ && (header.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) != 0)
        timeline = {header.ctx_id, header.ring_idx};
      if (header.fence_id != 0) fences_[timeline].push_back(header.fence_id);
    }
    device_->handle({.queue = queue,
                     .bytes = command,
                     .room = room,
                     .responder = std::make_unique<Responder>(*this, room, timeline, header.fence_id)});
    check_window();
  }

  void check_window() const {
    std::map<std::uint64_t, std::uint64_t> ranges;
    for (const auto& [resource, map] : host_.record.mapped) {
      const WindowRange& range = map.range;
      HESPER_CHECK(range.size > 0 && range.size <= kWindow && range.offset <= kWindow - range.size);
      HESPER_CHECK(ranges.emplace(range.offset, range.size).second);
    }
    std::uint64_t end = 0;
    for (const auto& [offset, size] : ranges) {
      HESPER_CHECK(offset >= end);
      end = offset + size;
    }
  }

  std::size_t open_ = 0;  // requests without an answer
  std::uint64_t last_fence_ = 0;
  bool has_rings_ = false;
  std::map<Timeline, std::deque<std::uint64_t>> fences_;  // that are open, as the guest sent them
  gpu::test::FakeMemory memory_;
  gpu::test::FakeHost host_;
  gpu::test::FakeDisplay display_;
  std::unique_ptr<Device> device_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Guest guest;
  hesper::fuzz::for_each_record({data, size}, [&](std::size_t /*at*/, const Record& record,
                                                  std::span<const std::byte> payload) { guest.live(record, payload); });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return hesper::fuzz::mutate_guest(data, size, most, seed);
}
