// Commands and replies that end too early: always an error, at whichever word they end. Each is in memory of exactly
// its size, so that the address sanitizer sees a read behind it.
#include <gtest/gtest.h>

#include <format>

#include "base/arena.h"
#include "known_objects.h"
#include "rounds.h"

namespace hesper::fake {
namespace {

// More would take minutes: every word of a command is one more time that it is decoded.
constexpr std::size_t kLargest = 32 * 1024;
constexpr std::uint64_t kRounds = 20;

class Truncation : public testing::Test {
 protected:
  void start(const Command& command, std::uint64_t seed) {
    random = Random(seed_for(command.name, seed));
    client_arena.reset();
  }

  // A request of which the size is bearable; params: zeroed.
  std::span<const std::byte> request(const Command& command, void* params) {
    wire::Encoder encoder;
    do {
      client_arena.reset();
      std::memset(params, 0, command.params.size);
      Filler(random, client_arena, objects.source()).fill_request(command, params);
      encoder.reset(bytes);
      command.coding.encode_request(encoder, 0, params);
      EXPECT_TRUE(encoder.ok());
    } while (encoder.position() > kLargest);
    return std::span(bytes).first(encoder.position());
  }

  Random random{0};
  KnownObjects objects{random};
  Arena client_arena{kMostBytes};
  Arena server_arena{kMostBytes};
  std::vector<std::byte> bytes = std::vector<std::byte>(kMostBytes);
};

TEST_F(Truncation, OfARequestIsAnErrorAtEveryWord) {
  constexpr std::size_t kHeader = 8;
  std::size_t ends = 0;
  for (const Command* command : all_commands()) {
    if (!command->on_wire) continue;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      start(*command, seed);
      Zeroed params(command->params.size);
      const auto parameters = request(*command, params.get()).subspan(kHeader);
      for (std::size_t size = 0; size < parameters.size(); size += 4) {
        const std::vector<std::byte> cut(parameters.begin(), parameters.begin() + static_cast<std::ptrdiff_t>(size));
        server_arena.reset();
        wire::Decoder decoder(server_arena, &objects.table);
        decoder.reset(cut);
        Zeroed decoded(command->params.size);
        command->coding.decode_request(decoder, decoded.get());
        ASSERT_FALSE(decoder.ok()) << size << " of " << parameters.size() << " bytes";
        ++ends;
      }
    }
  }
  EXPECT_GT(ends, 10'000u);
}

TEST_F(Truncation, OfAReplyIsAnErrorAtEveryWord) {
  std::size_t ends = 0;
  for (const Command* command : all_commands()) {
    if (!command->on_wire) continue;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      start(*command, seed);
      Zeroed params(command->params.size);
      static_cast<void>(request(*command, params.get()));
      Filler(random, client_arena, objects.source()).fill_outputs(*command, params.get());
      wire::Encoder encoder(bytes);
      command->coding.encode_reply(encoder, params.get());
      ASSERT_TRUE(encoder.ok());
      const auto reply = std::span(bytes).subspan(4, encoder.position() - 4);
      for (std::size_t size = 0; size < reply.size(); size += 4) {
        const std::vector<std::byte> cut(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(size));
        server_arena.reset();
        wire::Decoder decoder(server_arena, nullptr);
        decoder.reset(cut);
        Zeroed decoded(command->params.size);
        std::memcpy(decoded.get(), params.get(), command->params.size);
        command->coding.decode_reply(decoder, decoded.get());
        ASSERT_FALSE(decoder.ok()) << size << " of " << reply.size() << " bytes";
        ++ends;
      }
    }
  }
  EXPECT_GT(ends, 10'000u);
}

}  // namespace
}  // namespace hesper::fake
