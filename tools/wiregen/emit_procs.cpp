// Emitter of render/procs_gen.{h,cpp}: tables of the host's functions.
#include "emit.h"
#include "text.h"

namespace wiregen {
namespace {

struct Table {
  Level level;
  std::string_view name;
  std::string_view load;    // parameters of load()
  std::string_view object;  // what the look-up is for
};
constexpr Table kTables[] = {
    {Level::global, "GlobalProcs", "PFN_vkGetInstanceProcAddr look_up", "none"},
    {Level::instance, "InstanceProcs", "PFN_vkGetInstanceProcAddr look_up, VkInstance instance", "instance"},
    {Level::device, "DeviceProcs", "PFN_vkGetDeviceProcAddr look_up, VkDevice device", "device"},
};

std::string header(const Plan& plan) {
  Text text;
  text.line("#pragma once");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("namespace hesper::render {{");
  for (const Table& table : kTables) {
    text.blank();
    text.line("// A member is nullptr where the host has neither the function nor one of its aliases.");
    text.open("struct {} {{", table.name);
    for (const Command* command : plan.host_functions.at(table.level)) {
      text.line("PFN_{0} {0} = nullptr;", command->name);
    }
    text.close("};");
    text.line("void load({}& procs, {});", table.name, table.load);
  }
  text.blank();
  text.line("}}  // namespace hesper::render");
  return text.str();
}

std::string source(const Plan& plan) {
  Text text;
  text.line("#include \"render/procs_gen.h\"");
  text.blank();
  text.line("#include <initializer_list>");
  text.blank();
  text.line("namespace hesper::render {{");
  text.line("namespace {{");
  text.blank();
  text.line("// The first of `names` that the host knows: the core name, then those it had as an extension.");
  text.line("template <class LookUp, class Object, class Function>");
  text.open(
      "void find(LookUp look_up, Object object, Function& function, std::initializer_list<const char*> names) {{");
  text.open("for (const char* name : names) {{");
  text.line("// SAFETY: the host's answer for a name has that name's type.");
  text.line("function = reinterpret_cast<Function>(look_up(object, name));");
  text.line("if (function != nullptr) return;");
  text.close();
  text.close();
  text.blank();
  text.line("}}  // namespace");
  for (const Table& table : kTables) {
    text.blank();
    text.open("void load({}& procs, {}) {{", table.name, table.load);
    if (table.level == Level::global) text.line("const VkInstance none = VK_NULL_HANDLE;");
    for (const Command* command : plan.host_functions.at(table.level)) {
      std::string names = "\"" + command->name + "\"";
      for (const std::string& alias : command->aliases) names += ", \"" + alias + "\"";
      text.line("find(look_up, {}, procs.{}, {{{}}});", table.object, command->name, names);
    }
    text.close();
  }
  text.blank();
  text.line("}}  // namespace hesper::render");
  return text.str();
}

}  // namespace

Files emit_procs(const Registry& registry, const Plan& plan) {
  return {{.path = "render/procs_gen.h",
           .content = first_line(registry, "The host's Vulkan functions, as tables.") + header(plan)},
          {.path = "render/procs_gen.cpp",
           .content = first_line(registry, "Looking up the host's Vulkan functions.") + source(plan)}};
}

}  // namespace wiregen
