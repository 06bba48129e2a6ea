// Emitter of wire/commands_gen.h and wire/commands_gen_<n>.cpp: parameters of every command, requests and replies.
#include "emit.h"
#include "fields.h"
#include "quirks.h"
#include "text.h"

namespace wiregen {
namespace {

// How a parameter is held in the args struct and what travels of it.
enum class ParamKind : std::uint8_t {
  input,            // by the rules of struct members
  allocator,        // always NULL; not in the args
  handle,           // Ref
  input_handles,    // array, with the clients' ids beside it
  created_handles,  // one or an array, with the clients' ids beside it
  in_out_count,
  output,
};

class CommandEmitter {
 public:
  CommandEmitter(Text& text, const Registry& registry, const CommandPlan& plan)
      : text_(text), registry_(registry), command_(*plan.command) {}

  void write_args() {
    text_.open("struct {}_args {{", command_.name);
    text_.line("static constexpr CommandType kType = CommandType::{};", command_.name);
    text_.line("static constexpr bool kReturnsResult = {};", command_.return_type == "VkResult");
    if (returns()) text_.line("{} ret{{}};", command_.return_type);
    for (const Field& param : command_.params) write_member(param);
    text_.close("};");
    text_.line("void decode_request(Decoder& dec, {}_args& args);", command_.name);
    text_.line("void encode_reply(Encoder& enc, const {}_args& args);", command_.name);
    text_.line("void encode_request(Encoder& enc, std::uint32_t flags, const {}_args& args);", command_.name);
    text_.line("void decode_reply(Decoder& dec, {}_args& args);", command_.name);
    text_.blank();
  }

  void write_functions() {
    write_decode_request();
    write_encode_reply();
    write_encode_request();
    write_decode_reply();
  }

 private:
  [[nodiscard]] bool returns() const { return command_.return_type != "void"; }

  [[nodiscard]] ParamKind kind(const Field& param) const {
    if (param.type == "VkAllocationCallbacks") return ParamKind::allocator;
    const bool handle = registry_.classify(param.type) == TypeClass::handle;
    if (handle && param.pointers == 0) return ParamKind::handle;
    if (handle) return is_output(param) ? ParamKind::created_handles : ParamKind::input_handles;
    if (!is_output(param)) return ParamKind::input;
    return is_in_out_count(command_.params, param) ? ParamKind::in_out_count : ParamKind::output;
  }

  void write_member(const Field& param) {
    switch (kind(param)) {
      case ParamKind::allocator: return;
      case ParamKind::handle: text_.line("Ref<{}> {}{{}};", param.type, param.name); return;
      case ParamKind::input_handles:
        text_.line("const {}* {} = nullptr;", param.type, param.name);
        text_.line("const ObjectId* {}_ids = nullptr;", param.name);
        return;
      case ParamKind::created_handles:
        text_.line("{}* {} = nullptr;", param.type, param.name);
        text_.line("ObjectId* {}_ids = nullptr;", param.name);
        return;
      case ParamKind::input:
      case ParamKind::in_out_count:
      case ParamKind::output: text_.line("{}{{}};", declaration(param)); return;
    }
  }

  [[nodiscard]] FieldWriter writer(Coding coding) {
    return {text_, registry_, command_.params, command_.name, "args", coding};
  }

  [[nodiscard]] static std::string ids(const Field& param) { return "args." + param.name + "_ids"; }
  [[nodiscard]] static bool required(const Field& param) { return !param.optional && !param.no_auto_validity; }

  // One element counts as an array of one.
  [[nodiscard]] static std::string marker_or_count(const FieldWriter& fields, const Field& param) {
    return param.length.empty() ? "std::size_t{dec.required_marker()}" : fields.decoded_count(param);
  }
  [[nodiscard]] static std::string output_length(const FieldWriter& fields, const Field& param) {
    return param.length.empty() ? "1" : fields.length(param);
  }

  void write_decode_request() {
    text_.open("void decode_request(Decoder& dec, {}_args& args) {{", command_.name);
    FieldWriter fields = writer(Coding::decode);
    const Field* stride = nullptr;
    for (const Field& param : command_.params) {
      const ParamKind how = kind(param);
      if (!param.stride.empty()) stride = &param;
      if (how != ParamKind::input) fields.write_run();
      const std::string name = fields.access(param);
      switch (how) {
        case ParamKind::input: fields.full(param); break;
        case ParamKind::allocator: text_.line("dec.expect_null();"); break;
        case ParamKind::handle:
          text_.line("{} = dec.ref<{}>({}, {});", name, param.type, fields.object_type(param), !param.optional);
          break;
        case ParamKind::input_handles:
          text_.line("decode_handles(dec, {}, {}, {}, {}, {});", name, ids(param), marker_or_count(fields, param),
                     fields.object_type(param), required(param) && !param.elements_optional);
          break;
        case ParamKind::created_handles:
          text_.line("decode_new_ids(dec, {}, {}, {});", name, ids(param), marker_or_count(fields, param));
          break;
        case ParamKind::in_out_count:
          text_.line("{} = decode_pointer<{}>(dec, dec.required_marker());", name, param.type);
          break;
        case ParamKind::output: write_decode_output(fields, param); break;
      }
    }
    fields.write_run();
    if (stride != nullptr) text_.line("args.{} = sizeof({});  // as decoded", stride->stride, stride->type);
    if (is_checked(command_.name)) text_.line("check(dec, args);");
    if (command_.params.empty()) write_unused("dec");
    text_.close();
    text_.blank();
  }

  void write_unused(std::string_view coder) {
    text_.line("static_cast<void>({});", coder);
    text_.line("static_cast<void>(args);");
  }

  void write_decode_output(const FieldWriter& fields, const Field& param) {
    const std::string name = fields.access(param);
    const Struct* type = registry_.find_struct(param.type);
    const std::string count = marker_or_count(fields, param);
    if (registry_.classify(param.type) == TypeClass::untyped) {
      text_.line("{} = output_bytes(dec, {});", name, count);
    } else {
      const bool partial = type != nullptr && has_partial_form(registry_, *type);
      text_.line("{} = {}<{}>(dec, {});", name, partial ? "decode_partial_array" : "output_array", param.type, count);
    }
  }

  void write_encode_reply() {
    text_.open("void encode_reply(Encoder& enc, const {0}_args& args) {{", command_.name);
    text_.line("enc.put({}_args::kType);", command_.name);
    if (returns()) text_.line("enc.put(args.ret);");
    FieldWriter fields = writer(Coding::encode);
    bool any = returns();
    for (const Field& param : command_.params) {
      const ParamKind how = kind(param);
      const std::string count = param.length.empty() ? std::string() : ", " + fields.length(param);
      const std::string function = param.length.empty() ? "encode_pointer" : "encode_array";
      if (how == ParamKind::created_handles) {
        text_.line("{}(enc, {}{});", function, ids(param), count);
      } else if (how == ParamKind::in_out_count) {
        text_.line("encode_pointer(enc, {});", fields.access(param));
      } else if (how == ParamKind::output) {
        const bool untyped = registry_.classify(param.type) == TypeClass::untyped;
        text_.line("{}(enc, {}{});", untyped ? "encode_bytes" : function, fields.access(param), count);
      } else {
        continue;
      }
      any = true;
    }
    if (!any) text_.line("static_cast<void>(args);");
    text_.close();
    text_.blank();
  }

  void write_encode_request() {
    text_.open("void encode_request(Encoder& enc, std::uint32_t flags, const {}_args& args) {{", command_.name);
    text_.line("enc.put({}_args::kType);", command_.name);
    text_.line("enc.put(flags);");
    FieldWriter fields = writer(Coding::encode);
    for (const Field& param : command_.params) {
      const ParamKind how = kind(param);
      if (how != ParamKind::input) fields.write_run();
      const std::string name = fields.access(param);
      const std::string count = param.length.empty() ? std::string() : ", " + fields.length(param);
      switch (how) {
        case ParamKind::input: fields.full(param); break;
        case ParamKind::allocator: text_.line("enc.marker(false);"); break;
        case ParamKind::handle: text_.line("enc.put({}.id);", name); break;
        case ParamKind::input_handles:
        case ParamKind::created_handles:
          text_.line("{}(enc, {}{});", param.length.empty() ? "encode_pointer" : "encode_array", ids(param), count);
          break;
        case ParamKind::in_out_count: text_.line("encode_pointer(enc, {});", name); break;
        case ParamKind::output: {
          const Struct* type = registry_.find_struct(param.type);
          const bool partial = type != nullptr && has_partial_form(registry_, *type);
          text_.line("{}(enc, {}, {});", partial ? "encode_partial_array" : "encode_output_count", name,
                     output_length(fields, param));
          break;
        }
      }
    }
    fields.write_run();
    if (command_.params.empty()) text_.line("static_cast<void>(args);");
    text_.close();
    text_.blank();
  }

  void write_decode_reply() {
    text_.open("void decode_reply(Decoder& dec, {}_args& args) {{", command_.name);
    FieldWriter fields = writer(Coding::decode);
    if (returns()) text_.line("dec.take_all(args.ret);");
    bool any = returns();
    for (const Field& param : command_.params) {
      const ParamKind how = kind(param);
      const std::string name = fields.access(param);
      if (how == ParamKind::created_handles) {
        text_.line("decode_new_ids(dec, {}, {}, {});", name, ids(param), marker_or_count(fields, param));
      } else if (how == ParamKind::in_out_count) {
        text_.line("{} = decode_pointer<{}>(dec, dec.required_marker());", name, param.type);
      } else if (how == ParamKind::output) {
        write_decode_returned(fields, param);
      } else {
        continue;
      }
      any = true;
    }
    if (!any) write_unused("dec");
    text_.close();
    text_.blank();
  }

  void write_decode_returned(const FieldWriter& fields, const Field& param) {
    const std::string name = fields.access(param);
    const std::string count = marker_or_count(fields, param);
    const Struct* type = registry_.find_struct(param.type);
    if (type != nullptr) {
      text_.line("{} = decode_array<{}>(dec, {}, {});", name, param.type, count, wire_size(registry_, *type, false));
    } else {
      const bool untyped = registry_.classify(param.type) == TypeClass::untyped;
      text_.line("{} = dec.copied_array<{}>({});", name, untyped ? "std::byte" : param.type, count);
    }
  }

  Text& text_;
  const Registry& registry_;
  const Command& command_;
};

std::string header(const Registry& registry, const Plan& plan) {
  Text text;
  text.line("//");
  text.line(
      "// decode_request() starts behind the command's type and flags; ask Decoder::ok() before using the args. What "
      "the");
  text.line("// host will fill in already has room in the arena. encode_reply() starts with the command's type.");
  text.line(
      "// encode_request() and decode_reply() are the client's side: a Ref's id and the *_ids arrays count there, "
      "handles");
  text.line(
      "// inside structs are ids bit for bit, decode_reply() starts behind the type and expects the request's args.");
  text.line("#pragma once");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("#include \"wire/decoder.h\"");
  text.line("#include \"wire/encoder.h\"");
  text.line("#include \"wire/venus_types_gen.h\"");
  text.blank();
  text.line("namespace hesper::wire {{");
  text.blank();
  for (const CommandPlan& command : plan.commands) CommandEmitter(text, registry, command).write_args();
  text.line("}}  // namespace hesper::wire");
  return text.str();
}

}  // namespace

Files emit_commands(const Registry& registry, const Plan& plan) {
  Files files = {
      {.path = "wire/commands_gen.h",
       .content = first_line(registry, "Parameters of all commands, requests and replies.") + header(registry, plan)}};
  for (std::size_t n = 0; n < kCommandFiles; ++n) {
    Text text;
    text.line("#include \"wire/commands_gen.h\"");
    text.blank();
    text.line("#include \"wire/checks.h\"");
    text.line("#include \"wire/codec.h\"");
    text.line("#include \"wire/structs_gen.h\"");
    text.blank();
    text.line("namespace hesper::wire {{");
    text.blank();
    const std::size_t all = plan.commands.size();
    for (std::size_t i = all * n / kCommandFiles; i < all * (n + 1) / kCommandFiles; ++i) {
      CommandEmitter(text, registry, plan.commands[i]).write_functions();
    }
    text.line("}}  // namespace hesper::wire");
    files.push_back({.path = std::format("wire/commands_gen_{}.cpp", n),
                     .content = first_line(registry, "Requests and replies of some of the commands.") + text.str()});
  }
  return files;
}

}  // namespace wiregen
