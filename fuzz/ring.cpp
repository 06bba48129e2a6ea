// Fuzz target: a ring's shared memory, which the guest writes as it likes while the ring's thread reads it.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "base/check.h"
#include "platform/shared_memory.h"
#include "render/ring.h"

namespace {

using namespace hesper::render;

constexpr std::size_t kResource = 8192;

// Reads each byte of each batch twice: a copy that the guest can change would differ. Reports heads as it goes.
class Reader final : public RingConsumer {
 public:
  bool consume(RingBatch& batch) override {
    const auto commands = batch.commands();
    HESPER_CHECK(!commands.empty() && commands.size() % 4 == 0);
    for (std::size_t at = 0; at < commands.size(); at += 4) batch.done(at + 4);
    const std::size_t first = sum(commands);
    std::this_thread::yield();
    HESPER_CHECK(sum(commands) == first);
    return true;
  }
  void broken(const std::string& reason) override { HESPER_CHECK(!reason.empty()); }

 private:
  static std::size_t sum(std::span<const std::byte> bytes) {
    std::size_t result = 0;
    for (const std::byte byte : bytes) result = result * 31 + std::to_integer<std::size_t>(byte);
    return result;
  }
};

struct Step {
  std::uint8_t what;
  std::uint8_t padding;
  std::uint16_t where;
  std::uint32_t value;
};

// A layout that fits more often than random words would; each part may still lie anywhere.
hesper::wire::VkRingCreateInfoMESA layout_from(std::span<const std::uint16_t, 8> words) {
  hesper::wire::VkRingCreateInfoMESA info{};
  info.offset = words[0] % 1024;
  info.size = words[1] % (kResource + 64);
  info.headOffset = words[2] % 512;
  info.tailOffset = words[3] % 512;
  info.statusOffset = words[4] % 512;
  info.bufferOffset = words[5] % 1024;
  info.bufferSize = std::size_t{1} << (words[6] % 14);
  info.extraOffset = words[7] % 8192;
  info.extraSize = words[7] % 64;
  return info;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::uint16_t, 8> words{};
  if (size < sizeof(words)) return 0;
  std::memcpy(words.data(), data, sizeof(words));
  data += sizeof(words);
  size -= sizeof(words);
  const auto info = layout_from(words);
  const auto layout = check_ring_layout(info, kResource);
  if (!layout) return 0;

  auto fd = hesper::platform::create_shared_memory("fuzz-ring", kResource);
  if (!fd) return 0;
  auto guest = hesper::platform::Mapping::map(fd->get(), kResource);
  auto ours = hesper::platform::Mapping::map(fd->get(), kResource);
  if (!guest || !ours) return 0;
  Reader reader;
  Ring ring(ours->bytes(), *layout, {.name = "fuzz", .idle_timeout = std::chrono::nanoseconds(1000)}, reader);
  if (!ring.fresh()) return 0;
  ring.start();

  const auto word = [&](std::size_t offset) {
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(guest->data() + offset / 4 * 4));
  };
  constexpr std::size_t kSteps = 64;
  for (std::size_t i = 0; i < kSteps && size >= sizeof(Step); ++i, data += sizeof(Step), size -= sizeof(Step)) {
    Step step;
    std::memcpy(&step, data, sizeof(step));
    switch (step.what % 8) {
      case 0: word(step.where % kResource).store(step.value); break;
      case 1: word(layout->tail).fetch_add(step.value % 1024 * 4); break;
      case 2: word(layout->tail).store(step.value); break;
      case 3: word(layout->head).store(step.value); break;
      case 4: word(layout->status).store(step.value); break;
      case 5: ring.wake(); break;
      case 6: static_cast<void>(ring.write_extra(step.where, step.value)); break;
      case 7: std::this_thread::yield(); break;
    }
  }
  return 0;
}
