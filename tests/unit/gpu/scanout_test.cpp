// Scanouts and cursors: what the display is told, and what it is never told.
#include <gtest/gtest.h>

#include "test_device.h"

namespace hesper::gpu {
namespace {

using namespace test;
constexpr std::uint64_t kRam = TestDevice::kRam;
constexpr std::uint32_t kMax = 0xffffffff;
constexpr virtio_gpu_rect kAll{.width = 64, .height = 64};

class ScanoutTest : public testing::Test {
 protected:
  ScanoutTest() : test({.outputs = std::vector<Output>(3), .window_size = TestDevice::kWindow}) {
    EXPECT_EQ(test.create_2d(1, 64, 64)->type(), kOk);
    EXPECT_EQ(test.create_context(1)->type(), kOk);
  }

  FakeDisplay::Scanout& shown(std::uint32_t scanout) { return test.display.scanouts[scanout]; }
  TestDevice::Reply set_blob(virtio_gpu_set_scanout_blob command) {
    return test.send(VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, command);
  }
  // Resource 5: a guest blob of 64x64 pixels.
  void make_guest_blob() {
    ASSERT_EQ(test.create_blob(5, 16384, 0, VIRTIO_GPU_BLOB_MEM_GUEST, {{.addr = kRam, .length = 16384}}, 2)->type(),
              kOk);
  }
  static virtio_gpu_set_scanout_blob whole(std::uint32_t resource) {
    return {.r = kAll, .resource_id = resource, .width = 64, .height = 64, .format = 2, .strides = {256}};
  }

  TestDevice test;
};

TEST_F(ScanoutTest, ShowsAPartOfTheResource) {
  ASSERT_EQ(test.set_scanout(1, 1, {.x = 8, .y = 4, .width = 32, .height = 16})->type(), kOk);
  ASSERT_TRUE(shown(1).picture);
  EXPECT_EQ(shown(1).picture->width, 64u);
  EXPECT_EQ(shown(1).picture->stride, 256u);
  EXPECT_EQ(shown(1).picture->format, Format::b8g8r8x8);
  EXPECT_EQ(shown(1).part, (Rect{8, 4, 32, 16}));
  EXPECT_FALSE(shown(0).picture);
}

TEST_F(ScanoutTest, BadScanoutsResourcesAndRectangles) {
  EXPECT_EQ(test.set_scanout(3, 1, kAll)->type(), kNoScanout);
  EXPECT_EQ(test.set_scanout(kMax, 0, kAll)->type(), kNoScanout);
  EXPECT_EQ(test.set_scanout(0, 99, kAll)->type(), kNoResource);
  for (const virtio_gpu_rect& rect : {virtio_gpu_rect{},
                                      {.width = 65, .height = 64},
                                      {.x = 1, .width = 64, .height = 64},
                                      {.x = kMax, .width = 1, .height = 1},
                                      {.x = kMax, .width = 65, .height = 1},
                                      {.width = 64, .height = kMax}})
    EXPECT_EQ(test.set_scanout(0, 1, rect)->type(), kInvalid);
  EXPECT_EQ(shown(0).settings, 0);
}

// Linux sends the old mode's rectangle even then, and sends it twice.
TEST_F(ScanoutTest, ResourceZeroDisables) {
  ASSERT_EQ(test.set_scanout(0, 1, kAll)->type(), kOk);
  EXPECT_EQ(test.set_scanout(0, 0, {})->type(), kOk);
  EXPECT_FALSE(shown(0).picture);
  EXPECT_EQ(test.set_scanout(0, 0, {.x = kMax, .width = kMax})->type(), kOk);
  EXPECT_EQ(shown(0).settings, 2);
}

TEST_F(ScanoutTest, AFlushReachesAllThatShowTheResource) {
  ASSERT_EQ(test.create_2d(2, 64, 64)->type(), kOk);
  ASSERT_EQ(test.set_scanout(0, 1, kAll)->type(), kOk);
  ASSERT_EQ(test.set_scanout(1, 1, {.x = 32, .y = 0, .width = 32, .height = 64})->type(), kOk);
  ASSERT_EQ(test.set_scanout(2, 2, kAll)->type(), kOk);
  EXPECT_EQ(test.flush(1, {.x = 16, .y = 8, .width = 32, .height = 8})->type(), kOk);
  EXPECT_EQ(shown(0).flushes, (std::vector{Rect{16, 8, 32, 8}}));
  EXPECT_EQ(shown(1).flushes, (std::vector{Rect{32, 8, 16, 8}}));
  EXPECT_TRUE(shown(2).flushes.empty());
  EXPECT_EQ(test.flush(1, {.x = 0, .y = 0, .width = 8, .height = 8})->type(), kOk);
  EXPECT_EQ(shown(0).flushes.size(), 2u);
  EXPECT_EQ(shown(1).flushes.size(), 1u);  // shows nothing of it
}

TEST_F(ScanoutTest, AFlushIsWithinTheResource) {
  ASSERT_EQ(test.set_scanout(0, 1, kAll)->type(), kOk);
  EXPECT_EQ(test.flush(1, {.x = 1, .width = 64, .height = 64})->type(), kInvalid);
  EXPECT_EQ(test.flush(1, {.x = kMax, .width = 2, .height = 1})->type(), kInvalid);
  EXPECT_EQ(test.flush(99, kAll)->type(), kNoResource);
  EXPECT_EQ(test.flush(1, {})->type(), kOk);
  EXPECT_TRUE(shown(0).flushes.empty());
}

TEST_F(ScanoutTest, UnrefBlanksWhatShowsIt) {
  ASSERT_EQ(test.set_scanout(0, 1, kAll)->type(), kOk);
  ASSERT_EQ(test.set_scanout(2, 1, kAll)->type(), kOk);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 1)->type(), kOk);
  EXPECT_FALSE(shown(0).picture);
  EXPECT_FALSE(shown(2).picture);
  EXPECT_EQ(shown(1).settings, 0);
  // The same id again is nobody's picture.
  ASSERT_EQ(test.create_2d(1, 64, 64)->type(), kOk);
  ASSERT_EQ(test.flush(1, kAll)->type(), kOk);
  EXPECT_TRUE(shown(0).flushes.empty());
}

TEST_F(ScanoutTest, AReplacedResourceMayGo) {
  ASSERT_EQ(test.create_2d(2, 64, 64)->type(), kOk);
  ASSERT_EQ(test.set_scanout(0, 1, kAll)->type(), kOk);
  const std::uint64_t first = shown(0).picture->resource_serial;
  ASSERT_EQ(test.set_scanout(0, 2, kAll)->type(), kOk);
  EXPECT_NE(shown(0).picture->resource_serial, first);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 1)->type(), kOk);
  EXPECT_TRUE(shown(0).picture);
}

TEST_F(ScanoutTest, EveryFormatIsPassedOn) {
  std::uint32_t id = 100;
  for (const FormatInfo& info : all_formats()) {
    ASSERT_EQ(test.create_2d(++id, 64, 64, info.format)->type(), kOk);
    ASSERT_EQ(test.set_scanout(0, id, kAll)->type(), kOk);
    EXPECT_EQ(shown(0).picture->format, info.format);
  }
}

TEST_F(ScanoutTest, AGuestBlobIsReadFromItsBacking) {
  make_guest_blob();
  for (std::uint32_t i = 0; i < 16384; ++i) test.memory[kRam + i] = static_cast<std::byte>(i / 3);
  auto command = whole(5);
  command.width = 32;
  command.height = 16;
  command.r = {.x = 1, .y = 2, .width = 8, .height = 4};
  command.offsets = {100};
  ASSERT_EQ(set_blob(command)->type(), kOk);
  EXPECT_EQ(test.transfer(5, kAll)->type(), kOk);  // Linux sends it, though there is nothing to transfer
  const auto fenced =
      test.send_fenced(VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                       virtio_gpu_resource_flush{.r = {.width = 64, .height = 64}, .resource_id = 5}, {.id = 8});
  EXPECT_EQ(fenced->type(), kOk);
  EXPECT_EQ(fenced->header().fence_id, 8u);
  EXPECT_EQ(shown(0).flushes, (std::vector{Rect{1, 2, 8, 4}}));
  ASSERT_FALSE(shown(0).read_failed);
  for (std::uint32_t y = 0; y < 4; ++y) {
    for (std::uint32_t x = 0; x < 32; ++x)
      ASSERT_EQ(shown(0).pixels[y * 32 + x], static_cast<std::byte>((100 + (y + 2) * 256 + 4 + x) / 3))
          << x << "," << y;
  }
  // The guest's memory goes; the display is told the truth.
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 5)->type(), kOk);
  EXPECT_EQ(test.flush(5, kAll)->type(), kOk);
  EXPECT_TRUE(shown(0).read_failed);
}

TEST_F(ScanoutTest, ABlobsPictureIsWithinTheBlob) {
  make_guest_blob();
  struct Case {
    const char* name;
    std::uint32_t want;
    virtio_gpu_set_scanout_blob command;
  };
  const auto with = [](auto change) {
    auto command = whole(5);
    change(command);
    return command;
  };
  const Case kCases[] = {
      {"as large as the blob", kOk, whole(5)},
      {"a byte too far", kInvalid, with([](auto& c) { c.offsets[0] = 1; })},
      {"offset of 4 GiB", kInvalid, with([](auto& c) { c.offsets[0] = kMax; })},
      {"a row too many", kInvalid, with([](auto& c) { c.height = 65; })},
      {"stride shorter than a row", kInvalid, with([](auto& c) { c.strides[0] = 255; })},
      {"no stride", kInvalid, with([](auto& c) { c.strides[0] = 0; })},
      {"stride of 4 GiB", kInvalid, with([](auto& c) { c.strides[0] = kMax; })},
      {"all sums overflow", kInvalid, with([](auto& c) { c.width = c.height = c.strides[0] = c.offsets[0] = kMax; })},
      {"width times 4 overflows", kInvalid, with([](auto& c) { c.width = 0x40000000; })},
      {"no width", kInvalid, with([](auto& c) { c.width = 0; })},
      {"no height", kInvalid, with([](auto& c) { c.height = 0; })},
      {"part beyond the picture", kInvalid, with([](auto& c) { c.r.x = 1; })},
      {"part overflows", kInvalid, with([](auto& c) { c.r = {.x = kMax, .width = 65, .height = 1}; })},
      {"empty part", kInvalid, with([](auto& c) { c.r = {}; })},
      {"unknown format", kInvalid, with([](auto& c) { c.format = 5; })},
      {"unknown scanout", kNoScanout, with([](auto& c) { c.scanout_id = 3; })},
      {"unknown resource", kNoResource, with([](auto& c) { c.resource_id = 6; })},
      {"not a blob", kInvalid, with([](auto& c) { c.resource_id = 1; })},
      {"last row is short", kOk, with([](auto& c) {
         c.width = 32;
         c.r.width = 32;
         c.offsets[0] = 128;
       })},
      {"disable", kOk, with([](auto& c) { c = {}; })},
  };
  for (const Case& test_case : kCases) EXPECT_EQ(set_blob(test_case.command)->type(), test_case.want) << test_case.name;
  EXPECT_FALSE(shown(0).picture);
  EXPECT_EQ(test.set_scanout(0, 5, kAll)->type(), kInvalid);  // it has no format
}

TEST_F(ScanoutTest, AHostBlobIsShownWhereItIs) {
  ASSERT_EQ(test.create_blob(5, 16384)->type(), kOk);
  ASSERT_EQ(set_blob(whole(5))->type(), kOk);
  ASSERT_TRUE(shown(0).picture);
  EXPECT_NE(shown(0).picture->blob, nullptr);
  EXPECT_FALSE(shown(0).picture->window_offset);
  ASSERT_EQ(test.map(5, 0x20000)->type(), VIRTIO_GPU_RESP_OK_MAP_INFO);
  EXPECT_EQ(shown(0).picture->window_offset, 0x20000u);
  ASSERT_EQ(test.flush(5, kAll)->type(), kOk);
  EXPECT_FALSE(shown(0).read_failed);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 5)->type(), kOk);
  ASSERT_TRUE(shown(0).picture);
  EXPECT_FALSE(shown(0).picture->window_offset);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 5)->type(), kOk);
  EXPECT_FALSE(shown(0).picture);
}

TEST_F(ScanoutTest, AHostBlobThatNobodyCanReadIsNotShown) {
  test.host.record.readable_blobs = false;
  ASSERT_EQ(test.create_blob(5, 16384)->type(), kOk);
  EXPECT_EQ(set_blob(whole(5))->type(), kUnspec);
  ASSERT_EQ(test.map(5, 0)->type(), VIRTIO_GPU_RESP_OK_MAP_INFO);
  ASSERT_EQ(set_blob(whole(5))->type(), kOk);
  EXPECT_EQ(shown(0).picture->window_offset, 0u);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 5)->type(), kOk);
  EXPECT_FALSE(shown(0).picture);
}

class CursorTest : public ScanoutTest {
 protected:
  CursorTest() {
    EXPECT_EQ(test.attach(1, {{.addr = kRam, .length = 16384}})->type(), kOk);
    fill(1);
    EXPECT_EQ(test.transfer(1, kAll)->type(), kOk);
  }
  void fill(int step) {
    for (std::uint32_t i = 0; i < 16384; ++i)
      test.memory[kRam + i] = static_cast<std::byte>(static_cast<int>(i) * step);
  }
  TestDevice::Reply update(virtio_gpu_update_cursor command) {
    return test.send(VIRTIO_GPU_CMD_UPDATE_CURSOR, command, {}, Queue::cursor);
  }
};

TEST_F(CursorTest, IsCopiedAtOnce) {
  ASSERT_EQ(
      update({.pos = {.scanout_id = 1, .x = 10, .y = 0xfffffffb}, .resource_id = 1, .hot_x = 3, .hot_y = 63})->type(),
      kOk);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 1)->type(), kOk);
  ASSERT_TRUE(shown(1).cursor);
  EXPECT_EQ(shown(1).cursor->hot_x, 3u);
  EXPECT_EQ(shown(1).cursor->hot_y, 63u);
  EXPECT_EQ(shown(1).cursor_at, (Point{10, -5}));
  for (std::uint32_t i = 0; i < 16384; i += 4) {
    ASSERT_EQ(shown(1).cursor->pixels[i], static_cast<std::byte>(i));
    ASSERT_EQ(shown(1).cursor->pixels[i + 3], static_cast<std::byte>(i + 3));  // as alpha, whatever the format says
  }
}

// Linux leaves in a move whatever resource and hot spot there were.
TEST_F(CursorTest, AMoveMovesOnly) {
  ASSERT_EQ(update({.pos = {.x = 1, .y = 2}, .resource_id = 1, .hot_x = 3})->type(), kOk);
  const virtio_gpu_update_cursor move{.pos = {.x = kMax, .y = 7}, .resource_id = 4711, .hot_x = 99};
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_MOVE_CURSOR, move, {}, Queue::cursor)->type(), kOk);
  EXPECT_EQ(shown(0).cursor_at, (Point{-1, 7}));
  EXPECT_EQ(shown(0).cursor->hot_x, 3u);
}

TEST_F(CursorTest, ResourceZeroHides) {
  ASSERT_EQ(update({.resource_id = 1})->type(), kOk);
  ASSERT_EQ(update({.pos = {.x = 4}})->type(), kOk);
  EXPECT_FALSE(shown(0).cursor);
  EXPECT_EQ(shown(0).cursor_at, (Point{4, 0}));
}

TEST_F(CursorTest, BadCursorsAreRefused) {
  ASSERT_EQ(test.create_2d(2, 64, 32)->type(), kOk);
  ASSERT_EQ(test.create_2d(3, 128, 128)->type(), kOk);
  EXPECT_EQ(update({.pos = {.scanout_id = 3}, .resource_id = 1})->type(), kNoScanout);
  EXPECT_EQ(update({.resource_id = 99})->type(), kNoResource);
  EXPECT_EQ(update({.resource_id = 2})->type(), kInvalid);
  EXPECT_EQ(update({.resource_id = 3})->type(), kInvalid);
  EXPECT_EQ(
      test.send(VIRTIO_GPU_CMD_MOVE_CURSOR, virtio_gpu_update_cursor{.pos = {.scanout_id = 16}}, {}, Queue::cursor)
          ->type(),
      kNoScanout);
  EXPECT_FALSE(shown(0).cursor);
  ASSERT_EQ(update({.resource_id = 1, .hot_x = kMax, .hot_y = 64})->type(), kOk);
  EXPECT_EQ(shown(0).cursor->hot_x, 63u);
  EXPECT_EQ(shown(0).cursor->hot_y, 63u);
}

// A guest with blobs but without 3D makes its cursors of them.
TEST_F(CursorTest, MayBeAGuestBlob) {
  make_guest_blob();
  fill(3);
  ASSERT_EQ(update({.resource_id = 5})->type(), kOk);
  for (std::uint32_t i = 0; i < 16384; ++i) ASSERT_EQ(shown(0).cursor->pixels[i], static_cast<std::byte>(i * 3));
  ASSERT_EQ(test.create_blob(6, 16383, 0, VIRTIO_GPU_BLOB_MEM_GUEST, {{.addr = kRam, .length = 16383}})->type(), kOk);
  EXPECT_EQ(update({.resource_id = 6})->type(), kInvalid);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 5)->type(), kOk);
  EXPECT_EQ(update({.resource_id = 5})->type(), kUnspec);
}

// Stock Linux puts no response buffer on the cursor queue.
TEST_F(CursorTest, IsAnsweredWithNothingWhereThereIsNoRoom) {
  const virtio_gpu_update_cursor command{.hdr = {.type = VIRTIO_GPU_CMD_UPDATE_CURSOR}, .resource_id = 1};
  const auto got = test.send_bytes(bytes_of({raw(command)}), Queue::cursor, 0);
  EXPECT_TRUE(got->came);
  EXPECT_TRUE(got->bytes.empty());
  EXPECT_TRUE(shown(0).cursor);
}

}  // namespace
}  // namespace hesper::gpu
