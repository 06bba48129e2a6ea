// Emitter of wire/names_gen.cpp: names for people, and what the capset announces. Declarations: src/wire/names.h.
#include <algorithm>
#include <tuple>

#include "emit.h"
#include "text.h"

namespace wiregen {
namespace {

void write_commands(Text& text, const Plan& plan) {
  text.open("constexpr std::string_view kCommandNames[] = {{");
  const std::uint32_t count = plan.command_names.empty() ? 0 : plan.command_names.rbegin()->first + 1;
  for (std::uint32_t number = 0; number < count; ++number) {
    const auto at = plan.command_names.find(number);
    text.line("\"{}\",", at == plan.command_names.end() ? "" : at->second);
  }
  text.close("};");
  text.blank();
  text.line("}}  // namespace");
  text.blank();
  text.open("std::string_view command_name(std::uint32_t type) noexcept {{");
  text.line("if (type >= std::size(kCommandNames) || kCommandNames[type].empty()) return \"unknown command\";");
  text.line("return kCommandNames[type];");
  text.close();
  text.blank();
  text.open("std::string_view refusal(std::uint32_t type) noexcept {{");
  text.open("switch (type) {{");
  for (const auto& [number, reason] : plan.refused) text.line("case {}: return \"{}\";", number, reason);
  text.line("default: return {{}};");
  text.close();
  text.close();
}

void write_structs(Text& text, const Plan& plan) {
  text.open("std::string_view struct_name(std::uint32_t stype) noexcept {{");
  text.open("switch (stype) {{");
  for (const auto& [name, entry] : plan.structs) {
    if (!entry.type->stype().empty()) text.line("case {}: return \"{}\";", entry.type->stype(), name);
  }
  text.line("default: return \"unknown struct\";");
  text.close();
  text.close();
}

void write_capset(Text& text, const Registry& registry, const Plan& plan) {
  std::uint32_t mask[32] = {1};  // bit 0: the mask is valid
  text.open("constexpr ProtocolExtension kExtensions[] = {{");
  for (const ProtocolExtension& extension : plan.extensions) {
    text.line("{{\"{}\", {}, {}}},", extension.name, extension.spec_version, extension.number);
    mask[extension.number / 32 % 32] |= 1u << extension.number % 32;
  }
  text.close("};");
  text.blank();
  text.open("constexpr std::uint32_t kExtensionMask[32] = {{");
  for (const std::uint32_t word : mask) text.line("{:#010x},", word);
  text.close("};");
  text.blank();
  text.line("}}  // namespace");
  text.blank();
  text.line("std::span<const ProtocolExtension> protocol_extensions() noexcept {{ return kExtensions; }}");
  text.line("std::span<const std::uint32_t, 32> extension_mask() noexcept {{ return kExtensionMask; }}");
  // A client may send what the lower of both versions has.
  const auto installed = std::tie(registry.major, registry.minor, registry.patch);
  const auto protocol = std::tie(registry.venus_major, registry.venus_minor, registry.venus_patch);
  const auto [major, minor, patch] = std::min(installed, protocol);
  text.line("std::uint32_t vk_xml_version() noexcept {{ return VK_MAKE_API_VERSION(0, {}, {}, {}); }}", major, minor,
            patch);
}

}  // namespace

Files emit_names(const Registry& registry, const Plan& plan) {
  Text text;
  text.line("#include \"wire/names.h\"");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("#include <iterator>");
  text.blank();
  text.line("#include \"wire/venus_types_gen.h\"");
  text.blank();
  text.line("namespace hesper::wire {{");
  text.line("namespace {{");
  text.blank();
  write_commands(text, plan);
  text.blank();
  write_structs(text, plan);
  text.blank();
  text.line("namespace {{");
  text.blank();
  write_capset(text, registry, plan);
  text.blank();
  text.line("}}  // namespace hesper::wire");
  return {
      {.path = "wire/names_gen.cpp",
       .content = first_line(registry, "Names of commands and structs, and the announced extensions.") + text.str()}};
}

Files emit_left_out(const Plan& plan) {
  Text text;
  for (const LeftOut& item : plan.left_out) text.line("{}: {}", item.name, item.reason);
  return {{.path = "wire/left_out.txt", .content = text.str()}};
}

}  // namespace wiregen
