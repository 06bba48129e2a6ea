// A registry of a few lines for the generator's tests: tests add types and commands to what every command needs.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "emit.h"
#include "plan.h"
#include "registry.h"
#include "tables.h"

namespace wiregen {

inline constexpr std::string_view kBasicTypes = R"(
  <type category="define">#define <name>VK_HEADER_VERSION</name> 309</type>
  <type category="define">#define <name>VK_HEADER_VERSION_COMPLETE</name> <type>VK_MAKE_API_VERSION</type>(0, 1, 4, VK_HEADER_VERSION)</type>
  <type category="basetype">typedef <type>uint32_t</type> <name>VkFlags</name>;</type>
  <type category="bitmask">typedef <type>VkFlags</type> <name>VkThingFlags</name>;</type>
  <type category="enum" name="VkStructureType"/>
  <type category="enum" name="VkResult"/>
  <type category="handle" objtypeenum="VK_OBJECT_TYPE_DEVICE"><type>VK_DEFINE_HANDLE</type>(<name>VkDevice</name>)</type>
  <type category="handle" objtypeenum="VK_OBJECT_TYPE_THING"><type>VK_DEFINE_NON_DISPATCHABLE_HANDLE</type>(<name>VkThing</name>)</type>
)";

// The error of the reader is a test failure.
inline Registry small_registry(std::string_view types, std::string_view commands, std::string_view extensions = "") {
  Registry registry;
  std::string text = "<registry><types>";
  text.append(kBasicTypes).append(types).append("</types><commands>").append(commands);
  text.append("</commands><extensions>").append(extensions).append("</extensions></registry>");
  const auto parsed = parse_xml(text, false, registry);
  EXPECT_TRUE(parsed.has_value()) << parsed.error();
  return registry;
}

// All commands of the registry, numbered in the order of their names.
inline Tables numbered(const Registry& registry) {
  Tables tables;
  std::uint32_t number = 0;
  for (const auto& [name, command] : registry.commands) tables.commands[number++] = {name};
  return tables;
}

inline Plan planned(const Registry& registry, const Tables& tables) {
  auto plan = make_plan(registry, tables);
  EXPECT_TRUE(plan.has_value()) << plan.error();
  return plan.has_value() ? *plan : Plan{};
}

// All generated files of one emitter as one text.
inline std::string all_of(const Files& files) {
  std::string text;
  for (const File& file : files) text += file.content;
  return text;
}

// The body of the C++ function whose first line ends in `signature` and an opening brace.
inline std::string body_of(const std::string& text, const std::string& signature) {
  const std::size_t start = text.find(signature + " {\n");
  if (start == std::string::npos) return "no function " + signature;
  const std::size_t from = start + signature.size() + 3;
  return text.substr(from, text.find("\n}\n", from) + 1 - from);
}

}  // namespace wiregen
