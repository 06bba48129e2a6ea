// What reaches the device, byte by byte, and devices that answer otherwise than they should.
#include "proof/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "fake_guest.h"
#include "proof/picture.h"

namespace hesper::proof {
namespace {

using namespace gpu;
using test::FakeGuest;
using testing::HasSubstr;

// A device that does all that it is asked, and remembers it.
class FakeDevice {
 public:
  std::string answer(const std::string& line) {
    const auto parsed = parse_answer("answer 0 " + line.substr(line.find(' ') + 1));
    if (!parsed || parsed->bytes.size() < sizeof(virtio_gpu_ctrl_hdr)) return "refused";
    requests.push_back(parsed->bytes);
    virtio_gpu_ctrl_hdr header{};
    std::memcpy(&header, parsed->bytes.data(), sizeof(header));
    header.type = type != 0 ? type : ok_for(header.type);
    if (forgets_fences) header.fence_id = 0;
    const auto head = std::as_bytes(std::span(&header, 1));
    std::vector<std::byte> bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    bytes.resize(std::min(bytes.size(), most));
    const std::string text = submit_line(bytes);
    return "answer 1 " + text.substr(text.find(' ') + 1);
  }

  template <class Command>
  Command request(std::size_t index) const {
    Command command{};
    EXPECT_GE(requests.at(index).size(), sizeof(command));
    std::memcpy(&command, requests.at(index).data(), sizeof(command));
    return command;
  }

  std::uint32_t type = 0;  // of each answer; 0: the one that it should have
  bool forgets_fences = false;
  std::size_t most = 4096;  // bytes of an answer
  std::vector<std::byte> payload;
  std::vector<std::vector<std::byte>> requests;

 private:
  static std::uint32_t ok_for(std::uint32_t type) {
    switch (type) {
      case VIRTIO_GPU_CMD_GET_CAPSET: return VIRTIO_GPU_RESP_OK_CAPSET;
      case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB: return VIRTIO_GPU_RESP_OK_MAP_INFO;
      case VIRTIO_GPU_CMD_GET_DISPLAY_INFO: return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
      default: return VIRTIO_GPU_RESP_OK_NODATA;
    }
  }
};

class DriverTest : public testing::Test {
 protected:
  FakeDevice device;
  FakeGuest guest{[this](const std::string& line) { return device.answer(line); }};
  Player player = guest.player();
  Driver driver{player};
};

TEST_F(DriverTest, AnImageIsMadeFilledAndShown) {
  ASSERT_TRUE(driver.make_image(7, 0x22b000));
  ASSERT_TRUE(driver.transfer(7));
  ASSERT_TRUE(driver.show_image(7));
  ASSERT_EQ(device.requests.size(), 5u);
  const auto create = device.request<virtio_gpu_resource_create_2d>(0);
  EXPECT_EQ(create.hdr.type, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D);
  EXPECT_EQ(create.width, kWidth);
  EXPECT_EQ(create.height, kHeight);
  struct Attach {
    virtio_gpu_resource_attach_backing command;
    virtio_gpu_mem_entry entry;
  };
  const auto attach = device.request<Attach>(1);
  EXPECT_EQ(attach.command.nr_entries, 1u);
  EXPECT_EQ(attach.entry.addr, 0x22b000u);
  EXPECT_EQ(attach.entry.length, kPictureSize);
  EXPECT_EQ(device.request<virtio_gpu_transfer_to_host_2d>(2).r.width, kWidth);
  EXPECT_EQ(device.request<virtio_gpu_set_scanout>(3).resource_id, 7u);
  const auto flush = device.request<virtio_gpu_resource_flush>(4);
  EXPECT_EQ(flush.hdr.flags, VIRTIO_GPU_FLAG_FENCE);
  EXPECT_EQ(flush.r.height, kHeight);
}

TEST_F(DriverTest, ABlobIsMadeAttachedAndMapped) {
  ASSERT_TRUE(driver.make_blob(9, 13, 0x200000, 0x30000));
  ASSERT_EQ(device.requests.size(), 3u);
  const auto create = device.request<virtio_gpu_resource_create_blob>(0);
  EXPECT_EQ(create.hdr.ctx_id, kContext);
  EXPECT_EQ(create.blob_mem, VIRTIO_GPU_BLOB_MEM_HOST3D);
  EXPECT_EQ(create.blob_id, 13u);
  EXPECT_EQ(create.size, 0x30000u);
  EXPECT_EQ(device.request<virtio_gpu_resource_command>(1).hdr.type, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE);
  EXPECT_EQ(device.request<virtio_gpu_resource_map_blob>(2).offset, 0x200000u);
}

TEST_F(DriverTest, FencesNameTheirRingAndHaveNumbersOfTheirOwn) {
  ASSERT_TRUE(driver.fence(0));
  ASSERT_TRUE(driver.fence(1));
  ASSERT_TRUE(driver.ask_for_nothing());
  const auto first = device.request<virtio_gpu_cmd_submit>(0);
  const auto second = device.request<virtio_gpu_cmd_submit>(1);
  EXPECT_EQ(first.size, 0u);
  EXPECT_EQ(first.hdr.flags, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
  EXPECT_EQ(first.hdr.ring_idx, 0);
  EXPECT_EQ(second.hdr.ring_idx, 1);
  // The player counts on from a fence that it repeats.
  EXPECT_GT(second.hdr.fence_id, first.hdr.fence_id + kMostRounds);
}

TEST_F(DriverTest, TheCapsetTellsWhetherBlobsComeFirst) {
  device.payload.resize(160);
  EXPECT_EQ(driver.blobs_come_first(), false);
  device.payload[156] = std::byte{1};
  EXPECT_EQ(driver.blobs_come_first(), true);
  device.payload.resize(159);
  EXPECT_FALSE(driver.blobs_come_first());
}

TEST_F(DriverTest, AnErrorOfTheDeviceNamesTheCommand) {
  device.type = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
  const auto made = driver.make_context();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "The GPU answers CTX_CREATE with 0x1201 instead of 0x1100.");
}

TEST_F(DriverTest, AnAnswerWithoutItsFenceIsAnError) {
  device.forgets_fences = true;
  EXPECT_THAT(driver.fence(1).error().message, HasSubstr("SUBMIT_3D without its fence"));
  EXPECT_TRUE(driver.transfer(1));  // which has none
}

TEST_F(DriverTest, AnAnswerThatIsCutIsAnError) {
  device.most = 23;
  EXPECT_THAT(driver.transfer(1).error().message, HasSubstr("with 23 bytes"));
}

}  // namespace
}  // namespace hesper::proof
