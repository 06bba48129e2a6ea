// Finding it, its capabilities and BARs, its start, its queue.
#include "gpu.h"

namespace gpu {
namespace {

constexpr u32 kVirtioGpu = 0x1050'1af4;  // device and vendor
constexpr u32 kFunctions = 256;          // of bus 0
constexpr u32 kQueueSize = 16;

// Those that the player's host uses: VIRGL, EDID, RESOURCE_UUID, RESOURCE_BLOB, CONTEXT_INIT, and VERSION_1.
constexpr u64 kFeatures = 0x1f | 1ul << 32;
constexpr u64 kVersion1 = 1ul << 32;

struct Descriptor {
  u64 address;
  u32 size;
  u16 flags;
  u16 next;
};
struct alignas(4096) Queue {
  Descriptor descriptors[kQueueSize];
  u16 driver_flags;
  u16 driver_index;
  u16 driver_ring[kQueueSize];
  u16 driver_event;
  alignas(64) u16 device_flags;
  u16 device_index;
  struct {
    u32 head;
    u32 size;
  } device_ring[kQueueSize];
  u16 device_event;
};

Queue queues[2];  // control and cursor; nothing is ever put into the second
volatile u16* control_bell = nullptr;

template <class T>
volatile T& at(u64 base, u64 offset) {
  return *reinterpret_cast<volatile T*>(base + offset);
}

// Where a BAR lies, or 0.
u64 place_of_bar(u32 function, u32 bar) {
  const u32 offset = 0x10 + 4 * bar;
  const u32 low = machine::read_config(function, offset);
  if ((low & 1) != 0) return 0;  // ports
  const bool is_64_bit = (low & 6) == 4;
  u64 place = low & ~0xfu;
  if (is_64_bit) place |= static_cast<u64>(machine::read_config(function, offset + 4)) << 32;
  if (place != 0) return place;
  machine::write_config(function, offset, ~0u);
  u64 mask = machine::read_config(function, offset) & ~0xfu;
  if (is_64_bit) {
    machine::write_config(function, offset + 4, ~0u);
    mask |= static_cast<u64>(machine::read_config(function, offset + 4)) << 32;
  } else {
    mask |= 0xffff'ffff'0000'0000;
  }
  if (mask == 0) return 0;
  place = machine::place_for_bar(~mask + 1, is_64_bit);
  machine::write_config(function, offset, static_cast<u32>(place));
  if (is_64_bit) machine::write_config(function, offset + 4, static_cast<u32>(place >> 32));
  return place;
}

struct Capability {
  u32 at = 0;  // in configuration space; 0: there is none
  u64 place = 0;
  u64 size = 0;
};

// id: of shared memory, whose numbers have a second half; 0 otherwise.
Capability find(u32 function, u32 type, u32 id) {
  u32 next = machine::read_config(function, 0x34) & 0xfc;
  for (u32 seen = 0; next != 0 && seen < 64; ++seen) {
    const u32 header = machine::read_config(function, next);
    const u32 bar = machine::read_config(function, next + 4);
    if ((header & 0xff) == 9 && header >> 24 == type && (bar >> 8 & 0xff) == id) {
      Capability found{.at = next, .place = 0, .size = machine::read_config(function, next + 12)};
      u64 offset = machine::read_config(function, next + 8);
      if (id != 0) {
        offset |= static_cast<u64>(machine::read_config(function, next + 16)) << 32;
        found.size |= static_cast<u64>(machine::read_config(function, next + 20)) << 32;
      }
      const u64 base = place_of_bar(function, bar & 0xff);
      if (base != 0) found.place = base + offset;
      return found;
    }
    next = header >> 8 & 0xfc;
  }
  return {};
}

bool map(const Capability& capability, u64 most) {
  return capability.place != 0 && machine::map(capability.place, capability.size < most ? capability.size : most);
}

// Fields of 64 bits are written by halves.
void set_address(u64 common, u64 offset, const void* address) {
  at<u32>(common, offset) = static_cast<u32>(reinterpret_cast<u64>(address));
  at<u32>(common, offset + 4) = static_cast<u32>(reinterpret_cast<u64>(address) >> 32);
}

void describe_queue(u64 common, u16 number) {
  at<u16>(common, 0x16) = number;
  if (at<u16>(common, 0x18) < kQueueSize) return;
  Queue& queue = queues[number];
  queue.driver_flags = 1;  // no interrupts
  at<u16>(common, 0x18) = kQueueSize;
  set_address(common, 0x20, queue.descriptors);
  set_address(common, 0x28, &queue.driver_flags);
  set_address(common, 0x30, &queue.device_flags);
  at<u16>(common, 0x1c) = 1;
}

}  // namespace

Found start() {
  u32 function = 0;
  while (function < kFunctions && machine::read_config(function, 0) != kVirtioGpu) ++function;
  if (function == kFunctions) return {.problem = "absent"};
  const Capability common = find(function, 1, 0);
  const Capability notify = find(function, 2, 0);
  const Capability window = find(function, 8, 1);
  if (common.at == 0 || notify.at == 0) return {.problem = "not-modern"};
  constexpr u64 kAll = ~0ul;
  if (!map(common, kAll) || !map(notify, kAll)) return {.problem = "no-place"};
  if (window.at != 0 && !map(window, kMostUsedWindow)) return {.problem = "no-place-for-window"};
  machine::write_config(function, 4, machine::read_config(function, 4) | 6);  // memory, bus master

  const u64 registers = common.place;
  volatile u8& status = at<u8>(registers, 0x14);
  status = 0;
  while (status != 0) machine::relax();
  status = 1;      // ACKNOWLEDGE
  status = 1 | 2;  // DRIVER
  Found found;
  for (u32 half = 0; half < 2; ++half) {
    at<u32>(registers, 0) = half;
    found.features |= static_cast<u64>(at<u32>(registers, 4)) << (32 * half);
  }
  for (u32 half = 0; half < 2; ++half) {
    at<u32>(registers, 8) = half;
    at<u32>(registers, 12) = static_cast<u32>((found.features & kFeatures) >> (32 * half));
  }
  status = 1 | 2 | 8;  // FEATURES_OK
  if ((found.features & kVersion1) == 0 || (status & 8) == 0) return {.problem = "features"};
  describe_queue(registers, 1);
  describe_queue(registers, 0);
  const u32 multiplier = machine::read_config(function, notify.at + 16);
  control_bell = &at<u16>(notify.place, static_cast<u64>(at<u16>(registers, 0x1e)) * multiplier);
  status = 1 | 2 | 8 | 4;  // DRIVER_OK
  if ((status & 0x40) != 0) return {.problem = "needs-reset"};
  if (window.at != 0) {
    found.window = reinterpret_cast<u8*>(window.place);
    found.window_size = window.size;
  }
  return found;
}

u32 submit(const void* request, u32 request_size, void* response, u32 response_size) {
  static u16 submitted = 0;
  Queue& queue = queues[0];
  queue.descriptors[0] = {.address = reinterpret_cast<u64>(request), .size = request_size, .flags = 1, .next = 1};
  queue.descriptors[1] = {.address = reinterpret_cast<u64>(response), .size = response_size, .flags = 2, .next = 0};
  queue.driver_ring[submitted % kQueueSize] = 0;
  machine::order();
  *const_cast<volatile u16*>(&queue.driver_index) = ++submitted;
  machine::order();
  *control_bell = 0;
  while (*const_cast<volatile u16*>(&queue.device_index) != submitted) machine::relax();
  machine::order();
  return queue.device_ring[static_cast<u16>(submitted - 1) % kQueueSize].size;
}

}  // namespace gpu
