// 2D resources: creation and its limits, backing, transfers with hostile numbers, uuids.
#include <gtest/gtest.h>

#include <set>

#include "test_device.h"

namespace hesper::gpu {
namespace {

using namespace test;
constexpr std::uint64_t kRam = TestDevice::kRam;
constexpr std::uint32_t kMax = 0xffffffff;

TEST(Resource2d, IdsAreNewAndNotZero) {
  TestDevice test;
  EXPECT_EQ(test.create_2d(0, 4, 4)->type(), kNoResource);
  EXPECT_EQ(test.create_2d(7, 4, 4)->type(), kOk);
  EXPECT_EQ(test.create_2d(7, 4, 4)->type(), kNoResource);
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  EXPECT_EQ(test.create_blob(7, 4096)->type(), kNoResource);  // one id space
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 7)->type(), kOk);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 7)->type(), kNoResource);
  EXPECT_EQ(test.create_blob(7, 4096)->type(), kOk);
}

TEST(Resource2d, EveryFormatAndNoOther) {
  TestDevice test;
  std::uint32_t id = 1;
  for (const FormatInfo& info : all_formats())
    EXPECT_EQ(test.create_2d(id++, 4, 4, info.format)->type(), kOk) << info.name;
  for (const std::uint32_t format : {0u, 5u, 66u, 135u, kMax})
    EXPECT_EQ(test.create_2d(id++, 4, 4, Format{format})->type(), kInvalid) << format;
}

TEST(Resource2d, SizesAreBounded) {
  TestDevice test;
  EXPECT_EQ(test.create_2d(1, 0, 4)->type(), kInvalid);
  EXPECT_EQ(test.create_2d(1, 4, 0)->type(), kInvalid);
  EXPECT_EQ(test.create_2d(1, 16385, 1)->type(), kInvalid);
  EXPECT_EQ(test.create_2d(1, kMax, kMax)->type(), kInvalid);
  EXPECT_EQ(test.create_2d(1, 16384, 1)->type(), kOk);
}

TEST(Resource2d, MemoryIsBoundedAndGivenBack) {
  TestDevice test({.max_host_memory = 64 * 64 * 4});
  EXPECT_EQ(test.create_2d(1, 64, 65)->type(), kOutOfMemory);
  EXPECT_EQ(test.create_2d(1, 64, 64)->type(), kOk);
  EXPECT_EQ(test.create_2d(2, 1, 1)->type(), kOutOfMemory);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 1)->type(), kOk);
  EXPECT_EQ(test.create_2d(2, 64, 64)->type(), kOk);
}

TEST(Resource2d, AHundredThousandExist) {
  TestDevice test({.max_resources = 100'001});
  ASSERT_EQ(test.create_context(1)->type(), kOk);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const std::uint32_t id = i * 40'009 + 1;  // sparse
    ASSERT_EQ(test.create_2d(id, 1, 1)->type(), kOk) << i;
    ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, id, 1)->type(), kOk) << i;
  }
  EXPECT_EQ(test.create_2d(2, 1, 1)->type(), kOk);
  EXPECT_EQ(test.create_2d(3, 1, 1)->type(), kOutOfMemory);
  EXPECT_EQ(test.destroy_context(1)->type(), kOk);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, i * 40'009 + 1)->type(), kOk) << i;
  EXPECT_EQ(test.device->counts().resources, 1u);
  EXPECT_EQ(test.device->counts().host_memory, 4u);
}

TEST(Backing, IsAttachedOnce) {
  TestDevice test;
  ASSERT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1)->type(), kUnspec);
  EXPECT_EQ(test.attach(2, {{.addr = kRam, .length = 64}})->type(), kNoResource);
  EXPECT_EQ(test.attach(1, {{.addr = kRam, .length = 64}})->type(), kOk);
  EXPECT_EQ(test.attach(1, {{.addr = kRam, .length = 64}})->type(), kUnspec);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1)->type(), kOk);
  EXPECT_EQ(test.transfer(1, {.width = 4, .height = 4})->type(), kUnspec);
  EXPECT_EQ(test.attach(1, {{.addr = kRam, .length = 64}})->type(), kOk);
}

TEST(Backing, ListsAreCheckedAgainstTheirBytes) {
  TestDevice test({.max_backing_entries = 4});
  ASSERT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  const virtio_gpu_mem_entry entry{.addr = kRam, .length = 64};
  const auto send = [&](std::uint32_t count, std::size_t bytes) {
    const auto reply =
        test.send(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
                  virtio_gpu_resource_attach_backing{.resource_id = 1, .nr_entries = count}, raw(entry).first(bytes));
    test.on_resource(VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1);
    return reply->type();
  };
  EXPECT_EQ(send(1, 16), kOk);
  EXPECT_EQ(send(1, 15), kInvalid);
  EXPECT_EQ(send(2, 16), kInvalid);
  EXPECT_EQ(send(0x10000000, 16), kInvalid);  // times 16 it would be 0 in 32 bits
  EXPECT_EQ(send(kMax, 16), kInvalid);
  const std::vector<virtio_gpu_mem_entry> five(5, entry);
  EXPECT_EQ(test.attach(1, five)->type(), kOutOfMemory);
  EXPECT_EQ(test.attach(1, {five.begin(), five.begin() + 4})->type(), kOk);
}

TEST(Backing, IsTheGuestsMemory) {
  TestDevice test;
  ASSERT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  for (const virtio_gpu_mem_entry& bad : {virtio_gpu_mem_entry{.addr = 0, .length = 64},
                                          {.addr = kRam - 1, .length = 64},
                                          {.addr = kRam + (1 << 20) - 1, .length = 2},
                                          {.addr = ~std::uint64_t{0}, .length = kMax},
                                          {.addr = kRam, .length = kMax}})
    EXPECT_EQ(test.attach(1, {{.addr = kRam, .length = 64}, bad})->type(), kInvalid) << std::hex << bad.addr;
  EXPECT_EQ(test.attach(1, {{.addr = 5, .length = 0}, {.addr = kRam, .length = 64}})->type(), kOk);  // nothing at 5
  EXPECT_EQ(test.transfer(1, {.width = 4, .height = 4})->type(), kOk);
}

TEST(Backing, MayVanishWithTheMemoryTable) {
  TestDevice test;
  test.memory.add(0x900000, 4096);
  ASSERT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  ASSERT_EQ(test.attach(1, {{.addr = 0x900000, .length = 64}})->type(), kOk);
  ASSERT_EQ(test.transfer(1, {.width = 4, .height = 4})->type(), kOk);
  test.memory.remove(0x900000);
  EXPECT_EQ(test.transfer(1, {.width = 4, .height = 4})->type(), kUnspec);
}

// An 8x4 image whose backing lies in odd pieces, some of which span regions of the guest's memory. Byte i of the
// resource is byte i of their concatenation.
class Gather : public testing::Test {
 protected:
  static constexpr std::uint32_t kWidth = 8;
  static constexpr std::uint32_t kHeight = 4;
  static constexpr std::uint32_t kStride = kWidth * 4;

  Gather() {
    test.memory.add(kRam + (1 << 20), 4096);  // follows the first region
    entries = {{.addr = kRam + 3, .length = 5},
               {.addr = kRam + 1000, .length = 0},
               {.addr = kRam + (1 << 20) - 10, .length = 40},
               {.addr = kRam + 100, .length = 1},
               {.addr = kRam + 500, .length = 90}};
    for (const auto& entry : entries) {
      for (std::uint32_t i = 0; i < entry.length; ++i) {
        const auto value = static_cast<std::byte>(backing.size() * 3 + 1);
        test.memory[entry.addr + i] = value;
        backing.push_back(value);
      }
    }
    EXPECT_EQ(test.create_2d(1, kWidth, kHeight)->type(), kOk);
    EXPECT_EQ(test.attach(1, entries)->type(), kOk);
    EXPECT_EQ(test.set_scanout(0, 1, {.width = kWidth, .height = kHeight})->type(), kOk);
  }

  std::vector<std::byte> image() {
    EXPECT_EQ(test.flush(1, {.width = kWidth, .height = kHeight})->type(), kOk);
    return test.display.scanouts[0].pixels;
  }

  TestDevice test;
  std::vector<virtio_gpu_mem_entry> entries;
  std::vector<std::byte> backing;  // what the guest wrote, as one
};

TEST_F(Gather, AllAtOnce) {
  EXPECT_EQ(test.transfer(1, {.width = kWidth, .height = kHeight})->type(), kOk);
  EXPECT_TRUE(std::ranges::equal(image(), std::span(backing).first(kStride * kHeight)));
}

TEST_F(Gather, EveryRectangleAsLinuxSendsIt) {
  for (std::uint32_t x = 0; x < kWidth; ++x) {
    for (std::uint32_t y = 0; y < kHeight; ++y) {
      for (std::uint32_t w = 1; x + w <= kWidth; ++w) {
        for (std::uint32_t h = 1; y + h <= kHeight; ++h) {
          const auto before = image();
          ASSERT_EQ(test.transfer(1, {.x = x, .y = y, .width = w, .height = h}, x * 4 + y * kStride)->type(), kOk);
          const auto after = image();
          for (std::uint32_t i = 0; i < after.size(); ++i) {
            const bool within =
                i / kStride >= y && i / kStride < y + h && i % kStride / 4 >= x && i % kStride / 4 < x + w;
            ASSERT_EQ(after[i], within ? backing[i] : before[i])
                << x << "," << y << " " << w << "x" << h << " at " << i;
          }
        }
      }
    }
  }
}

// The source is where the offset says, whatever the rectangle's place is.
TEST_F(Gather, TheOffsetAloneTellsTheSource) {
  ASSERT_EQ(test.transfer(1, {.x = 2, .y = 1, .width = 3, .height = 2}, 5)->type(), kOk);
  const auto after = image();
  EXPECT_TRUE(std::ranges::equal(std::span(after).subspan(kStride + 8, 12), std::span(backing).subspan(5, 12)));
  EXPECT_TRUE(
      std::ranges::equal(std::span(after).subspan(2 * kStride + 8, 12), std::span(backing).subspan(5 + kStride, 12)));
}

TEST_F(Gather, NoByteBeyondTheBackingIsRead) {
  const std::uint64_t size = backing.size();  // 136, 8 more than the image
  const virtio_gpu_rect all{.width = kWidth, .height = kHeight};
  EXPECT_EQ(test.transfer(1, all, 8)->type(), kOk);
  const auto before = image();
  EXPECT_EQ(test.transfer(1, all, 9)->type(), kInvalid);
  EXPECT_EQ(test.transfer(1, {.width = 1, .height = 1}, size - 4)->type(), kOk);
  EXPECT_EQ(test.transfer(1, {.width = 1, .height = 1}, size - 3)->type(), kInvalid);
  EXPECT_EQ(test.transfer(1, {.width = 1, .height = 1}, size)->type(), kInvalid);
  for (const std::uint64_t offset :
       {std::uint64_t{kMax}, ~std::uint64_t{0}, ~std::uint64_t{0} - 127, std::uint64_t{1} << 63})
    EXPECT_EQ(test.transfer(1, all, offset)->type(), kInvalid) << std::hex << offset;
  const auto after = image();
  EXPECT_TRUE(std::ranges::equal(std::span(after).subspan(4), std::span(before).subspan(4)));  // pixel 0 was sent
}

TEST_F(Gather, RectanglesAreWithinTheImage) {
  const virtio_gpu_rect kBad[] = {{.x = 1, .width = kWidth, .height = 1}, {.y = 1, .width = 1, .height = kHeight},
                                  {.x = kMax, .width = 1, .height = 1},   {.x = kMax, .width = 2, .height = 1},
                                  {.y = kMax, .width = 1, .height = 2},   {.width = kMax, .height = kMax},
                                  {.x = 1, .width = kMax, .height = 1}};
  for (const auto& rect : kBad) EXPECT_EQ(test.transfer(1, rect)->type(), kInvalid) << rect.x << " " << rect.width;
  EXPECT_EQ(test.transfer(1, {.x = kWidth, .y = kHeight})->type(), kOk);  // nothing
  EXPECT_EQ(test.transfer(2, {.width = 1, .height = 1})->type(), kNoResource);
}

TEST(Uuid, IsStableAndUnique) {
  TestDevice test;
  std::set<std::array<std::byte, 16>> seen;
  for (std::uint32_t id = 1; id <= 100; ++id) {
    ASSERT_EQ(test.create_2d(id, 1, 1)->type(), kOk);
    const auto got = test.on_resource(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, id)->as<virtio_gpu_resp_resource_uuid>();
    EXPECT_EQ(got.hdr.type, VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    EXPECT_TRUE(seen.insert(got.uuid).second);
    EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, id)->as<virtio_gpu_resp_resource_uuid>().uuid,
              got.uuid);
  }
  // A new resource by an old id is another one.
  ASSERT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 1)->type(), kOk);
  ASSERT_EQ(test.create_2d(1, 1, 1)->type(), kOk);
  EXPECT_TRUE(
      seen.insert(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 1)->as<virtio_gpu_resp_resource_uuid>().uuid)
          .second);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 999)->type(), kNoResource);
}

// An image that a display has asked to be shared.
TEST(Resource2d, WhatIsSharedIsTheImageFromThenOn) {
  TestDevice test;
  ASSERT_EQ(test.create_2d(7, 4, 4)->type(), kOk);
  ASSERT_EQ(test.attach(7, {{.addr = kRam, .length = 64}})->type(), kOk);
  test.memory[kRam] = std::byte{1};
  ASSERT_EQ(test.transfer(7, {.width = 4, .height = 4})->type(), kOk);
  ASSERT_EQ(test.set_scanout(0, 7, {.width = 4, .height = 4})->type(), kOk);
  PixelMemory& memory = *test.display.scanouts[0].picture->memory;
  std::weak_ptr<const platform::PublishedMemory> shared = memory.share();
  ASSERT_FALSE(shared.expired());
  EXPECT_EQ(memory.share(), shared.lock()) << "once";
  const auto others = *platform::ReadMapping::map(shared.lock()->reader.get());
  EXPECT_EQ(others.bytes()[0], std::byte{1}) << "what was there is there";
  test.memory[kRam] = std::byte{2};
  ASSERT_EQ(test.transfer(7, {.width = 1, .height = 1})->type(), kOk);
  EXPECT_EQ(others.bytes()[0], std::byte{2});
  EXPECT_EQ(memory.bytes()[0], std::byte{2});
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 7)->type(), kOk);
  EXPECT_TRUE(shared.expired()) << "its name is gone with it, and others keep what they have mapped";
  EXPECT_EQ(others.bytes()[0], std::byte{2});
}

}  // namespace
}  // namespace hesper::gpu
