// Commands: ids, encoding, and the mutations of whole commands.
#include "commands.h"

#include <algorithm>
#include <unordered_map>

#include "base/arena.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace hesper::fuzz {
namespace {

constexpr std::size_t kLargest = 64 * 1024;  // bytes of one command
constexpr std::size_t kArena = 4 << 20;
constexpr std::uint32_t kGenerateReply = 1;

const std::vector<const fake::Command*>& on_wire() {
  static const auto all = [] {
    std::vector<const fake::Command*> commands;
    for (const fake::Command* command : fake::all_commands()) {
      if (command->on_wire) commands.push_back(command);
    }
    return commands;
  }();
  return all;
}

}  // namespace

const fake::Command* command_of(std::uint32_t number) noexcept {
  static const auto by_number = [] {
    std::unordered_map<std::uint32_t, const fake::Command*> map;
    for (const fake::Command* command : on_wire()) map.emplace(command->number, command);
    return map;
  }();
  const auto at = by_number.find(number);
  return at == by_number.end() ? nullptr : at->second;
}

std::vector<std::uint64_t> parameters_of(const fake::Command& command) {
  return std::vector<std::uint64_t>((command.params.size + 7) / 8);
}

std::uint64_t some_id(fake::Random& random, VkObjectType type) {
  constexpr std::uint64_t kFirst = 16;
  constexpr std::uint64_t kPerType = 3;
  switch (type) {
    case VK_OBJECT_TYPE_INSTANCE: return 1;
    case VK_OBJECT_TYPE_PHYSICAL_DEVICE: return 2;
    case VK_OBJECT_TYPE_DEVICE: return 3;
    case VK_OBJECT_TYPE_QUEUE: return 4;
    default: break;
  }
  // Extensions' types are 1000 apart.
  const auto number = static_cast<std::uint64_t>(type);
  const std::uint64_t slot = number < 1000 ? number : 1000 + number / 1000 % 1000;
  return kFirst + slot * kPerType + random.below(kPerType);
}

std::vector<std::byte> random_command(fake::Random& random) {
  const fake::Command& command = *on_wire()[random.below(on_wire().size())];
  Arena arena(kArena);
  const auto id = [&](VkObjectType type) { return some_id(random, type); };
  fake::Filler filler(random, arena, {.existing = id, .fresh = id});
  auto parameters = parameters_of(command);
  filler.fill_request(command, parameters.data());
  std::vector<std::byte> bytes(kLargest);
  wire::Encoder encoder(bytes);
  command.coding.encode_request(encoder, random.one_in(4) ? kGenerateReply : 0, parameters.data());
  bytes.resize(encoder.ok() ? encoder.position() : 0);
  return bytes;
}

std::vector<std::size_t> starts_of(std::span<const std::byte> stream) {
  std::vector<std::size_t> starts{0};
  Arena arena(kArena);
  wire::Decoder decoder(arena, nullptr);
  // The copy is aligned, which the mutator's buffer need not be.
  std::vector<std::uint64_t> copy((stream.size() + 7) / 8);
  std::ranges::copy(stream, std::as_writable_bytes(std::span(copy)).begin());
  decoder.reset(std::as_bytes(std::span(copy)).first(stream.size()));
  while (decoder.remaining() != 0) {
    arena.reset();
    const fake::Command* command = command_of(decoder.take<std::uint32_t>());
    static_cast<void>(decoder.take<std::uint32_t>());
    if (!decoder.ok() || command == nullptr) break;
    auto parameters = parameters_of(*command);
    command->coding.decode_request(decoder, parameters.data());
    if (!decoder.ok()) break;
    starts.push_back(decoder.position());
  }
  return starts;
}

std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  fake::Random random(seed);
  if (random.one_in(2)) return LLVMFuzzerMutate(data, size, most);
  std::vector<std::byte> bytes(size);
  std::ranges::copy(std::as_bytes(std::span(data, size)), bytes.begin());
  const auto starts = starts_of(bytes);
  const std::size_t which = random.below(starts.size());
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(starts[which]);
  const auto end = which + 1 < starts.size() ? bytes.begin() + static_cast<std::ptrdiff_t>(starts[which + 1]) : begin;
  const bool remove = random.one_in(4);
  const bool insert = !remove || random.one_in(2);
  const auto at = remove ? bytes.erase(begin, end) : begin;
  if (insert) {
    const auto command = random_command(random);
    bytes.insert(at, command.begin(), command.end());
  }
  if (bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::ranges::copy(bytes, std::as_writable_bytes(std::span(data, most)).begin());
  return bytes.size();
}

}  // namespace hesper::fuzz
