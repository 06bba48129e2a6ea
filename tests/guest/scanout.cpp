// scanout: a Vulkan program for test guests that shows on a screen what the GPU writes, without a copy: buffers that it
// exports as dma-bufs, and that the kernel's KMS shows as framebuffers.
//
//   scanout FRAMES   as many frames, one after the other; then says "shown", and stays until SIGTERM
//
// Frame N (from 1 on) is grey N in its upper half, with 0x40 flipped in blue, and 0x400000 + N in the lower one.
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "card.h"
#include "support/gpu.h"

namespace hesper::guest {
namespace {

using namespace hesper::clients;

// Memory that the GPU writes to and the screen shows.
struct Frame {
  RawBuffer buffer;
  Memory memory;
  std::uint32_t framebuffer;
};

Frame make_frame(const Gpu& gpu, const Card& card, std::uint32_t width, std::uint32_t height) {
  const VkDeviceSize size = VkDeviceSize{width} * height * 4;
  const VkExternalMemoryBufferCreateInfo external{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
  Frame frame;
  frame.buffer = create<RawBuffer>(gpu.device(), vkCreateBuffer,
                                   {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                    .pNext = &external,
                                    .size = size,
                                    .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT});
  VkMemoryRequirements needs{};
  vkGetBufferMemoryRequirements(gpu.device(), frame.buffer.get(), &needs);
  const VkExportMemoryAllocateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                            .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
  frame.memory = create<Memory>(gpu.device(), vkAllocateMemory,
                                {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                 .pNext = &exported,
                                 .allocationSize = needs.size,
                                 .memoryTypeIndex = gpu.memory_type(needs.memoryTypeBits, 0)});
  clients::check(vkBindBufferMemory(gpu.device(), frame.buffer.get(), frame.memory.get(), 0));
  const VkMemoryGetFdInfoKHR what{.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                  .memory = frame.memory.get(),
                                  .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
  drm_prime_handle prime{};
  clients::check(gpu.entry_point<PFN_vkGetMemoryFdKHR>("vkGetMemoryFdKHR")(gpu.device(), &what, &prime.fd));
  guest::check(::ioctl(card.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) == 0, "PRIME_FD_TO_HANDLE");
  ::close(prime.fd);
  frame.framebuffer = add_frame(card, prime.handle, width, height, width * 4);
  return frame;
}

int show(unsigned frames) {
  const Gpu gpu(
      {.instance_extensions = {},
       .device_extensions = {VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME}});
  const Commands commands(gpu);
  const Card card = open_card();
  const auto modes = modes_of(card, 0);
  guest::check(!modes.empty(), "a connected screen");
  const drm_mode_modeinfo& mode = modes.front();
  const std::array<Frame, 2> both = {make_frame(gpu, card, mode.hdisplay, mode.vdisplay),
                                     make_frame(gpu, card, mode.hdisplay, mode.vdisplay)};
  const VkDeviceSize half = VkDeviceSize{mode.hdisplay} * (mode.vdisplay / 2) * 4;
  for (unsigned number = 1; number <= frames; ++number) {
    const Frame& frame = both[number % 2];
    const std::uint32_t grey = number % 256;
    commands.now([&](VkCommandBuffer recorded) {
      vkCmdFillBuffer(recorded, frame.buffer.get(), 0, half, (grey << 16 | grey << 8 | grey) ^ 0x40);
      vkCmdFillBuffer(recorded, frame.buffer.get(), half, VK_WHOLE_SIZE, 0x400000 | grey);
    });
    show_frame(card, 0, mode, frame.framebuffer);
  }
  std::puts("shown");
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace
}  // namespace hesper::guest

int main(int argc, char** argv) try {
  if (argc == 2) return hesper::guest::show(static_cast<unsigned>(std::atoi(argv[1])));
  std::fputs("Usage: scanout FRAMES\n", stderr);
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "scanout: %s\n", error.what());
  return 1;
}
