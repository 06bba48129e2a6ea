// Commands: what the structure-aware targets have in common: streams of commands that our own encoder wrote, from the
// tables of the fake driver, and a mutator that inserts, replaces and removes whole commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
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

// One command, encoded, with header. Empty: it did not fit.
[[nodiscard]] std::vector<std::byte> random_command(fake::Random& random);

// Where the commands of a stream begin, up to the first that does not decode, whose start is the last.
[[nodiscard]] std::vector<std::size_t> starts_of(std::span<const std::byte> stream);

// LLVMFuzzerCustomMutator for such a stream. Half of the time libFuzzer's own mutations.
[[nodiscard]] std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

}  // namespace hesper::fuzz
