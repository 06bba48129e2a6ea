// latency [--iterations N] [--idle-ms N]: time from vkQueueSubmit to the fence seen signaled, and the processor time
// that this process burns while it does nothing. JSON on stdout.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>
#include <vector>

#include "support/arguments.h"
#include "support/gpu.h"
#include "support/small_work.h"

namespace hesper::clients {
namespace {

using Clock = std::chrono::steady_clock;

struct Summary {
  double median = 0;  // microseconds
  double p99 = 0;
};

// commands: empty for a submission without command buffers.
[[nodiscard]] Summary measure(const Gpu& gpu, std::span<const VkCommandBuffer> commands, std::uint32_t iterations) {
  const Fence fence = create<Fence>(gpu.device(), vkCreateFence, {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO});
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .commandBufferCount = static_cast<std::uint32_t>(commands.size()),
                            .pCommandBuffers = commands.data()};
  std::vector<double> times;
  times.reserve(iterations);
  const std::uint32_t warm_up = iterations / 10;
  for (std::uint32_t i = 0; i < warm_up + iterations; ++i) {
    const auto start = Clock::now();
    check(vkQueueSubmit(gpu.queue(), 1, &submit, fence.get()));
    check(vkWaitForFences(gpu.device(), 1, fence.address(), VK_TRUE, UINT64_MAX));
    const std::chrono::duration<double, std::micro> time = Clock::now() - start;
    if (i >= warm_up) times.push_back(time.count());
    check(vkResetFences(gpu.device(), 1, fence.address()));
  }
  std::ranges::sort(times);
  return {.median = times[times.size() / 2], .p99 = times[times.size() * 99 / 100]};
}

[[nodiscard]] double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void latency(Arguments& arguments) {
  const std::uint32_t iterations = std::max(1U, arguments.number("iterations", 2000));
  const std::uint32_t idle_ms = arguments.number("idle-ms", 3000);
  arguments.finish();

  const Gpu gpu;
  const SmallWork work(gpu);
  const Summary empty = measure(gpu, {}, iterations);
  const VkCommandBuffer commands = work.commands();
  const Summary small = measure(gpu, {&commands, 1}, iterations);

  // Spinning that ends soon after the last work is not what "idle" is about.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::fputs("idle\n", stderr);  // bench/run looks at the server's processor time from here on
  const double before = processor_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(idle_ms));
  const double idle_share = idle_ms == 0 ? 0 : (processor_seconds() - before) / (idle_ms / 1e3);
  std::fputs("awake\n", stderr);
  std::printf(
      "{\"empty_median_us\": %.2f, \"empty_p99_us\": %.2f, \"small_median_us\": %.2f, \"small_p99_us\": %.2f, "
      "\"idle_cpu_percent\": %.3f}\n",
      empty.median, empty.p99, small.median, small.p99, idle_share * 100);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::latency); }
