// Emitter of render/handlers_gen.h and render/dispatch_gen_<n>.cpp: one function per command that decodes it, calls the
// host or src/render's own handler, and replies.
#include <algorithm>

#include "emit.h"
#include "text.h"

namespace wiregen {
namespace {

class HandlerEmitter {
 public:
  HandlerEmitter(Text& text, const Registry& registry, const CommandPlan& plan)
      : text_(text), registry_(registry), plan_(plan), command_(*plan.command) {}

  void write() {
    text_.open("void run_{}(CommandStream& stream) {{", command_.name);
    text_.line("wire::{}_args args;", command_.name);
    text_.line("wire::decode_request(stream.decoder(), args);");
    text_.line("if (!stream.decoded(args.kType)) return;");
    if (plan_.by_hand) {
      text_.line("on_{}(stream, args);", command_.name);
      text_.line("if (stream.fatal()) return;");
    } else if (const Field* created = created_handle()) {
      write_create(*created);
    } else if (command_.name.starts_with("vkDestroy")) {
      write_destroy();
    } else {
      write_call();
    }
    text_.line("stream.reply(args);");
    text_.close();
    text_.blank();
  }

 private:
  [[nodiscard]] const Field* created_handle() const {
    const auto at = std::ranges::find_if(command_.params, [&](const Field& param) {
      return is_output(param) && registry_.find_handle(param.type) != nullptr;
    });
    return at == command_.params.end() ? nullptr : &*at;
  }

  [[nodiscard]] std::string first() const { return "args." + command_.params[0].name; }

  [[nodiscard]] std::string call() const {
    std::string arguments;
    for (const Field& param : command_.params) {
      if (!arguments.empty()) arguments += ", ";
      if (param.type == "VkAllocationCallbacks") {
        arguments += "nullptr";
      } else {
        arguments += "args." + param.name;
        if (param.pointers == 0 && registry_.find_handle(param.type) != nullptr) arguments += ".handle";
      }
    }
    const std::string result = command_.return_type == "void" ? "" : "args.ret = ";
    return std::format("{}call({});", result, arguments);
  }

  void write_look_up() {
    const std::string_view procs = level_of(registry_, command_) == Level::device ? "device_procs" : "instance_procs";
    text_.line("const auto call = {}({}.state).{};", procs, first(), command_.name);
    text_.line("if (call == nullptr) return stream.missing(args.kType);");
  }

  void write_call() {
    if (command_.return_type == "VkResult") text_.line("args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;");
    text_.open("if (!stream.tombstone()) {{");
    write_look_up();
    text_.line("{}", call());
    text_.close();
  }

  void write_create(const Field& created) {
    const std::string& type = registry_.find_handle(created.type)->object_type;
    text_.line("const wire::ObjectId id = *args.{}_ids;", created.name);
    text_.line("if (!stream.reserve({}, id)) return;", type);
    write_call();
    text_.open("if (args.ret >= 0) {{");
    text_.line("stream.created({}.state, {}, id, std::bit_cast<std::uint64_t>(*args.{}));", first(), type,
               created.name);
    text_.close("} else {");
    text_.line("  stream.failed({}.state, {}, id);", first(), type);
    text_.line("}}");
  }

  // The id goes first, so that no other ring of the client finds a handle that is gone.
  void write_destroy() {
    const std::string object = "args." + command_.params[1].name;
    text_.open("if ({0}.id != 0) {{", object);
    text_.line("if (!stream.destroyed(args.kType, {})) return;", object);
    write_call();
    text_.close();
  }

  Text& text_;
  const Registry& registry_;
  const CommandPlan& plan_;
  const Command& command_;
};

std::string header(const Plan& plan, std::size_t table_size) {
  Text text;
  text.line("#pragma once");
  text.blank();
  text.line("#include <array>");
  text.blank();
  text.line("#include \"wire/commands_gen.h\"");
  text.blank();
  text.line("namespace hesper::render {{");
  text.blank();
  text.line("class CommandStream;");
  text.blank();
  text.line("// By command type; nullptr: no such command. Decodes from behind the command's flags, runs and replies.");
  text.line("using CommandRunner = void (*)(CommandStream&);");
  text.line("extern const std::array<CommandRunner, {}> kDispatch;", table_size);
  text.blank();
  text.line(
      "// Written by hand. Called with a well-formed command, which may name tombstones; the caller replies with "
      "`args`");
  text.line("// afterwards, unless the stream became fatal.");
  for (const CommandPlan& command : plan.commands) {
    if (command.by_hand) text.line("void on_{0}(CommandStream& stream, wire::{0}_args& args);", command.command->name);
  }
  text.blank();
  text.line("}}  // namespace hesper::render");
  return text.str();
}

void write_includes(Text& text) {
  text.line("#include <bit>");
  text.line("#include <cstdint>");
  text.blank();
  text.line("#include \"render/handlers_gen.h\"");
  text.line("#include \"render/objects.h\"");
  text.line("#include \"render/stream.h\"");
  text.blank();
  text.line("namespace hesper::render {{");
  text.blank();
}

std::string table(const Plan& plan, std::size_t table_size) {
  Text text;
  text.line("#include \"render/handlers_gen.h\"");
  text.blank();
  text.line("namespace hesper::render {{");
  text.blank();
  for (const CommandPlan& command : plan.commands)
    text.line("void run_{}(CommandStream& stream);", command.command->name);
  text.blank();
  text.open("constinit const std::array<CommandRunner, {}> kDispatch = [] {{", table_size);
  text.line("std::array<CommandRunner, {}> runners{{}};", table_size);
  for (const CommandPlan& command : plan.commands) {
    text.line("runners[{}] = run_{};", command.number, command.command->name);
  }
  text.line("return runners;");
  text.close("}();");
  text.blank();
  text.line("}}  // namespace hesper::render");
  return text.str();
}

}  // namespace

Files emit_dispatch(const Registry& registry, const Plan& plan) {
  const std::size_t table_size = plan.command_names.empty() ? 0 : plan.command_names.rbegin()->first + 1;
  Files files = {{.path = "render/handlers_gen.h",
                  .content = first_line(registry, "The dispatch table, and the handlers written by hand.") +
                             header(plan, table_size)},
                 {.path = "render/dispatch_gen.cpp",
                  .content = first_line(registry, "The dispatch table.") + table(plan, table_size)}};
  for (std::size_t n = 0; n < kDispatchFiles; ++n) {
    Text text;
    write_includes(text);
    const std::size_t all = plan.commands.size();
    for (std::size_t i = all * n / kDispatchFiles; i < all * (n + 1) / kDispatchFiles; ++i) {
      text.line("void run_{}(CommandStream& stream);", plan.commands[i].command->name);
    }
    text.blank();
    for (std::size_t i = all * n / kDispatchFiles; i < all * (n + 1) / kDispatchFiles; ++i) {
      HandlerEmitter(text, registry, plan.commands[i]).write();
    }
    text.line("}}  // namespace hesper::render");
    files.push_back({.path = std::format("render/dispatch_gen_{}.cpp", n),
                     .content = first_line(registry, "Running some of the commands.") + text.str()});
  }
  return files;
}

}  // namespace wiregen
