// Emitter of tests/reflection_gen.h and its sources: every struct and command as data (tests/fake_driver/reflection.h),
// for tests that fill, compare and print them. Reads the registry by itself and shares nothing with FieldWriter, so
// that a mistake there is seen.
#include <algorithm>
#include <cctype>
#include <set>

#include "emit.h"
#include "fields.h"
#include "quirks.h"
#include "text.h"

namespace wiregen {
namespace {

constexpr std::string_view kNamespace = "hesper::fake";

// What else a scalar means: it must not be just any number.
enum class Role : std::uint8_t { none, count, count_of_bytes, sample_count, stride };

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::vector<std::string> identifiers(const std::string& expression) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < expression.size();) {
    std::size_t end = at;
    while (end < expression.size() && is_identifier(expression[end])) ++end;
    if (end > at && std::isdigit(static_cast<unsigned char>(expression[at])) == 0) {
      names.push_back(expression.substr(at, end - at));
    }
    at = std::max(end, at + 1);
  }
  return names;
}

const Field* find(const std::vector<Field>& fields, const std::string& name) {
  const auto at = std::ranges::find(fields, name, &Field::name);
  return at == fields.end() ? nullptr : &*at;
}

// Roles by "owner.member", over all structs and commands, as a command's array may be as long as its struct says.
class Roles {
 public:
  explicit Roles(const Registry& registry) : registry_(registry) {
    for (const auto& [name, type] : registry.structs) add(name, type.members);
    for (const auto& [name, command] : registry.commands) add(name, command.params);
  }
  [[nodiscard]] Role of(const std::string& owner, const Field& field) const {
    const auto at = roles_.find(owner + "." + field.name);
    return at == roles_.end() ? Role::none : at->second;
  }

 private:
  void add(const std::string& owner, const std::vector<Field>& fields) {
    for (const Field& field : fields) {
      if (!field.stride.empty()) roles_[owner + "." + field.stride] = Role::stride;
      if (field.length.empty() || field.null_terminated()) continue;
      if (const std::size_t arrow = field.length.find("->"); arrow != std::string::npos) {
        const Field* pointer = find(fields, field.length.substr(0, arrow));
        if (pointer != nullptr) {
          roles_[registry_.resolve(pointer->type) + "." + field.length.substr(arrow + 2)] = Role::count;
        }
        continue;
      }
      const Role role = field.length.starts_with("(")  ? Role::sample_count
                        : field.length.contains(" / ") ? Role::count_of_bytes
                                                       : Role::count;
      for (const std::string& name : identifiers(field.length)) roles_.try_emplace(owner + "." + name, role);
    }
  }

  const Registry& registry_;
  std::map<std::string, Role> roles_;
};

// Writes the descriptors of one struct's members or one command's parameters.
class FieldTable {
 public:
  // type: the C++ struct that has the fields.
  FieldTable(Text& text, const Registry& registry, const Roles& roles, std::string owner, std::string type,
             const std::vector<Field>& fields, bool is_command)
      : text_(text),
        registry_(registry),
        roles_(roles),
        owner_(std::move(owner)),
        type_(std::move(type)),
        fields_(fields),
        is_command_(is_command) {}

  void write(bool has_stype) {
    if (fields_.empty()) return;
    text_.open("constexpr Field kFieldsOf_{}[] = {{", owner_);
    for (const Field& field : fields_) {
      const bool head = has_stype && (field.name == "sType" || field.name == "pNext");
      text_.line("{{{}}},", head ? head_descriptor(field) : descriptor(field));
    }
    text_.close("};");
  }

 private:
  [[nodiscard]] std::string place(const Field& field) const {
    return std::format(".name = \"{0}\", .offset = offsetof({1}, {0})", field.name, type_);
  }

  [[nodiscard]] std::string head_descriptor(const Field& field) const {
    return field.name == "sType" ? place(field) + ", .size = 4, .kind = Kind::stype"
                                 : place(field) + ", .size = 8, .kind = Kind::chain";
  }

  [[nodiscard]] std::string_view kind(const Field& field) const {
    if (field.type == "VkAllocationCallbacks") return "host_pointer";
    switch (registry_.classify(field.type)) {
      case TypeClass::handle: return "handle";
      case TypeClass::structure: return hand_written_union(registry_.resolve(field.type)) != 0 ? "scalar" : "structure";
      case TypeClass::untyped: return field.length.empty() ? "host_pointer" : "scalar";
      case TypeClass::unknown:
      case TypeClass::function: return "host_pointer";
      case TypeClass::character:
        if (field.null_terminated() || field.inner_length == "null-terminated") return "string";
        return "scalar";
      case TypeClass::word:
      case TypeClass::narrow: return "scalar";
    }
    return "scalar";
  }

  [[nodiscard]] std::string_view shape(const Field& field, std::string_view kind) const {
    if (kind == "host_pointer") return "value";
    if (kind == "string") return field.pointers == 2 ? "array" : "value";
    if (!field.dimension.empty()) return "fixed";
    if (field.pointers == 0) return "value";
    if (field.pointers == 2) return "arrays";
    return field.length.empty() ? "pointer" : "array";
  }

  // Over `v`, the owner.
  [[nodiscard]] std::string length(const Field& field) const {
    const std::string& source = field.length;
    if (const std::size_t arrow = source.find("->"); arrow != std::string::npos) {
      const std::string pointer = source.substr(0, arrow);
      return std::format("v.{0} == nullptr ? 0 : number(v.{0}->{1})", pointer, source.substr(arrow + 2));
    }
    std::string result;
    for (std::size_t at = 0; at < source.size();) {
      std::size_t end = at;
      while (end < source.size() && is_identifier(source[end])) ++end;
      if (end == at) {
        result += source[at++];
        continue;
      }
      const std::string name = source.substr(at, end - at);
      const Field* sibling = find(fields_, name);
      result += sibling == nullptr       ? name
                : sibling->pointers != 0 ? "counted(v." + name + ")"
                                         : "number(v." + name + ")";
      at = end;
    }
    return result;
  }

  [[nodiscard]] std::string over_owner(std::string_view result, const std::string& parameters,
                                       const std::string& expression) const {
    return std::format("[]({}) -> {} {{ [[maybe_unused]] const auto& v = *static_cast<const {}*>(owner); return {}; }}",
                       parameters, result, type_, expression);
  }

  // Whether Vulkan wants an object there. Non-dispatchable handles inside structs may always be VK_NULL_HANDLE, as
  // only a rule in words can say when they may not.
  [[nodiscard]] bool required_handle(const Field& field) const {
    const bool dispatchable = registry_.find_handle(field.type)->dispatchable;
    if (field.pointers == 0 && !is_command_) return dispatchable;
    if (field.pointers == 0) return !field.optional;
    const bool elements = !field.no_auto_validity && !field.elements_optional;
    return is_command_ ? !field.optional && elements : dispatchable && elements;
  }

  [[nodiscard]] std::string descriptor(const Field& field) {
    const std::string_view what = kind(field);
    const std::string_view how = shape(field, what);
    std::string size = "8";
    if (what == "scalar" || what == "structure") {
      size = registry_.classify(field.type) == TypeClass::untyped ? "1" : "sizeof(" + field.type + ")";
    }
    std::string text = place(field) + ", .size = " + size + ", .kind = Kind::" + std::string(what);
    if (how != "value") text += ", .shape = Shape::" + std::string(how);
    if (how == "fixed") text += std::format(", .extent = std::extent_v<decltype({}::{})>", type_, field.name);
    if (what == "structure") text += std::format(", .type = &k{}", registry_.resolve(field.type));
    if (what == "handle") text += ", .object_type = " + registry_.find_handle(field.type)->object_type;
    const bool may_be_null = field.optional || field.no_auto_validity;
    if (may_be_null) text += ", .optional = true";
    if (what == "handle" && required_handle(field)) text += ", .required_handle = true";
    if (is_command_ && is_output(field) && what != "host_pointer") text += ", .output = true";
    if ((!is_command_ || is_output(field)) && is_in_out_count(fields_, field)) text += ", .in_out_count = true";
    text += role(field);
    if (how == "array" || how == "arrays") {
      text += ", .length = " + over_owner("std::uint64_t", "const void* owner", length(field));
    }
    if (how == "arrays") {
      std::string inner(element_length(owner_, field.name));
      for (std::size_t at = inner.find("args."); at != std::string::npos; at = inner.find("args.")) {
        inner.replace(at, 5, "v.");
      }
      if (!inner.empty()) {
        text += ", .inner_length = " +
                over_owner("std::uint64_t", "const void* owner, std::size_t i", "number(" + inner + ")");
      }
    }
    if (const std::string_view condition = sent_only_if(owner_, field.name); !condition.empty()) {
      text += ", .travels = " + over_owner("bool", "const void* owner", std::string(condition));
    }
    if (!field.selector.empty()) {
      text += std::format(", .selector_offset = offsetof({}, {})", type_, field.selector);
    }
    if (!field.selection.empty()) text += std::format(", .selection = {}", field.selection);
    return text;
  }

  [[nodiscard]] std::string role(const Field& field) const {
    switch (roles_.of(owner_, field)) {
      case Role::none: return {};
      case Role::count: return ", .role = Role::count";
      case Role::count_of_bytes: return ", .role = Role::count_of_bytes";
      case Role::sample_count: return ", .role = Role::sample_count";
      case Role::stride: break;
    }
    const auto array = std::ranges::find(fields_, field.name, &Field::stride);
    return std::format(", .role = Role::constant, .constant = sizeof({})", array->type);
  }

  Text& text_;
  const Registry& registry_;
  const Roles& roles_;
  std::string owner_;
  std::string type_;
  const std::vector<Field>& fields_;
  bool is_command_;
};

// Everything that is described: what is on the wire, and what only host functions take.
class Selection {
 public:
  Selection(const Registry& registry, const Plan& plan) : registry_(registry), plan_(plan) {
    for (const CommandPlan& command : plan.commands) numbered_.emplace(command.command->name, &command);
    std::set<std::string> seen;
    for (const CommandPlan& command : plan.commands) add(*command.command, seen);
    for (const auto& [level, functions] : plan.host_functions) {
      for (const Command* function : functions) {
        const bool looks_up = function->name.ends_with("ProcAddr");  // in fake_driver.cpp
        if (!looks_up) add(*function, seen);
      }
    }
    for (const auto& [name, entry] : plan.structs) reach(*entry.type);
  }

  [[nodiscard]] const std::map<std::string, const Struct*>& structs() const { return structs_; }
  [[nodiscard]] const std::vector<const Command*>& commands() const { return commands_; }
  // nullptr: not on the wire.
  [[nodiscard]] const CommandPlan* numbered(const Command& command) const {
    const auto at = numbered_.find(command.name);
    return at == numbered_.end() ? nullptr : at->second;
  }
  [[nodiscard]] const StructPlan* on_wire(const Struct& type) const {
    const auto at = plan_.structs.find(type.name);
    return at == plan_.structs.end() ? nullptr : &at->second;
  }

 private:
  void add(const Command& command, std::set<std::string>& seen) {
    if (!seen.insert(command.name).second) return;
    commands_.push_back(&command);
    for (const Field& param : command.params) {
      const Struct* type = registry_.find_struct(param.type);
      if (type != nullptr && param.type != "VkAllocationCallbacks") reach(*type);
    }
  }

  void reach(const Struct& type) {
    if (hand_written_union(type.name) != 0 || !structs_.emplace(type.name, &type).second) return;
    for (const Field& member : type.members) {
      if (const Struct* inner = registry_.find_struct(member.type)) reach(*inner);
    }
  }

  const Registry& registry_;
  const Plan& plan_;
  std::map<std::string, const CommandPlan*> numbered_;
  std::map<std::string, const Struct*> structs_;
  std::vector<const Command*> commands_;
};

// `const T* p` or `const float p[4]`, as the C function has it.
std::string c_parameter(const Field& param) {
  const bool array_of_const = !param.dimension.empty() && param.is_const;
  return (array_of_const ? "const " : "") + declaration(param);
}

void write_params(Text& text, const Command& command) {
  text.open("struct {}_params {{", command.name);
  for (const Field& param : command.params) text.line("{}{{}};", declaration(param));
  if (command.return_type != "void") text.line("{} ret{{}};", command.return_type);
  text.close("};");
}

std::string header(const Selection& selection) {
  Text text;
  text.line("#pragma once");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("#include \"reflection.h\"");
  text.line("#include \"wire/venus_types_gen.h\"");
  text.blank();
  text.line("namespace {} {{", kNamespace);
  text.blank();
  text.line("using namespace hesper::wire;");
  text.blank();
  for (const auto& [name, type] : selection.structs()) text.line("extern const Type k{};", name);
  text.blank();
  for (const Command* command : selection.commands()) write_params(text, *command);
  text.blank();
  for (const Command* command : selection.commands()) text.line("extern const Command k{};", command->name);
  text.blank();
  text.line("}}  // namespace {}", kNamespace);
  return text.str();
}

void write_start(Text& text) {
  for (const char* include : {"tests/reflection_gen.h", "wire/codec.h", "wire/commands_gen.h", "wire/structs_gen.h"}) {
    text.line("#include \"{}\"", include);
  }
  text.blank();
  text.line("#include <cstddef>");
  text.line("#include <cstring>");
  text.line("#include <type_traits>");
  text.blank();
  text.line("namespace {} {{", kNamespace);
  text.blank();
}

void write_struct(Text& text, const Registry& registry, const Roles& roles, const Selection& selection,
                  const Struct& type) {
  const StructPlan* plan = selection.on_wire(type);
  FieldTable(text, registry, roles, type.name, type.name, type.members, false).write(!type.stype().empty());
  if (plan != nullptr && !plan->chain.empty()) {
    text.open("constexpr const Type* kChainOf_{}[] = {{", type.name);
    for (const Struct* link : plan->chain) text.line("&k{},", link->name);
    text.close("};");
  }
  text.open("constinit const Type k{}{{", type.name);
  text.line(".name = \"{}\",", type.name);
  text.line(".size = sizeof({}),", type.name);
  if (type.is_union) text.line(".is_union = true,");
  if (!type.stype().empty()) text.line(".stype = {},", type.stype());
  if (!type.members.empty()) text.line(".fields = kFieldsOf_{},", type.name);
  if (plan != nullptr && !plan->chain.empty()) text.line(".chain = kChainOf_{},", type.name);
  if (plan != nullptr && plan->direct && !type.is_union) {
    text.line(".coding = {}<{}>,", plan->output ? "kOutputCoding" : "kCoding", type.name);
  }
  text.close("};");
  text.blank();
}

// How the parameters become the args of src/wire's codec, and back.
class CommandTable {
 public:
  CommandTable(Text& text, const Registry& registry, const Command& command)
      : text_(text), registry_(registry), command_(command) {}

  void write_conversions() {
    text_.open("static void to_args(const {0}_params& p, {0}_args& a) {{", command_.name);
    for (const Field& param : command_.params) to_args(param);
    if (returns()) text_.line("a.ret = p.ret;");
    write_unused();
    text_.close();
    text_.open("static void from_args(const {0}_args& a, {0}_params& p) {{", command_.name);
    for (const Field& param : command_.params) from_args(param);
    if (returns()) text_.line("p.ret = a.ret;");
    write_unused();
    text_.close();
  }

 private:
  [[nodiscard]] bool returns() const { return command_.return_type != "void"; }
  void write_unused() {
    text_.line("static_cast<void>(p);");
    text_.line("static_cast<void>(a);");
  }

  void to_args(const Field& param) {
    if (param.type == "VkAllocationCallbacks") return;
    const bool handle = registry_.find_handle(param.type) != nullptr;
    if (handle && param.pointers == 0) {
      text_.line("a.{0} = {{.handle = p.{0}, .id = std::bit_cast<ObjectId>(p.{0}), .state = nullptr}};", param.name);
    } else if (handle) {
      text_.line("a.{} = p.{};", param.name, param.name);
      text_.line("a.{0}_ids = reinterpret_cast<{1}ObjectId*>(p.{0});", param.name, is_output(param) ? "" : "const ");
    } else if (!param.dimension.empty()) {
      text_.line("std::memcpy(a.{0}, p.{0}, sizeof(a.{0}));", param.name);
    } else {
      text_.line("a.{0} = p.{0};", param.name);
    }
  }

  void from_args(const Field& param) {
    if (param.type == "VkAllocationCallbacks") return;
    const bool handle = registry_.find_handle(param.type) != nullptr;
    if (handle && param.pointers == 0) {
      text_.line("p.{0} = a.{0}.handle;", param.name);
    } else if (handle && is_output(param)) {
      text_.line("p.{0} = reinterpret_cast<{1}*>(a.{0}_ids);", param.name, param.type);
    } else if (!param.dimension.empty()) {
      text_.line("std::memcpy(p.{0}, a.{0}, sizeof(p.{0}));", param.name);
    } else {
      text_.line("p.{0} = a.{0};", param.name);
    }
  }

  Text& text_;
  const Registry& registry_;
  const Command& command_;
};

void write_results(Text& text, std::string_view table, const std::string& command,
                   const std::vector<std::string>& all) {
  if (all.empty()) return;
  text.open("constexpr VkResult {}{}[] = {{", table, command);
  for (const std::string& each : all) text.line("{},", each);
  text.close("};");
}

void write_command(Text& text, const Registry& registry, const Roles& roles, const Selection& selection,
                   const Command& command) {
  const CommandPlan* plan = selection.numbered(command);
  FieldTable(text, registry, roles, command.name, command.name + "_params", command.params, true).write(false);
  if (plan != nullptr) CommandTable(text, registry, command).write_conversions();
  write_results(text, "kSuccessesOf_", command.name, command.successes);
  write_results(text, "kErrorsOf_", command.name, command.errors);
  text.open("constinit const Command k{}{{", command.name);
  text.line(".name = \"{}\",", command.name);
  text.line(".params = {{.name = \"{0}\", .size = sizeof({0}_params){1}}},", command.name,
            command.params.empty() ? std::string() : ", .fields = kFieldsOf_" + command.name);
  if (command.return_type != "void") {
    text.line(".return_offset = offsetof({}_params, ret),", command.name);
    text.line(".return_size = sizeof({}),", command.return_type);
    if (command.return_type == "VkResult") text.line(".returns_result = true,");
    if (!command.successes.empty()) text.line(".successes = kSuccessesOf_{},", command.name);
    if (!command.errors.empty()) text.line(".errors = kErrorsOf_{},", command.name);
  }
  const auto version = registry.command_versions.find(command.name);
  if (version != registry.command_versions.end() && (version->second == "1.0" || version->second == "1.1")) {
    text.line(".always_there = true,");
  }
  if (plan != nullptr) {
    text.line(".number = {},", plan->number);
    text.line(".on_wire = true,");
    if (plan->by_hand) text.line(".by_hand = true,");
    if (command.venus) text.line(".venus = true,");
    text.line(".coding = kCommandCoding<{0}_params, {0}_args>,", command.name);
  }
  text.close("};");
  text.blank();
}

void write_end(Text& text) { text.line("}}  // namespace {}", kNamespace); }

// Templates over to_args() and from_args(), which come later in the file.
void write_command_coding(Text& text) {
  text.line("template <class Params, class Args>");
  text.line("constexpr CommandCoding kCommandCoding{{");
  text.line("    .encode_request = [](Encoder& enc, std::uint32_t flags, const void* params) {{");
  text.line("      Args args;");
  text.line("      to_args(*static_cast<const Params*>(params), args);");
  text.line("      encode_request(enc, flags, args);");
  text.line("    }},");
  text.line("    .decode_request = [](Decoder& dec, void* params) {{");
  text.line("      Args args;");
  text.line("      decode_request(dec, args);");
  text.line("      from_args(args, *static_cast<Params*>(params));");
  text.line("    }},");
  text.line("    .encode_reply = [](Encoder& enc, const void* params) {{");
  text.line("      Args args;");
  text.line("      to_args(*static_cast<const Params*>(params), args);");
  text.line("      encode_reply(enc, args);");
  text.line("    }},");
  text.line("    .decode_reply = [](Decoder& dec, void* params) {{");
  text.line("      Args args;");
  text.line("      to_args(*static_cast<const Params*>(params), args);");
  text.line("      decode_reply(dec, args);");
  text.line("      from_args(args, *static_cast<Params*>(params));");
  text.line("    }},");
  text.line("}};");
  text.blank();
}

std::string index(const Selection& selection) {
  Text text;
  text.line("#include \"tests/reflection_gen.h\"");
  text.blank();
  text.line("namespace {} {{", kNamespace);
  text.line("namespace {{");
  text.blank();
  text.open("constexpr const Type* kTypes[] = {{");
  for (const auto& [name, type] : selection.structs()) text.line("&k{},", name);
  text.close("};");
  text.open("constexpr const Command* kCommands[] = {{");
  for (const Command* command : selection.commands()) text.line("&k{},", command->name);
  text.close("};");
  text.blank();
  text.line("}}  // namespace");
  text.blank();
  text.line("std::span<const Type* const> all_types() noexcept {{ return kTypes; }}");
  text.line("std::span<const Command* const> all_commands() noexcept {{ return kCommands; }}");
  text.blank();
  text.line("}}  // namespace {}", kNamespace);
  return text.str();
}

std::string functions(const Plan& plan, const Selection& selection) {
  std::set<std::string> host;
  for (const auto& [level, all] : plan.host_functions) {
    for (const Command* function : all) host.insert(function->name);
  }
  Text text;
  text.line("#include <algorithm>");
  text.line("#include <cstring>");
  text.blank();
  text.line("#include \"fake_functions.h\"");
  text.line("#include \"tests/reflection_gen.h\"");
  text.blank();
  text.line("namespace {} {{", kNamespace);
  text.line("namespace {{");
  text.blank();
  std::vector<const Command*> commands;
  for (const Command* command : selection.commands()) {
    if (host.contains(command->name)) commands.push_back(command);
  }
  for (const Command* command : commands) {
    std::string parameters;
    for (const Field& param : command->params) parameters += (parameters.empty() ? "" : ", ") + c_parameter(param);
    text.open("VKAPI_ATTR {} VKAPI_CALL call_{}({}) {{", command->return_type, command->name, parameters);
    text.line("{}_params params;", command->name);
    for (const Field& param : command->params) {
      if (param.dimension.empty()) {
        text.line("params.{0} = {0};", param.name);
      } else {
        text.line("std::memcpy(params.{0}, {0}, sizeof(params.{0}));", param.name);
      }
    }
    text.line("run(k{}, &params);", command->name);
    if (command->return_type != "void") text.line("return params.ret;");
    text.close();
  }
  text.blank();
  text.line("// The static_cast fails to compile if the function is not of its type.");
  text.open("const FakeFunction kFunctions[] = {{");
  std::ranges::sort(commands, {}, &Command::name);
  for (const Command* command : commands) {
    text.line("{{\"{0}\", reinterpret_cast<PFN_vkVoidFunction>(static_cast<PFN_{0}>(call_{0}))}},", command->name);
  }
  text.close("};");
  text.blank();
  text.line("}}  // namespace");
  text.blank();
  text.line("std::span<const FakeFunction> fake_functions() noexcept {{ return kFunctions; }}");
  text.blank();
  text.line("}}  // namespace {}", kNamespace);
  return text.str();
}

}  // namespace

Files emit_reflection(const Registry& registry, const Plan& plan) {
  const Roles roles(registry);
  const Selection selection(registry, plan);
  Files files = {
      {.path = "tests/reflection_gen.h",
       .content = first_line(registry, "Descriptions of all structs and commands, for tests.") + header(selection)},
      {.path = "tests/reflection_gen.cpp",
       .content = first_line(registry, "The lists of all structs and commands.") + index(selection)},
      {.path = "tests/fake_functions_gen.cpp",
       .content = first_line(registry, "The fake driver's functions.") + functions(plan, selection)}};
  std::vector<const Struct*> structs;
  for (const auto& [name, type] : selection.structs()) structs.push_back(type);
  for (std::size_t n = 0; n < kReflectedStructFiles; ++n) {
    Text text;
    write_start(text);
    const std::size_t all = structs.size();
    for (std::size_t i = all * n / kReflectedStructFiles; i < all * (n + 1) / kReflectedStructFiles; ++i) {
      write_struct(text, registry, roles, selection, *structs[i]);
    }
    write_end(text);
    files.push_back({.path = std::format("tests/structs_reflection_gen_{}.cpp", n),
                     .content = first_line(registry, "Descriptions of some of the structs.") + text.str()});
  }
  for (std::size_t n = 0; n < kReflectedCommandFiles; ++n) {
    Text text;
    write_start(text);
    write_command_coding(text);
    const std::size_t all = selection.commands().size();
    for (std::size_t i = all * n / kReflectedCommandFiles; i < all * (n + 1) / kReflectedCommandFiles; ++i) {
      write_command(text, registry, roles, selection, *selection.commands()[i]);
    }
    write_end(text);
    files.push_back({.path = std::format("tests/commands_reflection_gen_{}.cpp", n),
                     .content = first_line(registry, "Descriptions of some of the commands.") + text.str()});
  }
  return files;
}

}  // namespace wiregen
