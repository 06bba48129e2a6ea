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
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "fakes.h"
#include "gpu/device.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace hesper;
using namespace hesper::gpu;

// An input is a row of records: this header, then `size` bytes.
struct Record {
  enum Kind : std::uint8_t { control, cursor, fence, mapped, lost, output, config, memory, reset, host, count };
  std::uint8_t kind;      // modulo count
  std::uint8_t argument;  // which, or how
  std::uint16_t size;
};
static_assert(sizeof(Record) == 4);

constexpr std::uint64_t kWindow = 1 << 16;
constexpr std::uint64_t kRam = 0x10000;
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

// What a command consists of after its header, a letter a word or two; see word_of().
struct Shape {
  std::uint32_t type;
  std::string_view words;
};
constexpr Shape kShapes[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, ""},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, "rfww"},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, "r0"},
    {VIRTIO_GPU_CMD_SET_SCANOUT, "xxwwsr"},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, "xxwwr0"},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, "xxwwx0r0"},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, "rn"},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, "r0"},
    {VIRTIO_GPU_CMD_GET_CAPSET_INFO, "00"},
    {VIRTIO_GPU_CMD_GET_CAPSET, "c0"},
    {VIRTIO_GPU_CMD_GET_EDID, "s0"},
    {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, "r0"},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, "rmbn00p0"},
    {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, "xxwwsrwwf0t000x000"},
    {VIRTIO_GPU_CMD_CTX_CREATE, "wc0000000000000000"},
    {VIRTIO_GPU_CMD_CTX_DESTROY, ""},
    {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, "r0"},
    {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, "r0"},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, "r00000000000"},
    {VIRTIO_GPU_CMD_SUBMIT_3D, "l0"},
    {VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, "r0p0"},
    {VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, "r0"},
    {VIRTIO_GPU_CMD_UPDATE_CURSOR, "sxx0rww0"},
    {VIRTIO_GPU_CMD_MOVE_CURSOR, "sxx0rww0"},
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  template <class T, std::size_t N>
  T of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::minstd_rand engine_;
};

// A value that has a chance to be right, now and then one that has none.
std::uint32_t word_of(char kind, Random& random) {
  if (random.one_in(64)) return random.of({0xffffffffu, 0x80000000u, 0x40000000u, 0xfffffff0u, 1u});
  switch (kind) {
    case 'r': return random.below(6);                                                                // resource
    case 's': return random.below(3);                                                                // scanout
    case 'f': return random.of({1u, 2u, 3u, 4u, 67u, 68u, 121u, 134u, 5u});                          // format
    case 'w': return random.of({0u, 1u, 8u, 16u, 63u, 64u, 65u, 100u});                              // pixels of a size
    case 'x': return random.of({0u, 0u, 0u, 1u, 4u, 8u, 32u, 64u, 0xfffffffbu});                     // place
    case 't': return random.of({256u, 32u, 64u, 400u, 0u});                                          // stride
    case 'm': return random.of({2u, 2u, 1u, 3u, 0u});                                                // blob_mem
    case 'b': return random.of({1u, 1u, 7u, 0u, 2u, 8u});                                            // blob_flags
    case 'c': return random.of({4u, 4u, 4u, 0u, 1u, 0x104u});                                        // capset
    case 'p': return random.of({0u, 0x1000u, 0x2000u, 0x4000u, 0x8000u, 0x10000u, 0x1800u, 5000u});  // bytes of pages
    case 'n': return random.of({0u, 0u, 0u, 1u, 2u, 3u});  // entries that follow
    case 'l': return random.of({0u, 13u, 8u, 64u});        // bytes that follow
    default: return 0;
  }
}

void append(std::vector<std::uint8_t>& bytes, std::span<const std::byte> more) {
  for (const std::byte byte : more) bytes.push_back(std::to_integer<std::uint8_t>(byte));
}

template <class T>
std::span<const std::byte> raw(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::vector<std::uint8_t> random_command(Random& random) {
  const Shape& shape = kShapes[random.below(std::size(kShapes))];
  virtio_gpu_ctrl_hdr header{.type = shape.type, .ctx_id = random.of({1u, 1u, 1u, 2u, 0u})};
  if (random.one_in(3)) header.flags = random.of({1u, 3u});
  if (header.flags == 3) header.ring_idx = static_cast<std::uint8_t>(random.of({0u, 1u, 2u, 63u, 64u}));
  std::vector<std::uint8_t> bytes;
  append(bytes, raw(header));
  std::uint32_t entries = 0;
  std::uint32_t length = 0;
  for (const char kind : shape.words) {
    const std::uint32_t word = word_of(kind, random);
    append(bytes, raw(word));
    if (kind == 'n') entries = std::min(word, 64u);
    if (kind == 'l') length = std::min(word, 64u);
  }
  for (std::uint32_t i = 0; i < entries; ++i) {
    const virtio_gpu_mem_entry entry{.addr = kRam + word_of('p', random) + random.of({0u, 0u, 1u, 0x7000u}),
                                     .length = word_of('p', random)};
    append(bytes, raw(entry));
  }
  bytes.resize(bytes.size() + length);
  return bytes;
}

std::vector<std::uint8_t> random_record(Random& random) {
  Record record{.kind = Record::control, .argument = static_cast<std::uint8_t>(random.below(256)), .size = 0};
  std::vector<std::uint8_t> payload;
  if (random.one_in(5)) {
    record.kind = static_cast<std::uint8_t>(random.below(Record::count));
    if (record.kind == Record::reset && !random.one_in(4)) record.argument = 0xff;
    if (record.kind == Record::config) payload.resize(random.of({24u, 4u, 0u}), 1);
  } else {
    payload = random_command(random);
    std::uint32_t type = 0;
    std::memcpy(&type, payload.data(), sizeof(type));
    if (type >= VIRTIO_GPU_CMD_UPDATE_CURSOR) record.kind = Record::cursor;
    if (!random.one_in(8)) record.argument = 0;
  }
  record.size = static_cast<std::uint16_t>(payload.size());
  std::vector<std::uint8_t> bytes;
  append(bytes, raw(record));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

// Calls action(offset, record, payload) for each whole record.
template <class Action>
void for_each_record(std::span<const std::uint8_t> data, Action action) {
  std::size_t at = 0;
  while (data.size() - at >= sizeof(Record)) {
    Record record{};
    std::memcpy(&record, data.data() + at, sizeof(record));
    const std::size_t size = std::min<std::size_t>(record.size, data.size() - at - sizeof(record));
    action(at, record, std::as_bytes(data.subspan(at + sizeof(record), size)));
    at += sizeof(record) + size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Guest guest;
  for_each_record({data, size}, [&](std::size_t /*at*/, const Record& record, std::span<const std::byte> payload) {
    guest.live(record, payload);
  });
  return 0;
}

// Half of the mutations insert, replace or remove a whole record; the others are libFuzzer's own.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  Random random(seed);
  if (random.one_in(2)) return LLVMFuzzerMutate(data, size, most);
  std::vector<std::size_t> starts;
  for_each_record({data, size},
                  [&](std::size_t at, const Record&, std::span<const std::byte>) { starts.push_back(at); });
  starts.push_back(size);
  const std::size_t index = random.below(static_cast<std::uint32_t>(starts.size()));
  const bool removes = random.one_in(2) && index + 1 < starts.size();
  std::vector<std::uint8_t> result(data, data + starts[index]);
  if (!removes || random.one_in(2)) {
    for (std::uint32_t i = 1 + random.below(8); i > 0; --i) {
      const auto record = random_record(random);
      result.insert(result.end(), record.begin(), record.end());
    }
  }
  result.insert(result.end(), data + (removes ? starts[index + 1] : starts[index]), data + size);
  if (result.empty() || result.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::ranges::copy(result, data);
  return result.size();
}
