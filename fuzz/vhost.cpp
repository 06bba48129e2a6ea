// Fuzz target: a front-end and a guest that do anything: messages, true or false, with and without fds, ring contents,
// kicks, answers on the back-end channel. The input is a list of steps; most of them are built by the same front-end
// and driver that the unit tests use, so that bytes get deep. The device behind echoes, keeps, or forgets messages.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platform/event_loop.h"
#include "platform/signals.h"
#include "vhost/back_end.h"
#include "vhost/front_end.h"
#include "vhost/guest_driver.h"

namespace {

using namespace hesper::vhost;
using hesper::vhost::testing::FrontEnd;
using hesper::vhost::testing::GuestDriver;
using hesper::vhost::testing::GuestRam;
using hesper::vhost::testing::payload_of;

constexpr std::size_t kRam = 256 * 1024;
constexpr std::size_t kWindow = 64 * 1024;
constexpr std::uint64_t kFeatures = 0x1f | (1ULL << 32) | (1ULL << 28) | (1ULL << 29) | (1ULL << 30);

// Takes numbers from the input; zeros behind its end.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  template <class T>
  T take() {
    T value{};
    const auto some = take_bytes(sizeof(T));
    std::memcpy(&value, some.data(), some.size());
    return value;
  }
  std::span<const std::byte> take_bytes(std::size_t most) {
    const auto some = bytes_.first(std::min(most, bytes_.size()));
    bytes_ = bytes_.subspan(some.size());
    return some;
  }

 private:
  std::span<const std::byte> bytes_;
};

class EchoDevice final : public Device {
 public:
  std::uint64_t features() const override { return 0x1f; }
  void accept_features(std::uint64_t /*features*/) override {}
  unsigned queue_count() const override { return 2; }
  void read_config(std::size_t /*offset*/, std::span<std::byte> into) const override {
    std::ranges::fill(into, std::byte{1});
  }
  void write_config(std::size_t /*offset*/, std::span<const std::byte> /*bytes*/) override {}
  std::uint64_t shared_memory_size(std::uint8_t id) const override { return id == 1 ? kWindow : 0; }
  void on_start(Start start) override {
    if (start == Start::after_reset) kept.clear();
  }
  void on_stop() override {}
  void on_message(unsigned queue, Message message) override {
    // Every byte must be there; the sanitizers look.
    std::byte sum{};
    for (const std::byte byte : message.bytes()) sum ^= byte;
    if (queue == 1 || sum == std::byte{1}) {
      const std::vector<std::byte> echo(message.bytes().begin(), message.bytes().end());
      return message.complete(echo);
    }
    kept.push_back(std::move(message));
  }

  std::vector<Message> kept;
};

class Session {
 public:
  explicit Session(Input input) : input_(input) {
    auto pair = hesper::platform::create_socket_pair();
    if (!pair) std::abort();
    front_.emplace(std::move(pair->first));
    BackEnd::Options options;
    options.queue.max_message_bytes = 64 * 1024;
    options.queue.budget = std::make_shared<hesper::Budget>(256 * 1024);
    auto back = BackEnd::create(*loop_, std::move(pair->second), device_, options, nullptr);
    if (!back) std::abort();
    back_ = std::move(*back);
  }

  void run() {
    constexpr int kMostSteps = 256;
    // A good start for most inputs.
    const auto how = input_.take<std::uint8_t>();
    if (how % 4 != 0) {
      front_->connect(how % 8 == 1 ? 0xff : BackEnd::kProtocolFeatures);
      pump();
    }
    if (how % 4 > 1) start();
    for (int i = 0; i < kMostSteps && !input_.empty() && !back_->ended(); ++i) step();
    pump();
  }

 private:
  void pump() {
    for (int i = 0; i < 16; ++i) {
      loop_->run_once(std::chrono::milliseconds(0));
      while (front_->take()) {
      }
    }
  }
  void start() {
    const std::array<std::uint16_t, 2> bases{};
    front_->start(kFeatures, ram_, drivers_, bases);
    pump();
  }
  // An address near something that matters.
  std::uint64_t address() {
    const auto kind = input_.take<std::uint8_t>();
    const auto offset = input_.take<std::uint16_t>();
    switch (kind % 6) {
      case 0: return ram_.base() + offset;
      case 1: return ram_.base() + kRam - offset % 64;
      case 2: return window_.base() + offset;
      case 3: return drivers_[offset % 2].desc_address() + offset % 0x1000;
      case 4: return std::uint64_t{0} - offset;
      default: return input_.take<std::uint64_t>();
    }
  }
  void write_memory(std::uint64_t to, std::span<const std::byte> bytes) {
    if (to < ram_.base() || to - ram_.base() > kRam || bytes.size() > kRam - (to - ram_.base())) return;
    std::ranges::copy(bytes, ram_.at(to, bytes.size()));
  }

  void step() {
    GuestDriver& driver = drivers_[input_.take<std::uint8_t>() % 2];
    const unsigned queue = &driver == &drivers_[1] ? 1 : 0;
    switch (input_.take<std::uint8_t>() % 18) {
      case 0: {  // any message that is as long as it says
        const auto request = input_.take<std::uint8_t>();
        const auto flags = input_.take<std::uint8_t>();
        send(request % 48, kVersion | (flags & 8U), input_.take_bytes(input_.take<std::uint8_t>()), flags >> 4);
        break;
      }
      case 1: {  // any bytes
        const auto bytes = input_.take_bytes(input_.take<std::uint8_t>());
        if (!bytes.empty()) front_->send_raw(bytes);
        break;
      }
      case 2: front_->send_state(Request::set_vring_enable, queue, input_.take<std::uint8_t>() % 2); break;
      case 3: front_->send_state(Request::get_vring_base, queue, 0); break;
      case 4: front_->set_up_ring(queue, driver, input_.take<std::uint16_t>()); break;
      case 5: front_->start_ring(queue); break;
      case 6: front_->stop(); break;
      case 7: start(); break;
      case 8: {  // a descriptor
        const auto index = input_.take<std::uint8_t>() % driver.size();
        driver.describe(static_cast<std::uint16_t>(index), descriptor());
        break;
      }
      case 9: {  // an indirect table
        std::vector<virtq_desc> chain(input_.take<std::uint8_t>() % 32);
        for (virtq_desc& desc : chain) desc = descriptor();
        const auto index = input_.take<std::uint8_t>() % driver.size();
        driver.describe(static_cast<std::uint16_t>(index), driver.describe_table(ram_.base() + 0x8000, chain));
        break;
      }
      case 10: driver.offer(input_.take<std::uint8_t>() % 9); break;
      case 11: {
        const auto to = address();
        write_memory(to, input_.take_bytes(input_.take<std::uint8_t>()));
        break;
      }
      case 12: front_->kick(queue); break;
      case 13:
        if (!device_.kept.empty()) {
          const auto which = input_.take<std::uint8_t>() % device_.kept.size();
          device_.kept[which].complete(input_.take_bytes(input_.take<std::uint8_t>()));
          device_.kept.erase(device_.kept.begin() + static_cast<std::ptrdiff_t>(which));
        }
        break;
      case 14: {
        const auto what = input_.take<std::uint8_t>();
        const WindowMapping mapping{.region = 1, .offset = (what >> 4) * 0x1000U, .length = 0x1000U * (what % 16)};
        if (what % 3 == 0) (void)back_->map(mapping, window_.fd(), nullptr);
        if (what % 3 == 1) (void)back_->unmap(mapping, nullptr);
        if (what % 3 == 2) back_->config_changed();
        break;
      }
      case 15: {  // the front-end's half of the channel
        const auto what = input_.take<std::uint8_t>();
        const auto request = front_->take_request();
        if (what % 4 == 0) {
          testing::send_with_fds(front_->channel(), input_.take_bytes(1 + what / 4), {});
        } else if (request) {
          front_->answer(BackEndRequest{request->header.request}, what % 4 - 1U);
        }
        break;
      }
      case 16: add_region(); break;
      default: break;
    }
    pump();
  }
  virtq_desc descriptor() {
    return {.addr = address(),
            .len = input_.take<std::uint8_t>() % 8 == 0 ? input_.take<std::uint32_t>() : input_.take<std::uint16_t>(),
            .flags = input_.take<std::uint8_t>(),
            .next = input_.take<std::uint8_t>()};
  }
  void add_region() {
    const auto what = input_.take<std::uint8_t>();
    const GuestRam& file = what % 2 == 0 ? ram_ : window_;
    const auto shift = what % 4 < 2 ? 0U : input_.take<std::uint16_t>();
    const SingleMemoryRegion region{.padding = 0,
                                    .region = {.guest_phys_addr = file.base() + shift,
                                               .memory_size = file.size() - shift % file.size(),
                                               .userspace_addr = file.base(),
                                               .mmap_offset = shift % file.size()}};
    const bool remove = what % 8 > 4;
    send(std::to_underlying(remove ? Request::rem_mem_reg : Request::add_mem_reg), kVersion, payload_of(region),
         what % 2 == 0 ? 1 : 2);
  }
  void send(std::uint32_t request, std::uint32_t flags, std::span<const std::byte> payload, unsigned fds) {
    switch (fds % 4) {
      case 0: front_->send(request, payload, {}, flags); break;
      case 1: front_->send(request, payload, {ram_.fd()}, flags); break;
      case 2: front_->send(request, payload, {window_.fd()}, flags); break;
      default: front_->send(request, payload, {front_->kick_fd(0), front_->call_fd(1)}, flags); break;
    }
  }

  Input input_;
  std::unique_ptr<hesper::platform::EventLoop> loop_ = *hesper::platform::EventLoop::create();
  GuestRam ram_{kRam};
  GuestRam window_{kWindow, 0xff'0000'0000};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base()), GuestDriver(ram_, ram_.base() + 0x1000)};
  EchoDevice device_;
  std::optional<FrontEnd> front_;
  std::unique_ptr<BackEnd> back_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  hesper::platform::ignore_broken_pipes();
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Session(Input(std::as_bytes(std::span(data, size)))).run();
  return 0;
}
