// A PC: COM1, configuration space by ports, the time stamp counter.
#include "machine.h"

extern "C" u64 page_map[512];  // start_x86_64.S

namespace machine {
namespace {

constexpr u16 kSerial = 0x3f8;
constexpr u16 kConfigAddress = 0xcf8;
constexpr u16 kConfigData = 0xcfc;
constexpr u64 kPresentAndWritable = 3;
constexpr u64 kLarge = 0x80;
constexpr u64 kAddress = 0x000f'ffff'ffff'f000;
constexpr u64 kStep = 2ul << 20;  // of a large page

void out8(u16 port, u8 value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
void out32(u16 port, u32 value) { asm volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
u8 in8(u16 port) {
  u8 value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
u32 in32(u16 port) {
  u32 value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

alignas(4096) u64 tables[16][512];
unsigned tables_used = 0;

// The table that an entry leads to, made if need be. Null: there are no more.
u64* table_of(u64& entry) {
  if ((entry & 1) == 0) {
    if (tables_used == sizeof(tables) / sizeof(tables[0])) return nullptr;
    entry = reinterpret_cast<u64>(tables[tables_used++]) | kPresentAndWritable;
  }
  return reinterpret_cast<u64*>(entry & kAddress);
}

// Each look at the line stops QEMU for a moment, which is to bring the next character meanwhile.
void rest() {
  for (int i = 0; i < 100; ++i) relax();
}

}  // namespace

bool start() {
  out8(kSerial + 1, 0);  // no interrupts
  out8(kSerial + 3, 3);  // 8 bits, no parity
  out8(kSerial + 2, 7);  // its queues on, and empty
  return true;
}

void put(char c) {
  while ((in8(kSerial + 5) & 0x20) == 0) relax();
  out8(kSerial, static_cast<u8>(c));
}

char get() {
  while ((in8(kSerial + 5) & 1) == 0) rest();
  return static_cast<char>(in8(kSerial));
}

u32 read_config(u32 function, u32 offset) {
  out32(kConfigAddress, 0x8000'0000 | function << 8 | (offset & 0xfc));
  return in32(kConfigData);
}

void write_config(u32 function, u32 offset, u32 value) {
  out32(kConfigAddress, 0x8000'0000 | function << 8 | (offset & 0xfc));
  out32(kConfigData, value);
}

u64 place_for_bar(u64 /*size*/, bool /*is_64_bit*/) { return 0; }  // PCs have firmware

bool map(u64 address, u64 size) {
  const u64 end = address + size;
  if (end < address || end > 1ul << 47) return false;
  for (address &= ~(kStep - 1); address < end; address += kStep) {
    if (address < 1ul << 32) continue;  // is mapped
    u64* pointers = table_of(page_map[address >> 39 & 511]);
    u64* directory = pointers != nullptr ? table_of(pointers[address >> 30 & 511]) : nullptr;
    if (directory == nullptr) return false;
    directory[address >> 21 & 511] = address | kLarge | kPresentAndWritable;
  }
  return true;
}

u64 ticks() {
  u32 low;
  u32 high;
  asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
  return static_cast<u64>(high) << 32 | low;
}

void order() { asm volatile("mfence" : : : "memory"); }
void relax() { asm volatile("pause" : : : "memory"); }

}  // namespace machine
