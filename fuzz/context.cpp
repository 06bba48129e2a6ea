// Fuzz target: streams of commands that a whole context executes, with objects that live and die, on the fake driver.
// It starts with an instance, a device and a queue. What reaches the driver must be alive and of the right type.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <vector>

#include "fake_host.h"
#include "mutate.h"
#include "render/client_context.h"
#include "test_client.h"

namespace {

using namespace hesper;

// Small, so that running out of memory is among what is tried.
constexpr std::uint64_t kBudget = std::uint64_t{64} << 20;
constexpr std::size_t kReplies = 64 * 1024;  // bytes; enough for start(), and clearing them costs time
constexpr std::uint32_t kStreams = 2;        // a resource with the input, for vkExecuteCommandStreamsMESA and rings

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> aligned((size + 7) / 8);
  std::copy_n(data, size, reinterpret_cast<std::uint8_t*>(aligned.data()));
  const auto stream = std::as_bytes(std::span(aligned)).first(size);

  fuzz::FakeHost& host = fuzz::FakeHost::instance();
  auto context = std::make_unique<render::ClientContext>(
      render::ContextOptions{.memory_budget = kBudget, .decoder_limit = kBudget / 2, .host = host.plans},
      host.driver.loader());
  render::test::TestClient client(std::move(context), kReplies);
  if (!client.start()) std::abort();
  const auto memory = client.shmem(render::ResourceId{kStreams}, 64 * 1024);
  std::ranges::copy(stream.first(std::min(size, memory.size())), memory.data());

  static_cast<void>(client.context->submit(stream));
  client.context.reset();
  host.check();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate(data, size, most, seed);
}
