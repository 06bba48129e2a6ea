// Names and the capset's extension mask.
#include "wire/names.h"

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <string_view>

#include "coding.h"

namespace hesper::wire {
namespace {

bool announced(std::uint32_t number) { return (extension_mask()[number / 32] >> number % 32 & 1u) != 0; }

TEST(Names, Commands) {
  EXPECT_EQ(command_name(0), "vkCreateInstance");
  EXPECT_EQ(command_name(0xc0), "vkGetMemoryResourcePropertiesMESA");
  EXPECT_EQ(command_name(195), "unknown command") << "The protocol does not use this number.";
  EXPECT_EQ(command_name(346), "unknown command");
  EXPECT_EQ(command_name(UINT32_MAX), "unknown command");
}

TEST(Names, CommandsThatAreRefusedHaveAReason) {
  EXPECT_NE(refusal(static_cast<std::uint32_t>(CommandType::vkQueueWaitIdle)), "");
  EXPECT_NE(refusal(static_cast<std::uint32_t>(CommandType::vkMapMemory)), "");
  EXPECT_EQ(refusal(static_cast<std::uint32_t>(CommandType::vkCmdDraw)), "");
  EXPECT_EQ(refusal(UINT32_MAX), "");
}

TEST(Names, Structs) {
  EXPECT_EQ(struct_name(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO), "VkBufferCreateInfo");
  EXPECT_EQ(struct_name(1000384000), "VkRingCreateInfoMESA");
  EXPECT_EQ(struct_name(VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR), "unknown struct");
}

TEST(Names, TheMaskListsTheProtocolItself) {
  EXPECT_TRUE(announced(0)) << "Without bit 0 a client takes every extension for decodable.";
  EXPECT_TRUE(announced(384));
  EXPECT_TRUE(announced(385));
}

TEST(Names, TheMaskAndTheListAgree) {
  std::size_t bits = 0;
  for (const std::uint32_t word : extension_mask()) bits += static_cast<std::size_t>(std::popcount(word));
  EXPECT_EQ(bits, protocol_extensions().size() + 1);
  for (const ProtocolExtension& extension : protocol_extensions())
    EXPECT_TRUE(announced(extension.number)) << extension.name;
}

TEST(Names, SwapchainsAreTheClientsOwn) {
  EXPECT_TRUE(std::ranges::none_of(protocol_extensions(), [](const ProtocolExtension& extension) {
    return std::string_view(extension.name) == VK_KHR_SWAPCHAIN_EXTENSION_NAME;
  }));
}

TEST(Names, TheXmlVersionIsNoNewerThanTheProtocols) {
  EXPECT_GE(vk_xml_version(), VK_API_VERSION_1_1);
  EXPECT_LE(vk_xml_version(), VK_MAKE_API_VERSION(0, 1, 4, 343));
}

}  // namespace
}  // namespace hesper::wire
