// RawMachine: takes the place of QEMU and of a guest's driver at once, in front of a real hesper gpu: a vhost-user
// front-end and virtqueues that do what their caller says. For attacks and measurements; no virtual machine takes part.
// What does not come within kPatience is a std::runtime_error.
#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <format>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "gpu/protocol.h"
#include "platform/socket.h"
#include "vhost/back_end.h"
#include "vhost/front_end.h"
#include "vhost/guest_driver.h"

namespace hesper::gpu::testing {

using vhost::virtq_desc;
using vhost::VIRTQ_DESC_F_NEXT;
using vhost::VIRTQ_DESC_F_WRITE;
using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;

inline constexpr auto kPatience = std::chrono::seconds(20);
inline constexpr std::size_t kRam = std::size_t{32} << 20;
inline constexpr std::uint64_t kFeatures = VIRTIO_GPU_F_VIRGL | VIRTIO_GPU_F_EDID | VIRTIO_GPU_F_RESOURCE_UUID |
                                           VIRTIO_GPU_F_RESOURCE_BLOB | VIRTIO_GPU_F_CONTEXT_INIT | (1ULL << 32) |
                                           (1ULL << 28) | (1ULL << 29) | (1ULL << 30);
// Offsets into guest memory: rings, then a command, its response, a list that commands refer to.
inline constexpr std::uint64_t kCommand = 0x10'0000;
inline constexpr std::uint64_t kResponse = 0x20'0000;
inline constexpr std::uint64_t kTable = 0x30'0000;

inline void check(bool condition, std::string_view what) {
  if (!condition) throw std::runtime_error(std::string(what));
}

// Tries until it is true.
inline void wait_until(const std::function<bool()>& condition, std::string_view what) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    check(std::chrono::steady_clock::now() < end, what);
    std::this_thread::yield();
  }
}

class RawMachine {
 public:
  explicit RawMachine(const std::string& path) : front_(connect(path)) {}

  // A well-behaved start, up to a device that answers.
  void boot() {
    front_.connect(vhost::BackEnd::kProtocolFeatures);
    start();
  }
  void start(std::uint16_t base = 0) {
    const std::uint16_t bases[] = {base, 0};
    front_.start(kFeatures & offered(), ram_, drivers_, bases);
  }
  // As at a reboot.
  void reset() {
    front_.stop();
    for (GuestDriver& driver : drivers_) driver.reset();
    const vhost::ConfigHeader config{.offset = 0, .size = 4, .flags = 0};
    std::array<std::byte, sizeof(config) + 4> ask{};
    std::memcpy(ask.data(), &config, sizeof(config));
    front_.send(vhost::Request::get_config, ask);
    start();
  }

  // Offers `bytes` as a command; the type of the response.
  std::uint32_t command(std::span<const std::byte> bytes, unsigned queue = 0) {
    std::memcpy(ram_.at(ram_.base() + kCommand, bytes.size()), bytes.data(), bytes.size());
    std::memset(ram_.at(ram_.base() + kResponse, 0x1000), 0, 0x1000);
    return offer(
        {{.addr = ram_.base() + kCommand, .len = static_cast<std::uint32_t>(bytes.size()), .flags = 0, .next = 0},
         {.addr = ram_.base() + kResponse, .len = 0x1000, .flags = VIRTQ_DESC_F_WRITE, .next = 0}},
        queue);
  }
  template <class Command>
  std::uint32_t send(const Command& what, unsigned queue = 0) {
    return command(vhost::testing::payload_of(what), queue);
  }
  // The response's type once the chain is used.
  std::uint32_t offer(std::initializer_list<virtq_desc> chain, unsigned queue = 0) {
    drivers_[queue].describe_chain(0, chain);
    drivers_[queue].offer(0);
    front_.kick(queue);
    wait_until([&] { return take_answers() && !drivers_[queue].take_used().empty(); }, "A command is not answered.");
    virtio_gpu_ctrl_hdr response{};
    std::memcpy(&response, ram_.at(ram_.base() + kResponse, sizeof(response)), sizeof(response));
    return response.type;
  }
  void expect(std::uint32_t answer, std::uint32_t expected, std::string_view what) {
    check(answer == expected, std::format("{}: the device answers {:#x}, not {:#x}.", what, answer, expected));
  }
  void expect_alive() {
    expect(send(virtio_gpu_ctrl_hdr{.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO}), VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
           "A good command");
  }
  // Offers a chain that must break the ring; the device tells, and the other ring goes on. Then resets it.
  void expect_broken(std::string_view what) {
    static_cast<void>(front_.errors(0));
    front_.kick(0);
    wait_until([&] { return take_answers() && front_.errors(0) > 0; },
               std::format("{} does not break the ring.", what));
    check(drivers_[0].take_used().empty(), "A broken ring is used.");
    virtio_gpu_update_cursor cursor{};
    cursor.hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR;
    expect(send(cursor, 1), VIRTIO_GPU_RESP_OK_NODATA, "The other ring");
    reset();
    expect_alive();
  }
  // The device hangs up.
  void expect_hang_up(std::string_view what) {
    wait_until(
        [&] {
          pollfd state{.fd = front_.socket(), .events = POLLIN, .revents = 0};
          while (front_.take()) {
          }
          return ::poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0;
        },
        std::format("{} does not end the connection.", what));
  }

  FrontEnd& front() { return front_; }
  GuestDriver& driver(unsigned queue) { return drivers_[queue]; }
  GuestRam& ram() { return ram_; }
  [[nodiscard]] bool has_contexts() { return (offered() & VIRTIO_GPU_F_VIRGL) != 0; }

  std::uint32_t create_2d(std::uint32_t id, std::uint32_t width = 4, std::uint32_t height = 4,
                          std::uint32_t format = 2) {
    return send(virtio_gpu_resource_create_2d{.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D},
                                              .resource_id = id,
                                              .format = format,
                                              .width = width,
                                              .height = height});
  }
  std::uint32_t unref(std::uint32_t id) {
    return send(
        virtio_gpu_resource_command{.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_UNREF}, .resource_id = id, .padding = 0});
  }
  std::uint32_t attach(std::uint32_t id, std::uint64_t address, std::uint32_t length, std::uint32_t claimed = 1) {
    const struct {
      virtio_gpu_resource_attach_backing command;
      virtio_gpu_mem_entry entry;
    } message{
        .command = {.hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, .resource_id = id, .nr_entries = claimed},
        .entry = {.addr = address, .length = length, .padding = 0}};
    return send(message);
  }
  std::uint32_t transfer(std::uint32_t id, virtio_gpu_rect rect, std::uint64_t offset) {
    return send(virtio_gpu_transfer_to_host_2d{.hdr = {.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D},
                                               .r = rect,
                                               .offset = offset,
                                               .resource_id = id,
                                               .padding = 0});
  }
  std::uint32_t scanout(std::uint32_t scanout, std::uint32_t id, virtio_gpu_rect rect) {
    return send(virtio_gpu_set_scanout{
        .hdr = {.type = VIRTIO_GPU_CMD_SET_SCANOUT}, .r = rect, .scanout_id = scanout, .resource_id = id});
  }
  std::uint32_t blob(std::uint32_t id, std::uint32_t mem, std::uint64_t size, std::uint32_t context,
                     std::uint64_t blob_id = 0) {
    return send(virtio_gpu_resource_create_blob{
        .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, .flags = 0, .fence_id = 0, .ctx_id = context},
        .resource_id = id,
        .blob_mem = mem,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
        .nr_entries = 0,
        .blob_id = blob_id,
        .size = size});
  }

 private:
  static UniqueFd connect(const std::string& path) {
    auto socket = platform::connect_to(path);
    check(socket.has_value(), "Nobody listens on the socket.");
    return std::move(*socket);
  }
  // The answers of the device on the socket, and what it asks QEMU, which is granted. True.
  bool take_answers() {
    while (const auto answer = front_.take()) {
      if (answer->header.request == std::to_underlying(vhost::Request::get_features))
        features_ = answer->as<std::uint64_t>();
    }
    while (const auto request = front_.take_request())
      front_.answer(static_cast<vhost::BackEndRequest>(request->header.request), 0);
    return true;
  }
  std::uint64_t offered() {
    wait_until([&] { return take_answers() && features_.has_value(); }, "The device does not tell its features.");
    return *features_;
  }

  GuestRam ram_{kRam};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base()), GuestDriver(ram_, ram_.base() + 0x1000)};
  FrontEnd front_;
  std::optional<std::uint64_t> features_;
};

}  // namespace hesper::gpu::testing
