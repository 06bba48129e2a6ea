// vhost-user messages: numbers, bits and layouts, with the specification's names. No code that reads them.
// Spec: "Vhost-user Protocol", as shipped with QEMU 11.1. All integers are in the machine's byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hesper::vhost {

enum class Request : std::uint32_t {
  get_features = 1,
  set_features = 2,
  set_owner = 3,
  reset_owner = 4,
  set_mem_table = 5,
  set_vring_num = 8,
  set_vring_addr = 9,
  set_vring_base = 10,
  get_vring_base = 11,
  set_vring_kick = 12,
  set_vring_call = 13,
  set_vring_err = 14,
  get_protocol_features = 15,
  set_protocol_features = 16,
  get_queue_num = 17,
  set_vring_enable = 18,
  set_backend_req_fd = 21,
  get_config = 24,
  set_config = 25,
  gpu_set_socket = 33,
  get_max_mem_slots = 36,
  add_mem_reg = 37,
  rem_mem_reg = 38,
  get_shmem_config = 44,
};

// From the back-end to the front-end, on a socket of their own.
enum class BackEndRequest : std::uint32_t { config_change_msg = 2, shmem_map = 9, shmem_unmap = 10 };

struct MessageHeader {
  std::uint32_t request;
  std::uint32_t flags;
  std::uint32_t size;  // of the payload that follows, bytes
};
static_assert(sizeof(MessageHeader) == 12);

inline constexpr std::uint32_t kVersionMask = 3;
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kFlagReply = 1 << 2;
inline constexpr std::uint32_t kFlagNeedReply = 1 << 3;
inline constexpr std::uint32_t kReplyFlags = kVersion | kFlagReply;  // QEMU wants exactly these

// Bit of the device features that says that there are protocol features; guests do not see it.
inline constexpr unsigned VHOST_USER_F_PROTOCOL_FEATURES = 30;

inline constexpr unsigned VHOST_USER_PROTOCOL_F_REPLY_ACK = 3;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_BACKEND_REQ = 5;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_CONFIG = 9;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD = 10;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS = 15;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_GPA_ADDRESSES = 21;
inline constexpr unsigned VHOST_USER_PROTOCOL_F_SHMEM_MAP = 22;  // 20 in older drafts

inline constexpr std::size_t kMaxMessageRegions = 8;
struct MemoryRegion {
  std::uint64_t guest_phys_addr;
  std::uint64_t memory_size;
  std::uint64_t userspace_addr;
  std::uint64_t mmap_offset;
};
static_assert(sizeof(MemoryRegion) == 32);
struct MemoryTableHeader {
  std::uint32_t num_regions;
  std::uint32_t padding;
};
struct SingleMemoryRegion {
  std::uint64_t padding;
  MemoryRegion region;
};
static_assert(sizeof(SingleMemoryRegion) == 40);

struct VringState {
  std::uint32_t index;
  std::uint32_t num;
};
struct VringAddr {
  std::uint32_t index;
  std::uint32_t flags;
  std::uint64_t desc_user_addr;
  std::uint64_t used_user_addr;  // before the available ring
  std::uint64_t avail_user_addr;
  std::uint64_t log_guest_addr;
};
static_assert(sizeof(VringAddr) == 40);
// SET_VRING_KICK, CALL and ERR carry a u64: the ring's index, and whether there is no fd.
inline constexpr std::uint64_t kVringIndexMask = 0xff;
inline constexpr std::uint64_t kVringNoFd = 1 << 8;

inline constexpr std::size_t kMaxConfigSize = 256;
struct ConfigHeader {
  std::uint32_t offset;
  std::uint32_t size;
  std::uint32_t flags;
};
static_assert(sizeof(ConfigHeader) == 12);

struct ShmemConfig {
  std::uint32_t nregions;
  std::uint32_t padding;
  std::array<std::uint64_t, 256> sizes;  // bytes, by id
};
static_assert(sizeof(ShmemConfig) == 2056);

struct ShmemMapping {
  std::uint8_t shmid;
  std::array<std::uint8_t, 7> padding;
  std::uint64_t fd_offset;
  std::uint64_t shm_offset;
  std::uint64_t len;
  std::uint64_t flags;
};
static_assert(sizeof(ShmemMapping) == 40);
inline constexpr std::uint64_t kShmemMapReadWrite = 1;

// No request that is understood is longer than SET_CONFIG's 268 bytes; some that are not, a few hundred.
inline constexpr std::size_t kMaxPayload = 4096;

}  // namespace hesper::vhost
