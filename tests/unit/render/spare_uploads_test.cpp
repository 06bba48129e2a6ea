// The counts that clients are told where blobs come first (render/spare_uploads.h), and the lists behind them.
#include "render/spare_uploads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "fake_driver.h"
#include "render/extensions.h"
#include "window_client.h"

namespace hesper::render::test {
namespace {

TEST(ToldCount, FillsTheMemoryOfOneReply) {
  EXPECT_EQ(told_count(3, kRepliedExtension), 3912u);
  EXPECT_LE(28 + told_count(3, kRepliedExtension) * kRepliedExtension, kReplyMemory);
  EXPECT_LE(24 + told_count(3, kRepliedQueueFamily) * kRepliedQueueFamily, kReplyMemory);
  EXPECT_GT(24 + told_count(3, kRepliedQueueFamilyWithPriorities) * kRepliedQueueFamilyWithPriorities,
            kReplyMemory - 496);  // so that there is no room for what Mesa asks next
}

TEST(ToldCount, IsNeverLessThanThereAre) { EXPECT_EQ(told_count(4000, kRepliedExtension), 4000u); }

struct Lists {
  fake::FakeDriver driver;
  TestWindow window;
  WindowClient client;

  explicit Lists(bool blobs_first, bool inline_shaders = false)
      : client(std::make_unique<ClientContext>(ContextOptions{.memory_in_ranges = true,
                                                              .blobs_first = blobs_first,
                                                              .inline_shaders = inline_shaders,
                                                              .window_size = 1 << 20},
                                               driver.loader()),
               window) {}

  // As many as the count says, or only that.
  std::uint32_t extensions(std::uint32_t count, VkExtensionProperties* out) {
    wire::vkEnumerateDeviceExtensionProperties_args args;
    args.physicalDevice.id = client.physical_device;
    args.pPropertyCount = &count;
    args.pProperties = out;
    EXPECT_TRUE(client.call(args));
    EXPECT_EQ(args.ret, VK_SUCCESS);
    if (out != nullptr) std::copy_n(args.pProperties, *args.pPropertyCount, out);
    return *args.pPropertyCount;
  }
  bool has_extension(std::string_view name) {
    std::vector<VkExtensionProperties> list(1000);
    list.resize(extensions(1000, list.data()));
    return contains(list, name);
  }
  std::uint32_t version() {
    VkPhysicalDeviceProperties properties{};
    wire::vkGetPhysicalDeviceProperties_args args;
    args.physicalDevice.id = client.physical_device;
    args.pProperties = &properties;
    EXPECT_TRUE(client.call(args));
    return args.pProperties->apiVersion;
  }
  std::uint32_t families(std::uint32_t count, VkQueueFamilyProperties2* out) {
    wire::vkGetPhysicalDeviceQueueFamilyProperties2_args args;
    args.physicalDevice.id = client.physical_device;
    args.pQueueFamilyPropertyCount = &count;
    args.pQueueFamilyProperties = out;
    EXPECT_TRUE(client.call(args));
    return *args.pQueueFamilyPropertyCount;
  }
};

TEST(SpareUploads, CountsAreLargerThanTheListsBehindThem) {
  Lists lists(true);
  const std::uint32_t told = lists.extensions(0, nullptr);
  EXPECT_EQ(told, told_count(0, kRepliedExtension));
  std::vector<VkExtensionProperties> extensions(told);
  EXPECT_LT(lists.extensions(told, extensions.data()), 300u);

  EXPECT_EQ(lists.families(0, nullptr), told_count(0, kRepliedQueueFamily));
  std::vector<VkQueueFamilyProperties2> families(5, {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2});
  EXPECT_LE(lists.families(5, families.data()), 5u);
}

TEST(SpareUploads, CountsAreTheListsOtherwise) {
  Lists lists(false);
  const std::uint32_t told = lists.extensions(0, nullptr);
  std::vector<VkExtensionProperties> extensions(told + 1);
  EXPECT_EQ(lists.extensions(told + 1, extensions.data()), told);
  EXPECT_LT(lists.families(0, nullptr), 100u);
}

// Each thread that sends a large command of its own needs memory that no other one has; those are its shaders.
TEST(InlineShaders, AreOfferedOnlyWhereMesaDoesNotWaitForItself) {
  for (const bool blobs_first : {false, true}) {
    for (const bool wanted : {false, true}) {
      Lists lists(blobs_first, wanted);
      const bool offered = !blobs_first || wanted;
      EXPECT_EQ(lists.has_extension(VK_KHR_MAINTENANCE_5_EXTENSION_NAME), offered) << blobs_first;
      EXPECT_EQ(lists.has_extension(VK_EXT_GRAPHICS_PIPELINE_LIBRARY_EXTENSION_NAME), offered) << blobs_first;
      EXPECT_TRUE(lists.has_extension(VK_KHR_PIPELINE_LIBRARY_EXTENSION_NAME));
      EXPECT_EQ(lists.version(), offered ? VK_API_VERSION_1_4 : VK_API_VERSION_1_3);
    }
  }
}

}  // namespace
}  // namespace hesper::render::test
