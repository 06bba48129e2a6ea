// Reclaimer: what is retired stays for those who were inside, and for nobody else.
#include "render/reclaimer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace hesper::render {
namespace {

TEST(Reclaimer, FreesAtOnceWhatNobodyVisits) {
  Reclaimer reclaimer;
  Reclaimer::Reader outside(reclaimer);
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  reclaimer.retire(std::move(object));
  EXPECT_TRUE(watch.expired());
}

TEST(Reclaimer, KeepsForAVisitorAndNotForTheNext) {
  Reclaimer reclaimer;
  Reclaimer::Reader reader(reclaimer);
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = object;
  reader.enter();
  reclaimer.retire(std::move(object));
  EXPECT_EQ(reclaimer.waiting(), 1u);
  EXPECT_FALSE(watch.expired());
  reader.leave();
  const Reclaimer::Visit next(reader);
  EXPECT_EQ(reclaimer.waiting(), 0u);
  EXPECT_TRUE(watch.expired());
}

TEST(Reclaimer, AReaderThatEndsHoldsNothing) {
  Reclaimer reclaimer;
  auto reader = std::make_unique<Reclaimer::Reader>(reclaimer);
  reader->enter();
  reclaimer.retire(std::make_shared<int>(1));
  reader.reset();
  EXPECT_EQ(reclaimer.waiting(), 0u);
}

// For the thread sanitizer and the address sanitizer: one publishes and retires, one looks up and uses.
TEST(Reclaimer, NoVisitorSeesFreedMemory) {
  Reclaimer reclaimer;
  std::atomic<std::atomic<int>*> published{nullptr};
  std::atomic<bool> stop{false};
  std::thread visitor([&] {
    Reclaimer::Reader reader(reclaimer);
    while (!stop.load()) {
      const Reclaimer::Visit visit(reader);
      if (auto* object = published.load()) object->fetch_add(1);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    auto object = std::make_shared<std::atomic<int>>(0);
    published.store(object.get());
    std::this_thread::yield();
    published.store(nullptr);
    reclaimer.retire(std::move(object));
  }
  stop.store(true);
  visitor.join();
  EXPECT_EQ(reclaimer.waiting(), 0u);
}

}  // namespace
}  // namespace hesper::render
