// Plan: selection of commands, structs and extensions.
#include "plan.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "quirks.h"

namespace wiregen {
namespace {

class Planner {
 public:
  Planner(const Registry& registry, const Tables& tables) : registry_(registry), tables_(tables) {
    plan_.host_functions = {{Level::global, {}}, {Level::instance, {}}, {Level::device, {}}};
  }

  std::expected<Plan, std::string> run() {
    if (auto known = check_names(); !known) return std::unexpected(known.error());
    resolve_chains();
    for (const auto& [number, names] : tables_.commands) select_command(number, names);
    select_host_functions();
    select_extensions();
    return std::move(plan_);
  }

 private:
  // A command may be newer than vk.xml, but a name in commands.toml has a number or a place in vk.xml.
  std::expected<void, std::string> check_names() const {
    std::set<std::string> numbered;
    for (const auto& [number, names] : tables_.commands) numbered.insert(names.begin(), names.end());
    const auto unknown = [&](const std::string& name) {
      return std::unexpected("commands.toml: " + name + " is not a command of the protocol.");
    };
    for (const std::string& name : tables_.by_hand) {
      if (!numbered.contains(name)) return unknown(name);
    }
    for (const auto& [name, reason] : tables_.refused) {
      if (!numbered.contains(name)) return unknown(name);
    }
    return {};
  }

  const Struct* known_struct(const std::string& name) const {
    const Struct* type = registry_.find_struct(name);
    return type != nullptr ? type : registry_.find_struct(name_before_promotion(name));
  }

  void resolve_chains() {
    std::set<std::string> missing;
    const auto resolve = [&](const std::string& name) {
      const Struct* type = known_struct(name);
      std::string why;
      if (type == nullptr) {
        why = "the installed vk.xml does not know it";
      } else if (const auto problem = struct_problem(*type)) {
        why = *problem;
        type = nullptr;
      }
      if (type == nullptr && missing.insert(name).second) plan_.left_out.push_back({name, why});
      return type;
    };
    for (const auto& [root, links] : tables_.chains) {
      const Struct* type = resolve(root);
      std::vector<const Struct*> chain;
      for (const std::string& link : links) {
        const Struct* linked = resolve(link);
        if (linked != nullptr) chain.push_back(linked);
      }
      if (type == nullptr) continue;
      std::ranges::sort(chain, {}, &Struct::name);
      // Two names of the protocol may be one struct here.
      const auto repeated = std::ranges::unique(chain);
      chain.erase(repeated.begin(), repeated.end());
      chains_[type->name] = std::move(chain);
    }
  }

  const Command* find_command(const std::vector<std::string>& names) const {
    for (std::string name : names) {
      for (auto alias = registry_.command_aliases.find(name); alias != registry_.command_aliases.end();
           alias = registry_.command_aliases.find(name)) {
        name = alias->second;
      }
      if (const auto at = registry_.commands.find(name); at != registry_.commands.end()) return &at->second;
    }
    return nullptr;
  }

  void select_command(std::uint32_t number, const std::vector<std::string>& names) {
    const Command* command = find_command(names);
    const std::string& name = command != nullptr ? command->name : names.front();
    plan_.command_names[number] = name;
    const auto leave_out = [&](const std::string& reason) {
      plan_.refused[number] = reason;
      plan_.left_out.push_back({name, reason});
    };
    if (const auto refused = tables_.refused.find(name); refused != tables_.refused.end()) {
      return leave_out(refused->second);
    }
    if (command == nullptr) return leave_out("the installed vk.xml does not know it");
    if (const auto problem = command_problem(*command)) return leave_out(*problem);
    const bool by_hand = tables_.by_hand.contains(name);
    if (!by_hand && creates_several(*command)) {
      return leave_out("it creates several objects at once, which needs a handler written by hand");
    }
    plan_.commands.push_back({.command = command, .number = number, .by_hand = by_hand});
    for (const Field& param : command->params) {
      if (param.type == "VkAllocationCallbacks") continue;
      if (const Struct* type = registry_.find_struct(param.type)) reach(*type, is_output(param));
    }
  }

  void select_host_functions() {
    std::set<std::string> names;
    for (const CommandPlan& plan : plan_.commands) {
      if (!plan.command->venus) names.insert(plan.command->name);
    }
    for (const std::string& name : tables_.host_only) {
      const Command* command = find_command({name});
      if (command != nullptr) names.insert(command->name);
    }
    for (const std::string& name : names) {
      const Command& command = registry_.commands.at(name);
      plan_.host_functions[level_of(registry_, command)].push_back(&command);
    }
  }

  void select_extensions() {
    for (const ProtocolExtension& extension : tables_.extensions) {
      const auto at = registry_.extensions.find(extension.name);
      if (at == registry_.extensions.end() || at->second.number != extension.number) {
        plan_.left_out.push_back({extension.name, "the installed vk.xml does not know it"});
        continue;
      }
      if (const auto missing = undecodable(at->second)) {
        plan_.left_out.push_back({extension.name, *missing + " is left out"});
        continue;
      }
      plan_.extensions.push_back({.name = extension.name,
                                  .number = extension.number,
                                  .spec_version = std::min(extension.spec_version, at->second.spec_version)});
    }
    std::ranges::sort(plan_.extensions, {}, &ProtocolExtension::number);
  }

  // A struct or command of the extension that clients may send, but that has no codec here. Refused commands do not
  // count: clients never send them.
  std::optional<std::string> undecodable(const Extension& extension) const {
    const auto left_out = [&](const std::string& name) {
      return !tables_.refused.contains(name) && std::ranges::contains(plan_.left_out, name, &LeftOut::name);
    };
    for (const std::string& name : extension.types) {
      if (left_out(registry_.resolve(name))) return registry_.resolve(name);
    }
    for (const std::string& name : extension.commands) {
      const Command* command = find_command({name});
      if (command != nullptr && left_out(command->name)) return command->name;
    }
    return std::nullopt;
  }

  bool creates_several(const Command& command) const {
    return std::ranges::any_of(command.params, [&](const Field& param) {
      return is_output(param) && registry_.find_handle(param.type) != nullptr && !param.length.empty();
    });
  }

  std::optional<std::string> command_problem(const Command& command) const {
    for (const Field& param : command.params) {
      if (param.type == "VkAllocationCallbacks") continue;
      if (param.pointers == 2 && !element_length(command.name, param.name).empty()) continue;
      if (auto problem = field_problem(param)) return problem;
    }
    return std::nullopt;
  }

  std::optional<std::string> struct_problem(const Struct& type) const {
    if (hand_written_union(type.name) != 0) return std::nullopt;
    for (const Field& member : type.members) {
      if (member.name == "sType" || member.name == "pNext") continue;
      if (type.is_union && member.selection.empty()) return type.name + " is a union without selector";
      if (auto problem = field_problem(member)) return problem;
    }
    return std::nullopt;
  }

  std::optional<std::string> field_problem(const Field& field) const {
    const std::string subject = field.type + " " + field.name;
    if (field.bit_field) return subject + " is a bit field";
    if (field.dimension.contains('[')) return subject + " has two dimensions";
    switch (registry_.classify(field.type)) {
      case TypeClass::unknown: return subject + " is of an unknown type";
      case TypeClass::function: return subject + " is a function pointer";
      case TypeClass::untyped:
        if (field.pointers != 1 || (field.length.empty() && !field.optional)) {
          return subject + " is a pointer without length";
        }
        return std::nullopt;
      case TypeClass::structure:
        if (auto problem = struct_problem(*registry_.find_struct(field.type))) return problem;
        break;
      case TypeClass::character:
        if (field.pointers == 2 && field.inner_length != "null-terminated") return subject + " is not a string";
        return std::nullopt;
      case TypeClass::word:
      case TypeClass::narrow:
      case TypeClass::handle: break;
    }
    if (field.pointers > 2 || (field.pointers == 2 && field.inner_length != "1")) {
      return subject + " is an array of arrays";
    }
    return std::nullopt;
  }

  void reach(const Struct& type, bool output) {
    StructPlan& plan = plan_.structs[type.name];
    plan.type = &type;
    if (plan.direct && (plan.output || !output)) return;
    plan.direct = true;
    plan.output |= output;
    const auto chain = chains_.find(type.name);
    if (chain != chains_.end()) plan.chain = chain->second;
    reach_members(type, output);
    for (const Struct* link : plan_.structs[type.name].chain) {
      StructPlan& linked = plan_.structs[link->name];
      linked.type = link;
      linked.chained = true;
      linked.output |= output;
      reach_members(*link, output);
    }
  }

  void reach_members(const Struct& type, bool output) {
    if (hand_written_union(type.name) != 0) return;
    for (const Field& member : type.members) {
      if (const Struct* inner = registry_.find_struct(member.type)) reach(*inner, output);
    }
  }

  const Registry& registry_;
  const Tables& tables_;
  std::map<std::string, std::vector<const Struct*>> chains_;
  Plan plan_;
};

bool in_partial_form(const Registry& registry, const Struct& type, const Field& member) {
  if (member.pointers > 0) return true;
  if (registry.classify(member.type) == TypeClass::word && member.dimension.empty()) {
    return is_in_out_count(type.members, member);
  }
  return !member.dimension.empty() ? registry.classify(member.type) == TypeClass::structure ||
                                         registry.classify(member.type) == TypeClass::handle
                                   : registry.classify(member.type) == TypeClass::structure;
}

// "32", or an API constant. Constants count as 1, which only makes the bound weaker.
std::size_t dimension_value(const std::string& text) {
  const int value = std::atoi(text.c_str());
  return value > 0 ? static_cast<std::size_t>(value) : 1;
}

}  // namespace

std::expected<Plan, std::string> make_plan(const Registry& registry, const Tables& tables) {
  return Planner(registry, tables).run();
}

Level level_of(const Registry& registry, const Command& command) {
  if (command.name == "vkGetInstanceProcAddr") return Level::global;
  if (command.name == "vkGetDeviceProcAddr") return Level::instance;
  const std::string first = command.params.empty() ? std::string() : registry.resolve(command.params[0].type);
  if (registry.find_handle(first) == nullptr) return Level::global;
  return first == "VkInstance" || first == "VkPhysicalDevice" ? Level::instance : Level::device;
}

bool is_output(const Field& param) { return param.pointers > 0 && !param.is_const; }

bool is_in_out_count(const std::vector<Field>& siblings, const Field& field) {
  return std::ranges::any_of(siblings, [&](const Field& other) {
    return is_output(other) && other.name != field.name && other.length == field.name;
  });
}

std::size_t wire_size(const Registry& registry, const Struct& type, bool partial) {
  if (const std::size_t size = hand_written_union(type.name)) return size;
  if (type.is_union) return 4;
  std::size_t size = 0;
  for (const Field& member : type.members) {
    if (member.name == "sType") {
      size += 12;  // and the end of the chain
      continue;
    }
    if (member.name == "pNext" || (partial && !in_partial_form(registry, type, member))) continue;
    if (member.pointers > 0) {
      size += 8;
      continue;
    }
    std::size_t element = 4;
    const TypeClass kind = registry.classify(member.type);
    if (kind == TypeClass::structure) element = wire_size(registry, *registry.find_struct(member.type), partial);
    if (kind == TypeClass::handle) element = 8;
    if (member.dimension.empty()) {
      size += element;
    } else {
      const bool bytes = kind == TypeClass::narrow || kind == TypeClass::character;
      const std::size_t count = dimension_value(member.dimension);
      size += 8 + (bytes ? count & ~std::size_t{3} : count * element);
    }
  }
  return size;
}

}  // namespace wiregen
