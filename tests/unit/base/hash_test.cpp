// hash64 against the values that the XXH64 specification gives.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <vector>

namespace hesper {
namespace {

std::uint64_t hash_of(std::string_view text, std::uint64_t seed = 0) {
  return hash64(std::as_bytes(std::span(text)), seed);
}

TEST(Hash, EmptyInputHasTheSpecifiedValue) { EXPECT_EQ(hash_of(""), 0xEF46DB3751D8E999u); }

TEST(Hash, ShortAndLongInputsHaveTheirKnownValues) {
  EXPECT_EQ(hash_of("a"), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(hash_of("abc"), 0x44BC2CF5AD770999u);
  EXPECT_EQ(hash_of("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1u);  // longer than one stripe
}

TEST(Hash, SeedMatters) { EXPECT_NE(hash_of("abc", 1), hash_of("abc")); }

TEST(Hash, EachByteMatters) {
  std::vector<std::byte> bytes(101);
  const std::uint64_t before = hash64(bytes);
  for (std::byte& byte : bytes) {
    byte = std::byte{1};
    EXPECT_NE(hash64(bytes), before);
    byte = std::byte{0};
  }
}

}  // namespace
}  // namespace hesper
