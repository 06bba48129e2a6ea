// parse_submission: one row per rule that a client can break, and both header sizes.
#include "vtest/submission.h"

#include <gtest/gtest.h>

#include <vector>

namespace hesper::vtest {
namespace {

using Words = std::vector<std::uint32_t>;

TEST(Submission, Version3HeadersHaveSixWords) {
  const Words payload = {1, /*header*/ 1, 7, 2, 9, 1, 5, /*commands*/ 100, 101, /*sync*/ 3, 4, 0};
  const auto batches = parse_submission(payload, 6);
  ASSERT_TRUE(batches) << batches.error().message;
  ASSERT_EQ(batches->size(), 1u);
  const Batch& batch = batches->front();
  EXPECT_EQ(Words(batch.commands.begin(), batch.commands.end()), (Words{100, 101}));
  EXPECT_EQ(Words(batch.syncs.begin(), batch.syncs.end()), (Words{3, 4, 0}));
  EXPECT_EQ(batch.ring_idx, 5u);
}

TEST(Submission, Version4HeadersHaveEightWords) {
  const Words payload = {1, /*header*/ 1, 9, 1, 10, 1, 0, 0, 0, /*commands*/ 100, /*sync*/ 3, 4, 0};
  const auto batches = parse_submission(payload, 8);
  ASSERT_TRUE(batches) << batches.error().message;
  EXPECT_EQ(batches->front().commands[0], 100u);
  EXPECT_EQ(batches->front().syncs[0], 3u);
  EXPECT_EQ(batches->front().ring_idx, 0u);
}

TEST(Submission, SeveralBatchesKeepTheirOrder) {
  const Words payload = {2, 1, 13, 1, 0, 0, 1, 1, 14, 1, 0, 0, 2, 100, 200};
  const auto batches = parse_submission(payload, 6);
  ASSERT_TRUE(batches) << batches.error().message;
  ASSERT_EQ(batches->size(), 2u);
  EXPECT_EQ((*batches)[0].commands[0], 100u);
  EXPECT_EQ((*batches)[1].commands[0], 200u);
  EXPECT_EQ((*batches)[1].ring_idx, 2u);
}

TEST(Submission, WithoutRingIdxThereIsNoTimeline) {
  const auto batches = parse_submission(Words{1, 0, 0, 0, 0, 0, 77}, 6);
  ASSERT_TRUE(batches) << batches.error().message;
  EXPECT_FALSE(batches->front().ring_idx);
}

TEST(Submission, NothingToDoIsLegal) {
  EXPECT_TRUE(parse_submission(Words{0}, 6));
  EXPECT_TRUE(parse_submission(Words{1, 1, 0, 0, 0, 0, 0}, 6));
}

struct Case {
  const char* name;
  Words payload;
};

TEST(Submission, HostilePayloadsAreErrors) {
  const Case cases[] = {
      {"no batch count", {}},
      {"batch count beyond the payload", {2, 1, 7, 0, 7, 0, 0}},
      {"batch count that overflows 32 bits", {0xffffffff, 1, 7, 0, 7, 0, 0}},
      {"batch count that overflows when multiplied", {0x2aaaaaab, 1, 7, 0, 7, 0, 0}},
      {"commands beyond the payload", {1, 1, 7, 1, 0, 0, 0}},
      {"commands whose end overflows", {1, 1, 0xffffffff, 2, 0, 0, 0}},
      {"syncs beyond the payload", {1, 1, 0, 0, 7, 1, 0}},
      {"sync count that overflows when multiplied", {1, 1, 0, 0, 0, 0x55555556, 0}},
      {"ring index 64", {1, 1, 0, 0, 0, 0, 64}},
      {"an incoming fence fd", {1, 3, 0, 0, 0, 0, 0}},
      {"an outgoing fence fd", {1, 5, 0, 0, 0, 0, 0}},
      {"unknown flags", {1, 0x80000000, 0, 0, 0, 0, 0}},
  };
  for (const Case& each : cases) EXPECT_FALSE(parse_submission(each.payload, 6)) << each.name;
  EXPECT_FALSE(parse_submission(Words{1, 1, 0, 0, 0, 0, 0, 1, 0}, 8)) << "DRM sync objects";
}

}  // namespace
}  // namespace hesper::vtest
