// Commands: ids, encoding and taking apart.
#include "commands.h"

#include <algorithm>
#include <unordered_map>

#include "base/arena.h"
#include "dump.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

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
    case VK_OBJECT_TYPE_QUEUE: return 5;
    default: break;
  }
  // Extensions' types are 1000 apart.
  const auto number = static_cast<std::uint64_t>(type);
  const std::uint64_t slot = number < 1000 ? number : 1000 + number / 1000 % 1000;
  return kFirst + slot * kPerType + random.below(kPerType);
}

std::vector<std::byte> random_command(fake::Random& random, const std::function<std::uint64_t(VkObjectType)>& id) {
  const fake::Command& command = *on_wire()[random.below(on_wire().size())];
  Arena arena(kArena);
  fake::Filler filler(random, arena, {.existing = id, .fresh = id});
  auto parameters = parameters_of(command);
  filler.fill_request(command, parameters.data());
  std::vector<std::byte> bytes(kLargest);
  wire::Encoder encoder(bytes);
  command.coding.encode_request(encoder, random.one_in(4) ? kGenerateReply : 0, parameters.data());
  bytes.resize(encoder.ok() ? encoder.position() : 0);
  return bytes;
}

NamedIds ids_of(const fake::Command& command, const void* parameters) {
  NamedIds ids;
  const auto use = [&](VkObjectType type, std::uint64_t id) { ids.used.emplace_back(type, id); };
  static_cast<void>(fake::dump_request(command, parameters, {.on_handle = use, .text = false}));
  for (const fake::Field& field : command.params.fields) {
    if (!field.output || field.kind != fake::Kind::handle) continue;
    const auto* first = fake::load<const std::byte*>(fake::at(parameters, field));
    const std::uint64_t count = first == nullptr                      ? 0
                                : field.shape == fake::Shape::pointer ? 1
                                                                      : field.length(parameters);
    for (std::uint64_t i = 0; i < count; ++i) {
      ids.made.emplace_back(field.object_type, fake::load<std::uint64_t>(first + i * sizeof(std::uint64_t)));
    }
  }
  return ids;
}

Commands take_apart(std::span<const std::byte> stream) {
  Commands result{.starts = {0}};
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
    result.starts.push_back(decoder.position());
    const NamedIds named = ids_of(*command, parameters.data());
    for (const auto& [type, id] : named.used) result.ids[type].push_back(id);
    for (const auto& [type, id] : named.made) result.ids[type].push_back(id);
  }
  return result;
}

}  // namespace hesper::fuzz
