// The layouts and numbers of virtio-gpu, spelled as the specification spells them (virtio 1.4, "GPU Device"). No
// behaviour. All integers are little-endian, as those of the hosts that Hesper runs on.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hesper::gpu {

static_assert(std::endian::native == std::endian::little);

// Feature bits, as masks of the 64-bit feature word.
inline constexpr std::uint64_t VIRTIO_GPU_F_VIRGL = 1u << 0;
inline constexpr std::uint64_t VIRTIO_GPU_F_EDID = 1u << 1;
inline constexpr std::uint64_t VIRTIO_GPU_F_RESOURCE_UUID = 1u << 2;
inline constexpr std::uint64_t VIRTIO_GPU_F_RESOURCE_BLOB = 1u << 3;
inline constexpr std::uint64_t VIRTIO_GPU_F_CONTEXT_INIT = 1u << 4;
inline constexpr std::uint64_t VIRTIO_GPU_F_BLOB_ALIGNMENT = 1u << 5;

inline constexpr std::uint32_t VIRTIO_GPU_EVENT_DISPLAY = 1u << 0;
inline constexpr std::uint32_t VIRTIO_GPU_MAX_SCANOUTS = 16;
inline constexpr std::uint32_t VIRTIO_GPU_EDID_BYTES = 1024;

inline constexpr std::uint32_t VIRTIO_GPU_FLAG_FENCE = 1u << 0;
inline constexpr std::uint32_t VIRTIO_GPU_FLAG_INFO_RING_IDX = 1u << 1;
inline constexpr std::uint32_t VIRTIO_GPU_RING_COUNT = 64;  // values of ring_idx

inline constexpr std::uint32_t VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK = 0xff;
inline constexpr std::uint32_t VIRTIO_GPU_CAPSET_VENUS = 4;

inline constexpr std::uint32_t VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE = 1u << 0;
inline constexpr std::uint32_t VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE = 1u << 1;
inline constexpr std::uint32_t VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE = 1u << 2;

enum virtio_gpu_ctrl_type : std::uint32_t {
  // 2D commands
  VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x0100,
  VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
  VIRTIO_GPU_CMD_RESOURCE_UNREF,
  VIRTIO_GPU_CMD_SET_SCANOUT,
  VIRTIO_GPU_CMD_RESOURCE_FLUSH,
  VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
  VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
  VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
  VIRTIO_GPU_CMD_GET_CAPSET_INFO,
  VIRTIO_GPU_CMD_GET_CAPSET,
  VIRTIO_GPU_CMD_GET_EDID,
  VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID,
  VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
  VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
  // 3D commands
  VIRTIO_GPU_CMD_CTX_CREATE = 0x0200,
  VIRTIO_GPU_CMD_CTX_DESTROY,
  VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
  VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE,
  VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
  VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
  VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D,
  VIRTIO_GPU_CMD_SUBMIT_3D,
  VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
  VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
  // cursor commands
  VIRTIO_GPU_CMD_UPDATE_CURSOR = 0x0300,
  VIRTIO_GPU_CMD_MOVE_CURSOR,
  // success responses
  VIRTIO_GPU_RESP_OK_NODATA = 0x1100,
  VIRTIO_GPU_RESP_OK_DISPLAY_INFO,
  VIRTIO_GPU_RESP_OK_CAPSET_INFO,
  VIRTIO_GPU_RESP_OK_CAPSET,
  VIRTIO_GPU_RESP_OK_EDID,
  VIRTIO_GPU_RESP_OK_RESOURCE_UUID,
  VIRTIO_GPU_RESP_OK_MAP_INFO,
  // error responses
  VIRTIO_GPU_RESP_ERR_UNSPEC = 0x1200,
  VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
  VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
  VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID,
  VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
};

enum virtio_gpu_blob_mem : std::uint32_t {
  VIRTIO_GPU_BLOB_MEM_GUEST = 1,
  VIRTIO_GPU_BLOB_MEM_HOST3D = 2,
  VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST = 3,
};

struct virtio_gpu_config {
  std::uint32_t events_read;
  std::uint32_t events_clear;
  std::uint32_t num_scanouts;
  std::uint32_t num_capsets;
  std::uint32_t blob_alignment;  // since virtio 1.4
};

struct virtio_gpu_ctrl_hdr {
  std::uint32_t type;
  std::uint32_t flags;
  std::uint64_t fence_id;
  std::uint32_t ctx_id;
  std::uint8_t ring_idx;
  std::array<std::uint8_t, 3> padding;
};

struct virtio_gpu_rect {
  std::uint32_t x;
  std::uint32_t y;
  std::uint32_t width;
  std::uint32_t height;
};

struct virtio_gpu_mem_entry {
  std::uint64_t addr;
  std::uint32_t length;
  std::uint32_t padding;
};

struct virtio_gpu_box {
  std::uint32_t x, y, z;
  std::uint32_t w, h, d;
};

struct virtio_gpu_display_one {
  virtio_gpu_rect r;
  std::uint32_t enabled;
  std::uint32_t flags;
};

struct virtio_gpu_resp_display_info {
  virtio_gpu_ctrl_hdr hdr;
  std::array<virtio_gpu_display_one, VIRTIO_GPU_MAX_SCANOUTS> pmodes;
};

struct virtio_gpu_get_edid {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t scanout;
  std::uint32_t padding;
};

struct virtio_gpu_resp_edid {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t size;
  std::uint32_t padding;
  std::array<std::byte, VIRTIO_GPU_EDID_BYTES> edid;
};

struct virtio_gpu_resource_create_2d {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t format;
  std::uint32_t width;
  std::uint32_t height;
};

// RESOURCE_UNREF, RESOURCE_DETACH_BACKING, RESOURCE_ASSIGN_UUID, CTX_ATTACH_RESOURCE, CTX_DETACH_RESOURCE and
// RESOURCE_UNMAP_BLOB have this layout.
struct virtio_gpu_resource_command {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t padding;
};

struct virtio_gpu_set_scanout {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_rect r;
  std::uint32_t scanout_id;
  std::uint32_t resource_id;
};

struct virtio_gpu_resource_flush {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_rect r;
  std::uint32_t resource_id;
  std::uint32_t padding;
};

struct virtio_gpu_transfer_to_host_2d {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_rect r;
  std::uint64_t offset;
  std::uint32_t resource_id;
  std::uint32_t padding;
};

// nr_entries times virtio_gpu_mem_entry follow.
struct virtio_gpu_resource_attach_backing {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t nr_entries;
};

struct virtio_gpu_get_capset_info {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t capset_index;
  std::uint32_t padding;
};

struct virtio_gpu_resp_capset_info {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t capset_id;
  std::uint32_t capset_max_version;
  std::uint32_t capset_max_size;
  std::uint32_t padding;
};

struct virtio_gpu_get_capset {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t capset_id;
  std::uint32_t capset_version;
};

struct virtio_gpu_resp_resource_uuid {
  virtio_gpu_ctrl_hdr hdr;
  std::array<std::byte, 16> uuid;
};

// nr_entries times virtio_gpu_mem_entry follow.
struct virtio_gpu_resource_create_blob {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t blob_mem;
  std::uint32_t blob_flags;
  std::uint32_t nr_entries;
  std::uint64_t blob_id;
  std::uint64_t size;
};

struct virtio_gpu_set_scanout_blob {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_rect r;
  std::uint32_t scanout_id;
  std::uint32_t resource_id;
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t format;
  std::uint32_t padding;
  std::array<std::uint32_t, 4> strides;
  std::array<std::uint32_t, 4> offsets;
};

struct virtio_gpu_ctx_create {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t nlen;
  std::uint32_t context_init;
  std::array<char, 64> debug_name;  // not necessarily terminated
};

struct virtio_gpu_ctx_destroy {
  virtio_gpu_ctrl_hdr hdr;
};

struct virtio_gpu_resource_create_3d {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t target;
  std::uint32_t format;
  std::uint32_t bind;
  std::uint32_t width, height, depth;
  std::uint32_t array_size;
  std::uint32_t last_level;
  std::uint32_t nr_samples;
  std::uint32_t flags;
  std::uint32_t padding;
};

struct virtio_gpu_transfer_host_3d {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_box box;
  std::uint64_t offset;
  std::uint32_t resource_id;
  std::uint32_t level;
  std::uint32_t stride;
  std::uint32_t layer_stride;
};

// `size` bytes of commands follow.
struct virtio_gpu_cmd_submit {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t size;
  std::uint32_t padding;
};

struct virtio_gpu_resource_map_blob {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t resource_id;
  std::uint32_t padding;
  std::uint64_t offset;
};

struct virtio_gpu_resp_map_info {
  virtio_gpu_ctrl_hdr hdr;
  std::uint32_t map_info;
  std::uint32_t padding;
};

struct virtio_gpu_cursor_pos {
  std::uint32_t scanout_id;
  std::uint32_t x;  // both signed in truth
  std::uint32_t y;
  std::uint32_t padding;
};

struct virtio_gpu_update_cursor {
  virtio_gpu_ctrl_hdr hdr;
  virtio_gpu_cursor_pos pos;
  std::uint32_t resource_id;
  std::uint32_t hot_x;
  std::uint32_t hot_y;
  std::uint32_t padding;
};

static_assert(sizeof(virtio_gpu_config) == 20);
static_assert(sizeof(virtio_gpu_ctrl_hdr) == 24);
static_assert(sizeof(virtio_gpu_rect) == 16);
static_assert(sizeof(virtio_gpu_mem_entry) == 16);
static_assert(sizeof(virtio_gpu_resp_display_info) == 408);
static_assert(sizeof(virtio_gpu_get_edid) == 32);
static_assert(sizeof(virtio_gpu_resp_edid) == 1056);
static_assert(sizeof(virtio_gpu_resource_create_2d) == 40);
static_assert(sizeof(virtio_gpu_resource_command) == 32);
static_assert(sizeof(virtio_gpu_set_scanout) == 48);
static_assert(sizeof(virtio_gpu_resource_flush) == 48);
static_assert(sizeof(virtio_gpu_transfer_to_host_2d) == 56);
static_assert(sizeof(virtio_gpu_resource_attach_backing) == 32);
static_assert(sizeof(virtio_gpu_get_capset_info) == 32);
static_assert(sizeof(virtio_gpu_resp_capset_info) == 40);
static_assert(sizeof(virtio_gpu_get_capset) == 32);
static_assert(sizeof(virtio_gpu_resp_resource_uuid) == 40);
static_assert(sizeof(virtio_gpu_resource_create_blob) == 56);
static_assert(sizeof(virtio_gpu_set_scanout_blob) == 96);
static_assert(sizeof(virtio_gpu_ctx_create) == 96);
static_assert(sizeof(virtio_gpu_ctx_destroy) == 24);
static_assert(sizeof(virtio_gpu_resource_create_3d) == 72);
static_assert(sizeof(virtio_gpu_transfer_host_3d) == 72);
static_assert(sizeof(virtio_gpu_cmd_submit) == 32);
static_assert(sizeof(virtio_gpu_resource_map_blob) == 40);
static_assert(sizeof(virtio_gpu_resp_map_info) == 32);
static_assert(sizeof(virtio_gpu_update_cursor) == 56);
// Copied to and from bytes: no holes that would tell the guest what else is in our memory.
static_assert(std::has_unique_object_representations_v<virtio_gpu_resp_edid>);
static_assert(std::has_unique_object_representations_v<virtio_gpu_resp_display_info>);
static_assert(std::has_unique_object_representations_v<virtio_gpu_resp_capset_info>);
static_assert(std::has_unique_object_representations_v<virtio_gpu_resp_map_info>);

}  // namespace hesper::gpu
