// hostile SOCKET [ATTACK...]: takes the place of QEMU and of a guest at once, without a virtual machine, and does to
// the virtio-gpu device behind SOCKET what no kernel does. Each attack is a connection of its own, that is a device
// process of its own, and checks each answer; without names: all of them. --list names them.
//
// A device that does not answer within kPatience has failed.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <format>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gpu/protocol.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vhost/back_end.h"
#include "vhost/front_end.h"
#include "vhost/guest_driver.h"

namespace {

using namespace hesper;
using namespace hesper::gpu;
using vhost::virtq_desc;
using vhost::VIRTQ_DESC_F_NEXT;
using vhost::VIRTQ_DESC_F_WRITE;
using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;

constexpr auto kPatience = std::chrono::seconds(20);
constexpr std::size_t kRam = std::size_t{32} << 20;
constexpr std::uint64_t kFeatures = VIRTIO_GPU_F_VIRGL | VIRTIO_GPU_F_EDID | VIRTIO_GPU_F_RESOURCE_UUID |
                                    VIRTIO_GPU_F_RESOURCE_BLOB | VIRTIO_GPU_F_CONTEXT_INIT | (1ULL << 32) |
                                    (1ULL << 28) | (1ULL << 29) | (1ULL << 30);
// Offsets into guest memory: rings, then a command, its response, a list that commands refer to.
constexpr std::uint64_t kCommand = 0x10'0000;
constexpr std::uint64_t kResponse = 0x20'0000;
constexpr std::uint64_t kTable = 0x30'0000;

void check(bool condition, std::string_view what) {
  if (!condition) throw std::runtime_error(std::string(what));
}

// Tries until it is true.
void wait_until(const std::function<bool()>& condition, std::string_view what) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    check(std::chrono::steady_clock::now() < end, what);
    std::this_thread::yield();
  }
}

class Machine {
 public:
  explicit Machine(const std::string& path) : front_(connect(path)) {}

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

// Chains.

void looping_chains(Machine& machine) {
  machine.boot();
  GuestDriver& driver = machine.driver(0);
  const std::uint64_t here = machine.ram().base() + kCommand;
  driver.describe(0, {.addr = here, .len = 24, .flags = VIRTQ_DESC_F_NEXT, .next = 0});
  driver.offer(0);
  machine.expect_broken("A descriptor that is its own next");
  driver.describe(0, {.addr = here, .len = 24, .flags = VIRTQ_DESC_F_NEXT, .next = 1});
  driver.describe(1, {.addr = here, .len = 24, .flags = VIRTQ_DESC_F_NEXT, .next = 0});
  driver.offer(0);
  machine.expect_broken("A loop of two");
}

void tables_in_tables(Machine& machine) {
  machine.boot();
  GuestDriver& driver = machine.driver(0);
  const std::uint64_t table = machine.ram().base() + kTable;
  const virtq_desc itself =
      driver.describe_table(table, std::array{virtq_desc{.addr = table, .len = 16, .flags = 0, .next = 0}});
  const virtq_desc nested = driver.describe_table(table, std::array{itself});
  driver.describe(0, nested);
  driver.offer(0);
  machine.expect_broken("An indirect table in itself");
}

void addresses_outside(Machine& machine) {
  machine.boot();
  const std::uint64_t end = machine.ram().base() + kRam;
  for (const std::uint64_t address :
       {std::uint64_t{0}, machine.ram().base() - 1, end - 8, end, ~std::uint64_t{0} - 8}) {
    machine.driver(0).describe(0, {.addr = address, .len = 24, .flags = 0, .next = 0});
    machine.driver(0).offer(0);
    machine.expect_broken(std::format("A command at {:#x}", address));
  }
  machine.driver(0).describe_chain(0, {{.addr = end - 0x1000, .len = 24, .flags = 0, .next = 0},
                                       {.addr = end - 8, .len = 0x1000, .flags = VIRTQ_DESC_F_WRITE, .next = 0}});
  machine.driver(0).offer(0);
  machine.expect_broken("A response over the end of memory");
}

void indices_that_lie(Machine& machine) {
  machine.boot();
  machine.driver(0).set_avail_idx(40'000);
  machine.expect_broken("An index far ahead");
  machine.driver(0).offer(63);
  machine.expect_broken("A head outside of the ring");
}

// Commands.

void unknown_commands(Machine& machine) {
  machine.boot();
  for (const std::uint32_t type : {0u, 1u, 0xffu, 0x10eu, 0x1ffu, 0x20au, 0x302u, 0x1100u, ~0u})
    machine.expect(machine.send(virtio_gpu_ctrl_hdr{.type = type}), VIRTIO_GPU_RESP_ERR_UNSPEC,
                   std::format("Command {:#x}", type));
  machine.expect_alive();
}

void short_commands(Machine& machine) {
  machine.boot();
  for (const std::uint32_t type :
       {0x101u, 0x102u, 0x103u, 0x104u, 0x105u, 0x106u, 0x107u, 0x108u, 0x109u, 0x10au, 0x10bu}) {
    const virtio_gpu_ctrl_hdr header{.type = type};
    // Without contexts there are no capsets to ask for either.
    const bool known = machine.has_contexts() || (type != 0x108u && type != 0x109u);
    machine.expect(machine.send(header), known ? VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER : VIRTIO_GPU_RESP_ERR_UNSPEC,
                   std::format("Half of {:#x}", type));
    const auto bytes = vhost::testing::payload_of(header);
    const std::uint32_t answer = machine.command(bytes.first(7));
    check(answer >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A command of seven bytes is done.");
  }
  machine.expect_alive();
}

void sizes_that_overflow(Machine& machine) {
  machine.boot();
  constexpr std::uint32_t kMost = ~0u;
  machine.expect(machine.create_2d(1, kMost, kMost), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A picture of 2^64 pixels");
  machine.expect(machine.create_2d(1, 0x10000, 0x10000), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "One of 2^32");
  machine.expect(machine.create_2d(1, 0, 4), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "One of none");
  machine.expect(machine.create_2d(1, 4, 4, 5), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "Format 5");
  machine.expect(machine.create_2d(1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA, "A good one");
  machine.expect(machine.attach(1, machine.ram().base() + kTable, 64 * 64 * 4, kMost),
                 VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A list of 2^32 pieces, of which one is there");
  machine.expect(machine.attach(1, machine.ram().base() + kTable, 64 * 64 * 4), VIRTIO_GPU_RESP_OK_NODATA,
                 "A list of one");
  for (const virtio_gpu_rect rect : {virtio_gpu_rect{.x = kMost, .y = 0, .width = 2, .height = 1},
                                     virtio_gpu_rect{.x = 0, .y = kMost - 1, .width = 1, .height = 4},
                                     virtio_gpu_rect{.x = 1, .y = 0, .width = kMost, .height = 1},
                                     virtio_gpu_rect{.x = 0, .y = 0, .width = 65, .height = 1}}) {
    machine.expect(machine.transfer(1, rect, 0), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "A rectangle that overflows");
    machine.expect(machine.scanout(0, 1, rect), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, "One that is shown");
  }
  const virtio_gpu_rect all{.x = 0, .y = 0, .width = 64, .height = 64};
  for (const std::uint64_t offset : {std::uint64_t{4}, std::uint64_t{1} << 40, ~std::uint64_t{0} - 3}) {
    check(machine.transfer(1, all, offset) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "Pixels behind the backing are read.");
  }
  machine.expect_alive();
}

void backing_outside(Machine& machine) {
  machine.boot();
  machine.expect(machine.create_2d(1), VIRTIO_GPU_RESP_OK_NODATA, "A picture");
  for (const std::uint64_t address :
       {machine.ram().base() - 32, machine.ram().base() + kRam - 32, ~std::uint64_t{0} - 31}) {
    const std::uint32_t attached = machine.attach(1, address, 64);
    const std::uint32_t done = machine.transfer(1, {.x = 0, .y = 0, .width = 4, .height = 4}, 0);
    check(attached >= VIRTIO_GPU_RESP_ERR_UNSPEC || done >= VIRTIO_GPU_RESP_ERR_UNSPEC, "Memory of nobody is read.");
    static_cast<void>(machine.send(virtio_gpu_resource_command{
        .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING}, .resource_id = 1, .padding = 0}));
  }
  machine.expect_alive();
}

void use_after_unref(Machine& machine) {
  machine.boot();
  constexpr virtio_gpu_rect kAll{.x = 0, .y = 0, .width = 4, .height = 4};
  machine.expect(machine.create_2d(7), VIRTIO_GPU_RESP_OK_NODATA, "A picture");
  machine.expect(machine.scanout(0, 7, kAll), VIRTIO_GPU_RESP_OK_NODATA, "Showing it");
  machine.expect(machine.unref(7), VIRTIO_GPU_RESP_OK_NODATA, "Its end while it is shown");
  machine.expect(machine.unref(7), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "Its second end");
  machine.expect(machine.transfer(7, kAll, 0), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "A transfer to it");
  machine.expect(machine.scanout(0, 7, kAll), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "Showing it again");
  machine.expect(machine.attach(7, machine.ram().base(), 64), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "Memory for it");
  machine.expect(machine.send(virtio_gpu_resource_flush{
                     .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH}, .r = kAll, .resource_id = 7, .padding = 0}),
                 VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "A flush");
  machine.expect_alive();
}

void scanouts_out_of_range(Machine& machine) {
  machine.boot();
  machine.expect(machine.create_2d(1), VIRTIO_GPU_RESP_OK_NODATA, "A picture");
  for (const std::uint32_t scanout : {1u, 15u, 16u, 0x8000'0000u, ~0u}) {
    machine.expect(machine.scanout(scanout, 1, {.x = 0, .y = 0, .width = 4, .height = 4}),
                   VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID, "A scanout that is not there");
    virtio_gpu_update_cursor cursor{};
    cursor.hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR;
    cursor.pos.scanout_id = scanout;
    cursor.resource_id = 1;
    check(machine.send(cursor, 1) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A cursor on no screen.");
  }
  machine.expect_alive();
}

void many_resources(Machine& machine) {
  constexpr std::uint32_t kMany = 100'000;
  machine.boot();
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t id = 1; id <= kMany; ++id)
      machine.expect(machine.create_2d(id, 1, 1), VIRTIO_GPU_RESP_OK_NODATA, "One of many");
    machine.expect_alive();
    machine.reset();
  }
  // Larger ones until memory is refused, which loses nothing.
  std::uint32_t id = 1;
  while (machine.create_2d(id, 16'384, 1024) == VIRTIO_GPU_RESP_OK_NODATA) check(++id < 1000, "Memory has no end.");
  machine.expect(machine.create_2d(id, 16'384, 1024), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, "More than there may be");
  machine.expect(machine.unref(1), VIRTIO_GPU_RESP_OK_NODATA, "The end of one");
  machine.expect(machine.create_2d(id, 16'384, 1024), VIRTIO_GPU_RESP_OK_NODATA, "One in its place");
}

void blobs_beyond_the_window(Machine& machine) {
  machine.boot();
  constexpr std::uint32_t kHost3d = VIRTIO_GPU_BLOB_MEM_HOST3D;
  if (!machine.has_contexts()) {
    check(machine.blob(1, kHost3d, 4096, 0) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A host blob without contexts is made.");
    return;
  }
  virtio_gpu_ctx_create create{};
  create.hdr = {.type = VIRTIO_GPU_CMD_CTX_CREATE, .flags = 0, .fence_id = 0, .ctx_id = 1};
  create.context_init = 4;
  machine.expect(machine.send(create), VIRTIO_GPU_RESP_OK_NODATA, "A context");
  const auto map = [&](std::uint32_t id, std::uint64_t offset) {
    return machine.send(virtio_gpu_resource_map_blob{
        .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB}, .resource_id = id, .padding = 0, .offset = offset});
  };
  for (const std::uint64_t size : {std::uint64_t{1} << 39, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    if (machine.blob(1, kHost3d, size, 1) != VIRTIO_GPU_RESP_OK_NODATA) continue;
    check(map(1, 0) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A blob larger than the window is mapped.");
    machine.expect(machine.unref(1), VIRTIO_GPU_RESP_OK_NODATA, "Its end");
  }
  machine.expect(machine.blob(2, kHost3d, 8192, 1), VIRTIO_GPU_RESP_OK_NODATA, "A blob");
  for (const std::uint64_t offset :
       {std::uint64_t{1}, std::uint64_t{2048}, std::uint64_t{1} << 50, ~std::uint64_t{0} - 4095})
    check(map(2, offset) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A blob is mapped where no window is.");
  machine.expect(map(2, 4096), VIRTIO_GPU_RESP_OK_MAP_INFO, "Mapping it");
  machine.expect(machine.blob(3, kHost3d, 8192, 1), VIRTIO_GPU_RESP_OK_NODATA, "Another");
  check(map(3, 8192) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "Two blobs lie on each other.");
  check(map(2, 16384) >= VIRTIO_GPU_RESP_ERR_UNSPEC, "A blob is mapped twice.");
  machine.expect_alive();
}

void memory_that_moves(Machine& machine) {
  machine.boot();
  machine.expect(machine.create_2d(1, 64, 64), VIRTIO_GPU_RESP_OK_NODATA, "A picture");
  machine.expect(machine.attach(1, machine.ram().base() + kTable, 64 * 64 * 4), VIRTIO_GPU_RESP_OK_NODATA,
                 "Its memory");
  for (int i = 0; i < 1000; ++i) {
    machine.front().set_memory(machine.ram());
    if (i % 10 == 0)
      machine.expect(machine.transfer(1, {.x = 0, .y = 0, .width = 64, .height = 64}, 0), VIRTIO_GPU_RESP_OK_NODATA,
                     "A transfer meanwhile");
  }
  machine.expect_alive();
}

void kicks_for_nothing(Machine& machine) {
  machine.boot();
  for (int i = 0; i < 100'000; ++i) machine.front().kick(i % 2 == 0 ? 0 : 1);
  machine.expect_alive();
}

// Messages.

void half_a_message(Machine& machine) {
  machine.boot();
  machine.expect_alive();
  const vhost::MessageHeader header{.request = 5, .flags = vhost::kVersion, .size = 40};
  machine.front().send_raw(vhost::testing::payload_of(header));
  machine.expect_alive();  // it is not waited for
  machine.front().close();
}

void a_message_of_four_gibibytes(Machine& machine) {
  machine.boot();
  machine.expect_alive();
  const vhost::MessageHeader header{.request = 5, .flags = vhost::kVersion, .size = ~0u};
  machine.front().send_raw(vhost::testing::payload_of(header));
  machine.expect_hang_up("A message of 4 GiB");
}

void noise(Machine& machine) {
  std::array<std::byte, 4096> bytes{};
  std::uint32_t state = 1;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  machine.front().send_raw(bytes);
  machine.expect_hang_up("Noise");
}

void rings_that_are_nowhere(Machine& machine) {
  machine.front().connect(vhost::BackEnd::kProtocolFeatures);
  machine.front().set_memory(machine.ram());
  const vhost::VringAddr address{.index = 0,
                                 .flags = 0,
                                 .desc_user_addr = 0x1000,
                                 .used_user_addr = ~std::uint64_t{0} - 8,
                                 .avail_user_addr = 0,
                                 .log_guest_addr = 0};
  for (const std::uint32_t size : {0u, 3u, 0x10000u, ~0u}) {
    machine.front().send_state(vhost::Request::set_vring_num, 0, size);
    machine.front().send(vhost::Request::set_vring_addr, vhost::testing::payload_of(address));
    machine.front().start_ring(0);
    machine.front().send_state(vhost::Request::set_vring_enable, 0, 1);
    machine.front().kick(0);
  }
  machine.front().send_state(vhost::Request::set_vring_enable, 77, 1);
  machine.front().stop();
  machine.start();
  machine.expect_alive();
}

struct Attack {
  std::string_view name;
  void (*run)(Machine&);
};
constexpr Attack kAttacks[] = {
    {"looping-chains", looping_chains},
    {"tables-in-tables", tables_in_tables},
    {"addresses-outside", addresses_outside},
    {"indices-that-lie", indices_that_lie},
    {"unknown-commands", unknown_commands},
    {"short-commands", short_commands},
    {"sizes-that-overflow", sizes_that_overflow},
    {"backing-outside", backing_outside},
    {"use-after-unref", use_after_unref},
    {"scanouts-out-of-range", scanouts_out_of_range},
    {"many-resources", many_resources},
    {"blobs-beyond-the-window", blobs_beyond_the_window},
    {"memory-that-moves", memory_that_moves},
    {"kicks-for-nothing", kicks_for_nothing},
    {"half-a-message", half_a_message},
    {"a-message-of-four-gibibytes", a_message_of_four_gibibytes},
    {"noise", noise},
    {"rings-that-are-nowhere", rings_that_are_nowhere},
};

}  // namespace

int main(int argc, char** argv) {
  platform::ignore_broken_pipes();
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.empty() || arguments[0] == "--list") {
    for (const Attack& attack : kAttacks) std::puts(attack.name.data());
    return arguments.empty() ? 2 : 0;
  }
  int failures = 0;
  for (const Attack& attack : kAttacks) {
    if (arguments.size() > 1 && std::ranges::find(arguments, attack.name) == arguments.end()) continue;
    try {
      Machine machine{std::string(arguments[0])};
      attack.run(machine);
      std::printf("%s ok\n", attack.name.data());
    } catch (const std::exception& error) {
      std::printf("%s FAILED: %s\n", attack.name.data(), error.what());
      ++failures;
    }
    std::fflush(stdout);
  }
  return failures == 0 ? 0 : 1;
}
