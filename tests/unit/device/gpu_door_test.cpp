// GpuDoor: stock QEMU's messages on one side and the virtio-gpu device on the other: commands are answered, what was
// made is kept over a pause and forgotten at a reset.
#include "device/gpu_door.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>

#include "device/screens.h"
#include "gpu/protocol.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vhost/front_end.h"

namespace hesper::device {
namespace {

using vhost::testing::FrontEnd;
using vhost::testing::GuestDriver;
using vhost::testing::GuestRam;

constexpr std::uint64_t kFeatures = gpu::VIRTIO_GPU_F_EDID | gpu::VIRTIO_GPU_F_RESOURCE_BLOB | (1ULL << 32) |
                                    (1ULL << 28) | (1ULL << 29) | (1ULL << 30);
constexpr std::uint64_t kWindow = std::uint64_t{1} << 20;
constexpr std::uint64_t kRequest = 0x4000'4000;  // where commands and responses lie in guest memory
constexpr std::uint64_t kResponse = 0x4000'5000;
constexpr std::uint64_t kPixels = 0x4000'8000;

class GpuDoorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    GpuDoor::Options options;
    options.device.window_size = kWindow;
    auto window = platform::create_shared_memory("window", kWindow);
    ASSERT_TRUE(window);
    auto door = GpuDoor::create(*loop_, std::move(options), contexts_, screens_, std::move(*window));
    ASSERT_TRUE(door) << door.error().message;
    door_ = std::move(*door);
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    front_.emplace(std::move(pair->first));
    ASSERT_TRUE(
        door_->serve(std::move(pair->second), [this](vhost::BackEnd::Ending, const std::string&) { ended_ = true; }));
    front_->connect(vhost::BackEnd::kProtocolFeatures);
    pump();
  }

  void pump() {
    for (int i = 0; i < 100; ++i) loop_->run_once(std::chrono::milliseconds(0));
    while (front_->take()) {
    }
  }
  void start(std::uint16_t base = 0) {
    const std::uint16_t bases[] = {base, 0};
    front_->start(kFeatures, ram_, drivers_, bases);
    pump();
  }
  void stop() {
    front_->stop();
    pump();
  }
  // The driver starts anew, as after a reboot.
  void reset() {
    stop();
    for (auto& driver : drivers_) driver.reset();
    const vhost::ConfigHeader config{.offset = 0, .size = 4, .flags = 0};
    std::array<std::byte, sizeof(config) + 4> ask{};
    std::memcpy(ask.data(), &config, sizeof(config));
    front_->send(vhost::Request::get_config, ask);
    pump();
    start();
  }
  // Offers a command; the type of the response.
  template <class Command>
  std::uint32_t send(const Command& command, std::uint32_t queue = 0) {
    std::memcpy(ram_.at(kRequest, sizeof(command)), &command, sizeof(command));
    std::memset(ram_.at(kResponse, 0x1000), 0, 0x1000);
    drivers_[queue].describe_chain(0,
                                   {{.addr = kRequest, .len = sizeof(command), .flags = 0, .next = 0},
                                    {.addr = kResponse, .len = 0x1000, .flags = vhost::VIRTQ_DESC_F_WRITE, .next = 0}});
    drivers_[queue].offer(0);
    front_->kick(queue);
    pump();
    gpu::virtio_gpu_ctrl_hdr response{};
    std::memcpy(&response, ram_.at(kResponse, sizeof(response)), sizeof(response));
    return response.type;
  }
  std::uint32_t create(std::uint32_t id) {
    return send(gpu::virtio_gpu_resource_create_2d{.hdr = {.type = gpu::VIRTIO_GPU_CMD_RESOURCE_CREATE_2D},
                                                   .resource_id = id,
                                                   .format = 2,
                                                   .width = 4,
                                                   .height = 4});
  }
  std::uint32_t show(std::uint32_t id) {
    return send(gpu::virtio_gpu_set_scanout{.hdr = {.type = gpu::VIRTIO_GPU_CMD_SET_SCANOUT},
                                            .r = {.x = 0, .y = 0, .width = 4, .height = 4},
                                            .scanout_id = 0,
                                            .resource_id = id});
  }
  // Answers what the back-end asks of QEMU; its number.
  std::optional<std::uint32_t> answer_request() {
    const auto request = front_->take_request();
    if (!request) return std::nullopt;
    front_->answer(static_cast<vhost::BackEndRequest>(request->header.request), 0);
    pump();
    return request->header.request;
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  NoContexts contexts_;
  Screens screens_;
  GuestRam ram_{1 << 20};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base()), GuestDriver(ram_, ram_.base() + 0x1000)};
  std::unique_ptr<GpuDoor> door_;
  std::optional<FrontEnd> front_;
  bool ended_ = false;
};

TEST_F(GpuDoorTest, OffersNoContextsWithoutAHostForThem) {
  EXPECT_EQ(door_->features() & (gpu::VIRTIO_GPU_F_VIRGL | gpu::VIRTIO_GPU_F_CONTEXT_INIT), 0u);
  EXPECT_NE(door_->features() & gpu::VIRTIO_GPU_F_RESOURCE_BLOB, 0u);
}

TEST_F(GpuDoorTest, PixelsOfGuestMemoryReachTheScreen) {
  start();
  ASSERT_EQ(create(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  const struct {
    gpu::virtio_gpu_resource_attach_backing command;
    gpu::virtio_gpu_mem_entry entry;
  } attach{.command = {.hdr = {.type = gpu::VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, .resource_id = 1, .nr_entries = 1},
           .entry = {.addr = kPixels, .length = 64, .padding = 0}};
  ASSERT_EQ(send(attach), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  std::memset(ram_.at(kPixels, 64), 0x5a, 64);
  ASSERT_EQ(send(gpu::virtio_gpu_transfer_to_host_2d{.hdr = {.type = gpu::VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D},
                                                     .r = {.x = 0, .y = 0, .width = 4, .height = 4},
                                                     .offset = 0,
                                                     .resource_id = 1,
                                                     .padding = 0}),
            gpu::VIRTIO_GPU_RESP_OK_NODATA);
  ASSERT_EQ(show(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  const auto snapshot = screens_.take(0);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  const auto mapping = platform::Mapping::map(snapshot->pixels.get(), 64);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->bytes()[61], std::byte{0x5a});
}

TEST_F(GpuDoorTest, BackingOutsideOfMemoryIsRefused) {
  start();
  ASSERT_EQ(create(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  for (const std::uint64_t address : {ram_.base() - 32, ram_.base() + ram_.size() - 32, ~std::uint64_t{0} - 31}) {
    const struct {
      gpu::virtio_gpu_resource_attach_backing command;
      gpu::virtio_gpu_mem_entry entry;
    } attach{
        .command = {.hdr = {.type = gpu::VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, .resource_id = 1, .nr_entries = 1},
        .entry = {.addr = address, .length = 64, .padding = 0}};
    if (send(attach) != gpu::VIRTIO_GPU_RESP_OK_NODATA) continue;
    EXPECT_GE(send(gpu::virtio_gpu_transfer_to_host_2d{.hdr = {.type = gpu::VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D},
                                                       .r = {.x = 0, .y = 0, .width = 4, .height = 4},
                                                       .offset = 0,
                                                       .resource_id = 1,
                                                       .padding = 0}),
              gpu::VIRTIO_GPU_RESP_ERR_UNSPEC)
        << address;
    EXPECT_EQ(send(gpu::virtio_gpu_resource_command{
                  .hdr = {.type = gpu::VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING}, .resource_id = 1, .padding = 0}),
              gpu::VIRTIO_GPU_RESP_OK_NODATA);
  }
}

TEST_F(GpuDoorTest, AResetForgetsWhatTheGuestMade) {
  start();
  ASSERT_EQ(create(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  ASSERT_EQ(show(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  reset();
  EXPECT_FALSE(screens_.take(0));
  EXPECT_EQ(create(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
}

TEST_F(GpuDoorTest, APauseKeepsIt) {
  start();
  ASSERT_EQ(create(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  ASSERT_EQ(show(1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  stop();
  EXPECT_TRUE(screens_.take(0));
  start(2);
  EXPECT_TRUE(screens_.take(0));
  EXPECT_EQ(create(1), gpu::VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}

TEST_F(GpuDoorTest, TheWindowIsMappedAtEachFreshStart) {
  constexpr auto kMap = std::to_underlying(vhost::BackEndRequest::shmem_map);
  start();
  EXPECT_EQ(answer_request(), kMap);
  create(1);
  stop();
  start(1);
  EXPECT_EQ(answer_request(), std::nullopt);
  reset();
  EXPECT_EQ(answer_request(), kMap);
}

TEST_F(GpuDoorTest, AChangedOutputIsTold) {
  start();
  ASSERT_TRUE(answer_request());  // the window
  gpu::Output output = door_->device().outputs().get(0);
  output.monitor.width = 640;
  ASSERT_TRUE(door_->device().set_output(0, output));
  pump();
  EXPECT_EQ(answer_request(), std::to_underlying(vhost::BackEndRequest::config_change_msg));
}

TEST_F(GpuDoorTest, CursorsHaveTheirOwnQueue) {
  start();
  const gpu::virtio_gpu_update_cursor command{.hdr = {.type = gpu::VIRTIO_GPU_CMD_MOVE_CURSOR},
                                              .pos = {},
                                              .resource_id = 0,
                                              .hot_x = 0,
                                              .hot_y = 0,
                                              .padding = 0};
  EXPECT_EQ(send(command, 1), gpu::VIRTIO_GPU_RESP_OK_NODATA);
  EXPECT_GE(send(command, 0), gpu::VIRTIO_GPU_RESP_ERR_UNSPEC);
}

TEST_F(GpuDoorTest, ServesOneFrontEndAlone) {
  auto pair = platform::create_socket_pair();
  ASSERT_TRUE(pair);
  EXPECT_FALSE(door_->serve(std::move(pair->second), {}));
  front_->close();
  for (int i = 0; i < 10; ++i) loop_->run_once(std::chrono::milliseconds(0));
  EXPECT_TRUE(ended_);
}

}  // namespace
}  // namespace hesper::device
