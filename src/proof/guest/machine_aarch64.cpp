// QEMU's `virt`: a PL011, and what its device tree, at the start of memory, says of PCI. No firmware has been here, so
// BARs get their places from us.
#include "machine.h"

namespace machine {
namespace {

constexpr u64 kSerial = 0x0900'0000;
constexpr u64 kTree = 0x4000'0000;
constexpr u64 kGib = 1ul << 30;
constexpr u64 kHigh = 512 * kGib;      // from here on start_aarch64.S maps a GiB of registers, then memory
constexpr u64 kHighEnd = 1024 * kGib;  // of what it maps

struct Space {
  u64 next = 0;
  u64 end = 0;
};

u64 config_space = 0;
Space low;     // all there is on machines without the next
Space high;    // for registers
Space memory;  // behind it

volatile u32& serial(u64 offset) { return *reinterpret_cast<volatile u32*>(kSerial + offset); }

// The device tree: "Devicetree Specification", "Flattened Devicetree (DTB) Format". It is QEMU's, which this machine
// consists of.
u32 be32(const u8* at) {
  return static_cast<u32>(at[0]) << 24 | static_cast<u32>(at[1]) << 16 | static_cast<u32>(at[2]) << 8 | at[3];
}
u64 be64(const u8* at) { return static_cast<u64>(be32(at)) << 32 | be32(at + 4); }
bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

struct PciNode {
  bool is_pci = false;
  const u8* reg = nullptr;
  const u8* ranges = nullptr;
  u32 ranges_size = 0;
};

void take_spaces(const PciNode& node) {
  if (!node.is_pci || node.reg == nullptr || node.ranges == nullptr) return;
  config_space = be64(node.reg);
  for (u32 at = 0; at + 28 <= node.ranges_size; at += 28) {  // flags, bus address, address, size
    const u32 kind = be32(node.ranges + at) >> 24 & 3;
    const u64 begin = be64(node.ranges + at + 12);
    const u64 size = be64(node.ranges + at + 20);
    if (kind == 2) low = {begin, begin + size};
    if (kind == 3 && begin == kHigh && size > kGib) {
      high = {begin, begin + kGib};
      memory = {begin + kGib, begin + size};
    }
  }
}

// A place of this size, a power of two, aligned to it; 0: there is none left.
u64 take(Space& space, u64 size) {
  const u64 place = (space.next + size - 1) & ~(size - 1);
  if (place + size > space.end) return 0;
  space.next = place + size;
  return place;
}

void find_pci() {
  const u8* const tree = reinterpret_cast<const u8*>(kTree);
  if (be32(tree) != 0xd00d'feed) return;
  const u8* at = tree + be32(tree + 8);
  const char* const names = reinterpret_cast<const char*>(tree + be32(tree + 12));
  PciNode node;
  for (;;) {
    const u32 token = be32(at);
    at += 4;
    if (token == 1) {  // a node begins; PCI's has none in it
      node = {};
      while (*at != 0) ++at;
      at = reinterpret_cast<const u8*>((reinterpret_cast<u64>(at) + 4) & ~3ul);
    } else if (token == 2) {
      take_spaces(node);
      node = {};
    } else if (token == 3) {  // a property
      const u32 size = be32(at);
      const char* const name = names + be32(at + 4);
      const u8* const value = at + 8;
      if (equal(name, "compatible") && equal(reinterpret_cast<const char*>(value), "pci-host-ecam-generic"))
        node.is_pci = true;
      if (equal(name, "reg")) node.reg = value;
      if (equal(name, "ranges")) node.ranges = value, node.ranges_size = size;
      at = value + ((size + 3) & ~3u);
    } else if (token != 4) {
      return;
    }
  }
}

// Each look at the line stops QEMU for a moment, which is to bring the next character meanwhile.
void rest() {
  for (int i = 0; i < 100; ++i) relax();
}

}  // namespace

bool start() {
  serial(0x2c) = 0x70;   // 8 bits, its queues on
  serial(0x30) = 0x301;  // on
  find_pci();
  return config_space != 0;
}

void put(char c) {
  while ((serial(0x18) & 0x20) != 0) relax();
  serial(0) = static_cast<u8>(c);
}

char get() {
  while ((serial(0x18) & 0x10) != 0) rest();
  return static_cast<char>(serial(0));
}

u32 read_config(u32 function, u32 offset) {
  return *reinterpret_cast<volatile u32*>(config_space + (static_cast<u64>(function) << 12) + (offset & 0xfc));
}

void write_config(u32 function, u32 offset, u32 value) {
  *reinterpret_cast<volatile u32*>(config_space + (static_cast<u64>(function) << 12) + (offset & 0xfc)) = value;
}

u64 place_for_bar(u64 size, bool is_64_bit) {
  constexpr u64 kRegisters = 1ul << 20;  // no BAR of registers is larger; what is larger is memory
  if (!is_64_bit || high.end == 0) return take(low, size);
  if (size <= kRegisters) return take(high, size);
  return take(memory, size);
}

bool map(u64 address, u64 size) { return address + size <= kHighEnd; }

u64 ticks() {
  u64 value;
  asm volatile("isb; mrs %0, cntvct_el0" : "=r"(value) : : "memory");
  return value;
}

void order() { asm volatile("dsb sy" : : : "memory"); }
void relax() { asm volatile("yield" : : : "memory"); }

}  // namespace machine
