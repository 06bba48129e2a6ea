// The bare machine under the guest: its serial line, PCI bus, clock and page tables, a file for each architecture. No
// operating system, no library: there is nothing but what is written here.
#pragma once

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long;
static_assert(sizeof(u64) == 8);

namespace machine {

// Before everything else. False: this machine is not one of those that are known.
bool start();

// The serial line. Both wait.
void put(char c);
char get();

// A function of bus 0, by its number: device * 8 + function.
u32 read_config(u32 function, u32 offset);
void write_config(u32 function, u32 offset, u32 value);

// A place on the bus for a BAR to which no firmware has given one. size: a power of two. 0: there is none.
u64 place_for_bar(u64 size, bool is_64_bit);

// Makes addresses of a device, or of memory that lies in one, accessible where they are. False: they cannot be.
bool map(u64 address, u64 size);

// A clock that goes on at the same pace, whatever that is.
u64 ticks();

// What was written before is seen by devices before what is written after; and the same for reading.
void order();
void relax();  // while waiting

}  // namespace machine
