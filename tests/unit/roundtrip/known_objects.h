// KnownObjects: an object table with a few objects of every type, and ids for a Filler.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "fill.h"
#include "wire/object_table.h"

namespace hesper::fake {

class KnownObjects {
 public:
  static constexpr std::uint64_t kPerType = 3;
  static constexpr std::uint64_t kFreshIds = 1'000'000;  // above the known ones

  explicit KnownObjects(Random& random) : random_(random) {}

  // The Filler's; ids of a type come into being when they are first asked for.
  [[nodiscard]] Filler::Objects source() {
    return {.existing =
                [this](VkObjectType type) {
                  auto& ids = ids_[type];
                  while (ids.size() < kPerType) {
                    ids.push_back(++last_id_);
                    EXPECT_EQ(table.insert(last_id_, {.type = type, .handle = handle_of(last_id_)}),
                              wire::ObjectTable::Insert::ok);
                  }
                  return ids[random_.below(ids.size())];
                },
            .fresh = [this](VkObjectType) { return kFreshIds + ++last_fresh_; }};
  }
  [[nodiscard]] static std::uint64_t handle_of(std::uint64_t id) { return id * 16 + 0x5555'0000'0000; }

  wire::ObjectTable table;

 private:
  Random& random_;
  std::map<VkObjectType, std::vector<std::uint64_t>> ids_;
  std::uint64_t last_id_ = 0;
  std::uint64_t last_fresh_ = 0;
};

}  // namespace hesper::fake
