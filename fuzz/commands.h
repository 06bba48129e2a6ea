// Commands: what the structure-aware targets have in common: streams of commands that our own encoder wrote, from the
// tables of the fake driver. What mutates them is mutate.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "fill.h"
#include "reflection.h"

namespace hesper::fuzz {

// The command with this number; nullptr: none on the wire.
[[nodiscard]] const fake::Command* command_of(std::uint32_t number) noexcept;

// Zeroed parameters of a command, aligned for all.
[[nodiscard]] std::vector<std::uint64_t> parameters_of(const fake::Command& command);

// The id of an object of this type: a few for each type, so that commands in a row name the same ones. Those that
// TestClient::start() makes are the only ones of theirs.
[[nodiscard]] std::uint64_t some_id(fake::Random& random, VkObjectType type);

// One command, encoded, with header. Empty: it did not fit. id: of an object of this type.
[[nodiscard]] std::vector<std::byte> random_command(fake::Random& random,
                                                    const std::function<std::uint64_t(VkObjectType)>& id);

// A stream taken apart, up to its first command that does not decode.
struct Commands {
  std::vector<std::size_t> starts;                           // of each command; the last: where they end
  std::map<VkObjectType, std::vector<std::uint64_t>> ids{};  // that it names, those of new objects too
};
[[nodiscard]] Commands take_apart(std::span<const std::byte> stream);

// The ids that one decoded command names: of objects that it uses, and of those that it makes.
struct NamedIds {
  std::vector<std::pair<VkObjectType, std::uint64_t>> used;
  std::vector<std::pair<VkObjectType, std::uint64_t>> made;
};
[[nodiscard]] NamedIds ids_of(const fake::Command& command, const void* parameters);

}  // namespace hesper::fuzz
