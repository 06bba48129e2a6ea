// seeds_from_capture CAPTURE FOLDER NAME: what a program did, as inputs of the fuzz targets: NAME-vkX in
// FOLDER/fuzz_wire_request for each kind of command, NAME in FOLDER/fuzz_context, NAME-ring-N in FOLDER/fuzz_ring.
// fuzz/seeds/renew runs it, and keeps of its output what is new to the targets.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "capture/bytes.h"
#include "capture/show.h"
#include "commands.h"
#include "wire/commands_gen.h"
#include "wire/decoder.h"
#include "wire/names.h"

namespace {

using namespace hesper;
using wire::CommandType;

constexpr std::size_t kLargestCommand = 2048;  // bytes of one that is worth being a seed of its own
constexpr std::size_t kOfAKind = 1;            // commands that a stream keeps, but for those that others need
constexpr std::size_t kLargestStream = 16384;  // what ./dev fuzz gives the targets

struct Recorded {
  CommandType type{};
  std::uint32_t stream = 0;
  std::vector<std::byte> bytes;
};

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

// What TestClient::start() has done already, and what speaks of rings and resources that a fuzz target has not.
bool is_set_up(CommandType type) {
  using enum CommandType;
  switch (type) {
    case vkCreateInstance:
    case vkEnumeratePhysicalDevices:
    case vkCreateDevice:
    case vkGetDeviceQueue:
    case vkGetDeviceQueue2:
    case vkSetReplyCommandStreamMESA:
    case vkSeekReplyCommandStreamMESA:
    case vkExecuteCommandStreamsMESA:
    case vkCreateRingMESA:
    case vkDestroyRingMESA:
    case vkNotifyRingMESA:
    case vkWriteRingExtraMESA:
    case vkWaitRingSeqnoMESA:
    case vkWaitVirtqueueSeqnoMESA:
    case vkSubmitVirtqueueSeqnoMESA: return true;
    default: return false;
  }
}

// The first of each kind, and what the objects that they name come from.
std::vector<std::byte> shortened(const std::vector<Recorded>& commands) {
  std::map<CommandType, std::size_t> seen;
  std::vector<bool> keep(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    keep[i] = !is_set_up(commands[i].type) && commands[i].bytes.size() <= kLargestCommand &&
              seen[commands[i].type]++ < kOfAKind;
  }
  Arena arena(std::size_t{64} << 20);
  std::set<std::uint64_t> needed;
  for (std::size_t i = commands.size(); i-- > 0;) {
    arena.reset();
    wire::Decoder decoder(arena, nullptr);
    decoder.reset(std::span<const std::byte>(commands[i].bytes).subspan(2 * sizeof(std::uint32_t)));
    const fake::Command* command = fuzz::command_of(std::to_underlying(commands[i].type));
    if (command == nullptr || is_set_up(commands[i].type)) continue;
    auto parameters = fuzz::parameters_of(*command);
    command->coding.decode_request(decoder, parameters.data());
    if (!decoder.ok()) continue;
    const auto ids = fuzz::ids_of(*command, parameters.data());
    for (const auto& made : ids.made) keep[i] = needed.contains(made.second) || keep[i];
    if (!keep[i]) continue;
    for (const auto& used : ids.used) needed.insert(used.second);
  }
  std::vector<std::byte> stream;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!keep[i]) continue;
    if (stream.size() + commands[i].bytes.size() > kLargestStream) break;  // what follows may name what does not fit
    const std::size_t at = stream.size();
    stream.insert(stream.end(), commands[i].bytes.begin(), commands[i].bytes.end());
    capture::set(std::span(stream), at + sizeof(std::uint32_t), std::uint32_t{0});  // there is little room for replies
  }
  return stream;
}

// As ring.cpp reads it: the ring's layout with a buffer that is small enough, and a step for each command's arrival.
std::vector<std::byte> ring_steps(const wire::VkRingCreateInfoMESA& info, const std::vector<Recorded>& commands,
                                  std::uint32_t stream) {
  constexpr std::uint16_t kSize = 8192;
  constexpr unsigned kBufferBits = 12;
  constexpr std::size_t kBuffer = std::size_t{1} << kBufferBits;
  constexpr std::size_t kSteps = 64;
  constexpr std::uint16_t kStore = 0, kAdvanceTail = 1, kWake = 5;
  std::vector<std::byte> input;
  const auto buffer = static_cast<std::uint16_t>(info.bufferOffset);
  for (const auto word :
       {static_cast<std::uint16_t>(info.offset), kSize, static_cast<std::uint16_t>(info.headOffset),
        static_cast<std::uint16_t>(info.tailOffset), static_cast<std::uint16_t>(info.statusOffset), buffer,
        static_cast<std::uint16_t>(kBufferBits), static_cast<std::uint16_t>(buffer + kBuffer)}) {
    capture::put(input, word);
  }
  std::size_t steps = 0;
  const auto step = [&](std::uint16_t what, std::size_t where, std::uint32_t value) {
    capture::put(input, what);
    capture::put(input, static_cast<std::uint16_t>(where));
    capture::put(input, value);
    ++steps;
  };
  std::size_t tail = 0;
  for (const Recorded& command : commands) {
    if (command.stream != stream || steps + 3 > kSteps) continue;
    step(kStore, info.offset + buffer + tail % kBuffer, static_cast<std::uint32_t>(std::to_underlying(command.type)));
    step(kAdvanceTail, 0, static_cast<std::uint32_t>(command.bytes.size() / 4));
    step(kWake, 0, 0);
    tail += command.bytes.size();
  }
  return input;
}

int run(const std::filesystem::path& capture, const std::filesystem::path& folder, const std::string& name) {
  std::vector<Recorded> commands;
  const auto shown = capture::show(read_file(capture), {}, [&](const capture::Line& line) {
    if (line.bytes.empty()) return;
    commands.push_back({.type = CommandType{line.type},
                        .stream = line.stream.value_or(capture::kContextStream),
                        .bytes = {line.bytes.begin(), line.bytes.end()}});
  });
  if (!shown) {
    std::fprintf(stderr, "%s\n", shown.error().message.c_str());
    return 1;
  }

  std::set<CommandType> kinds;
  std::uint32_t ring = 0;
  Arena arena(std::size_t{1} << 20);
  for (const Recorded& command : commands) {
    if (command.type == CommandType::vkCreateRingMESA) {
      arena.reset();
      wire::Decoder decoder(arena, nullptr);
      decoder.reset(std::span<const std::byte>(command.bytes).subspan(2 * sizeof(std::uint32_t)));
      wire::vkCreateRingMESA_args args{};
      wire::decode_request(decoder, args);
      ++ring;
      if (decoder.ok() && args.pCreateInfo != nullptr) {
        write_file(folder / "fuzz_ring" / fmt::format("{}-ring-{}", name, ring),
                   ring_steps(*args.pCreateInfo, commands, ring));
      }
    }
    if (command.bytes.size() > kLargestCommand || !kinds.insert(command.type).second) continue;
    write_file(
        folder / "fuzz_wire_request" / fmt::format("{}-{}", name, wire::command_name(std::to_underlying(command.type))),
        command.bytes);
  }
  write_file(folder / "fuzz_context" / name, shortened(commands));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "Usage: seeds_from_capture CAPTURE FOLDER NAME\n");
    return 2;
  }
  return run(argv[1], argv[2], argv[3]);
}
