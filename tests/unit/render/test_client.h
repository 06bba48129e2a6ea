// TestClient: a Venus client in the same process: encodes commands as a guest would, on the context stream, and reads
// the replies. Runs on the first Vulkan device of the host, or of the driver that the test brings.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "platform/shared_memory.h"
#include "render/context.h"
#include "wire/commands_gen.h"
#include "wire/encoder.h"

namespace hesper::render::test {

// A client's handle is its object id.
template <class Handle>
Handle as_handle(wire::ObjectId id) {
  return std::bit_cast<Handle>(id);
}

// The file of a door that owns its clients' memory, as a virtual machine's window is.
class TestWindow {
 public:
  explicit TestWindow(std::size_t size = std::size_t{16} << 20) {
    auto fd = platform::create_shared_memory("test-window", size);
    if (!fd) throw std::runtime_error(fd.error().message);
    auto mapping = platform::Mapping::map(fd->get(), size);
    if (!mapping) throw std::runtime_error(mapping.error().message);
    mapping_ = std::move(*mapping);
    file_ = std::make_shared<const UniqueFd>(std::move(*fd));
  }

  [[nodiscard]] SharedRange range(std::uint64_t offset, std::uint64_t size) const {
    return {.file = file_, .offset = offset, .size = size};
  }
  // Bytes from its start, as the door and the client's other half see them.
  [[nodiscard]] std::span<std::byte> bytes(std::size_t offset, std::size_t size) const {
    return mapping_.bytes().subspan(offset, size);
  }
  [[nodiscard]] std::size_t size() const { return mapping_.size(); }

 private:
  std::shared_ptr<const UniqueFd> file_;
  platform::Mapping mapping_;
};

class TestClient {
 public:
  static constexpr ResourceId kReplies{1};
  static constexpr std::size_t kReplySize = 1 << 20;

  explicit TestClient(ContextOptions options = {}) {
    auto created = Context::create(std::move(options));
    if (!created) throw std::runtime_error(created.error().message);
    context = std::move(*created);
    replies_ = shmem(kReplies, kReplySize);
  }
  // reply_size: bytes; all of them are copied for each command that is answered.
  explicit TestClient(std::unique_ptr<Context> with, std::size_t reply_size = kReplySize)
      : context(std::move(with)), reply_size_(reply_size) {
    replies_ = shmem(kReplies, reply_size_);
  }
  // A context with memory_in_ranges, whose replies lie in `window` at this offset.
  TestClient(std::unique_ptr<Context> with, const TestWindow& window, std::uint64_t offset,
             std::size_t reply_size = kReplySize)
      : context(std::move(with)), reply_size_(reply_size) {
    if (auto attached = context->attach_resource(kReplies, window.range(offset, reply_size)); !attached) {
      throw std::runtime_error(attached.error().message);
    }
    auto mapping = platform::Mapping::map(window.range(0, 1).file->get(), reply_size, offset);
    if (!mapping) throw std::runtime_error(mapping.error().message);
    replies_ = std::move(*mapping);
  }

  platform::Mapping shmem(ResourceId id, std::size_t size) {
    auto blob = context->create_blob({.resource = id, .blob_flags = 1, .blob_id = 0, .size = size});
    if (!blob) throw std::runtime_error(blob.error().message);
    auto mapping = platform::Mapping::map(blob->fd.get(), size);
    if (!mapping) throw std::runtime_error(mapping.error().message);
    return std::move(*mapping);
  }

  [[nodiscard]] wire::ObjectId new_id() { return ++last_id_; }

  // Bytes of one command.
  template <class Args>
  static std::vector<std::byte> encode(const Args& args, std::uint32_t flags = 0) {
    std::vector<std::byte> bytes(64 * 1024);
    wire::Encoder encoder(bytes);
    wire::encode_request(encoder, flags, args);
    EXPECT_TRUE(encoder.ok());
    bytes.resize(encoder.position());
    return bytes;
  }

  // Without reply. False: the context is fatal.
  template <class Args>
  bool send(const Args& args) {
    return context->submit(encode(args));
  }

  // With reply, which is decoded into args.
  template <class Args>
  bool call(Args& args) {
    if (!call_encoded(encode(args, 1))) return false;
    wire::Decoder decoder(reply_arena_, nullptr);
    decoder.reset(reply_copy_);
    EXPECT_EQ(decoder.take<std::uint32_t>(), std::to_underlying(Args::kType));
    wire::decode_reply(decoder, args);
    EXPECT_TRUE(decoder.ok()) << wire::describe(decoder.error().code);
    return true;
  }

  // The same with a command that asks for a reply, whose bytes are then in reply().
  bool call_encoded(std::span<const std::byte> command) {
    const wire::VkCommandStreamDescriptionMESA where{
        .resourceId = std::to_underlying(kReplies), .offset = 0, .size = reply_size_};
    wire::vkSetReplyCommandStreamMESA_args target;
    target.pStream = &where;
    if (!send(target) || !context->submit(command)) return false;
    reply_arena_.reset();
    reply_copy_.assign(replies_.data(), replies_.data() + reply_size_);
    return true;
  }
  [[nodiscard]] std::span<const std::byte> reply() const { return reply_copy_; }

  // Instance, first physical device, device with one queue bound to ring_idx 1. Their ids are 1, 2, 3 and 5, as Mesa's
  // are. False: it went wrong.
  bool start() {
    instance = new_id();
    physical_device = new_id();
    device = new_id();
    static_cast<void>(new_id());
    queue = new_id();

    const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
    const VkInstanceCreateInfo instance_info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                             .pApplicationInfo = &application};
    wire::vkCreateInstance_args make_instance;
    make_instance.pCreateInfo = &instance_info;
    VkInstance ignored{};
    make_instance.pInstance = &ignored;
    make_instance.pInstance_ids = &instance;
    if (!call(make_instance) || make_instance.ret != VK_SUCCESS) return false;

    wire::vkEnumeratePhysicalDevices_args enumerate;
    enumerate.instance.id = instance;
    std::uint32_t count = 1;
    enumerate.pPhysicalDeviceCount = &count;
    VkPhysicalDevice device_handle{};
    enumerate.pPhysicalDevices = &device_handle;
    enumerate.pPhysicalDevices_ids = &physical_device;
    if (!call(enumerate) || enumerate.ret < 0 || *enumerate.pPhysicalDeviceCount == 0) return false;

    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue_info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                             .queueFamilyIndex = 0,
                                             .queueCount = 1,
                                             .pQueuePriorities = &priority};
    VkPhysicalDevicePrivateDataFeatures private_data{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIVATE_DATA_FEATURES,
                                                     .privateData = VK_TRUE};
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
        .pNext = &private_data,
        .timelineSemaphore = VK_TRUE};
    const VkDeviceCreateInfo device_info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                         .pNext = &timeline,
                                         .queueCreateInfoCount = 1,
                                         .pQueueCreateInfos = &queue_info};
    wire::vkCreateDevice_args make_device;
    make_device.physicalDevice.id = physical_device;
    make_device.pCreateInfo = &device_info;
    VkDevice made{};
    make_device.pDevice = &made;
    make_device.pDevice_ids = &device;
    if (!call(make_device) || make_device.ret != VK_SUCCESS) return false;

    const wire::VkDeviceQueueTimelineInfoMESA bind{
        .sType = wire::VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA, .pNext = nullptr, .ringIdx = 1};
    const VkDeviceQueueInfo2 which{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, .pNext = &bind};
    wire::vkGetDeviceQueue2_args get_queue;
    get_queue.device.id = device;
    get_queue.pQueueInfo = &which;
    VkQueue got{};
    get_queue.pQueue = &got;
    get_queue.pQueue_ids = &queue;
    return send(get_queue);
  }

  std::unique_ptr<Context> context;
  wire::ObjectId instance = 0;
  wire::ObjectId physical_device = 0;
  wire::ObjectId device = 0;
  wire::ObjectId queue = 0;

 private:
  wire::ObjectId last_id_ = 0;
  std::size_t reply_size_ = kReplySize;
  platform::Mapping replies_;
  Arena reply_arena_{std::size_t{16} << 20};
  std::vector<std::byte> reply_copy_;
};

}  // namespace hesper::render::test
