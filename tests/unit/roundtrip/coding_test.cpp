// Round trips through src/wire alone: what a client encodes is what the renderer decodes, and the other way round, for
// every struct, every pNext pair and every command.
#include <gtest/gtest.h>

#include <format>
#include <set>

#include "base/arena.h"
#include "dump.h"
#include "known_objects.h"
#include "rounds.h"
#include "wire/names.h"

namespace hesper::fake {
namespace {

constexpr std::uint64_t kRounds = 16;

class Coding : public testing::Test {
 protected:
  void start(std::string_view name, std::uint64_t seed) {
    random = Random(seed_for(name, seed));
    client_arena.reset();
    server_arena.reset();
  }

  [[nodiscard]] Filler filler() { return {random, client_arena, objects.source()}; }

  [[nodiscard]] DumpOptions as_sent() { return {.view = View::as_sent, .translate = KnownObjects::handle_of}; }

  // link: what is in the chain; nullptr: anything.
  void round_trip(const Type& type, const Type* link, bool partial) {
    Zeroed sent(type.size);
    Zeroed received(type.size);
    if (partial) {
      filler().fill_partial(type, sent.get(), link);
    } else {
      filler().fill(type, sent.get(), link);
    }
    wire::Encoder encoder(bytes);
    (partial ? type.coding.encode_partial : type.coding.encode)(encoder, sent.get());
    ASSERT_TRUE(encoder.ok());
    wire::Decoder decoder(server_arena, &objects.table);
    decoder.reset(std::span(bytes).first(encoder.position()));
    (partial ? type.coding.decode_partial : type.coding.decode)(decoder, received.get());
    ASSERT_TRUE(decoder.ok()) << wire::describe(decoder.error().code) << " at byte " << decoder.error().offset;
    EXPECT_EQ(decoder.remaining(), 0u);
    expect_equal(dump(type, sent.get(), partial, as_sent()), dump(type, received.get(), partial));
  }

  void round_trip(const Command& command) {
    Zeroed sent(command.params.size);
    Zeroed received(command.params.size);
    filler().fill_request(command, sent.get());
    wire::Encoder encoder(bytes);
    const auto flags = static_cast<std::uint32_t>(random.next());
    command.coding.encode_request(encoder, flags, sent.get());
    ASSERT_TRUE(encoder.ok());
    wire::Decoder decoder(server_arena, &objects.table);
    decoder.reset(std::span(bytes).first(encoder.position()));
    EXPECT_EQ(decoder.take<std::uint32_t>(), command.number);
    EXPECT_EQ(decoder.take<std::uint32_t>(), flags);
    command.coding.decode_request(decoder, received.get());
    ASSERT_TRUE(decoder.ok()) << wire::describe(decoder.error().code) << " at byte " << decoder.error().offset;
    EXPECT_EQ(decoder.remaining(), 0u);
    expect_equal(dump_request(command, sent.get(), as_sent()), dump_request(command, received.get()));

    filler().fill_outputs(command, received.get());
    wire::Encoder reply_encoder(reply);
    command.coding.encode_reply(reply_encoder, received.get());
    ASSERT_TRUE(reply_encoder.ok());
    wire::Decoder reply_decoder(client_arena, nullptr);
    reply_decoder.reset(std::span(reply).first(reply_encoder.position()));
    EXPECT_EQ(reply_decoder.take<std::uint32_t>(), command.number);
    command.coding.decode_reply(reply_decoder, sent.get());
    ASSERT_TRUE(reply_decoder.ok()) << wire::describe(reply_decoder.error().code) << " at byte "
                                    << reply_decoder.error().offset;
    EXPECT_EQ(reply_decoder.remaining(), 0u);
    expect_equal(dump_reply(command, received.get(), true), dump_reply(command, sent.get(), true));
  }

  Random random{0};
  KnownObjects objects{random};
  Arena client_arena{kMostBytes};
  Arena server_arena{kMostBytes};
  std::vector<std::byte> bytes = std::vector<std::byte>(kMostBytes);
  std::vector<std::byte> reply = std::vector<std::byte>(kMostBytes);
};

TEST_F(Coding, EveryStructArrivesAsItWasSent) {
  std::size_t structs = 0;
  for (const Type* type : all_types()) {
    if (type->coding.encode == nullptr) continue;
    ++structs;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", type->name, seed));
      start(type->name, seed);
      round_trip(*type, nullptr, false);
      if (type->coding.encode_partial != nullptr) round_trip(*type, nullptr, true);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(structs, 200u);  // the others are only ever in chains
}

TEST_F(Coding, EveryChainedPairArrivesAsItWasSent) {
  std::size_t pairs = 0;
  for (const Type* type : all_types()) {
    if (type->coding.encode == nullptr) continue;
    for (const Type* link : type->chain) {
      ++pairs;
      for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
        SCOPED_TRACE(std::format("{} with {}, seed {}", type->name, link->name, seed));
        start(link->name, seed);
        round_trip(*type, link, false);
        if (type->coding.encode_partial != nullptr) round_trip(*type, link, true);
        if (HasFailure()) return;
      }
    }
  }
  RecordProperty("pairs", static_cast<int>(pairs));
  EXPECT_GT(pairs, 300u);
}

// The names in log lines come from another emitter than the tables. A number has a decoder or a reason why not.
TEST_F(Coding, EveryStructAndCommandHasItsName) {
  for (const Type* type : all_types()) {
    if (type->coding.encode != nullptr && type->has_stype()) {
      EXPECT_EQ(wire::struct_name(static_cast<std::uint32_t>(type->stype)), type->name);
    }
    for (const Type* link : type->chain) {
      EXPECT_EQ(wire::struct_name(static_cast<std::uint32_t>(link->stype)), link->name);
    }
  }
  std::set<std::uint32_t> decoded;
  for (const Command* command : all_commands()) {
    if (!command->on_wire) continue;
    EXPECT_EQ(wire::command_name(command->number), command->name);
    EXPECT_EQ(wire::refusal(command->number), "");
    decoded.insert(command->number);
  }
  for (std::uint32_t number = 0; number < 1000; ++number) {
    const bool refused = wire::command_name(number) != "unknown command" && !decoded.contains(number);
    EXPECT_EQ(!wire::refusal(number).empty(), refused) << number;
  }
}

TEST_F(Coding, EveryCommandAndItsReplyArriveAsTheyWereSent) {
  std::size_t commands = 0;
  for (const Command* command : all_commands()) {
    if (!command->on_wire) continue;
    ++commands;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      start(command->name, seed);
      round_trip(*command);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(commands, 250u);
}

}  // namespace
}  // namespace hesper::fake
