// Fuzz target: a guest and a QEMU whose commands go the whole way: through rings and guest memory, over vhost-user, to
// the virtio-gpu device and back, while rings stop, guests reboot and memory moves. fuzz_vhost and fuzz_gpu_commands
// get deeper into each half; this one looks for what is held too long between them. Checks that the device still serves
// a good driver in the end.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "device/gpu_door.h"
#include "device/screens.h"
#include "gpu/fakes.h"
#include "gpu_guest.h"
#include "platform/event_loop.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vhost/front_end.h"
#include "vhost/guest_driver.h"

namespace {

using namespace hesper;
using Record = hesper::fuzz::GuestRecord;
using hesper::fuzz::kGuestRam;
using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;

constexpr std::uint64_t kWindow = 1 << 16;
// Behind what commands name: a second file, for the rings, commands and responses.
constexpr std::size_t kRam = 0x10000;
constexpr std::uint64_t kRings = 0x100000;
constexpr std::size_t kRingsSize = 0x20000;
constexpr std::uint64_t kCommands = kRings + 0x2000;  // 8 of them, 0x1000 apart, then their responses
constexpr std::uint64_t kResponses = kRings + 0x10000;
constexpr std::uint16_t kSlots = 4;  // chains of two descriptors in a ring of 8

class Guest {
 public:
  Guest() {
    device::GpuDoor::Options options;
    options.device.outputs.resize(2);
    options.device.window_size = kWindow;
    options.device.max_resources = 64;
    options.device.max_contexts = 8;
    options.device.max_host_memory = 4 << 20;
    options.message_budget = 64 << 20;
    auto window = platform::create_shared_memory("window", kWindow);
    HESPER_CHECK(window.has_value());
    auto door = device::GpuDoor::create(*loop_, std::move(options), host_, screens_, std::move(*window));
    HESPER_CHECK(door.has_value());
    door_ = std::move(*door);
    host_.record.events = &door_->device();
    auto pair = platform::create_socket_pair();
    HESPER_CHECK(pair.has_value());
    front_.emplace(std::move(pair->first));
    HESPER_CHECK(
        door_->serve(std::move(pair->second), [this](vhost::BackEnd::Ending, const std::string&) { ended_ = true; })
            .has_value());
    front_->connect(vhost::BackEnd::kProtocolFeatures);
    pump();
    start();
  }
  ~Guest() {
    if (!ended_) expect_served();
    front_.reset();
    pump();
    door_.reset();
    HESPER_CHECK(host_.record.blobs == 0 && host_.record.contexts.empty());
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  [[nodiscard]] bool ended() const noexcept { return ended_; }

  void live(const Record& record, std::span<const std::byte> bytes) {
    const std::uint8_t argument = record.argument;
    switch (record.kind % Record::count) {
      case Record::control: return send(0, argument, bytes);
      case Record::cursor: return send(1, argument, bytes);
      case Record::fence:
        if (!host_.record.fences.empty()) {
          const auto at = host_.record.fences.begin() + argument % std::ssize(host_.record.fences);
          const auto cookie = at->cookie;
          host_.record.fences.erase(at);
          door_->device().fence_reached(cookie);
        }
        return pump();
      case Record::mapped:
        if (!host_.record.maps.empty()) {
          const auto map = host_.record.maps.front();
          host_.record.maps.erase(host_.record.maps.begin());
          if (argument % 2 != 0) host_.record.fail_map(map);
          if (argument % 2 == 0) door_->device().blob_mapped(map.cookie, gpu::MapCache::cached);
        }
        return pump();
      case Record::lost:
        if (!host_.record.contexts.empty()) door_->device().context_lost(host_.record.contexts.begin()->second);
        return pump();
      case Record::output: {
        const gpu::Output output{.connected = argument % 3 != 0, .monitor = {.width = 100u * argument, .height = 600}};
        static_cast<void>(door_->device().set_output(argument % 4, output));
        static_cast<void>(screens_.take(argument % 4));
        return pump();
      }
      case Record::config: {  // a message of any kind
        front_->send(argument, bytes,
                     argument % 2 == 0 ? std::initializer_list<int>{} : std::initializer_list<int>{ram_.fd()});
        return pump();
      }
      case Record::memory:  // with and without what commands name
        set_memory(argument % 2 == 0);
        return pump();
      case Record::reset:
        front_->stop();
        pump();
        if (argument % 2 == 0) return start();  // a pause
        return reboot();
      case Record::host:
        host_.record.maps_at_once = (argument & 1) != 0;
        host_.record.fences_at_once = (argument & 2) != 0;
        host_.record.readable_blobs = (argument & 4) != 0;
        host_.record.refusal = (argument & 8) != 0 ? "It is tired." : "";
        answer_ = (argument & 16) == 0;
        return pump();
      default: return;
    }
  }

 private:
  static constexpr std::uint64_t kFeatures = 0x1f | (1ULL << 32) | (1ULL << 28) | (1ULL << 29) | (1ULL << 30);

  void pump() {
    for (int i = 0; i < 16; ++i) {
      loop_->run_once(std::chrono::milliseconds(0));
      while (front_ && front_->take()) {
      }
      if (!front_ || !answer_) continue;
      while (const auto request = front_->take_request())
        front_->answer(static_cast<vhost::BackEndRequest>(request->header.request), 0);
    }
  }
  void set_memory(bool all) {
    std::vector<const GuestRam*> files{&rings_};
    if (all) files.push_back(&ram_);
    vhost::MemoryTableHeader header{.num_regions = static_cast<std::uint32_t>(files.size()), .padding = 0};
    std::vector<std::byte> message(sizeof(header) + files.size() * sizeof(vhost::MemoryRegion));
    std::memcpy(message.data(), &header, sizeof(header));
    for (std::size_t i = 0; i < files.size(); ++i) {
      const vhost::MemoryRegion region{.guest_phys_addr = files[i]->base(),
                                       .memory_size = files[i]->size(),
                                       .userspace_addr = files[i]->base(),
                                       .mmap_offset = 0};
      std::memcpy(message.data() + sizeof(header) + i * sizeof(region), &region, sizeof(region));
    }
    if (all) {
      front_->send(vhost::Request::set_mem_table, message, {rings_.fd(), ram_.fd()});
    } else {
      front_->send(vhost::Request::set_mem_table, message, {rings_.fd()});
    }
  }
  void start() {
    const std::uint16_t bases[] = {drivers_[0].used_idx(), drivers_[1].used_idx()};
    front_->start(kFeatures, rings_, drivers_, bases);
    set_memory(true);
    pump();
  }
  void reboot() {
    for (GuestDriver& driver : drivers_) driver.reset();
    const vhost::ConfigHeader config{.offset = 0, .size = 4, .flags = 0};
    std::array<std::byte, sizeof(config) + 4> ask{};
    std::memcpy(ask.data(), &config, sizeof(config));
    front_->send(vhost::Request::get_config, ask);
    start();
  }

  // Cuts a command at a place that the argument tells, so that it comes in one or two descriptors.
  void send(unsigned queue, std::uint8_t argument, std::span<const std::byte> bytes) {
    if (!front_) return;
    const std::uint16_t slot = next_++ % kSlots;
    const std::uint64_t at = kCommands + slot * std::uint64_t{0x1000};
    const auto some = bytes.first(std::min<std::size_t>(bytes.size(), 0x1000));
    if (!some.empty()) std::memcpy(rings_.at(at, some.size()), some.data(), some.size());
    const auto room = argument % 8 == 7 ? 0u : argument % 8 == 6 ? 8u : 0x800u;
    const auto size = static_cast<std::uint32_t>(some.size());
    GuestDriver& driver = drivers_[queue];
    const vhost::virtq_desc response{
        .addr = kResponses + slot * std::uint64_t{0x800}, .len = room, .flags = vhost::VIRTQ_DESC_F_WRITE, .next = 0};
    const std::uint32_t cut = argument % 16 < 8 ? size / 2 : size;
    std::array<vhost::virtq_desc, 3> chain{
        vhost::virtq_desc{.addr = at, .len = cut, .flags = 0, .next = 0},
        vhost::virtq_desc{.addr = at + cut, .len = size - cut, .flags = 0, .next = 0}, response};
    driver.describe(static_cast<std::uint16_t>(2 * slot),
                    driver.describe_table(kRings + 0x1c000 + slot * std::uint64_t{64}, chain));
    driver.offer(static_cast<std::uint16_t>(2 * slot));
    front_->kick(queue);
    if (argument % 4 != 3) pump();  // else together with the next
  }
  // Whatever came before, a reboot makes it good.
  void expect_served() {
    answer_ = true;
    front_->stop();
    pump();
    if (ended_) return;
    reboot();
    if (ended_) return;
    const gpu::virtio_gpu_ctrl_hdr ask{.type = gpu::VIRTIO_GPU_CMD_GET_DISPLAY_INFO};
    std::memset(rings_.at(kResponses, kSlots * 0x800), 0, kSlots * 0x800);
    send(0, 0, std::as_bytes(std::span(&ask, 1)));
    pump();
    if (ended_) return;
    const auto used = drivers_[0].take_used();
    HESPER_CHECK(used.size() == 1);
    HESPER_CHECK(used[0].written == sizeof(gpu::virtio_gpu_resp_display_info));
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  gpu::test::FakeHost host_;
  device::Screens screens_;
  GuestRam ram_{kRam, kGuestRam};
  GuestRam rings_{kRingsSize, kRings};
  std::array<GuestDriver, 2> drivers_{GuestDriver(rings_, kRings), GuestDriver(rings_, kRings + 0x1000)};
  std::unique_ptr<device::GpuDoor> door_;
  std::optional<FrontEnd> front_;
  std::uint16_t next_ = 0;
  bool answer_ = true;
  bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  hesper::platform::ignore_broken_pipes();
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Guest guest;
  hesper::fuzz::for_each_record({data, size},
                                [&](std::size_t /*at*/, const Record& record, std::span<const std::byte> payload) {
                                  if (!guest.ended()) guest.live(record, payload);
                                });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return hesper::fuzz::mutate_guest(data, size, most, seed);
}
