// SmallWork: a submission that costs the GPU next to nothing and whose result can be checked.
#pragma once

#include "support/gpu.h"

namespace hesper::clients {

class SmallWork {
 public:
  explicit SmallWork(const Gpu& gpu);

  // Fills a small buffer and waits. Throws if the fill did not happen.
  void run_and_check(std::uint32_t word) const;
  // The recorded fill, to be submitted again and again.
  [[nodiscard]] VkCommandBuffer commands() const noexcept { return recorded_; }

 private:
  const Gpu& gpu_;
  Commands commands_;
  Buffer buffer_;
  VkCommandBuffer recorded_;
};

}  // namespace hesper::clients
