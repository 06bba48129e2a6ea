// Plan: what is generated from registry and tables, and what is left out and why. Writes no text.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "registry.h"
#include "tables.h"

namespace wiregen {

enum class Level : std::uint8_t { global, instance, device };  // whose proc table has the host's function

struct CommandPlan {
  const Command* command = nullptr;
  std::uint32_t number = 0;
  bool by_hand = false;
};

struct StructPlan {
  const Struct* type = nullptr;
  bool direct = false;               // a parameter, member or element somewhere: needs sType and chain of its own
  bool chained = false;              // stands in somebody's pNext chain
  bool output = false;               // a client sends it in its partial form
  std::vector<const Struct*> chain;  // what it accepts as root of a chain, ordered by name
};

struct LeftOut {
  std::string name;
  std::string reason;
};

struct Plan {
  std::vector<CommandPlan> commands;  // by number
  std::map<std::string, StructPlan> structs;
  std::map<std::uint32_t, std::string> command_names;           // every number of the protocol
  std::map<std::uint32_t, std::string> refused;                 // number to reason; without decoder
  std::map<Level, std::vector<const Command*>> host_functions;  // by name
  std::vector<ProtocolExtension> extensions;                    // announced, with the lower spec version
  std::vector<LeftOut> left_out;
};

// Errors are mistakes in registry/ (a name that nothing knows), as sentences.
[[nodiscard]] std::expected<Plan, std::string> make_plan(const Registry& registry, const Tables& tables);

[[nodiscard]] Level level_of(const Registry& registry, const Command& command);

// A non-const pointer that the server fills in. The count in front of an output array is read as well.
[[nodiscard]] bool is_output(const Field& param);
// An output scalar that sizes another output, so that it travels both ways.
[[nodiscard]] bool is_in_out_count(const std::vector<Field>& siblings, const Field& field);

// The fewest bytes that a struct or union takes on the wire; partial: in its partial form.
[[nodiscard]] std::size_t wire_size(const Registry& registry, const Struct& type, bool partial);

}  // namespace wiregen
