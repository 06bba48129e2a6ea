// The tables that tests read: what fields look like, and what a number must be because others depend on it.
#include <gmock/gmock.h>

#include "emit.h"
#include "small_registry.h"

namespace wiregen {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kInfo = R"(
  <type category="struct" name="VkInfo">
    <member values="VK_STRUCTURE_TYPE_INFO"><type>VkStructureType</type> <name>sType</name></member>
    <member optional="true">const <type>void</type>* <name>pNext</name></member>
    <member><type>size_t</type> <name>codeSize</name></member>
    <member len="codeSize / 4">const <type>uint32_t</type>* <name>pCode</name></member>
    <member optional="true"><type>VkThing</type> <name>thing</name></member></type>)";

std::string tables(std::string_view types, std::string_view commands) {
  const Registry registry = small_registry(types, commands);
  return all_of(emit_reflection(registry, planned(registry, numbered(registry))));
}

// The descriptor of one field.
std::string line_with(const std::string& text, const std::string& start) {
  const std::size_t from = text.find(start);
  if (from == std::string::npos) return "nothing with " + start;
  return text.substr(from, text.find('\n', from) - from);
}

constexpr std::string_view kCreate = R"(
  <command><proto><type>VkResult</type> <name>vkCreateThing</name></proto>
    <param><type>VkDevice</type> <name>device</name></param>
    <param>const <type>VkInfo</type>* <name>pInfo</name></param>
    <param optional="true">const <type>VkAllocationCallbacks</type>* <name>pAllocator</name></param>
    <param><type>VkThing</type>* <name>pThing</name></param></command>)";

TEST(Reflection, LengthsSayWhatTheirCountsMustBe) {
  const std::string text = tables(kInfo, kCreate);
  EXPECT_THAT(line_with(text, ".name = \"codeSize\""), HasSubstr(".role = Role::count_of_bytes"));
  EXPECT_THAT(line_with(text, ".name = \"pCode\""),
              AllOf(HasSubstr(".shape = Shape::array"), HasSubstr("return number(v.codeSize) / 4;")));
}

TEST(Reflection, HandlesSayWhetherTheyMayBeNull) {
  const std::string text = tables(kInfo, kCreate);
  EXPECT_THAT(line_with(text, ".name = \"device\""),
              AllOf(HasSubstr(".object_type = VK_OBJECT_TYPE_DEVICE"), HasSubstr(".required_handle = true")));
  EXPECT_THAT(line_with(text, ".name = \"thing\""), Not(HasSubstr(".required_handle")));
}

TEST(Reflection, OutputsAndAllocatorsAreTold) {
  const std::string text = tables(kInfo, kCreate);
  EXPECT_THAT(line_with(text, ".name = \"pThing\""), HasSubstr(".output = true"));
  EXPECT_THAT(line_with(text, ".name = \"pInfo\""), Not(HasSubstr(".output")));
  EXPECT_THAT(line_with(text, ".name = \"pAllocator\""), HasSubstr(".kind = Kind::host_pointer"));
}

TEST(Reflection, CommandsKnowTheirResults) {
  const std::string text = tables(kInfo, R"(
  <command successcodes="VK_SUCCESS,VK_INCOMPLETE" errorcodes="VK_ERROR_UNKNOWN">
    <proto><type>VkResult</type> <name>vkCreateThing</name></proto>
    <param><type>VkDevice</type> <name>device</name></param></command>)");
  EXPECT_THAT(text, HasSubstr("kSuccessesOf_vkCreateThing[] = {\n  VK_SUCCESS,\n  VK_INCOMPLETE,\n};"));
  EXPECT_THAT(text, HasSubstr("kErrorsOf_vkCreateThing[] = {\n  VK_ERROR_UNKNOWN,\n};"));
}

TEST(Reflection, EveryFunctionOfTheHostIsFaked) {
  const std::string text = tables(kInfo, kCreate);
  EXPECT_EQ(body_of(text,
                    "VKAPI_ATTR VkResult VKAPI_CALL call_vkCreateThing(VkDevice device, const VkInfo* pInfo, "
                    "const VkAllocationCallbacks* pAllocator, VkThing* pThing)"),
            "  vkCreateThing_params params;\n"
            "  params.device = device;\n"
            "  params.pInfo = pInfo;\n"
            "  params.pAllocator = pAllocator;\n"
            "  params.pThing = pThing;\n"
            "  run(kvkCreateThing, &params);\n"
            "  return params.ret;\n");
}

}  // namespace
}  // namespace wiregen
