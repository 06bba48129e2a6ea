// PreparedHost, on the host's own driver.
#include "render/prepared_host.h"

#include <gtest/gtest.h>

#include "render/client_context.h"
#include "test_client.h"

namespace hesper::render::test {
namespace {

TEST(PreparedHost, AContextTakesItsPlan) {
  const auto host = PreparedHost::create({.memory = MemoryStrategy::hostptr});
  ASSERT_TRUE(host) << host.error().message;
  TestClient client({.memory = MemoryStrategy::hostptr, .host = *host});
  ASSERT_TRUE(client.start());
  // SAFETY: Context::create() makes no other kind.
  const Instance& instance = *static_cast<ClientContext&>(*client.context).instance();
  const PhysicalDevice& device = *instance.physical_devices.front();
  const MemoryPlan* plan = (*host)->find_plan(*instance.procs, device.handle);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->reason, device.memory.reason);
  EXPECT_EQ(plan->mappable_types, device.memory.mappable_types);
}

}  // namespace
}  // namespace hesper::render::test
