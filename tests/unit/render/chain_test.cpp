// Chains: finding and removing structs.
#include "render/chain.h"

#include <gtest/gtest.h>

namespace hesper::render {
namespace {

TEST(Chain, FindsAndRemovesInTheMiddle) {
  VkExportSemaphoreCreateInfo last{.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO};
  VkSemaphoreTypeCreateInfo middle{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, .pNext = &last};
  const VkSemaphoreCreateInfo root{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &middle};
  EXPECT_EQ(find_in_chain<VkExportSemaphoreCreateInfo>(root.pNext, last.sType), &last);
  EXPECT_EQ(static_cast<const void*>(unchain(root, middle.sType)), &middle);
  EXPECT_EQ(root.pNext, &last);
  EXPECT_EQ(unchain(root, middle.sType), nullptr);
  EXPECT_EQ(static_cast<const void*>(unchain(root, last.sType)), &last);
  EXPECT_EQ(root.pNext, nullptr);
  EXPECT_EQ(find_in_chain<VkExportSemaphoreCreateInfo>(nullptr, last.sType), nullptr);
}

}  // namespace
}  // namespace hesper::render
