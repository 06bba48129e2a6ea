// Fuzz target: hostile viewers at input channels, and a hostile guest and QEMU at the keyboard's and the touch screen's
// rings, at the same time. Whatever they did: a guest that then begins anew and reads everything finds nothing down
// once the viewers have left, and is told what a good viewer does.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bitset>
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
#include "device/input_channels.h"
#include "device/input_door.h"
#include "input/seat.h"
#include "platform/event_loop.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vhost/front_end.h"
#include "vhost/guest_driver.h"

namespace {

using namespace hesper;
using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;

constexpr std::uint64_t kFeatures = (1ULL << 32) | (1ULL << 28) | (1ULL << 29) | (1ULL << 30);
constexpr std::size_t kRam = 0x10000;
constexpr std::uint64_t kBuffers = 0x4000'4000;
constexpr std::uint16_t kSlots = 8;

enum class Step : std::uint8_t { viewer, leave, buffer, status, config, stop, start, reset, raw, corrupt, count };

// Takes numbers from the input; zeros behind its end.
class Script {
 public:
  explicit Script(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t number() {
    const auto some = take(1);
    return some.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(some[0]);
  }
  std::span<const std::byte> take(std::size_t most) {
    const auto some = bytes_.first(std::min(most, bytes_.size()));
    bytes_ = bytes_.subspan(some.size());
    return some;
  }

 private:
  std::span<const std::byte> bytes_;
};

// One device behind its door, and the guest and QEMU in front of it.
class Guest {
 public:
  Guest(platform::EventLoop& loop, input::Device& device) : loop_(loop), door_(loop, device) { connect(); }

  void step(Step step, std::uint8_t argument, std::span<const std::byte> bytes) {
    switch (step) {
      case Step::buffer: return offer(argument);
      case Step::status: return tell(argument, bytes);
      case Step::config: {
        std::vector<std::byte> message(sizeof(vhost::ConfigHeader) + bytes.size());
        const vhost::ConfigHeader header{
            .offset = argument, .size = static_cast<std::uint32_t>(bytes.size()), .flags = 0};
        std::memcpy(message.data(), &header, sizeof(header));
        std::ranges::copy(bytes, message.begin() + sizeof(header));
        front_->send(argument % 2 == 0 ? vhost::Request::set_config : vhost::Request::get_config, message);
        return;
      }
      case Step::stop: return front_->stop();
      case Step::start: return start(drivers_[0].offered(), drivers_[1].offered());
      case Step::reset: return begin_anew();
      case Step::raw: front_->send(argument, bytes); return;
      case Step::corrupt:
        for (std::size_t i = 0; i < bytes.size(); ++i) *ram_.at(ram_.base() + argument * 16ULL + i) = bytes[i];
        return;
      default: return;
    }
  }

  void pump(int rounds = 6) {
    for (int i = 0; i < rounds; ++i) loop_.run_once(std::chrono::milliseconds(0));
    while (front_->take()) {
    }
  }

  // A guest that behaves, from its boot on.
  void behave() {
    if (!door_.is_serving()) connect();
    begin_anew();
    if (!door_.is_serving()) {  // what was sent before has only now been read as a message
      connect();
      begin_anew();
    }
    for (std::uint8_t slot = 0; slot < kSlots; ++slot) offer(slot);
    read();
  }
  void read() {
    for (bool more = true; more;) {
      pump(30);
      const auto used = drivers_[0].take_used();
      more = !used.empty();
      for (const auto& each : used) {
        HESPER_CHECK(each.written == sizeof(input::virtio_input_event));
        input::virtio_input_event event{};
        std::memcpy(&event, ram_.at(kBuffers + 16ULL * each.head, sizeof(event)), sizeof(event));
        if (event.type == input::EV_KEY) down_.set(event.code, event.value != 0);
        offer(static_cast<std::uint8_t>(each.head));
      }
    }
  }
  [[nodiscard]] const auto& down() const { return down_; }

 private:
  void connect() {
    auto pair = platform::create_socket_pair();
    HESPER_CHECK(pair.has_value());
    front_.emplace(std::move(pair->first));
    HESPER_CHECK(door_.serve(std::move(pair->second), [](vhost::BackEnd::Ending, const std::string&) {}).has_value());
    front_->connect(vhost::BackEnd::kProtocolFeatures);
    pump(30);
  }
  void start(std::uint16_t events, std::uint16_t status) {
    const std::array<std::uint16_t, 2> bases = {events, status};
    front_->start(kFeatures, ram_, drivers_, bases);
  }
  void begin_anew() {
    front_->stop();
    pump(30);
    for (auto& driver : drivers_) driver.reset();
    const vhost::ConfigHeader config{.offset = 0, .size = 4, .flags = 0};
    std::array<std::byte, sizeof(config) + 4> ask{};
    std::memcpy(ask.data(), &config, sizeof(config));
    front_->send(vhost::Request::get_config, ask);
    start(0, 0);
    pump(30);
    down_.reset();
  }
  void offer(std::uint8_t argument) {
    const auto slot = static_cast<std::uint16_t>(argument % kSlots);
    const std::uint32_t size = argument < kSlots ? sizeof(input::virtio_input_event) : argument / 8U;
    drivers_[0].describe_chain(
        slot, {{.addr = kBuffers + 16ULL * slot, .len = size, .flags = vhost::VIRTQ_DESC_F_WRITE, .next = 0}});
    drivers_[0].offer(slot);
    front_->kick(0);
  }
  void tell(std::uint8_t argument, std::span<const std::byte> bytes) {
    const std::uint64_t at = kBuffers + 0x1000;
    for (std::size_t i = 0; i < bytes.size(); ++i) *ram_.at(at + i) = bytes[i];
    const auto slot = static_cast<std::uint16_t>(argument % kSlots);
    drivers_[1].describe_chain(slot,
                               {{.addr = at, .len = static_cast<std::uint32_t>(bytes.size()), .flags = 0, .next = 0}});
    drivers_[1].offer(slot);
    front_->kick(1);
  }

  platform::EventLoop& loop_;
  GuestRam ram_{kRam};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base(), kSlots),
                                      GuestDriver(ram_, ram_.base() + 0x1000, kSlots)};
  device::InputDoor door_;
  std::optional<FrontEnd> front_;
  std::bitset<0x10000> down_;
};

void live(std::span<const std::byte> bytes) {
  auto loop = platform::EventLoop::create();
  HESPER_CHECK(loop.has_value());
  input::Seat seat([] {
    input::Desktop desktop;
    desktop.displays[0] = {.x = 0, .y = 0, .width = 640, .height = 480};
    desktop.displays[3] = {.x = 640, .y = 0, .width = 0xffffffff, .height = 1};
    return desktop;
  });
  device::InputChannels channels(**loop, seat);
  std::array<UniqueFd, 2> viewers;
  const auto connect = [&](UniqueFd& viewer) {
    auto pair = platform::create_socket_pair();
    HESPER_CHECK(pair.has_value());
    channels.add(std::move(pair->second));
    viewer = std::move(pair->first);
  };
  for (UniqueFd& viewer : viewers) connect(viewer);
  Guest keyboard(**loop, seat.device(input::Kind::keyboard));
  Guest touch(**loop, seat.device(input::Kind::touch));

  for (Script script(bytes); !script.empty();) {
    const auto step = static_cast<Step>(script.number() % std::to_underlying(Step::count));
    const std::uint8_t argument = script.number();
    const auto more =
        script.take(step == Step::viewer ? sizeof(input::ChannelMessage) * (argument % 8) : argument % 32);
    UniqueFd& viewer = viewers[argument >> 7];
    Guest& guest = (argument & 64) != 0 ? touch : keyboard;
    if (step == Step::viewer) {
      if (!platform::send_all(viewer.get(), more)) connect(viewer);
    } else if (step == Step::leave) {
      connect(viewer);
    } else {
      guest.step(step, argument & 63, more);
    }
    keyboard.pump();
    touch.pump();
  }

  for (Guest* guest : {&keyboard, &touch}) guest->behave();
  for (UniqueFd& viewer : viewers) viewer = UniqueFd();
  for (Guest* guest : {&keyboard, &touch}) {
    guest->pump();
    guest->read();
    HESPER_CHECK(guest->down().none());
  }
  HESPER_CHECK(channels.count() == 0 && seat.members() == 0);
  auto good = seat.join(nullptr);
  good->key(static_cast<input::KeyCode>(30), true);
  good->touch(0, 0, 1, 1);
  good->flush();
  for (Guest* guest : {&keyboard, &touch}) guest->read();
  HESPER_CHECK(keyboard.down().test(30) && touch.down().test(input::BTN_TOUCH));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool ready = [] {
    platform::ignore_broken_pipes();
    spdlog::set_level(spdlog::level::off);
    return true;
  }();
  static_cast<void>(ready);
  live(std::as_bytes(std::span(data, size)));
  return 0;
}
