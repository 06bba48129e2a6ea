// ContextServer: what becomes of orders, with a renderer that notes what it is asked for.
#include "link/context_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::link {
namespace {

// What the context was asked for, and what a test tells it. Outlives the context.
struct Log {
  std::mutex mutex;
  std::vector<std::string> calls;
  std::map<std::uint32_t, std::function<void()>> fences;    // by ring_idx, not done yet
  std::map<std::uint32_t, std::function<void()>> releases;  // by resource, not told yet
  bool attach_succeeds = true;
  bool move_succeeds = true;
  bool fatal = false;

  void note(std::string call) {
    const std::scoped_lock lock(mutex);
    calls.push_back(std::move(call));
  }
};

class NotingContext final : public render::Context {
 public:
  explicit NotingContext(Log& log) : log_(log) {}

  bool submit(std::span<const std::byte> commands) override {
    log_.note("submit " + std::to_string(commands.size()));
    return true;
  }
  Result<render::Blob> create_blob(const render::BlobRequest&) override { return fail("Nobody asks for blobs here."); }
  void destroy_resource(render::ResourceId) override {}
  Result<void> attach_resource(render::ResourceId resource, render::SharedRange range) override {
    log_.note("attach " + std::to_string(std::to_underlying(resource)) + " at " + std::to_string(range.offset) +
              " size " + std::to_string(range.size));
    if (!log_.attach_succeeds) return fail("The fake refuses.");
    files.push_back(range.file);
    return {};
  }
  Result<void> move_memory(std::uint64_t memory, render::ResourceId into) override {
    log_.note("move " + std::to_string(memory) + " into " + std::to_string(std::to_underlying(into)));
    if (!log_.move_succeeds) return fail("The fake refuses.");
    return {};
  }
  void detach_resource(render::ResourceId resource, std::function<void()> released) override {
    log_.note("detach " + std::to_string(std::to_underlying(resource)));
    const std::scoped_lock lock(log_.mutex);
    log_.releases[std::to_underlying(resource)] = std::move(released);
  }
  void submit_fence(std::uint32_t ring_idx, std::function<void()> done) override {
    log_.note("fence " + std::to_string(ring_idx));
    if (ring_idx == 0) return done();
    const std::scoped_lock lock(log_.mutex);
    log_.fences[ring_idx] = std::move(done);
  }
  bool fatal() const noexcept override { return log_.fatal; }

  std::vector<std::shared_ptr<const UniqueFd>> files;

 private:
  Log& log_;
};

class ContextServerTest : public testing::Test {
 protected:
  ContextServerTest() {
    auto ends = *platform::create_socket_pair();
    gpu_ = std::move(ends.first);
    server_.emplace(std::move(ends.second),
                    [this](const std::string& name, std::uint64_t size) -> Result<std::unique_ptr<render::Context>> {
                      log_.note("create " + name + " " + std::to_string(size));
                      if (!creates_) return fail("The fake has no driver.");
                      return std::make_unique<NotingContext>(log_);
                    });
  }

  void send(Order order, std::string_view following = {}, int fd = -1) {
    if (!following.empty()) order.size = following.size();
    std::vector<std::byte> bytes(sizeof(order) + padded(following.size()));
    std::memcpy(bytes.data(), &order, sizeof(order));
    std::ranges::copy(std::as_bytes(std::span(following)), bytes.begin() + sizeof(order));
    ASSERT_TRUE(platform::send_message(gpu_.get(), bytes, fd));
  }
  void create() { send({.kind = OrderKind::create, .offset = 1 << 20}, "vkcube", window_.get()); }

  Ending serve() {
    gpu_ends_here();
    return server_->serve();
  }
  void gpu_ends_here() { platform::end_sending(gpu_.get()); }

  std::vector<Event> events() {
    std::vector<Event> result;
    std::array<std::byte, 4096> buffer;
    const auto part = platform::receive_part(gpu_.get(), buffer, 0);
    result.resize(part.size / sizeof(Event));
    std::memcpy(result.data(), buffer.data(), result.size() * sizeof(Event));
    return result;
  }

  const bool ignored_ = platform::ignore_broken_pipes();
  Log log_;
  bool creates_ = true;
  UniqueFd window_ = *platform::create_shared_memory("window", 1 << 20);
  UniqueFd gpu_;
  std::optional<ContextServer> server_;
};

TEST_F(ContextServerTest, OrdersAreExecutedInOrder) {
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .offset = 4096, .size = 100});
  send({.kind = OrderKind::submit}, "command");
  send({.kind = OrderKind::fence, .number = 0, .cookie = 5});
  send({.kind = OrderKind::detach, .number = 9, .cookie = 1});
  EXPECT_EQ(serve(), Ending::context_destroyed);
  EXPECT_EQ(log_.calls, (std::vector<std::string>{"create vkcube 1048576", "attach 9 at 4096 size 100", "submit 7",
                                                  "fence 0", "detach 9"}));
  EXPECT_EQ(server_->name(), "vkcube");
  EXPECT_EQ(server_->submissions(), 1u);
}

TEST_F(ContextServerTest, EventsCarryTheCookiesOfTheirOrders) {
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .size = 100});
  send({.kind = OrderKind::fence, .number = 2, .cookie = 5});
  send({.kind = OrderKind::fence, .number = 0, .cookie = 6});
  send({.kind = OrderKind::detach, .number = 9, .cookie = 1});
  EXPECT_EQ(serve(), Ending::context_destroyed);
  auto told = events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, EventKind::fence_reached);
  EXPECT_EQ(told[0].cookie, 6u);
  std::thread([this] { log_.fences.at(2)(); }).join();
  log_.releases.at(9)();
  told = events();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].cookie, 5u);
  EXPECT_EQ(told[1].kind, EventKind::released);
  EXPECT_EQ(told[1].cookie, 1u);
}

TEST_F(ContextServerTest, MemoryIsMovedIntoWhatIsAttachedAndThatIsTold) {
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .offset = 4096, .size = 100, .answered = 1, .memory = 77});
  send({.kind = OrderKind::submit}, "command");
  EXPECT_EQ(serve(), Ending::context_destroyed);
  EXPECT_EQ(log_.calls, (std::vector<std::string>{"create vkcube 1048576", "attach 9 at 4096 size 100",
                                                  "move 77 into 9", "submit 7"}));
  const auto told = events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, EventKind::attached);
  EXPECT_EQ(told[0].cookie, 1u);
  EXPECT_EQ(told[0].failed, 0u);
}

TEST_F(ContextServerTest, MemoryThatCannotBeMovedIsNoReasonToEnd) {
  log_.move_succeeds = false;
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .size = 100, .answered = 1, .memory = 77});
  send({.kind = OrderKind::submit}, "command");
  EXPECT_EQ(serve(), Ending::context_destroyed);
  const auto told = events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, EventKind::attached);
  EXPECT_EQ(told[0].failed, 1u);
  EXPECT_EQ(log_.calls.back(), "submit 7");
}

TEST_F(ContextServerTest, NothingMovesIntoWhatIsNotAttached) {
  log_.attach_succeeds = false;
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .size = 100, .answered = 1, .memory = 77});
  EXPECT_EQ(serve(), Ending::context_destroyed);
  EXPECT_EQ(log_.calls.back(), "attach 9 at 0 size 100");
  const auto told = events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].failed, 1u);
}

TEST_F(ContextServerTest, EventsMayComeWhenTheServerIsGone) {
  create();
  send({.kind = OrderKind::fence, .number = 2, .cookie = 5});
  EXPECT_EQ(serve(), Ending::context_destroyed);
  server_.reset();
  log_.fences.at(2)();
  EXPECT_EQ(events().size(), 1u);
  gpu_ = UniqueFd();
  log_.fences.at(2)();
}

TEST_F(ContextServerTest, AResourceThatCannotBeAttachedIsNoReasonToEnd) {
  log_.attach_succeeds = false;
  create();
  send({.kind = OrderKind::attach, .number = 9, .cookie = 1, .size = 100});
  send({.kind = OrderKind::detach, .number = 9, .cookie = 1});
  EXPECT_EQ(serve(), Ending::context_destroyed);
  EXPECT_EQ(log_.calls.back(), "detach 9");
}

TEST_F(ContextServerTest, ALostContextEndsIt) {
  log_.fatal = true;
  create();
  send({.kind = OrderKind::fence, .number = 0, .cookie = 5});
  EXPECT_EQ(serve(), Ending::context_failed);
}

TEST_F(ContextServerTest, WithoutADriverThereIsNoContext) {
  creates_ = false;
  create();
  EXPECT_EQ(serve(), Ending::context_failed);
}

TEST_F(ContextServerTest, AnOrderBeforeTheContextIsRefused) {
  send({.kind = OrderKind::fence});
  EXPECT_EQ(serve(), Ending::link_broken);
}

TEST_F(ContextServerTest, ASecondContextIsRefused) {
  create();
  create();
  EXPECT_EQ(serve(), Ending::link_broken);
}

TEST_F(ContextServerTest, AnUnknownOrderIsRefused) {
  create();
  send({.kind = static_cast<OrderKind>(99)});
  EXPECT_EQ(serve(), Ending::link_broken);
}

}  // namespace
}  // namespace hesper::link
