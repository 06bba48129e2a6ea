// The statements that shapes of fields become.
#include "emit.h"

#include <gmock/gmock.h>

#include "small_registry.h"

namespace wiregen {
namespace {

using testing::HasSubstr;

std::string command_code(const Registry& registry) {
  return all_of(emit_commands(registry, planned(registry, numbered(registry))));
}

TEST(Emit, NeighbouringScalarsAreTakenTogether) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>void</type> <name>vkCmdDo</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param><type>uint32_t</type> <name>a</name></param>
      <param><type>VkThingFlags</type> <name>b</name></param>
      <param optional="true"><type>VkThing</type> <name>thing</name></param>
      <param><type>float</type> <name>c</name></param></command>)");
  EXPECT_EQ(body_of(command_code(registry), "void decode_request(Decoder& dec, vkCmdDo_args& args)"),
            "  args.device = dec.ref<VkDevice>(VK_OBJECT_TYPE_DEVICE, true);\n"
            "  dec.take_all(args.a, args.b);\n"
            "  args.thing = dec.ref<VkThing>(VK_OBJECT_TYPE_THING, false);\n"
            "  dec.take_all(args.c);\n");
}

TEST(Emit, CountedOutputsTravelBothWays) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>VkResult</type> <name>vkGet</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param optional="false,true"><type>uint32_t</type>* <name>pCount</name></param>
      <param optional="true" len="pCount"><type>uint64_t</type>* <name>pValues</name></param></command>)");
  const std::string code = command_code(registry);
  EXPECT_EQ(body_of(code, "void decode_request(Decoder& dec, vkGet_args& args)"),
            "  args.device = dec.ref<VkDevice>(VK_OBJECT_TYPE_DEVICE, true);\n"
            "  args.pCount = decode_pointer<uint32_t>(dec, dec.required_marker());\n"
            "  args.pValues = output_array<uint64_t>(dec, dec.optional_array_count(counted(args.pCount)));\n");
  EXPECT_EQ(body_of(code, "void encode_reply(Encoder& enc, const vkGet_args& args)"),
            "  enc.put(vkGet_args::kType);\n"
            "  enc.put(args.ret);\n"
            "  encode_pointer(enc, args.pCount);\n"
            "  encode_array(enc, args.pValues, counted(args.pCount));\n");
}

TEST(Emit, CreatedHandlesHaveIdsBesideThem) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>VkResult</type> <name>vkCreateThing</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param optional="true">const <type>VkAllocationCallbacks</type>* <name>pAllocator</name></param>
      <param><type>VkThing</type>* <name>pThing</name></param></command>)");
  const std::string code = command_code(registry);
  EXPECT_THAT(code, HasSubstr("  VkThing* pThing = nullptr;\n  ObjectId* pThing_ids = nullptr;\n"));
  EXPECT_EQ(body_of(code, "void decode_request(Decoder& dec, vkCreateThing_args& args)"),
            "  args.device = dec.ref<VkDevice>(VK_OBJECT_TYPE_DEVICE, true);\n"
            "  dec.expect_null();\n"
            "  decode_new_ids(dec, args.pThing, args.pThing_ids, std::size_t{dec.required_marker()});\n");

  const std::string dispatch = all_of(emit_dispatch(registry, planned(registry, numbered(registry))));
  const std::string run = body_of(dispatch, "void run_vkCreateThing(CommandStream& stream)");
  EXPECT_THAT(run, HasSubstr("call(args.device.handle, nullptr, args.pThing)"));
  EXPECT_THAT(run, HasSubstr("stream.failed(args.device.state, VK_OBJECT_TYPE_THING, id);"));
}

TEST(Emit, DestroysForgetTheIdFirst) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>void</type> <name>vkDestroyThing</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param optional="true"><type>VkThing</type> <name>thing</name></param>
      <param optional="true">const <type>VkAllocationCallbacks</type>* <name>pAllocator</name></param></command>)");
  const std::string dispatch = all_of(emit_dispatch(registry, planned(registry, numbered(registry))));
  const std::string run = body_of(dispatch, "void run_vkDestroyThing(CommandStream& stream)");
  const std::size_t forget = run.find("stream.destroyed(args.kType, args.thing)");
  const std::size_t destroy = run.find("call(args.device.handle, args.thing.handle, nullptr)");
  ASSERT_NE(destroy, std::string::npos);
  EXPECT_LT(forget, destroy);
}

TEST(Emit, PartialFormsSkipWhatTheHostFillsIn) {
  const Registry registry = small_registry(R"(
    <type category="struct" name="VkPair"><member><type>uint64_t</type> <name>x</name></member></type>
    <type category="struct" name="VkProperties">
      <member values="VK_STRUCTURE_TYPE_PROPERTIES"><type>VkStructureType</type> <name>sType</name></member>
      <member><type>void</type>* <name>pNext</name></member>
      <member><type>uint32_t</type> <name>plain</name></member>
      <member><type>VkPair</type> <name>pairs</name>[2]</member>
      <member><type>uint8_t</type> <name>uuid</name>[<enum>VK_UUID_SIZE</enum>]</member>
      <member optional="true"><type>uint32_t</type> <name>listCount</name></member>
      <member optional="true" len="listCount"><type>float</type>* <name>pList</name></member>
    </type>)",
                                           R"(
    <command><proto><type>void</type> <name>vkGet</name></proto>
      <param><type>VkDevice</type> <name>device</name></param>
      <param><type>VkProperties</type>* <name>pProperties</name></param></command>)");
  const std::string code = all_of(emit_structs(registry, planned(registry, numbered(registry))));
  EXPECT_EQ(body_of(code, "void decode_partial(Decoder& dec, VkProperties& v)"),
            "  dec.expect_stype(VK_STRUCTURE_TYPE_PROPERTIES);\n"
            "  v.sType = VK_STRUCTURE_TYPE_PROPERTIES;\n"
            "  v.pNext = decode_chain(dec, {}, Form::partial);\n"
            "  decode_partial_fixed(dec, v.pairs);\n"
            "  dec.take_all(v.listCount);\n"
            "  v.pList = output_array<float>(dec, dec.optional_array_count(number(v.listCount)));\n");
}

TEST(Emit, TheMaskHasTheBitsOfAnnouncedExtensions) {
  const Registry registry = small_registry("", "", R"(
    <extension name="VK_KHR_a" number="33" supported="vulkan"/>)");
  Tables tables;
  tables.extensions = {{"VK_KHR_a", 33, 1}};
  EXPECT_THAT(all_of(emit_names(registry, planned(registry, tables))), HasSubstr("  0x00000001,\n  0x00000002,\n"));
}

TEST(Emit, FunctionsFallBackToTheirAliases) {
  const Registry registry = small_registry("", R"(
    <command><proto><type>void</type> <name>vkDo</name></proto>
      <param><type>VkDevice</type> <name>device</name></param></command>
    <command name="vkDoKHR" alias="vkDo"/>)");
  EXPECT_THAT(all_of(emit_procs(registry, planned(registry, numbered(registry)))),
              HasSubstr(R"(find(look_up, device, procs.vkDo, {"vkDo", "vkDoKHR"});)"));
}

}  // namespace
}  // namespace wiregen
