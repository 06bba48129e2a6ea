// SPIR-V: whether a parser that trusts instruction lengths and terminators stays inside the module. Says nothing about
// what the shader does: a driver that breaks on that breaks its own client's worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hesper::wire {

// Index of the first word that is wrong: the magic number, an instruction of length 0 or past the end, or one whose
// string has no terminator. words.size() if none is.
// Spec: SPIR-V 1.6, "Physical Layout of a SPIR-V Module and Instruction".
[[nodiscard]] std::size_t first_bad_word(std::span<const std::uint32_t> words) noexcept;

}  // namespace hesper::wire
