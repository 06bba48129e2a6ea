// hostile SOCKET [ATTACK...]: takes the place of QEMU and of a guest at once, without a virtual machine, and does to
// the virtio-gpu device behind SOCKET what no kernel does. Each attack is a connection of its own, that is a device
// process of its own, and checks each answer; without names: all of them. --list names them.
//
// A device that does not answer within kPatience has failed.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <format>
#include <string>
#include <string_view>
#include <vector>

#include "platform/signals.h"
#include "raw_machine.h"

namespace {

using namespace hesper;
using namespace hesper::gpu;
using namespace hesper::gpu::testing;

// Chains.

void looping_chains(RawMachine& machine) {
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

void tables_in_tables(RawMachine& machine) {
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

void addresses_outside(RawMachine& machine) {
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

void indices_that_lie(RawMachine& machine) {
  machine.boot();
  machine.driver(0).set_avail_idx(40'000);
  machine.expect_broken("An index far ahead");
  machine.driver(0).offer(63);
  machine.expect_broken("A head outside of the ring");
}

// Commands.

void unknown_commands(RawMachine& machine) {
  machine.boot();
  for (const std::uint32_t type : {0u, 1u, 0xffu, 0x10eu, 0x1ffu, 0x20au, 0x302u, 0x1100u, ~0u})
    machine.expect(machine.send(virtio_gpu_ctrl_hdr{.type = type}), VIRTIO_GPU_RESP_ERR_UNSPEC,
                   std::format("Command {:#x}", type));
  machine.expect_alive();
}

void short_commands(RawMachine& machine) {
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

void sizes_that_overflow(RawMachine& machine) {
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

void backing_outside(RawMachine& machine) {
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

void use_after_unref(RawMachine& machine) {
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

void scanouts_out_of_range(RawMachine& machine) {
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

void many_resources(RawMachine& machine) {
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

void blobs_beyond_the_window(RawMachine& machine) {
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

void memory_that_moves(RawMachine& machine) {
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

void kicks_for_nothing(RawMachine& machine) {
  machine.boot();
  for (int i = 0; i < 100'000; ++i) machine.front().kick(i % 2 == 0 ? 0 : 1);
  machine.expect_alive();
}

// Messages.

void half_a_message(RawMachine& machine) {
  machine.boot();
  machine.expect_alive();
  const vhost::MessageHeader header{.request = 5, .flags = vhost::kVersion, .size = 40};
  machine.front().send_raw(vhost::testing::payload_of(header));
  machine.expect_alive();  // it is not waited for
  machine.front().close();
}

void a_message_of_four_gibibytes(RawMachine& machine) {
  machine.boot();
  machine.expect_alive();
  const vhost::MessageHeader header{.request = 5, .flags = vhost::kVersion, .size = ~0u};
  machine.front().send_raw(vhost::testing::payload_of(header));
  machine.expect_hang_up("A message of 4 GiB");
}

void noise(RawMachine& machine) {
  std::array<std::byte, 4096> bytes{};
  std::uint32_t state = 1;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  machine.front().send_raw(bytes);
  machine.expect_hang_up("Noise");
}

void rings_that_are_nowhere(RawMachine& machine) {
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
  void (*run)(RawMachine&);
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
      RawMachine machine{std::string(arguments[0])};
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
