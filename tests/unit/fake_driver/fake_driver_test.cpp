// The fake driver itself: a client's device starts on it, scripts are followed, mistakes are noticed.
#include "fake_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "render/client_context.h"
#include "test_client.h"

namespace hesper::fake {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<render::Context> context_on(FakeDriver& driver) {
  return std::make_unique<render::ClientContext>(render::ContextOptions{}, driver.loader());
}

VkResult create_sampler(render::test::TestClient& client, wire::ObjectId id) {
  const VkSamplerCreateInfo info{.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO, .maxAnisotropy = 4.0F};
  VkSampler made{};
  wire::vkCreateSampler_args args;
  args.device.id = client.device;
  args.pCreateInfo = &info;
  args.pSampler = &made;
  args.pSampler_ids = &id;
  EXPECT_TRUE(client.call(args));
  return args.ret;
}

TEST(FakeDriver, AClientStartsOnItAndLeavesNothingBehind) {
  FakeDriver driver;
  {
    render::test::TestClient client(context_on(driver));
    ASSERT_TRUE(client.start());
    EXPECT_EQ(create_sampler(client, client.new_id()), VK_SUCCESS);
  }
  EXPECT_THAT(driver.violations(), IsEmpty());
  EXPECT_EQ(driver.live_objects(), 0u);
}

TEST(FakeDriver, RecordsArgumentsDeep) {
  FakeDriver driver;
  render::test::TestClient client(context_on(driver));
  ASSERT_TRUE(client.start());
  static_cast<void>(driver.take_calls());
  create_sampler(client, client.new_id());
  const auto calls = driver.take_calls();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_STREQ(calls[0].command->name, "vkCreateSampler");
  EXPECT_THAT(calls[0].arguments, HasSubstr("maxAnisotropy 0x40800000"));
}

TEST(FakeDriver, TheChosenCallFails) {
  FakeDriver driver;
  render::test::TestClient client(context_on(driver));
  ASSERT_TRUE(client.start());
  driver.fail("vkCreateSampler", 2, VK_ERROR_TOO_MANY_OBJECTS);
  EXPECT_EQ(create_sampler(client, client.new_id()), VK_SUCCESS);
  EXPECT_EQ(create_sampler(client, client.new_id()), VK_ERROR_TOO_MANY_OBJECTS);
  EXPECT_EQ(create_sampler(client, client.new_id()), VK_SUCCESS);
  EXPECT_EQ(driver.count("vkCreateSampler"), 3u);
}

TEST(FakeDriver, AFailedCallLeavesNoHandleButRubbish) {
  FakeDriver driver;
  const auto loader = driver.loader();
  driver.fail("vkCreateInstance", 1, VK_ERROR_INCOMPATIBLE_DRIVER);
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  VkInstance instance = VK_NULL_HANDLE;
  EXPECT_EQ(loader->procs().vkCreateInstance(&info, nullptr, &instance), VK_ERROR_INCOMPATIBLE_DRIVER);
  EXPECT_NE(instance, nullptr);
  EXPECT_EQ(driver.live_objects(), 0u);
}

TEST(FakeDriver, ASuccessCodeIsReturnedOfACallThatIsMade) {
  FakeDriver driver;
  render::test::TestClient client(context_on(driver));
  ASSERT_TRUE(client.start());
  const std::size_t before = driver.live_objects();
  driver.answer_with(VK_INCOMPLETE, "vkCreateSampler");
  EXPECT_EQ(create_sampler(client, client.new_id()), VK_INCOMPLETE);
  EXPECT_EQ(driver.live_objects(), before + 1);
}

TEST(FakeDriver, HiddenFunctionsAreMissing) {
  FakeDriver driver;
  driver.hide("vkCreateSampler");
  render::test::TestClient client(context_on(driver));
  ASSERT_TRUE(client.start());
  wire::vkDestroySampler_args still_there;
  still_there.device.id = client.device;
  EXPECT_TRUE(client.send(still_there));
  const VkSamplerCreateInfo info{.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
  wire::ObjectId id = client.new_id();
  wire::vkCreateSampler_args args;
  args.device.id = client.device;
  args.pCreateInfo = &info;
  args.pSampler_ids = &id;
  EXPECT_FALSE(client.send(args));
}

TEST(FakeDriver, NoticesHandlesThatAreNotAlive) {
  FakeDriver driver;
  const auto loader = driver.loader();
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  VkInstance instance{};
  ASSERT_EQ(loader->procs().vkCreateInstance(&info, nullptr, &instance), VK_SUCCESS);
  render::InstanceProcs procs;
  render::load(procs, loader->get_instance_proc_addr(), instance);
  EXPECT_THAT(driver.violations(), IsEmpty());
  procs.vkDestroyInstance(instance, nullptr);
  EXPECT_THAT(driver.violations(), IsEmpty());
  procs.vkDestroyInstance(instance, nullptr);
  EXPECT_THAT(driver.violations(), Contains(HasSubstr("vkDestroyInstance gets the handle")));
}

}  // namespace
}  // namespace hesper::fake
