// Mutate: libFuzzer's custom mutator for streams of commands: inserts, replaces and removes whole commands.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hesper::fuzz {

// LLVMFuzzerCustomMutator. Half of the time libFuzzer's own mutations. New commands mostly name what the stream names.
[[nodiscard]] std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

}  // namespace hesper::fuzz
