// What is generated, what is left out, and why.
#include "plan.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "small_registry.h"

namespace wiregen {
namespace {

constexpr std::string_view kInfo = R"(
  <type category="struct" name="VkInfo">
    <member values="VK_STRUCTURE_TYPE_INFO"><type>VkStructureType</type> <name>sType</name></member>
    <member>const <type>void</type>* <name>pNext</name></member>
    <member><type>uint32_t</type> <name>value</name></member>
  </type>
  <type category="struct" name="VkMoreInfoEXT">
    <member values="VK_STRUCTURE_TYPE_MORE_INFO_EXT"><type>VkStructureType</type> <name>sType</name></member>
    <member>const <type>void</type>* <name>pNext</name></member>
    <member><type>uint32_t</type> <name>value</name></member>
  </type>)";
constexpr std::string_view kUseInfo = R"(
  <command><proto><type>void</type> <name>vkUse</name></proto>
    <param><type>VkDevice</type> <name>device</name></param>
    <param>const <type>VkInfo</type>* <name>pInfo</name></param></command>)";

std::string reason(const Plan& plan, std::string_view name) {
  const auto at = std::ranges::find(plan.left_out, name, &LeftOut::name);
  return at == plan.left_out.end() ? "not left out" : at->reason;
}

TEST(Plan, TakesCommandsThatHaveANumberAndExist) {
  const Registry registry = small_registry(kInfo, kUseInfo);
  Tables tables;
  tables.commands = {{3, {"vkUse"}}, {4, {"vkNewer"}}};
  const Plan plan = planned(registry, tables);
  ASSERT_EQ(plan.commands.size(), 1u);
  EXPECT_EQ(plan.commands[0].number, 3u);
  EXPECT_TRUE(plan.structs.at("VkInfo").direct);
  EXPECT_EQ(plan.command_names.at(4), "vkNewer");
  EXPECT_EQ(reason(plan, "vkNewer"), "the installed vk.xml does not know it");
}

TEST(Plan, OneNumberOfSeveralNamesIsTheCoreCommand) {
  const Registry registry =
      small_registry(kInfo, std::string(kUseInfo) + R"(<command name="vkUseKHR" alias="vkUse"/>)");
  Tables tables;
  tables.commands = {{3, {"vkUseKHR", "vkUse"}}};
  EXPECT_EQ(planned(registry, tables).commands.at(0).command->name, "vkUse");
}

TEST(Plan, ChainsAreOfTheRoot) {
  const Registry registry = small_registry(kInfo, kUseInfo);
  Tables tables = numbered(registry);
  tables.chains = {{"VkInfo", {"VkMoreInfoKHR", "VkUnknownInfo"}}};
  const Plan plan = planned(registry, tables);
  ASSERT_EQ(plan.structs.at("VkInfo").chain.size(), 1u);
  EXPECT_EQ(plan.structs.at("VkInfo").chain[0]->name, "VkMoreInfoEXT") << "A struct keeps its name until promotion.";
  EXPECT_TRUE(plan.structs.at("VkMoreInfoEXT").chained);
  EXPECT_FALSE(plan.structs.at("VkMoreInfoEXT").direct);
  EXPECT_EQ(reason(plan, "VkUnknownInfo"), "the installed vk.xml does not know it");
}

TEST(Plan, OutputStructsTakeTheirChainsWithThem) {
  const Registry registry = small_registry(kInfo, R"(
    <command><proto><type>void</type> <name>vkGet</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param><type>VkInfo</type>* <name>pInfo</name></param></command>)");
  Tables tables = numbered(registry);
  tables.chains = {{"VkInfo", {"VkMoreInfoEXT"}}};
  const Plan plan = planned(registry, tables);
  EXPECT_TRUE(plan.structs.at("VkInfo").output);
  EXPECT_TRUE(plan.structs.at("VkMoreInfoEXT").output);
}

struct Case {
  const char* name;
  const char* member;
  const char* reason;
};

TEST(Plan, LeavesOutWhatHasNoEncoding) {
  const Case cases[] = {
      {"bit field", R"(<member><type>uint32_t</type> <name>x</name>:8</member>)", "uint32_t x is a bit field"},
      {"matrix", R"(<member><type>float</type> <name>x</name>[3][4]</member>)", "float x has two dimensions"},
      {"host pointer", R"(<member><type>void</type>* <name>x</name></member>)", "void x is a pointer without length"},
      {"window", R"(<member><type>HWND</type> <name>x</name></member>)", "HWND x is of an unknown type"},
      {"list of lists", R"(<member len="n">const <type>float</type>* const* <name>x</name></member>)",
       "float x is an array of arrays"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.name);
    const Registry registry =
        small_registry(std::string(R"(<type category="struct" name="VkInfo">)") + row.member + "</type>", kUseInfo);
    const Plan plan = planned(registry, numbered(registry));
    EXPECT_TRUE(plan.commands.empty());
    EXPECT_EQ(reason(plan, "vkUse"), row.reason);
  }
}

TEST(Plan, SeveralObjectsAtOnceNeedAHandlerByHand) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>VkResult</type> <name>vkAllocateThings</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param><type>uint32_t</type> <name>count</name></param>
      <param len="count"><type>VkThing</type>* <name>pThings</name></param></command>)");
  Tables tables = numbered(registry);
  EXPECT_TRUE(planned(registry, tables).commands.empty());
  tables.by_hand = {"vkAllocateThings"};
  EXPECT_EQ(planned(registry, tables).commands.size(), 1u);
}

TEST(Plan, AnnouncesExtensionsWithTheLowerVersion) {
  const Registry registry = small_registry(kInfo, kUseInfo, R"(
    <extension name="VK_EXT_more" number="9" supported="vulkan"><require>
      <enum value="5" name="VK_EXT_MORE_SPEC_VERSION"/><type name="VkMoreInfoEXT"/></require></extension>)");
  Tables tables = numbered(registry);
  tables.extensions = {{"VK_EXT_newer", 10, 1}, {"VK_EXT_more", 9, 3}};
  const Plan plan = planned(registry, tables);
  ASSERT_EQ(plan.extensions.size(), 1u);
  EXPECT_EQ(plan.extensions[0].name, "VK_EXT_more");
  EXPECT_EQ(plan.extensions[0].spec_version, 3u);
  EXPECT_EQ(reason(plan, "VK_EXT_newer"), "the installed vk.xml does not know it");
}

TEST(Plan, DoesNotAnnounceAnExtensionThatItCannotDecode) {
  const Registry registry = small_registry(R"(
    <type category="struct" name="VkHostInfoEXT">
      <member values="VK_STRUCTURE_TYPE_HOST_INFO_EXT"><type>VkStructureType</type> <name>sType</name></member>
      <member>const <type>void</type>* <name>pNext</name></member>
      <member><type>void</type>* <name>pHost</name></member>
    </type>
    <type category="struct" name="VkInfo"><member><type>float</type> <name>x</name></member></type>)",
                                           std::string(kUseInfo) + R"(
    <command><proto><type>void</type> <name>vkHostEXT</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param>const <type>VkHostInfoEXT</type>* <name>pInfo</name></param></command>)",
                                           R"(
    <extension name="VK_EXT_host" number="9" supported="vulkan"><require>
      <type name="VkHostInfoEXT"/></require></extension>
    <extension name="VK_EXT_host_command" number="10" supported="vulkan"><require>
      <command name="vkHostEXT"/></require></extension>)");
  Tables tables = numbered(registry);
  tables.chains = {{"VkInfo", {"VkHostInfoEXT"}}};
  tables.extensions = {{"VK_EXT_host", 9, 1}, {"VK_EXT_host_command", 10, 1}};
  const Plan plan = planned(registry, tables);
  EXPECT_TRUE(plan.extensions.empty());
  EXPECT_EQ(reason(plan, "VK_EXT_host"), "VkHostInfoEXT is left out");
  EXPECT_EQ(reason(plan, "VK_EXT_host_command"), "vkHostEXT is left out");
}

TEST(Plan, RefusedCommandsKeepTheirReasonAndHostFunctionsTheirLevel) {
  const Registry registry = small_registry(kInfo, std::string(kUseInfo) + R"(
    <command><proto><type>void</type> <name>vkWait</name></proto>
      <param><type>VkDevice</type> <name>device</name></param></command>)");
  Tables tables = numbered(registry);
  tables.refused = {{"vkWait", "clients wait on fences"}};
  tables.host_only = {"vkWait"};
  const Plan plan = planned(registry, tables);
  EXPECT_EQ(plan.commands.size(), 1u);
  EXPECT_EQ(plan.refused.at(1), "clients wait on fences");
  EXPECT_EQ(plan.host_functions.at(Level::device).size(), 2u);
}

TEST(Plan, RefusesNamesThatTheProtocolDoesNotHave) {
  const Registry registry = small_registry(kInfo, kUseInfo);
  Tables tables = numbered(registry);
  tables.by_hand = {"vkTypo"};
  EXPECT_EQ(make_plan(registry, tables).error(), "commands.toml: vkTypo is not a command of the protocol.");
}

}  // namespace
}  // namespace wiregen
