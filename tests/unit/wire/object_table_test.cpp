// ObjectTable: ids dense and far apart, reuse of pages, limits, and look-ups beside changes.
#include "wire/object_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace hesper::wire {
namespace {

constexpr ObjectId kFar = ObjectId{1} << 40;

Object fence(std::uint64_t handle) { return {.type = VK_OBJECT_TYPE_FENCE, .handle = handle}; }

TEST(ObjectTable, FindsWhatWasInserted) {
  ObjectTable table(8);
  for (const ObjectId id : {ObjectId{1}, ObjectId{511}, ObjectId{512}, ObjectId{100000}, ObjectId{UINT32_MAX}, kFar}) {
    EXPECT_EQ(table.insert(id, fence(id + 1)), ObjectTable::Insert::ok);
    EXPECT_EQ(table.find(id).handle, id + 1);
    EXPECT_EQ(table.find(id).type, VK_OBJECT_TYPE_FENCE);
    EXPECT_EQ(table.find(id + 1).type, VK_OBJECT_TYPE_UNKNOWN);
  }
  EXPECT_EQ(table.size(), 6u);
}

TEST(ObjectTable, RefusesZeroAndIdsInUse) {
  ObjectTable table(8);
  EXPECT_EQ(table.insert(0, fence(1)), ObjectTable::Insert::zero_id);
  EXPECT_EQ(table.find(0).type, VK_OBJECT_TYPE_UNKNOWN);
  for (const ObjectId id : {ObjectId{7}, kFar}) {
    EXPECT_EQ(table.insert(id, fence(1)), ObjectTable::Insert::ok);
    EXPECT_EQ(table.insert(id, fence(2)), ObjectTable::Insert::id_in_use);
    EXPECT_EQ(table.find(id).handle, 1u);
  }
}

TEST(ObjectTable, ForgetsWhatWasErased) {
  ObjectTable table(8);
  for (const ObjectId id : {ObjectId{7}, kFar}) {
    EXPECT_FALSE(table.erase(id));
    ASSERT_EQ(table.insert(id, fence(1)), ObjectTable::Insert::ok);
    EXPECT_TRUE(table.erase(id));
    EXPECT_EQ(table.find(id).type, VK_OBJECT_TYPE_UNKNOWN);
    EXPECT_EQ(table.insert(id, fence(2)), ObjectTable::Insert::ok) << "The id is free again.";
  }
}

TEST(ObjectTable, ReplacesHandlesInPlace) {
  ObjectTable table(8);
  for (const ObjectId id : {ObjectId{7}, kFar}) {
    EXPECT_FALSE(table.replace_handle(id, 2));
    ASSERT_EQ(table.insert(id, fence(1)), ObjectTable::Insert::ok);
    EXPECT_TRUE(table.replace_handle(id, 2));
    EXPECT_EQ(table.find(id).handle, 2u);
  }
}

TEST(ObjectTable, KeepsTombstones) {
  ObjectTable table(8);
  ASSERT_EQ(table.insert(7, {.type = VK_OBJECT_TYPE_FENCE, .tombstone = true}), ObjectTable::Insert::ok);
  EXPECT_TRUE(table.find(7).tombstone);
  EXPECT_EQ(table.find(7).type, VK_OBJECT_TYPE_FENCE);
}

TEST(ObjectTable, HasALimitOfPagesAndReusesThem) {
  ObjectTable table(2);
  EXPECT_EQ(table.insert(1, fence(1)), ObjectTable::Insert::ok);
  EXPECT_EQ(table.insert(1000, fence(1)), ObjectTable::Insert::ok);
  EXPECT_EQ(table.insert(2000, fence(1)), ObjectTable::Insert::full);
  EXPECT_TRUE(table.erase(1));
  EXPECT_EQ(table.insert(2000, fence(1)), ObjectTable::Insert::ok);
  EXPECT_EQ(table.find(2000).handle, 1u);
  EXPECT_EQ(table.find(1).type, VK_OBJECT_TYPE_UNKNOWN);
}

TEST(ObjectTable, VisitsEveryObject) {
  ObjectTable table(8);
  for (const ObjectId id : {ObjectId{900}, ObjectId{3}, kFar}) {
    ASSERT_EQ(table.insert(id, fence(id)), ObjectTable::Insert::ok);
  }
  std::set<ObjectId> seen;
  table.for_each([&](ObjectId id, const Object& object) {
    EXPECT_EQ(object.handle, id);
    seen.insert(id);
  });
  EXPECT_EQ(seen, (std::set<ObjectId>{3, 900, kFar}));
}

// One ring destroys a device, which visits all objects, while another ring creates some on another device.
TEST(ObjectTable, VisitsRaceWithChanges) {
  ObjectTable table(64);
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    for (ObjectId id = 1; id < 3000; ++id) ASSERT_EQ(table.insert(id, fence(id)), ObjectTable::Insert::ok);
    stop = true;
  });
  std::size_t seen = 0;
  while (!stop) {
    std::size_t now = 0;
    table.for_each([&](ObjectId, const Object&) { ++now; });
    EXPECT_GE(now, seen);
    seen = now;
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // mutexes are not fair
  }
  changes.join();
}

TEST(ObjectTable, LookUpsRaceWithChanges) {
  ObjectTable table(8);
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    for (std::uint64_t n = 0; n < 20000; ++n) {
      const ObjectId id = 1 + n % 2000;
      if (table.insert(id, fence(id)) == ObjectTable::Insert::ok) table.erase(id);
    }
    stop = true;
  });
  while (!stop) {
    for (ObjectId id = 1; id < 2000; id += 37) {
      const Object found = table.find(id);
      EXPECT_TRUE(found.type == VK_OBJECT_TYPE_UNKNOWN || found.handle == id);
    }
  }
  changes.join();
  EXPECT_EQ(table.size(), 0u);
}

TEST(ObjectTable, OnlyOneTakesAnObject) {
  ObjectTable table(1);
  ASSERT_EQ(table.insert(7, fence(1)), ObjectTable::Insert::ok);
  EXPECT_FALSE(table.take(7, 2)) << "Another object with this id is not meant.";
  EXPECT_TRUE(table.take(7, 1));
  EXPECT_FALSE(table.take(7, 1));
}

// An id is used again and again for objects of two types, while another thread looks it up.
TEST(ObjectTable, NoLookUpMixesTwoObjects) {
  ObjectTable table(1);
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    for (std::uint32_t n = 1; n < 20000; ++n) {
      const VkObjectType type = n % 2 == 0 ? VK_OBJECT_TYPE_IMAGE : VK_OBJECT_TYPE_BUFFER;
      ASSERT_EQ(table.insert(5, {.type = type, .owner = n, .handle = n}), ObjectTable::Insert::ok);
      ASSERT_TRUE(table.take(5, n));
    }
    stop = true;
  });
  while (!stop) {
    const Object found = table.find(5);
    if (found.type == VK_OBJECT_TYPE_UNKNOWN) continue;
    EXPECT_EQ(found.type, found.handle % 2 == 0 ? VK_OBJECT_TYPE_IMAGE : VK_OBJECT_TYPE_BUFFER);
    EXPECT_EQ(found.owner, found.handle);
  }
  changes.join();
}

TEST(ObjectTable, PagesAreOnTheBudget) {
  Budget budget(20000);  // room for one page
  {
    ObjectTable table(8, &budget);
    EXPECT_EQ(table.insert(1, fence(1)), ObjectTable::Insert::ok);
    EXPECT_EQ(table.insert(1000, fence(1)), ObjectTable::Insert::full);
    EXPECT_GT(budget.used(), 0u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace hesper::wire
