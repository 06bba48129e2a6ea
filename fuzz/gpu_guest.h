// Lives of hostile virtio-gpu guests, as inputs of fuzz targets: rows of records, most of them commands that have a
// chance to be right, and libFuzzer's mutator for them. Knows no device and no virtqueue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hesper::fuzz {

// Addresses in commands are near this one; of its memory the first 64 KiB count.
inline constexpr std::uint64_t kGuestRam = 0x10000;

// An input is a row of records: this header, then `size` bytes.
struct GuestRecord {
  enum Kind : std::uint8_t { control, cursor, fence, mapped, lost, output, config, memory, reset, host, count };
  std::uint8_t kind;      // modulo count; the last ones may mean something else to each target
  std::uint8_t argument;  // which, or how
  std::uint16_t size;
};
static_assert(sizeof(GuestRecord) == 4);

// Calls action(offset, record, payload) for each whole record.
template <class Action>
void for_each_record(std::span<const std::uint8_t> data, Action action) {
  std::size_t at = 0;
  while (data.size() - at >= sizeof(GuestRecord)) {
    GuestRecord record{};
    std::memcpy(&record, data.data() + at, sizeof(record));
    const std::size_t size = std::min<std::size_t>(record.size, data.size() - at - sizeof(record));
    action(at, record, std::as_bytes(data.subspan(at + sizeof(record), size)));
    at += sizeof(record) + size;
  }
}

// LLVMFuzzerCustomMutator. Half of the mutations insert, replace or remove a whole record; the others are libFuzzer's
// own.
[[nodiscard]] std::size_t mutate_guest(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

}  // namespace hesper::fuzz
