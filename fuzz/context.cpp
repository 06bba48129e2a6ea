// Fuzz target: streams of commands that a whole context executes, with objects that live and die, on the fake driver.
// It starts with an instance, a device and a queue. What reaches the driver must be alive and of the right type. Each
// input is executed twice: with blobs of its own, and with ranges of a door's that come and go while it runs. For half
// of the inputs memory is imported in large steps there, for the other half in small ones, so that it moves into
// ranges.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "commands.h"
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
constexpr std::size_t kStreamSize = 64 * 1024;
constexpr std::uint64_t kLargeSteps = 16384;  // so that there is bias
constexpr std::uint64_t kSmallSteps = render::kRangeStep;

// The door of a context with ranges: some are attached at the start, and at every third call of the driver, which is in
// the middle of a command, one is detached or attached again.
class Door {
 public:
  static constexpr std::uint32_t kFirst = 2;
  static constexpr std::uint32_t kRanges = 7;  // resources kFirst and on: what the fake's filler likes to name

  void open(render::Context& context, const render::test::TestWindow& window) {
    context_ = &context;
    window_ = &window;
    calls_ = 0;
    detached_ = 0;
    released_ = 0;
    for (std::uint32_t i = 0; i < kRanges; ++i) attach(i);
  }
  // The context is about to go; and it is gone.
  void leave() {
    context_ = nullptr;
    attached_.fill(false);
  }
  void check() const { HESPER_CHECK(detached_ == released_); }

  // Between two commands.
  void move(std::uint64_t memory) {
    if (context_->move_memory(memory, render::ResourceId{kFirst + static_cast<std::uint32_t>(++moves_ % kRanges)}))
      ++moved_;
  }

  // Rings and queues call the driver on threads that are not the door's.
  void driver_is_called() {
    if (std::this_thread::get_id() != thread_ || context_ == nullptr || ++calls_ % 3 != 0) return;
    const std::uint32_t i = static_cast<std::uint32_t>(calls_ / 3) % kRanges;
    attached_[i] ? detach(i) : attach(i);
  }

 private:
  // Overlapping, at all places in a step; of all sizes up to 128 KiB.
  void attach(std::uint32_t i) {
    const std::uint64_t offset = kReplies + i * 5 * render::kRangeStep;
    const auto attached = context_->attach_resource(render::ResourceId{kFirst + i},
                                                    window_->range(offset, (std::uint64_t{1024} << i) + i));
    HESPER_CHECK(attached.has_value());
    attached_[i] = true;
  }
  void detach(std::uint32_t i) {
    ++detached_;
    context_->detach_resource(render::ResourceId{kFirst + i}, [this] { ++released_; });
    attached_[i] = false;
  }

  const std::thread::id thread_ = std::this_thread::get_id();
  render::Context* context_ = nullptr;
  const render::test::TestWindow* window_ = nullptr;
  std::array<bool, kRanges> attached_{};
  std::uint64_t calls_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t moved_ = 0;
  std::uint64_t detached_ = 0;
  std::atomic<std::uint64_t> released_ = 0;  // by the queues' threads, too
};

Door door;

void execute_with_blobs(fuzz::FakeHost& host, std::span<const std::byte> stream) {
  auto context = std::make_unique<render::ClientContext>(
      render::ContextOptions{.memory_budget = kBudget, .decoder_limit = kBudget / 2, .host = host.plans},
      host.driver.loader());
  render::test::TestClient client(std::move(context), kReplies);
  if (!client.start()) std::abort();
  const auto memory = client.shmem(render::ResourceId{kStreams}, kStreamSize);
  std::ranges::copy(stream.first(std::min(stream.size(), memory.size())), memory.data());
  static_cast<void>(client.context->submit(stream));
}

std::shared_ptr<const render::PreparedHost> prepare(fuzz::FakeHost& host, std::uint64_t steps) {
  auto made =
      render::PreparedHost::create({.memory_in_ranges = true, .import_granularity = steps}, host.driver.loader());
  HESPER_CHECK(made.has_value());
  return std::move(*made);
}

// Command by command, and after each, memory that the stream names moves.
void submit_with_moves(render::Context& context, std::span<const std::byte> stream) {
  auto commands = fuzz::take_apart(stream);
  const auto& memories = commands.ids[VK_OBJECT_TYPE_DEVICE_MEMORY];
  commands.starts.push_back(stream.size());
  for (std::size_t i = 0; i + 1 < commands.starts.size(); ++i) {
    const std::size_t size = commands.starts[i + 1] - commands.starts[i];
    if (size != 0) static_cast<void>(context.submit(stream.subspan(commands.starts[i], size)));
    if (!memories.empty()) door.move(memories[i % memories.size()]);
  }
}

void execute_with_ranges(fuzz::FakeHost& host, std::span<const std::byte> stream) {
  static const render::test::TestWindow window(std::size_t{1} << 20);
  static const auto large = prepare(host, kLargeSteps);
  static const auto small = prepare(host, kSmallSteps);
  const bool moves = stream.size() / 4 % 2 == 0;
  std::ranges::copy(stream.first(std::min(stream.size(), kStreamSize)), window.bytes(kReplies, kStreamSize).data());
  auto context = std::make_unique<render::ClientContext>(
      render::ContextOptions{.memory_in_ranges = true,
                             .import_granularity = moves ? kSmallSteps : kLargeSteps,
                             .memory_budget = kBudget,
                             .decoder_limit = kBudget / 2,
                             .host = moves ? small : large},
      host.driver.loader());
  render::test::TestClient client(std::move(context), window, 0, kReplies);
  if (!client.start()) std::abort();
  door.open(*client.context, window);
  if (moves)
    submit_with_moves(*client.context, stream);
  else
    static_cast<void>(client.context->submit(stream));
  door.leave();
  client.context.reset();
  door.check();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  fuzz::FakeHost::instance().driver.before_call([](const fake::Command&) { door.driver_is_called(); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint64_t> aligned((size + 7) / 8);
  std::copy_n(data, size, reinterpret_cast<std::uint8_t*>(aligned.data()));
  const auto stream = std::as_bytes(std::span(aligned)).first(size);

  fuzz::FakeHost& host = fuzz::FakeHost::instance();
  execute_with_blobs(host, stream);
  execute_with_ranges(host, stream);
  host.check();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate(data, size, most, seed);
}
