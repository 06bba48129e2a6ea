// Rounds: how often and with which seeds the round trips run, and memory for structs that are known by their tables.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "dump.h"
#include "fill.h"
#include "reflection.h"
#include "wire/encoder.h"

namespace hesper::fake {

// From the environment, so that a long run is `HESPER_ROUNDTRIP_ROUNDS=1000 roundtrip_test`, and a failure that it
// finds is repeated with its seed and one round.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}
inline std::uint64_t first_seed() { return number_from_environment("HESPER_ROUNDTRIP_SEED", 1); }
inline std::uint64_t last_seed(std::uint64_t rounds) {
  return first_seed() + number_from_environment("HESPER_ROUNDTRIP_ROUNDS", rounds) - 1;
}

// One seed for each subject, so that a subject's contents do not depend on the others'.
inline std::uint64_t seed_for(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = seed * 0x9e37'79b9'7f4a'7c15;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return hash;
}

// Zeroed memory for a struct, aligned for every member of one.
class Zeroed {
 public:
  explicit Zeroed(std::size_t size) : words_(size / sizeof(std::uint64_t) + 1) {}
  [[nodiscard]] void* get() { return words_.data(); }

 private:
  std::vector<std::uint64_t> words_;
};

// Of two dumps.
inline void expect_equal(const std::string& expected, const std::string& actual) {
  const std::string where = difference(expected, actual);
  EXPECT_TRUE(where.empty()) << "Expected (-) and found (+):\n" << where;
}

inline constexpr std::size_t kMostBytes = std::size_t{4} << 20;  // of a filled command, on the wire or decoded

}  // namespace hesper::fake
