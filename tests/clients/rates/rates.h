// The workloads of the program rates, one file each. Each runs for about `seconds` and returns one number.
#pragma once

#include <chrono>

#include "support/gpu.h"

namespace hesper::clients::rates {

// Repeats `round` until `seconds` have passed, after one that does not count. Returns rounds a second.
template <class Round>
[[nodiscard]] double rounds_per_second(double seconds, Round round) {
  using Clock = std::chrono::steady_clock;
  round();
  const auto start = Clock::now();
  std::chrono::duration<double> passed{};
  double rounds = 0;
  do {
    round();
    ++rounds;
    passed = Clock::now() - start;
  } while (passed.count() < seconds);
  return rounds / passed.count();
}

// vkMapMemory, write, vkUnmapMemory, let the GPU copy it, see the copy. Microseconds, median.
[[nodiscard]] double mapped_write_to_read(const Gpu& gpu, double seconds);
// vkUpdateDescriptorSets with one storage buffer a write. Descriptors a second, seen to be executed.
[[nodiscard]] double descriptor_updates(const Gpu& gpu, double seconds);
// vkCreateComputePipelines, each with a constant never used before so that no cache helps. Pipelines a second.
[[nodiscard]] double pipelines(const Gpu& gpu, double seconds);
// Through mapped memory into a buffer of the device. Bytes a second.
[[nodiscard]] double upload(const Gpu& gpu, double seconds);

}  // namespace hesper::clients::rates
