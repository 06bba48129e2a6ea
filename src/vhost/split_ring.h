// Split virtqueues as they lie in guest memory: layouts and flags, with the specification's names. No code that reads
// them. Spec: virtio 1.3, "Split Virtqueues". All fields are little-endian.
#pragma once

#include <bit>
#include <cstdint>

namespace hesper::vhost {

static_assert(std::endian::native == std::endian::little, "Rings are read and written without swapping bytes.");

inline constexpr std::uint16_t VIRTQ_DESC_F_NEXT = 1;
inline constexpr std::uint16_t VIRTQ_DESC_F_WRITE = 2;
inline constexpr std::uint16_t VIRTQ_DESC_F_INDIRECT = 4;
inline constexpr std::uint16_t VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
inline constexpr std::uint16_t VIRTQ_USED_F_NO_NOTIFY = 1;

inline constexpr std::uint32_t kMaxRingSize = 32768;

struct virtq_desc {
  std::uint64_t addr;
  std::uint32_t len;
  std::uint16_t flags;
  std::uint16_t next;
};
static_assert(sizeof(virtq_desc) == 16);

struct virtq_used_elem {
  std::uint32_t id;
  std::uint32_t len;
};
static_assert(sizeof(virtq_used_elem) == 8);

// The available and the used ring: u16 flags, u16 idx, the ring, and one u16 event at the end. Offsets in bytes.
inline constexpr std::uint64_t kRingFlagsOffset = 0;
inline constexpr std::uint64_t kRingIdxOffset = 2;
inline constexpr std::uint64_t kRingEntriesOffset = 4;

constexpr std::uint64_t desc_table_bytes(std::uint32_t n) noexcept { return std::uint64_t{sizeof(virtq_desc)} * n; }
constexpr std::uint64_t avail_ring_bytes(std::uint32_t n) noexcept { return 6 + std::uint64_t{2} * n; }
constexpr std::uint64_t used_ring_bytes(std::uint32_t n) noexcept { return 6 + std::uint64_t{8} * n; }
constexpr std::uint64_t used_event_offset(std::uint32_t n) noexcept { return avail_ring_bytes(n) - 2; }
constexpr std::uint64_t avail_event_offset(std::uint32_t n) noexcept { return used_ring_bytes(n) - 2; }

inline constexpr std::uint64_t kDescTableAlign = 16;
inline constexpr std::uint64_t kAvailRingAlign = 2;
inline constexpr std::uint64_t kUsedRingAlign = 4;

// Feature bits of the transport.
inline constexpr unsigned VIRTIO_F_INDIRECT_DESC = 28;
inline constexpr unsigned VIRTIO_F_EVENT_IDX = 29;
inline constexpr unsigned VIRTIO_F_VERSION_1 = 32;

}  // namespace hesper::vhost
