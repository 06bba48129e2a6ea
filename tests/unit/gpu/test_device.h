// TestDevice: a Device among fakes, and the guest's driver: sends commands and keeps what comes back.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fakes.h"
#include "gpu/device.h"

namespace hesper::gpu::test {

// A response, once it has come.
struct Got {
  std::vector<std::byte> bytes;
  bool came = false;
  int position = 0;  // among all responses, from 1

  [[nodiscard]] virtio_gpu_ctrl_hdr header() const {
    virtio_gpu_ctrl_hdr header{};
    std::memcpy(&header, bytes.data(), std::min(sizeof(header), bytes.size()));
    return header;
  }
  [[nodiscard]] std::uint32_t type() const { return came ? header().type : 0; }
  template <class Layout>
  [[nodiscard]] Layout as() const {
    Layout layout{};
    EXPECT_EQ(bytes.size(), sizeof(layout));
    std::memcpy(&layout, bytes.data(), std::min(sizeof(layout), bytes.size()));
    return layout;
  }
};

inline std::vector<std::byte> bytes_of(std::initializer_list<std::span<const std::byte>> parts) {
  std::vector<std::byte> bytes;
  for (const auto part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}
template <class Layout>
std::span<const std::byte> raw(const Layout& layout) {
  return std::as_bytes(std::span(&layout, 1));
}

struct Fenced {
  std::uint64_t id;
  std::uint32_t context = 0;
  int ring_idx = -1;  // -1: none, so the global timeline
};

class TestDevice {
 public:
  static constexpr std::uint64_t kWindow = 1 << 24;
  static constexpr std::uint64_t kRam = 0x10000;  // guest address of 1 MiB of RAM
  static constexpr std::size_t kRoom = 4096;

  // shows_on: instead of `display`; outlives this.
  explicit TestDevice(DeviceOptions options = {.window_size = kWindow}, bool has_contexts = true,
                      Display* shows_on = nullptr)
      : host(has_contexts) {
    memory.add(kRam, 1 << 20);
    options.config_changed = [this] { ++config_changes; };
    auto made = Device::create(std::move(options), memory, host, shows_on != nullptr ? *shows_on : display);
    if (!made) ADD_FAILURE() << made.error().message;
    device = std::move(*made);
    host.record.events = device.get();
    device->set_features(device->features());
  }

  using Reply = std::shared_ptr<Got>;

  Reply send_bytes(std::span<const std::byte> bytes, Queue queue = Queue::control, std::size_t room = kRoom) {
    auto got = std::make_shared<Got>();
    device->handle(
        {.queue = queue, .bytes = bytes, .room = room, .responder = std::make_unique<Catcher>(got, responses_)});
    return got;
  }
  template <class Layout>
  Reply send(std::uint32_t type, Layout command, std::span<const std::byte> more = {}, Queue queue = Queue::control) {
    command.hdr.type = type;
    return send_bytes(bytes_of({raw(command), more}), queue);
  }
  template <class Layout>
  Reply send_fenced(std::uint32_t type, Layout command, const Fenced& fence, std::span<const std::byte> more = {}) {
    command.hdr.type = type;
    command.hdr.flags = VIRTIO_GPU_FLAG_FENCE;
    command.hdr.fence_id = fence.id;
    if (fence.context != 0) command.hdr.ctx_id = fence.context;
    if (fence.ring_idx >= 0) {
      command.hdr.flags |= VIRTIO_GPU_FLAG_INFO_RING_IDX;
      command.hdr.ring_idx = static_cast<std::uint8_t>(fence.ring_idx);
    }
    return send_bytes(bytes_of({raw(command), more}));
  }

  Reply on_resource(std::uint32_t type, std::uint32_t resource, std::uint32_t context = 0) {
    return send(type, virtio_gpu_resource_command{.hdr = {.ctx_id = context}, .resource_id = resource});
  }
  Reply create_2d(std::uint32_t id, std::uint32_t width, std::uint32_t height, Format format = Format::b8g8r8x8) {
    return send(VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
                virtio_gpu_resource_create_2d{
                    .resource_id = id, .format = static_cast<std::uint32_t>(format), .width = width, .height = height});
  }
  Reply attach(std::uint32_t id, const std::vector<virtio_gpu_mem_entry>& entries) {
    return send(
        VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
        virtio_gpu_resource_attach_backing{.resource_id = id, .nr_entries = static_cast<std::uint32_t>(entries.size())},
        std::as_bytes(std::span(entries)));
  }
  Reply transfer(std::uint32_t id, virtio_gpu_rect rect, std::uint64_t offset = 0) {
    return send(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
                virtio_gpu_transfer_to_host_2d{.r = rect, .offset = offset, .resource_id = id});
  }
  Reply set_scanout(std::uint32_t scanout, std::uint32_t resource, virtio_gpu_rect rect) {
    return send(VIRTIO_GPU_CMD_SET_SCANOUT,
                virtio_gpu_set_scanout{.r = rect, .scanout_id = scanout, .resource_id = resource});
  }
  Reply flush(std::uint32_t resource, virtio_gpu_rect rect) {
    return send(VIRTIO_GPU_CMD_RESOURCE_FLUSH, virtio_gpu_resource_flush{.r = rect, .resource_id = resource});
  }
  Reply create_context(std::uint32_t id, std::uint32_t init = VIRTIO_GPU_CAPSET_VENUS, std::string_view name = "test") {
    virtio_gpu_ctx_create command{
        .hdr = {.ctx_id = id}, .nlen = static_cast<std::uint32_t>(name.size()), .context_init = init};
    std::ranges::copy(name.substr(0, command.debug_name.size()), command.debug_name.begin());
    return send(VIRTIO_GPU_CMD_CTX_CREATE, command);
  }
  Reply destroy_context(std::uint32_t id) {
    return send(VIRTIO_GPU_CMD_CTX_DESTROY, virtio_gpu_ctx_destroy{.hdr = {.ctx_id = id}});
  }
  Reply create_blob(std::uint32_t id, std::uint64_t size, std::uint32_t context = 1,
                    std::uint32_t mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
                    const std::vector<virtio_gpu_mem_entry>& entries = {},
                    std::uint32_t flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) {
    return send(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
                virtio_gpu_resource_create_blob{.hdr = {.ctx_id = context},
                                                .resource_id = id,
                                                .blob_mem = mem,
                                                .blob_flags = flags,
                                                .nr_entries = static_cast<std::uint32_t>(entries.size()),
                                                .size = size},
                std::as_bytes(std::span(entries)));
  }
  Reply map(std::uint32_t id, std::uint64_t offset) {
    return send(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, virtio_gpu_resource_map_blob{.resource_id = id, .offset = offset});
  }
  Reply submit(std::uint32_t context, std::size_t size) {
    return send(VIRTIO_GPU_CMD_SUBMIT_3D,
                virtio_gpu_cmd_submit{.hdr = {.ctx_id = context}, .size = static_cast<std::uint32_t>(size)},
                std::vector<std::byte>(size));
  }
  Reply submit_fenced(const Fenced& fence, std::size_t size = 8) {
    return send_fenced(VIRTIO_GPU_CMD_SUBMIT_3D, virtio_gpu_cmd_submit{.size = static_cast<std::uint32_t>(size)}, fence,
                       std::vector<std::byte>(size));
  }
  // Reaches the oldest open fence of a context's ring.
  void reach(std::uint32_t context, std::uint8_t ring_idx) {
    auto& fences = host.record.fences;
    const auto at = std::ranges::find_if(
        fences, [&](const auto& fence) { return fence.context == context && fence.ring_idx == ring_idx; });
    ASSERT_NE(at, fences.end());
    const Cookie cookie = at->cookie;
    fences.erase(at);
    device->fence_reached(cookie);
  }

  FakeMemory memory;
  FakeHost host;
  FakeDisplay display;
  int config_changes = 0;
  std::unique_ptr<Device> device;

 private:
  class Catcher final : public Responder {
   public:
    Catcher(Reply got, std::shared_ptr<int> responses) : got_(std::move(got)), responses_(std::move(responses)) {}
    void respond(std::span<const std::byte> response) override {
      EXPECT_FALSE(got_->came);
      got_->came = true;
      got_->bytes.assign(response.begin(), response.end());
      got_->position = ++*responses_;
    }

   private:
    Reply got_;
    std::shared_ptr<int> responses_;
  };
  std::shared_ptr<int> responses_ = std::make_shared<int>(0);
};

inline constexpr std::uint32_t kOk = VIRTIO_GPU_RESP_OK_NODATA;
inline constexpr std::uint32_t kUnspec = VIRTIO_GPU_RESP_ERR_UNSPEC;
inline constexpr std::uint32_t kOutOfMemory = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
inline constexpr std::uint32_t kNoScanout = VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
inline constexpr std::uint32_t kNoResource = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
inline constexpr std::uint32_t kNoContext = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
inline constexpr std::uint32_t kInvalid = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;

}  // namespace hesper::gpu::test
