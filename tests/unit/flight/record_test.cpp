// Flight record: what a stream notes is what the other process reads, and hostile contents are no danger.
#include "flight/record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace hesper::flight {
namespace {

class SharedRecord : public testing::Test {
 protected:
  UniqueFd fd = std::move(*create_record());
  platform::Mapping memory = std::move(*map_record(fd.get()));
  std::unique_ptr<Recorder> recorder = std::move(*Recorder::on(fd.get()));
  const Record& record = record_in(memory);
};

TEST_F(SharedRecord, AnUnusedStreamHasNoView) {
  for (std::size_t i = 0; i < kStreams; ++i) EXPECT_FALSE(view(record, i));
}

TEST_F(SharedRecord, TheOtherSideSeesTheCurrentCommandAndThoseBefore) {
  StreamRecord& stream = recorder->open(Kind::ring, 5);
  stream.begin_batch();
  constexpr std::uint16_t kCommands = kHistory + 40;
  for (std::uint16_t type = 1; type <= kCommands; ++type) stream.command(type);
  const auto seen = view(record, 0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->kind, Kind::ring);
  EXPECT_EQ(seen->number, 5u);
  EXPECT_EQ(seen->state, State::busy);
  EXPECT_EQ(seen->count, kCommands);
  ASSERT_EQ(seen->history.size(), kHistory);
  EXPECT_EQ(seen->history.front().type, kCommands);
  EXPECT_EQ(seen->history.back().type, kCommands - kHistory + 1);
  stream.end_batch();
  EXPECT_EQ(view(record, 0)->state, State::idle);
}

TEST_F(SharedRecord, EachCommandBearsTheTimeOfItsBatch) {
  StreamRecord& stream = recorder->open(Kind::context, 0);
  for (std::uint16_t batch = 0; batch < 3; ++batch) {
    stream.begin_batch();
    stream.command(batch);
    stream.command(batch);
    stream.end_batch();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const auto history = view(record, 0)->history;
  ASSERT_EQ(history.size(), 6u);
  EXPECT_EQ(history[0].time, history[1].time);
  EXPECT_GT(history[1].time, history[2].time);
  EXPECT_EQ(history[2].time, history[3].time);
  EXPECT_GT(history[3].time, history[4].time);
}

TEST_F(SharedRecord, AClosedRecordIsGivenOutAgainEmpty) {
  StreamRecord& first = recorder->open(Kind::ring, 1);
  first.begin_batch();
  first.command(7);
  recorder->close(first);
  EXPECT_FALSE(view(record, 0));
  EXPECT_EQ(&recorder->open(Kind::ring, 2), &first);
  EXPECT_EQ(view(record, 0)->number, 2u);
  EXPECT_TRUE(view(record, 0)->history.empty());
}

TEST_F(SharedRecord, MoreStreamsThanRecordsWriteWhereNobodyReads) {
  std::vector<StreamRecord*> streams;
  for (std::size_t i = 0; i < kStreams + 3; ++i) streams.push_back(&recorder->open(Kind::ring, 0));
  for (StreamRecord* stream : streams) {
    stream->begin_batch();
    stream->command(1);
  }
  for (StreamRecord* stream : streams) recorder->close(*stream);
  for (std::size_t i = 0; i < kStreams; ++i) EXPECT_FALSE(view(record, i));
}

TEST_F(SharedRecord, TheOtherSideSeesHowTheWorkerIsConfined) {
  EXPECT_FALSE(confinement(record));
  recorder->confined(0);
  EXPECT_EQ(confinement(record), 0u);
  recorder->confined(2);
  EXPECT_EQ(confinement(record), 2u);
}

TEST_F(SharedRecord, AnythingMayStandInIt) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    for (std::size_t at = 0; at + 8 <= memory.size(); at += 8) {
      const std::uint64_t word = random();
      std::memcpy(memory.data() + at, &word, sizeof(word));
    }
    for (std::size_t i = 0; i < kStreams; ++i) {
      const auto seen = view(record, i);
      EXPECT_LE(seen ? seen->history.size() : 0, kHistory);
    }
  }
}

TEST(Recorder, RefusesMemoryThatIsTooSmall) {
  const auto fd = platform::create_shared_memory("small", sizeof(Record) - 1);
  ASSERT_TRUE(fd);
  EXPECT_FALSE(Recorder::on(fd->get()));
}

}  // namespace
}  // namespace hesper::flight
