// WorkerContexts: with a device before it and, behind it, a worker's end that the test holds. What workers are told of
// blobs and when, what they may say, and what becomes of memory that they do not let go.
#include "device/worker_contexts.h"

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "link/protocol.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using link::EventKind;
using link::Order;
using link::OrderKind;
using std::chrono::milliseconds;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kWindow = 65'536 * kPage;
constexpr auto kPatience = milliseconds(50);

// A worker's ends of both sockets, as hesper and the worker have them together.
struct Worker {
  std::uint32_t context = 0;
  std::string name;
  UniqueFd link;
  UniqueFd life;
  std::vector<std::byte> unread;
  std::vector<UniqueFd> files;

  void tell(EventKind kind, std::uint64_t cookie, bool failed = false) const {
    const link::Event event{.kind = kind, .failed = failed ? 1U : 0U, .cookie = cookie};
    EXPECT_TRUE(platform::send_all(link.get(), std::as_bytes(std::span(&event, 1))));
  }
  [[nodiscard]] bool is_to_die() const {
    std::byte byte;
    return platform::receive_part(life.get(), {&byte, 1}, 0).closed;
  }
  void die() {
    link = UniqueFd();
    life = UniqueFd();
  }
};

// The device's side of events.
struct Events final : gpu::ContextEvents {
  std::vector<gpu::Cookie> fences, lost;
  std::map<gpu::Cookie, bool> maps;  // whether it succeeded
  void fence_reached(gpu::Cookie cookie) override { fences.push_back(cookie); }
  void blob_mapped(gpu::Cookie cookie, Result<gpu::MapCache> how) override {
    EXPECT_TRUE(maps.emplace(cookie, how.has_value()).second);
  }
  void context_lost(gpu::Cookie cookie) override { lost.push_back(cookie); }
};

class WorkerContextsTest : public testing::Test {
 protected:
  WorkerContextsTest() {
    window_ = *WindowFile::create(*loop_, *platform::create_shared_memory("window", kWindow), kWindow);
    make_host({});
  }
  ~WorkerContextsTest() override {
    blobs_.clear();
    contexts_.clear();
  }

  void make_host(WorkerContexts::Options options) {
    options.capset.resize(160);
    if (options.max_waiting == 0) options.max_waiting = 1 << 20;
    options.max_waiting_all = 4 << 20;
    options.max_unmapped = 1 << 20;
    options.release_timeout = kPatience;
    host_ = std::make_unique<WorkerContexts>(
        *loop_, *window_,
        [this](gpu::ContextId context, std::string_view name, int link, int life) {
          if (!starts_workers_) return false;
          workers_.push_back({.context = std::to_underlying(context),
                              .name = std::string(name),
                              .link = UniqueFd(::dup(link)),
                              .life = UniqueFd(::dup(life)),
                              .unread = {},
                              .files = {}});
          return true;
        },
        std::move(options));
    host_->tell(events_);
  }

  gpu::HostContext& create(std::uint32_t id) {
    auto made = host_->create({.id = gpu::ContextId{id}, .capset = 4, .name = "vkcube", .cookie = gpu::Cookie{id}});
    EXPECT_TRUE(made);
    auto& context = *contexts_.emplace(id, std::move(*made)).first->second;
    static_cast<void>(orders(worker(id)));
    return context;
  }
  Worker& worker(std::uint32_t id) {
    return *std::ranges::find_if(workers_, [&](const Worker& one) { return one.context == id; });
  }

  gpu::HostBlob& blob(gpu::HostContext& context, std::uint32_t id, std::uint64_t size = kPage,
                      std::uint32_t flags = gpu::VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) {
    auto made = context.create_blob({.resource = gpu::ResourceId{id},
                                     .blob_mem = gpu::VIRTIO_GPU_BLOB_MEM_HOST3D,
                                     .blob_flags = flags,
                                     .blob_id = 77,
                                     .size = size});
    EXPECT_TRUE(made);
    sizes_[id] = size;
    return *(blobs_[id] = std::move(*made));
  }
  void map(std::uint32_t id, std::uint64_t page) {
    blobs_.at(id)->map({.offset = page * kPage, .size = sizes_.at(id)}, gpu::Cookie{1000 + id});
  }
  [[nodiscard]] bool mapped(std::uint32_t id) const { return events_.maps.contains(gpu::Cookie{1000 + id}); }
  void attach(gpu::HostContext& context, std::uint32_t id) {
    context.attach({.id = gpu::ResourceId{id}, .size = sizes_.at(id), .blob = blobs_.at(id).get(), .backing = {}});
  }

  void run(milliseconds time = milliseconds(0)) {
    const auto end = std::chrono::steady_clock::now() + time;
    do {
      loop_->run_once(milliseconds(0));
      loop_->run_once(milliseconds(time.count() > 0 ? 1 : 0));
    } while (std::chrono::steady_clock::now() < end);
  }
  template <class Condition>
  bool comes(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) loop_->run_once(milliseconds(1));
    return condition();
  }

  // What the worker has been ordered since the last call. What follows an order is left out.
  std::vector<Order> orders(Worker& worker) {
    std::vector<Order> result;
    for (;;) {
      run();
      std::array<std::byte, 65536> buffer;
      auto part = platform::receive_part(worker.link.get(), buffer, 8);
      worker.unread.insert(worker.unread.end(), buffer.begin(),
                           buffer.begin() + static_cast<std::ptrdiff_t>(part.size));
      std::ranges::move(part.fds, std::back_inserter(worker.files));
      if (part.size == 0) break;
    }
    std::size_t at = 0;
    for (Order order; worker.unread.size() - at >= sizeof(order);) {
      std::memcpy(&order, worker.unread.data() + at, sizeof(order));
      const bool follows = order.kind == OrderKind::submit || order.kind == OrderKind::create;
      at += sizeof(order) + (follows ? link::padded(order.size) : 0);
      result.push_back(order);
    }
    worker.unread.clear();
    return result;
  }

  const bool ignored_ = platform::ignore_broken_pipes();
  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  std::unique_ptr<WindowFile> window_;
  Events events_;
  std::list<Worker> workers_;
  bool starts_workers_ = true;
  std::unique_ptr<WorkerContexts> host_;
  std::map<std::uint32_t, std::unique_ptr<gpu::HostContext>> contexts_;
  std::map<std::uint32_t, std::unique_ptr<gpu::HostBlob>> blobs_;
  std::map<std::uint32_t, std::uint64_t> sizes_;
};

TEST_F(WorkerContextsTest, AWorkerIsToldOfItsContextFirst) {
  auto context = *host_->create({.id = gpu::ContextId{3}, .capset = 4, .name = "vkcube", .cookie = gpu::Cookie{9}});
  EXPECT_TRUE(context->submit(std::as_bytes(std::span("0123456789", 10))));
  ASSERT_EQ(workers_.size(), 1u);
  EXPECT_EQ(workers_.front().name, "vkcube");
  const auto told = orders(workers_.front());
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, OrderKind::create);
  EXPECT_EQ(told[0].offset, kWindow);
  EXPECT_EQ(told[0].size, 6u);
  EXPECT_EQ(workers_.front().files.size(), 1u) << "The window comes along.";
  EXPECT_EQ(told[1].kind, OrderKind::submit);
  EXPECT_EQ(told[1].size, 10u);
}

TEST_F(WorkerContextsTest, NoWorkerNoContext) {
  starts_workers_ = false;
  EXPECT_FALSE(host_->create({.id = gpu::ContextId{3}, .capset = 4, .name = "", .cookie = gpu::Cookie{9}}));
  EXPECT_EQ(host_->workers(), 0u);
}

TEST_F(WorkerContextsTest, NoMoreWorkersThanTheLimitAndTheDyingCount) {
  make_host({.capset = {}, .max_workers = 1});
  create(1);
  EXPECT_FALSE(host_->create({.id = gpu::ContextId{2}, .capset = 4, .name = "", .cookie = gpu::Cookie{2}}));
  contexts_.erase(1);
  EXPECT_FALSE(host_->create({.id = gpu::ContextId{2}, .capset = 4, .name = "", .cookie = gpu::Cookie{2}}));
  worker(1).die();
  run();
  EXPECT_TRUE(host_->create({.id = gpu::ContextId{2}, .capset = 4, .name = "", .cookie = gpu::Cookie{2}}));
}

// As Linux does it: create, map, attach.
TEST_F(WorkerContextsTest, AttachTellsThePlaceInTheWindow) {
  auto& context = create(1);
  auto& made = blob(context, 5, 3 * kPage);
  EXPECT_TRUE(made.bytes().empty());
  map(5, 10);
  EXPECT_TRUE(mapped(5));
  EXPECT_EQ(made.bytes().size(), 3 * kPage);
  attach(context, 5);
  const auto told = orders(worker(1));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, OrderKind::attach);
  EXPECT_EQ(told[0].number, 5u);
  EXPECT_EQ(told[0].offset, 10 * kPage);
  EXPECT_EQ(told[0].size, 3 * kPage);
  EXPECT_EQ(told[0].own_file, 0u);
}

TEST_F(WorkerContextsTest, WhatIsAttachedBeforeItIsMappedIsToldWhenItIsMapped) {
  auto& context = create(1);
  blob(context, 5);
  attach(context, 5);
  EXPECT_TRUE(orders(worker(1)).empty());
  map(5, 10);
  EXPECT_EQ(orders(worker(1)).size(), 1u);
  blobs_.at(5)->unmap();
  const auto told = orders(worker(1));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, OrderKind::detach);
}

TEST_F(WorkerContextsTest, ARangeIsNotUsedAgainBeforeItsWorkersHaveReleasedIt) {
  auto& one = create(1);
  auto& two = create(2);
  blob(one, 5, 4 * kPage);
  map(5, 10);
  attach(one, 5);
  attach(two, 5);
  const auto of_one = orders(worker(1))[0].cookie;
  const auto of_two = orders(worker(2))[0].cookie;
  one.detach(gpu::ResourceId{5});
  two.detach(gpu::ResourceId{5});
  blobs_.at(5)->unmap();
  blobs_.erase(5);
  blob(one, 6, 2 * kPage);
  map(6, 11);
  worker(1).tell(EventKind::released, of_one);
  run();
  EXPECT_FALSE(mapped(6));
  worker(2).tell(EventKind::released, of_two);
  EXPECT_TRUE(comes([&] { return mapped(6); }));
  EXPECT_TRUE(events_.lost.empty());
}

// Memory that comes first: blobs are made for it.
class MemoryFirst : public WorkerContextsTest {
 protected:
  MemoryFirst() {
    WorkerContexts::Options options;
    options.memory_first = true;
    make_host(std::move(options));
  }
  [[nodiscard]] bool failed(std::uint32_t id) const { return !events_.maps.at(gpu::Cookie{1000 + id}); }
};

TEST_F(MemoryFirst, IsMappedWhenItHasMoved) {
  auto& context = create(1);
  blob(context, 5, 3 * kPage);
  map(5, 10);
  const auto told = orders(worker(1));
  ASSERT_EQ(told.size(), 1u) << "Before the guest attaches it.";
  EXPECT_EQ(told[0].kind, OrderKind::attach);
  EXPECT_EQ(told[0].number, 5u);
  EXPECT_EQ(told[0].offset, 10 * kPage);
  EXPECT_EQ(told[0].memory, 77u);
  EXPECT_EQ(told[0].answered, 1u);
  EXPECT_FALSE(mapped(5));
  attach(context, 5);
  EXPECT_TRUE(orders(worker(1)).empty()) << "It knows.";
  worker(1).tell(EventKind::attached, told[0].cookie);
  EXPECT_TRUE(comes([&] { return mapped(5); }));
  EXPECT_FALSE(failed(5));
  EXPECT_EQ(blobs_.at(5)->bytes().size(), 3 * kPage);
}

TEST_F(MemoryFirst, OthersAreToldThePlaceOnly) {
  auto& one = create(1);
  auto& two = create(2);
  blob(one, 5);
  map(5, 10);
  worker(1).tell(EventKind::attached, orders(worker(1))[0].cookie);
  attach(two, 5);
  const auto told = orders(worker(2));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].memory, 0u);
}

TEST_F(MemoryFirst, WhatDoesNotMoveIsNotMapped) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  const auto cookie = orders(worker(1))[0].cookie;
  worker(1).tell(EventKind::attached, cookie, true);
  ASSERT_TRUE(comes([&] { return mapped(5); }));
  EXPECT_TRUE(failed(5));
  EXPECT_TRUE(blobs_.at(5)->bytes().empty());
  EXPECT_EQ(orders(worker(1))[0].kind, OrderKind::detach);
  worker(1).tell(EventKind::released, cookie);
  EXPECT_TRUE(comes([&] { return window_->uses() == 0; }));
}

// Of blobs that the guest does not map.
TEST_F(MemoryFirst, OthersGetAFileWhenMemoryHasMovedIntoIt) {
  auto& one = create(1);
  auto& two = create(2);
  blob(one, 5, kPage, gpu::VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE);
  attach(two, 5);
  ASSERT_TRUE(two.submit(std::vector(8, std::byte{1})));
  const auto told = orders(worker(1));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].memory, 77u);
  EXPECT_TRUE(orders(worker(2)).empty()) << "It may name the blob.";
  worker(1).tell(EventKind::attached, told[0].cookie);
  std::vector<Order> others;
  ASSERT_TRUE(comes([&] {
    std::ranges::copy(orders(worker(2)), std::back_inserter(others));
    return others.size() >= 2;
  }));
  EXPECT_EQ(others[0].kind, OrderKind::attach);
  EXPECT_EQ(others[0].own_file, 1u);
  EXPECT_EQ(others[1].kind, OrderKind::submit);
  EXPECT_EQ(blobs_.at(5)->bytes().size(), kPage);
}

TEST_F(MemoryFirst, OthersDoNotGetAFileIntoWhichNothingMoves) {
  auto& one = create(1);
  auto& two = create(2);
  auto& three = create(3);
  blob(one, 5, kPage, gpu::VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE);
  attach(two, 5);
  ASSERT_TRUE(two.submit(std::vector(8, std::byte{1})));
  worker(1).tell(EventKind::attached, orders(worker(1))[0].cookie, true);
  ASSERT_TRUE(comes([&] { return blobs_.at(5)->bytes().empty(); })) << "A screen would show zeros.";
  const auto others = orders(worker(2));
  ASSERT_EQ(others.size(), 1u);
  EXPECT_EQ(others[0].kind, OrderKind::submit) << "Naming the blob is an error there.";
  attach(three, 5);
  run();
  EXPECT_TRUE(orders(worker(3)).empty());
  blobs_.erase(5);
  EXPECT_EQ(orders(worker(1))[0].kind, OrderKind::detach);
  EXPECT_TRUE(events_.lost.empty());
}

TEST_F(MemoryFirst, AMakerThatDiesLeavesNothingInAFile) {
  auto& one = create(1);
  auto& two = create(2);
  blob(one, 5, kPage, gpu::VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE);
  attach(two, 5);
  worker(1).die();
  ASSERT_TRUE(comes([&] { return blobs_.at(5)->bytes().empty(); }));
  EXPECT_TRUE(orders(worker(2)).empty());
  EXPECT_TRUE(host_->workers() == 1u);
}

TEST_F(MemoryFirst, ALostWorkerMovesNothing) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  static_cast<void>(orders(worker(1)));
  worker(1).die();
  ASSERT_TRUE(comes([&] { return mapped(5); }));
  EXPECT_TRUE(failed(5));
  blob(context, 6);
  map(6, 20);
  EXPECT_TRUE(mapped(6)) << "There is nothing to be moved any more.";
}

TEST_F(MemoryFirst, WhatIsUnmappedBeforeItHasMovedIsNotMapped) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  const auto cookie = orders(worker(1))[0].cookie;
  blobs_.at(5)->unmap();
  worker(1).tell(EventKind::attached, cookie, true);
  worker(1).tell(EventKind::released, cookie);
  EXPECT_TRUE(comes([&] { return window_->uses() == 0; }));
  EXPECT_FALSE(mapped(5));
}

TEST_F(MemoryFirst, ABlobThatTheGuestNeverAttachedIsForgotten) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  auto told = orders(worker(1));
  worker(1).tell(EventKind::attached, told[0].cookie);
  ASSERT_TRUE(comes([&] { return mapped(5); }));
  blobs_.at(5)->unmap();
  blobs_.erase(5);
  events_.maps.clear();
  blob(context, 5);
  map(5, 20);
  told = orders(worker(1));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].kind, OrderKind::detach);
  EXPECT_EQ(told[1].offset, 20 * kPage);
}

TEST_F(MemoryFirst, ItWaitsForAPlaceThatOthersUse) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  const auto cookie = orders(worker(1))[0].cookie;
  worker(1).tell(EventKind::attached, cookie);
  ASSERT_TRUE(comes([&] { return mapped(5); }));
  attach(context, 5);
  context.detach(gpu::ResourceId{5});
  blobs_.at(5)->unmap();
  static_cast<void>(orders(worker(1)));
  blob(context, 6);
  map(6, 10);
  attach(context, 6);
  EXPECT_TRUE(orders(worker(1)).empty());
  worker(1).tell(EventKind::released, cookie);
  run();
  const auto told = orders(worker(1));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].number, 6u);
  EXPECT_EQ(told[0].memory, 77u);
}

TEST_F(MemoryFirst, NobodyMovesWhatHeWasNotAskedTo) {
  create(1);
  worker(1).tell(EventKind::attached, 1);
  EXPECT_TRUE(comes([&] { return !events_.lost.empty(); }));
}

// A command on a ring that waits for the submission imports the blob.
TEST_F(WorkerContextsTest, WhatTheGuestAsksForAfterAnAttachmentDoesNotOvertakeIt) {
  auto& context = create(1);
  auto& other = create(2);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  const auto cookie = orders(worker(1))[0].cookie;
  context.detach(gpu::ResourceId{5});
  blobs_.at(5)->unmap();
  blob(context, 6);
  map(6, 10);
  attach(context, 6);
  EXPECT_TRUE(context.submit(std::as_bytes(std::span("01234567", 8))));
  context.fence(0, gpu::Cookie{50});
  EXPECT_TRUE(other.submit(std::as_bytes(std::span("01234567", 8))));
  EXPECT_EQ(orders(worker(2)).size(), 1u) << "Only the context that has it attached waits.";
  const auto before = orders(worker(1));
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].kind, OrderKind::detach);
  worker(1).tell(EventKind::released, cookie);
  EXPECT_TRUE(comes([&] { return mapped(6); }));
  const auto after = orders(worker(1));
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0].kind, OrderKind::attach);
  EXPECT_EQ(after[0].number, 6u);
  EXPECT_EQ(after[1].kind, OrderKind::submit);
  EXPECT_EQ(after[2].kind, OrderKind::fence);
}

TEST_F(WorkerContextsTest, NobodyWaitsForAnAttachmentThatIsGivenUp) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  EXPECT_EQ(orders(worker(1)).size(), 1u);
  context.detach(gpu::ResourceId{5});
  blobs_.at(5)->unmap();
  for (const bool by_unmap : {true, false}) {
    blob(context, 6);
    map(6, 10);
    attach(context, 6);
    EXPECT_TRUE(context.submit(std::as_bytes(std::span("01234567", 8))));
    if (by_unmap) {
      blobs_.at(6)->unmap();
      context.detach(gpu::ResourceId{6});
    } else {
      context.detach(gpu::ResourceId{6});
      blobs_.at(6)->unmap();
    }
    const auto told = orders(worker(1));
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().kind, OrderKind::submit);
    blobs_.erase(6);
    events_.maps.clear();
  }
}

TEST_F(WorkerContextsTest, WhatIsHeldBackIsBounded) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  context.detach(gpu::ResourceId{5});
  blobs_.at(5)->unmap();
  blob(context, 6);
  map(6, 10);
  attach(context, 6);
  const std::vector<std::byte> commands(300'000);
  bool taken = true;
  for (int i = 0; i < 10 && taken; ++i) taken = context.submit(commands).has_value();
  EXPECT_FALSE(taken);
  EXPECT_EQ(events_.lost, std::vector{gpu::Cookie{1}});
  worker(1).die();
  EXPECT_TRUE(comes([&] { return mapped(6); }));
}

TEST_F(WorkerContextsTest, ADeadWorkerReleasesAndAnEndOfItsLinkDoesNot) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  worker(1).link = UniqueFd();
  EXPECT_TRUE(comes([&] { return !events_.lost.empty(); }));
  blobs_.at(5)->unmap();
  auto& other = create(2);
  blob(other, 6);
  map(6, 10);
  run(milliseconds(5));
  EXPECT_FALSE(mapped(6));
  worker(1).die();
  EXPECT_TRUE(comes([&] { return mapped(6); }));
  EXPECT_EQ(events_.lost, std::vector{gpu::Cookie{1}});
}

TEST_F(WorkerContextsTest, AWorkerThatDoesNotReleaseWhatIsWantedIsKilled) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  blobs_.at(5)->unmap();
  run(3 * kPatience);
  EXPECT_FALSE(worker(1).is_to_die()) << "As long as nobody wants it.";
  auto& other = create(2);
  blob(other, 6);
  map(6, 10);
  EXPECT_TRUE(comes([&] { return worker(1).is_to_die(); }));
  EXPECT_EQ(events_.lost, std::vector{gpu::Cookie{1}});
  EXPECT_FALSE(mapped(6));
  worker(1).die();
  EXPECT_TRUE(comes([&] { return mapped(6); }));
  EXPECT_FALSE(worker(2).is_to_die());
}

TEST_F(WorkerContextsTest, ABlobThatIsUnmappedWhileItWaitsIsNotMapped) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  const auto cookie = orders(worker(1))[0].cookie;
  blobs_.at(5)->unmap();
  blob(context, 6);
  map(6, 10);
  blobs_.at(6)->unmap();
  worker(1).tell(EventKind::released, cookie);
  run();
  EXPECT_FALSE(mapped(6));
  EXPECT_EQ(window_->uses(), 0u);
  run(3 * kPatience);
  EXPECT_TRUE(events_.lost.empty());
}

TEST_F(WorkerContextsTest, ABlobOutlivesItsContext) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  contexts_.erase(1);
  worker(1).die();
  run();
  EXPECT_EQ(host_->workers(), 0u);
  EXPECT_EQ(blobs_.at(5)->bytes().size(), kPage);
  blobs_.at(5)->unmap();
  EXPECT_EQ(window_->uses(), 0u);
}

TEST_F(WorkerContextsTest, ADestroyedContextsWorkerGetsTheTimeToEnd) {
  create(1);
  contexts_.erase(1);
  run();
  std::byte byte;
  EXPECT_TRUE(platform::receive_part(worker(1).link.get(), {&byte, 1}, 0).closed);
  EXPECT_FALSE(worker(1).is_to_die());
  EXPECT_TRUE(comes([&] { return worker(1).is_to_die(); }));
  EXPECT_TRUE(events_.lost.empty());
  worker(1).die();
  run();
  EXPECT_EQ(host_->workers(), 0u);
}

TEST_F(WorkerContextsTest, BlobsThatAreNotMappedHaveFilesOfTheirOwn) {
  auto& one = create(1);
  auto& two = create(2);
  auto& made = blob(one, 5, 3 * kPage, gpu::VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE);
  EXPECT_EQ(made.bytes().size(), 3 * kPage);
  for (gpu::HostContext* context : {&one, &two}) attach(*context, 5);
  for (const std::uint32_t id : {1u, 2u}) {
    const auto told = orders(worker(id));
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].own_file, 1u);
    EXPECT_EQ(told[0].offset, 0u);
    ASSERT_EQ(worker(id).files.size(), 2u);
    auto mapping = platform::Mapping::map(worker(id).files[1].get(), kPage);
    ASSERT_TRUE(mapping);
    mapping->data()[id] = std::byte{9};
    EXPECT_EQ(made.bytes()[id], std::byte{9});
  }
}

TEST_F(WorkerContextsTest, FilesOfTheirOwnAreCounted) {
  auto& context = create(1);
  const auto ask = [&] {
    return context.create_blob({.resource = gpu::ResourceId{5},
                                .blob_mem = gpu::VIRTIO_GPU_BLOB_MEM_HOST3D,
                                .blob_flags = 0,
                                .blob_id = 7,
                                .size = 600'000});
  };
  auto first = ask();
  EXPECT_TRUE(first);
  EXPECT_FALSE(ask());
  first->reset();
  EXPECT_TRUE(ask());
}

TEST_F(WorkerContextsTest, FencesAreTheContextsOwn) {
  auto& one = create(1);
  auto& two = create(2);
  one.fence(3, gpu::Cookie{50});
  two.fence(3, gpu::Cookie{51});
  EXPECT_EQ(orders(worker(1)).at(0).number, 3u);
  worker(1).tell(EventKind::fence_reached, 50);
  EXPECT_TRUE(comes([&] { return events_.fences.size() == 1; }));
  worker(1).tell(EventKind::fence_reached, 51);
  EXPECT_TRUE(comes([&] { return !events_.lost.empty(); }));
  EXPECT_EQ(events_.lost, std::vector{gpu::Cookie{1}});
  EXPECT_EQ(events_.fences, std::vector{gpu::Cookie{50}});
  EXPECT_TRUE(worker(1).is_to_die());
  EXPECT_FALSE(worker(2).is_to_die());
}

TEST_F(WorkerContextsTest, WhatAWorkerMayNotSayEndsIt) {
  auto& context = create(1);
  blob(context, 5);
  map(5, 10);
  attach(context, 5);
  const auto cookie = orders(worker(1))[0].cookie;
  worker(1).tell(EventKind::released, cookie);  // it has it still
  EXPECT_TRUE(comes([&] { return worker(1).is_to_die(); }));
  create(2);
  worker(2).tell(static_cast<EventKind>(9), 1);
  EXPECT_TRUE(comes([&] { return worker(2).is_to_die(); }));
  auto& third = create(3);
  third.fence(1, gpu::Cookie{60});
  worker(3).tell(EventKind::fence_reached, 60);
  worker(3).tell(EventKind::fence_reached, 60);
  EXPECT_TRUE(comes([&] { return worker(3).is_to_die(); }));
  EXPECT_EQ(events_.lost.size(), 3u);
}

TEST_F(WorkerContextsTest, EventsMayComeInPieces) {
  auto& context = create(1);
  context.fence(1, gpu::Cookie{50});
  const link::Event event{.kind = EventKind::fence_reached, .failed = 0, .cookie = 50};
  for (const std::byte byte : std::as_bytes(std::span(&event, 1))) {
    EXPECT_TRUE(events_.fences.empty());
    EXPECT_TRUE(platform::send_all(worker(1).link.get(), {&byte, 1}));
    run();
  }
  EXPECT_EQ(events_.fences.size(), 1u);
}

TEST_F(WorkerContextsTest, AWorkerThatDoesNotReadLosesItsContextOnly) {
  auto& one = create(1);
  auto& two = create(2);
  const std::vector<std::byte> commands(300'000);
  bool taken = true;
  for (int i = 0; i < 10 && taken; ++i) taken = one.submit(commands).has_value();
  EXPECT_FALSE(taken);
  EXPECT_EQ(events_.lost, std::vector{gpu::Cookie{1}});
  EXPECT_TRUE(worker(1).is_to_die());
  EXPECT_FALSE(one.submit(commands));
  one.fence(1, gpu::Cookie{50});
  EXPECT_TRUE(two.submit(commands));
}

TEST_F(WorkerContextsTest, TenThousandLiveBlobs) {
  make_host({.capset = {}, .max_waiting = 4 << 20});
  auto& context = create(1);
  std::map<std::uint32_t, std::uint64_t> told;
  const auto take_orders = [&] {
    for (const Order& order : orders(worker(1))) told[order.number] = order.cookie;
  };
  for (std::uint32_t id = 1; id <= 10'000; ++id) {
    blob(context, id, 2 * kPage);
    map(id, std::uint64_t{id} * 2);
    attach(context, id);
    if (id % 1000 == 0) take_orders();
  }
  EXPECT_EQ(told.size(), 10'000u);
  EXPECT_EQ(events_.maps.size(), 10'000u);
  EXPECT_EQ(window_->uses(), 10'000u);
  for (std::uint32_t id = 1; id <= 10'000; ++id) {
    context.detach(gpu::ResourceId{id});
    blobs_.at(id)->unmap();
    blobs_.erase(id);
    worker(1).tell(EventKind::released, told.at(id));
    if (id % 100 == 0) take_orders();
  }
  EXPECT_TRUE(comes([&] { return window_->uses() == 0; }));
  EXPECT_TRUE(events_.lost.empty());
}

}  // namespace
}  // namespace hesper::device
