// SmallWork: vkCmdFillBuffer of 256 bytes.
#include "support/small_work.h"

#include <algorithm>

namespace hesper::clients {
namespace {

constexpr VkDeviceSize kSize = 256;

}  // namespace

SmallWork::SmallWork(const Gpu& gpu)
    : gpu_(gpu),
      commands_(gpu),
      buffer_(gpu, kSize, VK_BUFFER_USAGE_TRANSFER_DST_BIT),
      recorded_(commands_.begin(VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT)) {
  vkCmdFillBuffer(recorded_, buffer_.get(), 0, VK_WHOLE_SIZE, 0);
  check(vkEndCommandBuffer(recorded_));
}

void SmallWork::run_and_check(std::uint32_t word) const {
  commands_.now([&](VkCommandBuffer commands) {
    vkCmdFillBuffer(commands, buffer_.get(), 0, VK_WHOLE_SIZE, word);
    full_barrier(commands);
  });
  expect(std::ranges::all_of(buffer_.as<std::uint32_t>(), [&](std::uint32_t each) { return each == word; }),
         "A small buffer was not filled.");
}

}  // namespace hesper::clients
