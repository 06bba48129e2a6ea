// The device as a whole: framing, features, configuration, errors, reset.
#include <gtest/gtest.h>

#include "test_device.h"

namespace hesper::gpu {
namespace {

using namespace test;

TEST(Device, RefusesOptionsThatCannotBe) {
  FakeMemory memory;
  FakeHost host;
  FakeDisplay display;
  const auto works = [&](const DeviceOptions& options) {
    return Device::create(options, memory, host, display).has_value();
  };
  EXPECT_TRUE(works({.outputs = std::vector<Output>(16)}));
  EXPECT_FALSE(works({.outputs = {}}));
  EXPECT_FALSE(works({.outputs = std::vector<Output>(17)}));
  EXPECT_FALSE(works({.outputs = {{.monitor = {.width = 0}}}}));
  EXPECT_FALSE(works({.window_size = 0x10001000, .window_granularity = 16384}));
  EXPECT_FALSE(works({.window_granularity = 0}));
  EXPECT_FALSE(works({.window_granularity = 12288}));
  EXPECT_FALSE(works({.window_granularity = 2048}));
  EXPECT_FALSE(works({.blob_alignment = 3}));
}

TEST(Device, OffersContextsOnlyIfThereAreAny) {
  const std::uint64_t contexts = VIRTIO_GPU_F_VIRGL | VIRTIO_GPU_F_CONTEXT_INIT;
  const std::uint64_t others = VIRTIO_GPU_F_EDID | VIRTIO_GPU_F_RESOURCE_UUID | VIRTIO_GPU_F_RESOURCE_BLOB;
  EXPECT_EQ(TestDevice().device->features(), contexts | others);
  EXPECT_EQ(TestDevice({}, false).device->features(), others);
}

// A guest that sees the bit with an alignment of 0 would refuse every blob.
TEST(Device, OffersBlobAlignmentOnlyWithOne) {
  TestDevice test({.blob_alignment = 16384});
  EXPECT_NE(test.device->features() & VIRTIO_GPU_F_BLOB_ALIGNMENT, 0u);
  virtio_gpu_config config{};
  test.device->read_config(0, std::as_writable_bytes(std::span(&config, 1)));
  EXPECT_EQ(config.blob_alignment, 16384u);
  EXPECT_EQ(TestDevice().device->features() & VIRTIO_GPU_F_BLOB_ALIGNMENT, 0u);
}

TEST(Device, ConfigurationTellsScanoutsAndCapsets) {
  TestDevice test({.outputs = std::vector<Output>(3)});
  std::array<std::uint32_t, 6> words{};
  words.fill(0xffffffff);
  test.device->read_config(0, std::as_writable_bytes(std::span(words)));
  EXPECT_EQ(words, (std::array<std::uint32_t, 6>{0, 0, 3, 1, 0, 0}));
  std::array<std::byte, 4> part{};
  test.device->read_config(9, part);
  EXPECT_EQ(part, (std::array<std::byte, 4>{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}}));
  part.fill(std::byte{0xff});
  test.device->read_config(0xfffffffe, part);
  EXPECT_EQ(part, (std::array<std::byte, 4>{}));
}

// A vhost-user front-end writes back the whole space as it last read it, with the guest's word changed.
TEST(Device, OfAWriteOnlyEventsClearCounts) {
  TestDevice test;
  ASSERT_TRUE(test.device->set_output(0, {.monitor = {.width = 640, .height = 480}}));
  EXPECT_EQ(test.config_changes, 1);
  std::array<std::uint32_t, 6> words{};
  const auto bytes = std::as_writable_bytes(std::span(words));
  const auto events = [&] {
    test.device->read_config(0, bytes);
    return words[0];
  };
  EXPECT_EQ(events(), VIRTIO_GPU_EVENT_DISPLAY);
  test.send(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{});
  words[0] = 0xffffffff;
  words[1] = 0;
  words[2] = 7;
  test.device->write_config(0, bytes);
  EXPECT_EQ(events(), VIRTIO_GPU_EVENT_DISPLAY);
  EXPECT_EQ(words[2], 1u);
  words[1] = 1;
  test.device->write_config(0, bytes);
  EXPECT_EQ(events(), 0u);
  EXPECT_EQ(words[1], 0u);
  EXPECT_EQ(test.config_changes, 1);
}

TEST(Device, AChangeWhileTheGuestReadsIsToldAgain) {
  TestDevice test;
  ASSERT_TRUE(test.device->set_output(0, {.monitor = {.width = 640, .height = 480}}));
  test.send(VIRTIO_GPU_CMD_GET_EDID, virtio_gpu_get_edid{});
  ASSERT_TRUE(test.device->set_output(0, {.monitor = {.width = 800, .height = 600}}));
  EXPECT_EQ(test.config_changes, 1);
  const auto info =
      test.send(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{})->as<virtio_gpu_resp_display_info>();
  EXPECT_EQ(info.pmodes[0].r.width, 640u);
  const std::uint32_t clear = VIRTIO_GPU_EVENT_DISPLAY;
  test.device->write_config(4, raw(clear));
  EXPECT_EQ(test.config_changes, 2);
}

TEST(Device, OutputsAreCheckedBeforeTheyAreSet) {
  TestDevice test;
  EXPECT_FALSE(test.device->set_output(1, {}));
  EXPECT_FALSE(test.device->set_output(0, {.monitor = {.width = 1}}));
  EXPECT_EQ(test.config_changes, 0);
  ASSERT_TRUE(test.device->set_output(0, {.connected = false}));
  const auto info =
      test.send(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{})->as<virtio_gpu_resp_display_info>();
  EXPECT_EQ(info.hdr.type, VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
  EXPECT_EQ(info.pmodes[0].enabled, 0u);
}

TEST(Device, EdidIsThatOfTheScanout) {
  TestDevice test({.outputs = {{}, {.monitor = {.width = 5120, .height = 2880}}}});
  auto edid = test.send(VIRTIO_GPU_CMD_GET_EDID, virtio_gpu_get_edid{.scanout = 1})->as<virtio_gpu_resp_edid>();
  EXPECT_EQ(edid.hdr.type, VIRTIO_GPU_RESP_OK_EDID);
  EXPECT_EQ(edid.size, 256u);
  EXPECT_TRUE(std::ranges::equal(std::span(edid.edid).first(256), make_edid({.width = 5120, .height = 2880})));
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_EDID, virtio_gpu_get_edid{.scanout = 2})->type(), kNoScanout);
}

TEST(Device, ShortCommandsAreInvalid) {
  TestDevice test;
  const std::vector<std::byte> nothing;
  EXPECT_EQ(test.send_bytes(nothing)->type(), kInvalid);
  EXPECT_EQ(test.send_bytes(std::vector<std::byte>(23))->type(), kInvalid);
  // Every command, one byte short of its layout.
  const std::pair<std::uint32_t, std::size_t> kSizes[] = {
      {0x101, 40}, {0x102, 32}, {0x103, 48}, {0x104, 48}, {0x105, 56}, {0x106, 32}, {0x107, 32}, {0x108, 32},
      {0x109, 32}, {0x10a, 32}, {0x10b, 32}, {0x10c, 56}, {0x10d, 96}, {0x200, 96}, {0x202, 32}, {0x203, 32},
      {0x204, 72}, {0x205, 72}, {0x206, 72}, {0x207, 32}, {0x208, 40}, {0x209, 32}, {0x300, 56}, {0x301, 56}};
  for (const auto& [type, size] : kSizes) {
    std::vector<std::byte> bytes(size);
    std::memcpy(bytes.data(), &type, sizeof(type));
    const Queue queue = type >= 0x300 ? Queue::cursor : Queue::control;
    EXPECT_NE(test.send_bytes(bytes, queue)->type(), 0u) << std::hex << type;
    bytes.pop_back();
    EXPECT_EQ(test.send_bytes(bytes, queue)->type(), kInvalid) << std::hex << type;
  }
}

TEST(Device, UnknownCommandsAndWrongQueuesAreAnswered) {
  TestDevice test;
  for (const std::uint32_t type : {0u, 0xffu, 0x10eu, 0x20au, 0x302u, 0x1100u, 0xffffffffu})
    EXPECT_EQ(test.send(type, virtio_gpu_set_scanout_blob{})->type(), kUnspec) << type;
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_MOVE_CURSOR, virtio_gpu_update_cursor{})->type(), kUnspec);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_set_scanout{}, {}, Queue::cursor)->type(), kUnspec);
}

TEST(Device, CommandsNeedTheirFeature) {
  TestDevice test;
  test.device->set_features(0);
  const std::uint32_t kNeedOne[] = {0x108, 0x109, 0x10a, 0x10b, 0x10c, 0x10d, 0x200, 0x201, 0x202, 0x207, 0x208, 0x209};
  for (const std::uint32_t type : kNeedOne)
    EXPECT_EQ(test.send(type, virtio_gpu_set_scanout_blob{.hdr = {.ctx_id = 1}})->type(), kUnspec) << std::hex << type;
  EXPECT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  // What is not offered cannot be acknowledged.
  TestDevice without({}, false);
  without.device->set_features(~std::uint64_t{0});
  EXPECT_EQ(without.create_context(1)->type(), kUnspec);
}

TEST(Device, WritesNoMoreThanThereIsRoomFor) {
  TestDevice test;
  const auto command = bytes_of({raw(virtio_gpu_ctrl_hdr{.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO})});
  EXPECT_EQ(test.send_bytes(command, Queue::control, 408)->bytes.size(), 408u);
  EXPECT_EQ(test.send_bytes(command, Queue::control, 100)->bytes.size(), 100u);
  const auto none = test.send_bytes(command, Queue::control, 0);
  EXPECT_TRUE(none->came);
  EXPECT_TRUE(none->bytes.empty());
}

// Linux signals a fence by flag and id of the response, whatever its type is.
TEST(Device, AFenceIsEchoedByErrorsToo) {
  TestDevice test;
  const auto got = test.send_fenced(VIRTIO_GPU_CMD_RESOURCE_UNREF, virtio_gpu_resource_command{.resource_id = 9},
                                    {.id = 77, .context = 5, .ring_idx = 3});
  EXPECT_EQ(got->type(), kNoResource);
  EXPECT_EQ(got->header().flags, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
  EXPECT_EQ(got->header().fence_id, 77u);
  EXPECT_EQ(got->header().ctx_id, 5u);
  EXPECT_EQ(got->header().ring_idx, 3u);
  for (const std::uint32_t type : {0x0u, 0x20au, std::uint32_t{VIRTIO_GPU_CMD_CTX_CREATE}}) {
    const auto other = test.send_fenced(type, virtio_gpu_resource_command{}, {.id = 78});
    EXPECT_GE(other->type(), kUnspec);
    EXPECT_EQ(other->header().flags, VIRTIO_GPU_FLAG_FENCE);
    EXPECT_EQ(other->header().fence_id, 78u);
  }
}

TEST(Device, WithoutAFenceNothingIsEchoed) {
  TestDevice test;
  const auto got = test.send(VIRTIO_GPU_CMD_RESOURCE_UNREF,
                             virtio_gpu_resource_command{.hdr = {.fence_id = 5, .ctx_id = 6, .ring_idx = 7}});
  EXPECT_EQ(got->header().flags, 0u);
  EXPECT_EQ(got->header().fence_id, 0u);
  EXPECT_EQ(got->header().ctx_id, 0u);
  EXPECT_EQ(got->header().ring_idx, 0u);
}

TEST(Device, RingIndicesAreBelow64) {
  TestDevice test;
  test.host.record.fences_at_once = true;
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  EXPECT_EQ(test.submit_fenced({.id = 1, .context = 1, .ring_idx = 63})->type(), kOk);
  const auto got = test.submit_fenced({.id = 2, .context = 1, .ring_idx = 64});
  EXPECT_EQ(got->type(), kInvalid);
  EXPECT_EQ(got->header().fence_id, 2u);
  EXPECT_EQ(test.host.record.submissions.size(), 1u);
}

TEST(Device, AResetForgetsEverything) {
  TestDevice test;
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.map(1, 0)->type(), VIRTIO_GPU_RESP_OK_MAP_INFO);
  ASSERT_EQ(test.create_2d(2, 64, 64)->type(), kOk);
  ASSERT_EQ(test.set_scanout(0, 2, {.width = 64, .height = 64})->type(), kOk);
  ASSERT_TRUE(test.device->set_output(0, {.monitor = {.width = 640, .height = 480}}));
  const auto waiting = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const Cookie fence = test.host.record.fences.at(0).cookie;

  test.device->reset();
  const auto counts = test.device->counts();
  EXPECT_EQ(counts.resources + counts.contexts + counts.mapped_blobs + counts.waiting_requests, 0u);
  EXPECT_EQ(counts.host_memory, 0u);
  EXPECT_EQ(test.host.record.blobs, 0u);
  EXPECT_TRUE(test.host.record.mapped.empty());
  EXPECT_TRUE(test.host.record.contexts.empty());
  EXPECT_FALSE(test.display.scanouts[0].picture);
  EXPECT_FALSE(waiting->came);
  test.device->fence_reached(fence);  // late
  EXPECT_FALSE(waiting->came);
  std::uint32_t events = 1;
  test.device->read_config(0, std::as_writable_bytes(std::span(&events, 1)));
  EXPECT_EQ(events, 0u);
  // Features are negotiated anew.
  EXPECT_EQ(test.create_context(1)->type(), kUnspec);
  test.device->set_features(test.device->features());
  EXPECT_EQ(test.create_context(1)->type(), kOk);
  EXPECT_EQ(test.create_2d(2, 64, 64)->type(), kOk);
}

// What a stock Linux 6.12 sends for its console (protocol notes, "fbcon").
TEST(Device, TheConsoleOfLinuxGetsItsPicture) {
  TestDevice test({.outputs = {{.monitor = {.width = 64, .height = 32}}}});
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_CAPSET_INFO, virtio_gpu_get_capset_info{})->type(),
            VIRTIO_GPU_RESP_OK_CAPSET_INFO);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_EDID, virtio_gpu_get_edid{})->type(), VIRTIO_GPU_RESP_OK_EDID);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{})->type(),
            VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
  const virtio_gpu_rect all{.width = 64, .height = 32};
  for (std::uint32_t i = 0; i < 64 * 32 * 4; ++i) test.memory[TestDevice::kRam + i] = static_cast<std::byte>(i * 7);
  EXPECT_EQ(test.create_2d(2, 64, 32)->type(), kOk);
  EXPECT_EQ(
      test.attach(2, {{.addr = TestDevice::kRam, .length = 4096}, {.addr = TestDevice::kRam + 4096, .length = 4096}})
          ->type(),
      kOk);
  EXPECT_EQ(test.create_context(1, 0, "busybox")->type(), kOk);
  EXPECT_TRUE(test.host.record.contexts.empty());  // nobody needs a worker for this
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, 1)->type(), kOk);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, 2, 1)->type(), kOk);
  EXPECT_EQ(test.set_scanout(0, 0, all)->type(), kOk);
  EXPECT_EQ(test.transfer(2, all)->type(), kOk);
  EXPECT_EQ(test.set_scanout(0, 2, all)->type(), kOk);
  EXPECT_EQ(test.flush(2, all)->type(), kOk);
  const auto& shown = test.display.scanouts[0];
  ASSERT_EQ(shown.pixels.size(), 64u * 32 * 4);
  for (std::uint32_t i = 0; i < shown.pixels.size(); ++i) ASSERT_EQ(shown.pixels[i], static_cast<std::byte>(i * 7));
}

}  // namespace
}  // namespace hesper::gpu
