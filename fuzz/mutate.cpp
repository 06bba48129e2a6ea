// Mutate.
#include "mutate.h"

#include <algorithm>
#include <span>
#include <vector>

#include "commands.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace hesper::fuzz {

std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  fake::Random random(seed);
  if (random.one_in(2)) return LLVMFuzzerMutate(data, size, most);
  std::vector<std::byte> bytes(size);
  std::ranges::copy(std::as_bytes(std::span(data, size)), bytes.begin());
  const auto [starts, ids] = take_apart(bytes);
  const std::size_t which = random.below(starts.size());
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(starts[which]);
  const auto end = which + 1 < starts.size() ? bytes.begin() + static_cast<std::ptrdiff_t>(starts[which + 1]) : begin;
  const bool remove = random.one_in(4);
  const bool insert = !remove || random.one_in(2);
  const auto at = remove ? bytes.erase(begin, end) : begin;
  if (insert) {
    const auto command = random_command(random, [&](VkObjectType type) {
      const auto named = ids.find(type);
      if (named == ids.end() || random.one_in(4)) return some_id(random, type);
      return named->second[random.below(named->second.size())];
    });
    bytes.insert(at, command.begin(), command.end());
  }
  if (bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(data, most)).begin());
  return bytes.size();
}

}  // namespace hesper::fuzz
