// What the client is told of the host's device (render/physical_device.h), where that is decided without one.
#include "render/physical_device.h"

#include <gtest/gtest.h>

namespace hesper::render {
namespace {

VkQueueFamilyProperties told(VkQueueFlags flags, bool sparse) {
  VkQueueFamilyProperties family{.queueFlags = flags, .queueCount = 1, .timestampValidBits = 64};
  MemoryPlan plan;
  plan.sparse = sparse;
  apply_plan(plan, family);
  return family;
}

TEST(QueueFamily, HasTimestampsOnlyWhereMesaCanReadThem) {
  EXPECT_EQ(told(VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_TRANSFER_BIT, true).timestampValidBits, 64u);
  EXPECT_EQ(told(VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT, true).timestampValidBits, 64u);
  EXPECT_EQ(told(VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT, true).timestampValidBits, 0u);
}

TEST(QueueFamily, BindsSparselyIfThePlanDoes) {
  constexpr VkQueueFlags kFlags = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_SPARSE_BINDING_BIT;
  EXPECT_EQ(told(kFlags, true).queueFlags, kFlags);
  EXPECT_EQ(told(kFlags, false).queueFlags, VkQueueFlags{VK_QUEUE_GRAPHICS_BIT});
}

}  // namespace
}  // namespace hesper::render
