// mapped_write_to_read() and upload(): what the host writes, seen by the GPU.
#include <algorithm>
#include <cstring>
#include <vector>

#include "rates/rates.h"

namespace hesper::clients::rates {
namespace {

constexpr VkBufferUsageFlags kCopied = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

// Memory that is mapped and unmapped by its user, unlike that of Buffer.
struct Unmapped {
  Memory memory;
  RawBuffer buffer;
};

Unmapped make_unmapped(const Gpu& gpu, VkDeviceSize size) {
  Unmapped made;
  made.buffer = create<RawBuffer>(
      gpu.device(), vkCreateBuffer,
      {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT});
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(gpu.device(), made.buffer.get(), &needs);
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .allocationSize = needs.size,
                                  .memoryTypeIndex = gpu.memory_type(needs.memoryTypeBits, kHostMemory)};
  VkDeviceMemory memory{};
  check(vkAllocateMemory(gpu.device(), &info, nullptr, &memory));
  made.memory = Memory(gpu.device(), memory);
  check(vkBindBufferMemory(gpu.device(), made.buffer.get(), memory, 0));
  return made;
}

// A recorded copy that is submitted again and again, each time to its end.
class Copy {
 public:
  Copy(const Gpu& gpu, VkBuffer from, VkBuffer to, VkDeviceSize size)
      : gpu_(gpu),
        commands_(gpu),
        recorded_(commands_.begin(0)),
        fence_(create<Fence>(gpu.device(), vkCreateFence, {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO})) {
    const VkBufferCopy region{.size = size};
    vkCmdCopyBuffer(recorded_, from, to, 1, &region);
    full_barrier(recorded_);
    check(vkEndCommandBuffer(recorded_));
  }
  void run() const {
    const VkSubmitInfo submit{
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &recorded_};
    check(vkQueueSubmit(gpu_.queue(), 1, &submit, fence_.get()));
    check(vkWaitForFences(gpu_.device(), 1, fence_.address(), VK_TRUE, UINT64_MAX));
    check(vkResetFences(gpu_.device(), 1, fence_.address()));
  }

 private:
  const Gpu& gpu_;
  Commands commands_;
  VkCommandBuffer recorded_;
  Fence fence_;
};

}  // namespace

double mapped_write_to_read(const Gpu& gpu, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr VkDeviceSize kSize = 4096;
  const Unmapped source = make_unmapped(gpu, kSize);
  const Buffer target(gpu, kSize, kCopied);
  const Copy copy(gpu, source.buffer.get(), target.get(), kSize);
  std::vector<double> times;
  std::uint32_t word = 0;
  const auto once = [&] {
    const auto start = Clock::now();
    void* mapped = nullptr;
    check(vkMapMemory(gpu.device(), source.memory.get(), 0, VK_WHOLE_SIZE, 0, &mapped));
    std::memcpy(mapped, &++word, sizeof(word));
    vkUnmapMemory(gpu.device(), source.memory.get());
    copy.run();
    expect(target.as<std::uint32_t>()[0] == word, "The GPU read something else than what was written.");
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  };
  static_cast<void>(rounds_per_second(seconds, once));
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double upload(const Gpu& gpu, double seconds) {
  constexpr VkDeviceSize kSize = 64 << 20;
  const Buffer staging(gpu, kSize, kCopied);
  const Buffer target(gpu, kSize, kCopied, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  const std::vector<std::byte> data(kSize, std::byte{0x5a});
  const Copy copy(gpu, staging.get(), target.get(), kSize);
  return static_cast<double>(kSize) * rounds_per_second(seconds, [&] {
           std::memcpy(staging.bytes().data(), data.data(), data.size());
           copy.run();
         });
}

}  // namespace hesper::clients::rates
