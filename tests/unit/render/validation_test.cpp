// The validation layer over the host's driver: silent about what is right, and heard about what is not.
#include <gtest/gtest.h>

#include "support/captured_log.h"
#include "test_client.h"

namespace hesper::render::test {
namespace {

bool create_buffer(TestClient& client, VkDeviceSize size) {
  const VkBufferCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  wire::vkCreateBuffer_args create;
  create.device.id = client.device;
  create.pCreateInfo = &info;
  VkBuffer ignored{};
  create.pBuffer = &ignored;
  wire::ObjectId id = client.new_id();
  create.pBuffer_ids = &id;
  return client.call(create);
}

TEST(Validation, LogsTheErrorOfACallAndNothingElse) {
  const hesper::test::CapturedLog log;
  TestClient client({.name = "tested", .validate = true});
  ASSERT_TRUE(client.start());
  ASSERT_TRUE(create_buffer(client, 256));
  EXPECT_EQ(log.text().find("validation:"), std::string::npos) << log.text();
  ASSERT_TRUE(create_buffer(client, 0));
  EXPECT_NE(log.text().find("tested: validation: VUID-VkBufferCreateInfo-size-00912:"), std::string::npos)
      << log.text();
}

TEST(Validation, IsOffUnlessAskedFor) {
  const hesper::test::CapturedLog log;
  TestClient client;
  ASSERT_TRUE(client.start());
  ASSERT_TRUE(create_buffer(client, 0));
  EXPECT_EQ(log.text().find("validation:"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace hesper::render::test
