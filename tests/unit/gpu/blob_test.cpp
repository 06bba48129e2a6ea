// Blobs and the window: kinds, places that the guest chooses, and what is undone when somebody forgets to.
#include <gtest/gtest.h>

#include "gpu/window.h"
#include "test_device.h"

namespace hesper::gpu {
namespace {

using namespace test;
constexpr std::uint64_t kRam = TestDevice::kRam;
constexpr std::uint32_t kMapped = VIRTIO_GPU_RESP_OK_MAP_INFO;

class BlobTest : public testing::Test {
 protected:
  explicit BlobTest(DeviceOptions options = {.window_size = TestDevice::kWindow}) : test(std::move(options)) {
    EXPECT_EQ(test.create_context(1)->type(), kOk);
  }
  HostRecord& host() { return test.host.record; }
  TestDevice::Reply unmap(std::uint32_t id) { return test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, id); }
  TestDevice::Reply unref(std::uint32_t id) { return test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, id); }

  TestDevice test;
};

TEST_F(BlobTest, KindsFlagsAndSizesAreChecked) {
  EXPECT_EQ(test.create_blob(0, 4096)->type(), kNoResource);
  EXPECT_EQ(test.create_blob(1, 4096, 1, 0)->type(), kInvalid);
  EXPECT_EQ(test.create_blob(1, 4096, 1, 4)->type(), kInvalid);
  EXPECT_EQ(test.create_blob(1, 4096, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, {}, 8)->type(), kInvalid);
  EXPECT_EQ(test.create_blob(1, 0)->type(), kInvalid);
  EXPECT_EQ(test.create_blob(1, ~std::uint64_t{0})->type(), kOutOfMemory);
  EXPECT_EQ(test.create_blob(1, 4096, 2)->type(), kNoContext);
  EXPECT_EQ(test.create_blob(1, 4096, 0)->type(), kNoContext);
  EXPECT_EQ(test.create_blob(1, 4096, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, {{.addr = kRam, .length = 4096}})->type(),
            kInvalid);
  EXPECT_EQ(host().blobs, 0u);
  EXPECT_EQ(test.create_blob(1, 4096, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, {}, 7)->type(), kOk);
  EXPECT_EQ(test.create_blob(1, 4096)->type(), kNoResource);
  EXPECT_EQ(
      test.create_blob(2, 131268, 1, VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST, {{.addr = kRam, .length = 200000}})->type(),
      kOk);
  EXPECT_EQ(host().blobs, 2u);
}

TEST_F(BlobTest, GuestBlobsHaveAllTheirMemory) {
  const auto guest = [&](std::uint32_t id, std::uint64_t size, const std::vector<virtio_gpu_mem_entry>& entries) {
    return test.create_blob(id, size, 0, VIRTIO_GPU_BLOB_MEM_GUEST, entries)->type();
  };
  EXPECT_EQ(guest(1, 4097, {{.addr = kRam, .length = 4096}}), kInvalid);
  EXPECT_EQ(guest(1, 4096, {{.addr = 0, .length = 4096}}), kInvalid);
  EXPECT_EQ(guest(1, 8192, {{.addr = kRam, .length = 4096}, {.addr = kRam, .length = 4096}}), kOk);
  // The backing may come later.
  EXPECT_EQ(guest(2, 8192, {}), kOk);
  EXPECT_EQ(test.attach(2, {{.addr = kRam, .length = 8191}})->type(), kInvalid);
  EXPECT_EQ(test.attach(2, {{.addr = kRam, .length = 8192}})->type(), kOk);
  ASSERT_EQ(test.create_blob(3, 4096)->type(), kOk);
  EXPECT_EQ(test.attach(3, {{.addr = kRam, .length = 4096}})->type(), kInvalid);
  EXPECT_EQ(test.map(1, 0)->type(), kInvalid);  // it is the guest's own memory
}

TEST_F(BlobTest, WhatTheHostRefusesDoesNotExist) {
  host().refusal = "There is no memory left.";
  EXPECT_EQ(test.create_blob(1, 4096)->type(), kOutOfMemory);
  host().refusal.clear();
  EXPECT_EQ(test.map(1, 0)->type(), kNoResource);
  EXPECT_EQ(test.create_blob(1, 4096)->type(), kOk);
}

TEST_F(BlobTest, MapTellsTheHostAndTheGuest) {
  ASSERT_EQ(test.create_blob(1, 5000)->type(), kOk);
  const auto info = test.map(1, 0x20000)->as<virtio_gpu_resp_map_info>();
  EXPECT_EQ(info.hdr.type, kMapped);
  EXPECT_EQ(info.map_info, 1u);  // cached
  EXPECT_EQ(host().mapped.at(ResourceId{1}).range, (WindowRange{0x20000, 8192}));
  EXPECT_EQ(test.map(1, 0)->type(), kUnspec);
  EXPECT_EQ(unmap(1)->type(), kOk);
  EXPECT_TRUE(host().mapped.empty());
  EXPECT_EQ(unmap(1)->type(), kUnspec);
  EXPECT_EQ(test.map(1, 0)->type(), kMapped);
}

TEST_F(BlobTest, OnlyMappableBlobsAreMapped) {
  ASSERT_EQ(test.create_blob(1, 4096, 1, VIRTIO_GPU_BLOB_MEM_HOST3D, {}, 0)->type(), kOk);
  ASSERT_EQ(test.create_2d(2, 4, 4)->type(), kOk);
  EXPECT_EQ(test.map(1, 0)->type(), kInvalid);
  EXPECT_EQ(test.map(2, 0)->type(), kInvalid);
  EXPECT_EQ(test.map(3, 0)->type(), kNoResource);
  EXPECT_EQ(unmap(2)->type(), kUnspec);
  EXPECT_EQ(unmap(3)->type(), kNoResource);
}

TEST_F(BlobTest, PlacesAreFreeAlignedAndInTheWindow) {
  for (std::uint32_t id = 1; id <= 4; ++id) ASSERT_EQ(test.create_blob(id, 0x3000)->type(), kOk);
  ASSERT_EQ(test.create_blob(5, TestDevice::kWindow)->type(), kOk);
  ASSERT_EQ(test.create_blob(6, TestDevice::kWindow + 1)->type(), kOk);
  ASSERT_EQ(test.map(1, 0x4000)->type(), kMapped);
  for (const std::uint64_t offset : {0x2000u, 0x4000u, 0x6000u, 0x1001u, 0x10800u})
    EXPECT_EQ(test.map(2, offset)->type(), kInvalid) << std::hex << offset;
  for (const std::uint64_t offset : {TestDevice::kWindow, TestDevice::kWindow - 0x2000, ~std::uint64_t{0} - 0xfff,
                                     ~std::uint64_t{0} - 0x1fff, std::uint64_t{1} << 63})
    EXPECT_EQ(test.map(2, offset)->type(), kInvalid) << std::hex << offset;
  EXPECT_EQ(test.map(6, 0)->type(), kInvalid);
  EXPECT_EQ(test.map(5, 0)->type(), kInvalid);
  EXPECT_EQ(test.map(2, 0x1000)->type(), kMapped);
  EXPECT_EQ(test.map(3, 0x7000)->type(), kMapped);
  EXPECT_EQ(test.map(4, TestDevice::kWindow - 0x3000)->type(), kMapped);
  EXPECT_EQ(test.device->counts().mapped_blobs, 4u);
  for (std::uint32_t id = 1; id <= 4; ++id) ASSERT_EQ(unmap(id)->type(), kOk);
  EXPECT_EQ(test.map(5, 0)->type(), kMapped);
}

TEST_F(BlobTest, TenThousandAreMapped) {
  TestDevice large({.window_size = std::uint64_t{1} << 30});
  ASSERT_EQ(large.create_context(1)->type(), kOk);
  for (std::uint32_t id = 1; id <= 10'000; ++id) {
    ASSERT_EQ(large.create_blob(id, 4096)->type(), kOk);
    ASSERT_EQ(large.map(id, std::uint64_t{id} * 8192)->type(), kMapped);
  }
  EXPECT_EQ(large.device->counts().mapped_blobs, 10'000u);
  large.device->reset();
  EXPECT_TRUE(large.host.record.mapped.empty());
}

// A hostile guest will not unmap.
TEST_F(BlobTest, UnrefUnmaps) {
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.map(1, 0)->type(), kMapped);
  ASSERT_EQ(unref(1)->type(), kOk);
  EXPECT_TRUE(host().mapped.empty());
  EXPECT_EQ(host().blobs, 0u);
  ASSERT_EQ(test.create_blob(2, 4096)->type(), kOk);
  EXPECT_EQ(test.map(2, 0)->type(), kMapped);
}

// Linux frees the blobs of a program after its context, and another program may have some of them.
TEST_F(BlobTest, OutliveTheirContext) {
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.map(1, 0)->type(), kMapped);
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 1)->type(), kOk);
  ASSERT_EQ(test.destroy_context(1)->type(), kOk);
  EXPECT_EQ(host().mapped.size(), 1u);
  EXPECT_EQ(unmap(1)->type(), kOk);
  EXPECT_EQ(unref(1)->type(), kOk);
  EXPECT_EQ(host().blobs, 0u);
}

TEST_F(BlobTest, AMapWaitsForItsHostOnly) {
  host().maps_at_once = false;
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.create_blob(2, 4096)->type(), kOk);
  const auto first = test.map(1, 0);
  const auto second = test.map(2, 4096);
  EXPECT_FALSE(first->came);
  EXPECT_EQ(test.create_2d(3, 4, 4)->type(), kOk);
  EXPECT_EQ(test.map(1, 8192)->type(), kUnspec);  // it has a place already
  test.device->blob_mapped(host().maps[1].cookie, MapCache::write_combined);
  EXPECT_EQ(second->as<virtio_gpu_resp_map_info>().map_info, 3u);
  EXPECT_FALSE(first->came);
  host().fail_map(host().maps[0]);
  EXPECT_EQ(first->type(), kUnspec);
  EXPECT_EQ(host().mapped.size(), 1u);
  EXPECT_EQ(test.device->counts().mapped_blobs, 1u);
  EXPECT_EQ(test.device->counts().waiting_requests, 0u);
}

// The guest waits for the answer without a timeout.
TEST_F(BlobTest, AMapIsAlwaysAnswered) {
  host().maps_at_once = false;
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.create_blob(2, 4096)->type(), kOk);
  const auto first = test.map(1, 0);
  const auto second = test.map(2, 4096);
  EXPECT_EQ(unmap(1)->type(), kOk);
  EXPECT_EQ(first->type(), kUnspec);
  EXPECT_EQ(unref(2)->type(), kOk);
  EXPECT_EQ(second->type(), kUnspec);
  EXPECT_TRUE(host().mapped.empty());
  // What comes late concerns nobody, not even a blob of the same id.
  ASSERT_EQ(test.create_blob(2, 4096)->type(), kOk);
  const auto third = test.map(2, 4096);
  for (std::size_t i = 0; i < 2; ++i) test.device->blob_mapped(host().maps[i].cookie, MapCache::cached);
  EXPECT_FALSE(third->came);
  test.device->blob_mapped(host().maps[2].cookie, MapCache::cached);
  EXPECT_EQ(third->type(), kMapped);
}

TEST_F(BlobTest, AFencedMapKeepsItsPlaceOnTheTimeline) {
  host().maps_at_once = false;
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  const auto map =
      test.send_fenced(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, virtio_gpu_resource_map_blob{.resource_id = 1}, {.id = 1});
  const auto later = test.send_fenced(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{}, {.id = 2});
  EXPECT_FALSE(later->came);
  test.device->blob_mapped(host().maps[0].cookie, MapCache::cached);
  EXPECT_EQ(map->type(), kMapped);
  EXPECT_EQ(map->header().fence_id, 1u);
  EXPECT_EQ(map->position + 1, later->position);
}

TEST(BlobWindow, MayBeMissing) {
  TestDevice test({.window_size = 0});
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  EXPECT_EQ(test.map(1, 0)->type(), kUnspec);
}

TEST(BlobWindow, GranularityRoundsAndAligns) {
  TestDevice test({.window_size = TestDevice::kWindow, .window_granularity = 16384});
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  ASSERT_EQ(test.create_blob(1, 4096)->type(), kOk);
  ASSERT_EQ(test.create_blob(2, 4096)->type(), kOk);
  EXPECT_EQ(test.map(1, 4096)->type(), kInvalid);
  EXPECT_EQ(test.map(1, 16384)->type(), kMapped);
  EXPECT_EQ(test.host.record.mapped.at(ResourceId{1}).range, (WindowRange{16384, 16384}));
  EXPECT_EQ(test.map(2, 20480)->type(), kInvalid);
  EXPECT_EQ(test.map(2, 32768)->type(), kMapped);
}

TEST(BlobAlignment, IsHeldToIfTheGuestKnowsIt) {
  TestDevice test({.window_size = TestDevice::kWindow, .blob_alignment = 16384});
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  EXPECT_EQ(test.create_blob(1, 4096)->type(), kInvalid);
  ASSERT_EQ(test.create_blob(1, 16384)->type(), kOk);
  EXPECT_EQ(test.map(1, 4096)->type(), kInvalid);
  EXPECT_EQ(test.map(1, 16384)->type(), kMapped);
  // Guests before Linux 7.2 do not.
  test.device->reset();
  test.device->set_features(test.device->features() & ~VIRTIO_GPU_F_BLOB_ALIGNMENT);
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  EXPECT_EQ(test.create_blob(1, 4096)->type(), kOk);
  EXPECT_EQ(test.map(1, 4096)->type(), kMapped);
}

TEST(BlobsWithoutContexts, AreTheGuests) {
  TestDevice test({}, false);
  EXPECT_EQ(test.create_blob(1, 4096, 1)->type(), kInvalid);
  EXPECT_EQ(test.create_blob(1, 4096, 0, VIRTIO_GPU_BLOB_MEM_GUEST, {{.addr = kRam, .length = 4096}})->type(), kOk);
}

TEST(Window, SizesAtTheEdgeDoNotOverflow) {
  Window window(std::uint64_t{1} << 63, std::uint64_t{1} << 62);
  EXPECT_FALSE(window.take(0, ~std::uint64_t{0}));
  EXPECT_FALSE(window.take(std::uint64_t{1} << 62, (std::uint64_t{1} << 62) + 1));
  const auto last = window.take(std::uint64_t{1} << 62, 1);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->size, std::uint64_t{1} << 62);
  EXPECT_FALSE(window.take(0, (std::uint64_t{1} << 62) + 1));
  EXPECT_TRUE(window.take(0, std::uint64_t{1} << 62));
}

}  // namespace
}  // namespace hesper::gpu
