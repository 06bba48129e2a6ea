// SPIR-V: one pass over the instructions' first words.
#include "wire/spirv.h"

#include <algorithm>
#include <array>

namespace hesper::wire {
namespace {

constexpr std::uint32_t kMagic = 0x07230203;
constexpr std::size_t kHeaderWords = 5;

// Instructions with a string, and the word at which it starts. OpSource's is optional and may be missing.
struct Row {
  std::uint32_t opcode;
  std::size_t word;
};
constexpr std::array kStrings{
    Row{.opcode = 2, .word = 1},     // OpSourceContinued
    Row{.opcode = 3, .word = 4},     // OpSource
    Row{.opcode = 4, .word = 1},     // OpSourceExtension
    Row{.opcode = 5, .word = 2},     // OpName
    Row{.opcode = 6, .word = 3},     // OpMemberName
    Row{.opcode = 7, .word = 2},     // OpString
    Row{.opcode = 10, .word = 1},    // OpExtension
    Row{.opcode = 11, .word = 2},    // OpExtInstImport
    Row{.opcode = 15, .word = 3},    // OpEntryPoint
    Row{.opcode = 330, .word = 1},   // OpModuleProcessed
    Row{.opcode = 5632, .word = 3},  // OpDecorateString
    Row{.opcode = 5633, .word = 4},  // OpMemberDecorateString
};

bool has_terminator(std::span<const std::uint32_t> words) noexcept {
  return std::ranges::any_of(words, [](std::uint32_t word) {
    return (word & 0xff) == 0 || (word & 0xff00) == 0 || (word & 0xff0000) == 0 || (word & 0xff000000) == 0;
  });
}

bool string_ends(std::span<const std::uint32_t> instruction) noexcept {
  const std::uint32_t opcode = instruction[0] & 0xffff;
  const auto row = std::ranges::find(kStrings, opcode, &Row::opcode);
  if (row == kStrings.end()) return true;
  constexpr std::uint32_t kOpSource = 3;
  if (instruction.size() <= row->word) return opcode == kOpSource;
  return has_terminator(instruction.subspan(row->word));
}

}  // namespace

std::size_t first_bad_word(std::span<const std::uint32_t> words) noexcept {
  if (words.size() < kHeaderWords || words[0] != kMagic) return 0;
  for (std::size_t at = kHeaderWords; at < words.size();) {
    const std::size_t length = words[at] >> 16;
    if (length == 0 || length > words.size() - at || !string_ends(words.subspan(at, length))) return at;
    at += length;
  }
  return words.size();
}

}  // namespace hesper::wire
