// Emitter of wire/schema_gen.cpp: the shapes of requests as tables. Declarations: src/wire/schema.h.
#include <map>
#include <set>

#include "emit.h"
#include "fields.h"
#include "quirks.h"
#include "text.h"

namespace wiregen {
namespace {

class SchemaEmitter {
 public:
  SchemaEmitter(Text& text, const Registry& registry, const Plan& plan)
      : text_(text), registry_(registry), plan_(plan) {}

  void write() {
    for (const auto& [name, entry] : plan_.structs) {
      if (hand_written_union(name) == 0) text_.line("[[maybe_unused]] extern const StructSchema k{}Schema;", name);
    }
    text_.blank();
    write_enums();
    for (const auto& [name, entry] : plan_.structs) {
      if (hand_written_union(name) == 0) write_struct(entry);
    }
    for (const CommandPlan& command : plan_.commands) write_command(*command.command);
    write_lookups();
  }

 private:
  struct Form {
    std::string kind;
    std::string structure = "nullptr";
    std::string names = "nullptr";
  };

  // The enum whose names a scalar of this type shows, or empty.
  [[nodiscard]] std::string names_of(const std::string& name) const {
    const std::string type = registry_.resolve(name);
    if (type == "VkStructureType") return {};  // of sType only
    const auto flags = registry_.flag_bits.find(type);
    const std::string bits = flags != registry_.flag_bits.end() ? registry_.resolve(flags->second) : type;
    return registry_.enumerators.contains(bits) && !registry_.enumerators.at(bits).empty() ? bits : std::string();
  }

  // Flags, and single bits of flags.
  [[nodiscard]] bool is_flags(const std::string& name) const {
    const std::string type = registry_.resolve(name);
    return registry_.flag_bits.contains(type) || type.find("FlagBits") != std::string::npos;
  }

  [[nodiscard]] Form form(const std::string& name) const {
    switch (registry_.classify(name)) {
      case TypeClass::handle: return {.kind = "FieldKind::handle"};
      case TypeClass::structure: {
        const std::string& type = registry_.find_struct(name)->name;
        if (hand_written_union(type) == 0) return {.kind = "FieldKind::structure", .structure = "&k" + type + "Schema"};
        if (type == "VkClearColorValue") return {.kind = "FieldKind::clear_color"};
        return {.kind = type == "VkClearValue" ? "FieldKind::clear_value" : "FieldKind::address"};
      }
      case TypeClass::narrow: return {.kind = name == "uint16_t" ? "FieldKind::half" : "FieldKind::byte"};
      case TypeClass::untyped: return {.kind = "FieldKind::byte"};
      case TypeClass::character: return {.kind = "FieldKind::character"};
      case TypeClass::word:
      case TypeClass::function:
      case TypeClass::unknown: break;
    }
    if (name == "VkBool32") return {.kind = "FieldKind::boolean"};
    const std::string names = names_of(name);
    return {.kind = std::format("{}<{}>()", is_flags(name) ? "flags_kind" : "scalar_kind", name),
            .names = names.empty() ? "nullptr" : "&k" + names + "Names"};
  }

  void write_field(const Field& field, const std::string& shape, bool partial) {
    // Two words where the layout is plain bytes; see codec.h.
    Form how = form(field.type);
    if (shape == "room" || shape == "string" || shape == "strings") how = {.kind = "FieldKind::character"};
    text_.line("{{\"{}\", {}, FieldShape::{}, {}, {}, {}, {}}},", field.name, how.kind, shape, partial, how.structure,
               how.names,
               field.selection.empty() ? "0" : std::format("static_cast<std::uint64_t>({})", field.selection));
  }

  [[nodiscard]] static std::string full_shape(const Registry& registry, const Field& field) {
    if (field.pointers == 2) {
      if (field.inner_length == "null-terminated") return "strings";
      return field.inner_length == "1" ? "pointers" : "arrays";
    }
    if (field.pointers == 1) {
      if (field.null_terminated()) return "string";
      // A pointer of unknown extent is always NULL.
      if (field.length.empty()) return registry.classify(field.type) == TypeClass::untyped ? "room" : "pointer";
      return "array";
    }
    return field.dimension.empty() ? "one" : "array";
  }

  void write_full(const Field& field) { write_field(field, full_shape(registry_, field), false); }

  // As FieldWriter::partial().
  void write_partial(const std::vector<Field>& siblings, const Field& field) {
    const TypeClass kind = registry_.classify(field.type);
    const Struct* type = registry_.find_struct(field.type);
    const bool elements_travel = type != nullptr && has_partial_form(registry_, *type);
    if (field.pointers == 0 && kind == TypeClass::word && field.dimension.empty()) {
      if (is_in_out_count(siblings, field)) write_full(field);
    } else if (!field.dimension.empty()) {
      if (kind == TypeClass::handle) write_full(field);
      if (type != nullptr) write_field(field, elements_travel ? "array" : "room", true);
    } else if (field.pointers > 0) {
      write_field(field, elements_travel ? "array" : "room", true);
    } else if (elements_travel) {
      write_field(field, "one", true);
    }
  }

  void write_struct(const StructPlan& plan) {
    const Struct& type = *plan.type;
    const bool has_stype = !type.stype().empty();
    const auto own = [&](const Field& member) {
      return !has_stype || (member.name != "sType" && member.name != "pNext");
    };
    text_.open("constexpr auto k{}Fields = std::to_array<FieldSchema>({{", type.name);
    text_.line("{{}},");  // arrays are never empty
    for (const Field& member : type.members) {
      if (own(member)) write_full(member);
    }
    text_.close("});");
    if (plan.output && !type.is_union) {
      text_.open("constexpr auto k{}Partial = std::to_array<FieldSchema>({{", type.name);
      text_.line("{{}},");
      for (const Field& member : type.members) {
        if (own(member)) write_partial(type.members, member);
      }
      text_.close("});");
    }
    // Unused where only replies have it, whose contents do not travel in requests.
    text_.line("[[maybe_unused]] const StructSchema k{0}Schema{{\"{0}\", {1}, {2}, {3}, rest(k{0}Fields), {4}}};",
               type.name, has_stype, has_stype ? type.stype() : "0", type.is_union,
               plan.output && !type.is_union ? "rest(k" + type.name + "Partial)" : "{}");
    text_.blank();
  }

  // As CommandEmitter's encode_request.
  void write_command(const Command& command) {
    text_.open("constexpr auto k{}Request = std::to_array<FieldSchema>({{", command.name);
    text_.line("{{}},");
    for (const Field& param : command.params) {
      const bool handle = registry_.classify(param.type) == TypeClass::handle;
      if (param.type == "VkAllocationCallbacks") {
        write_field(param, "room", false);
      } else if (!is_output(param) || handle || is_in_out_count(command.params, param)) {
        write_full(param);
      } else {
        const Struct* type = registry_.find_struct(param.type);
        const bool travels = type != nullptr && has_partial_form(registry_, *type);
        write_field(param, !travels ? "room" : param.length.empty() ? "pointer" : "array", true);
      }
    }
    text_.close("});");
    text_.line("constexpr std::span<const FieldSchema> k{0}Schema = rest(k{0}Request);", command.name);
    text_.blank();
  }

  void write_enums() {
    std::set<std::string> used;
    const auto use = [&](const Field& field) {
      const std::string names = names_of(field.type);
      if (registry_.classify(field.type) == TypeClass::word && !names.empty()) used.insert(names);
    };
    for (const auto& [name, entry] : plan_.structs) {
      for (const Field& member : entry.type->members) use(member);
    }
    for (const CommandPlan& command : plan_.commands) {
      for (const Field& param : command.command->params) use(param);
    }
    for (const std::string& name : used) {
      text_.open("constexpr EnumValue k{}Values[] = {{", name);
      for (const std::string& value : registry_.enumerators.at(name)) {
        text_.line("{{static_cast<std::uint64_t>({0}), \"{0}\"}},", value);
      }
      text_.close("};");
      text_.line("[[maybe_unused]] constexpr EnumSchema k{0}Names{{k{0}Values}};", name);
    }
    text_.blank();
  }

  void write_lookups() {
    text_.line("}}  // namespace");
    text_.blank();
    text_.open("const std::span<const FieldSchema>* request_schema(std::uint32_t type) noexcept {{");
    text_.open("switch (type) {{");
    for (const CommandPlan& command : plan_.commands) {
      text_.line("case {}: return &k{}Schema;", command.number, command.command->name);
    }
    text_.line("default: return nullptr;");
    text_.close();
    text_.close();
    text_.blank();
    text_.open("const StructSchema* struct_schema(std::uint32_t stype) noexcept {{");
    text_.open("switch (stype) {{");
    for (const auto& [name, entry] : plan_.structs) {
      if (!entry.type->stype().empty()) text_.line("case {}: return &k{}Schema;", entry.type->stype(), name);
    }
    text_.line("default: return nullptr;");
    text_.close();
    text_.close();
  }

  Text& text_;
  const Registry& registry_;
  const Plan& plan_;
};

}  // namespace

Files emit_schema(const Registry& registry, const Plan& plan) {
  Text text;
  text.line("#include \"wire/schema.h\"");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("#include <array>");
  text.blank();
  text.line("#include \"wire/venus_types_gen.h\"");
  text.blank();
  text.line("namespace hesper::wire {{");
  text.line("namespace {{");
  text.blank();
  text.line("// All but the first: that one is there because arrays are not empty.");
  text.open("constexpr std::span<const FieldSchema> rest(std::span<const FieldSchema> all) {{");
  text.line("return all.subspan(1);");
  text.close();
  text.blank();
  SchemaEmitter(text, registry, plan).write();
  text.blank();
  text.line("}}  // namespace hesper::wire");
  return {{.path = "wire/schema_gen.cpp",
           .content = first_line(registry, "The shapes of requests, for showing them.") + text.str()}};
}

}  // namespace wiregen
