// Reading vk.xml's format.
#include "registry.h"

#include <gtest/gtest.h>

#include "small_registry.h"

namespace wiregen {
namespace {

TEST(Registry, ReadsDeclarations) {
  const Registry registry = small_registry(R"(
    <type category="struct" name="VkInfo">
      <member values="VK_STRUCTURE_TYPE_INFO"><type>VkStructureType</type> <name>sType</name></member>
      <member optional="true">const <type>void</type>* <name>pNext</name></member>
      <member><type>char</type> <name>text</name>[<enum>VK_MAX_SIZE</enum>]<comment>a * b : c</comment></member>
      <member len="count,null-terminated" optional="true">const <type>char</type>* const* <name>names</name></member>
      <member len="latexmath:[x]" altlen="(samples + 31) / 32"><type>uint32_t</type>* <name>mask</name></member>
      <member><type>uint32_t</type> <name>bits</name>:24</member>
      <member optional="false,true" len="count">const <type>VkThing</type>* <name>things</name></member>
    </type>)",
                                           "");
  const Struct& info = registry.structs.at("VkInfo");
  ASSERT_EQ(info.members.size(), 7u);
  EXPECT_EQ(info.stype(), "VK_STRUCTURE_TYPE_INFO");
  EXPECT_EQ(info.members[2].dimension, "VK_MAX_SIZE");
  EXPECT_EQ(info.members[2].pointers, 0) << "Comments are not part of a declaration.";
  EXPECT_FALSE(info.members[2].bit_field);
  EXPECT_EQ(info.members[3].pointers, 2);
  EXPECT_TRUE(info.members[3].is_const);
  EXPECT_EQ(info.members[3].length, "count");
  EXPECT_EQ(info.members[3].inner_length, "null-terminated");
  EXPECT_EQ(info.members[4].length, "(samples + 31) / 32");
  EXPECT_TRUE(info.members[5].bit_field);
  EXPECT_FALSE(info.members[6].optional);
  EXPECT_TRUE(info.members[6].elements_optional);
  EXPECT_EQ(registry.patch, 309);
  EXPECT_EQ(registry.minor, 4);
}

TEST(Registry, SkipsOtherApis) {
  const Registry registry = small_registry(R"(
    <type category="struct" name="VkInfo"><member><type>float</type> <name>value</name></member></type>
    <type category="struct" name="VkInfo" api="vulkansc"/>
    <type category="struct" name="VkBoth">
      <member api="vulkan,vulkanbase"><type>float</type> <name>ours</name></member>
      <member api="vulkansc"><type>float</type> <name>theirs</name></member>
    </type>)",
                                           "", R"(
    <extension name="VK_KHR_ours" number="7" supported="vulkan"/>
    <extension name="VK_KHR_disabled" number="8" supported="disabled"/>)");
  EXPECT_EQ(registry.structs.at("VkInfo").members.size(), 1u);
  EXPECT_EQ(registry.structs.at("VkBoth").members.size(), 1u);
  EXPECT_TRUE(registry.extensions.contains("VK_KHR_ours"));
  EXPECT_FALSE(registry.extensions.contains("VK_KHR_disabled"));
}

TEST(Registry, FollowsAliases) {
  const Registry registry = small_registry(R"(
    <type category="struct" name="VkInfo"/>
    <type category="struct" name="VkInfoEXT" alias="VkInfoKHR"/>
    <type category="struct" name="VkInfoKHR" alias="VkInfo"/>)",
                                           R"(
    <command><proto><type>void</type> <name>vkDo</name></proto></command>
    <command name="vkDoKHR" alias="vkDo"/>)");
  EXPECT_EQ(registry.find_struct("VkInfoEXT")->name, "VkInfo");
  EXPECT_EQ(registry.commands.at("vkDo").aliases, std::vector<std::string>{"vkDoKHR"});
}

TEST(Registry, KnowsWhichVersionBroughtACommand) {
  Registry registry;
  const auto parsed = parse_xml(R"(<registry>
    <feature api="vulkan,vulkansc" name="VK_VERSION_1_1" number="1.1"><require>
      <command name="vkDo"/></require></feature>
    <feature api="vulkansc" name="VKSC_VERSION_1_0" number="1.0"><require>
      <command name="vkDoSC"/></require></feature></registry>)",
                                false, registry);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(registry.command_versions.at("vkDo"), "1.1");
  EXPECT_FALSE(registry.command_versions.contains("vkDoSC"));
}

TEST(Registry, NumbersEnumeratorsOfVenusExtensions) {
  Registry registry;
  const auto parsed = parse_xml(R"(<registry><extensions>
    <extension name="VK_MESA_venus_protocol" number="385" supported="vulkan"><require>
      <enum value="4" name="VK_MESA_VENUS_PROTOCOL_SPEC_VERSION"/>
      <enum offset="5" extends="VkStructureType" name="VK_STRUCTURE_TYPE_X_MESA"/>
    </require></extension></extensions></registry>)",
                                true, registry);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(registry.venus_enums.at("VK_STRUCTURE_TYPE_X_MESA"), 1000384005);
  EXPECT_EQ(registry.extensions.at("VK_MESA_venus_protocol").spec_version, 4u);
}

TEST(Registry, AnOlderSpellingOfAVersionDoesNotCount) {
  Registry registry;
  const auto parsed = parse_xml(R"(<registry><extensions>
    <extension name="VK_KHR_maintenance1" number="70" supported="vulkan"><require>
      <enum value="2" name="VK_KHR_MAINTENANCE_1_SPEC_VERSION"/>
      <enum name="VK_KHR_MAINTENANCE1_SPEC_VERSION" alias="VK_KHR_MAINTENANCE_1_SPEC_VERSION"/>
    </require></extension></extensions></registry>)",
                                false, registry);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(registry.extensions.at("VK_KHR_maintenance1").spec_version, 2u);
}

TEST(Registry, SaysWhyAFileIsNotRead) {
  Registry registry;
  EXPECT_EQ(parse_xml("<types/>", false, registry).error(), "The XML has no element <registry>.");
  EXPECT_TRUE(parse_xml("<registry>", false, registry).error().starts_with("The XML cannot be parsed: "));
  EXPECT_EQ(read_xml("/nowhere/vk.xml", false, registry).error(), "The file /nowhere/vk.xml cannot be read.");
}

}  // namespace
}  // namespace wiregen
