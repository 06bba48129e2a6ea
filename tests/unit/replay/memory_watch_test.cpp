// MemoryWatch: tells exactly the words that changed, each once.
#include "replay/memory_watch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <vector>

#include "capture/bytes.h"

namespace hesper::replay {
namespace {

constexpr std::size_t kSize = 5 * 4096 + 10;

class Watch : public ::testing::Test {
 protected:
  Watch() {
    fd_ = std::move(*platform::create_shared_memory("test", kSize));
    memory_ = std::move(*platform::Mapping::map(fd_.get(), kSize));
    EXPECT_TRUE(watch_.add(3, fd_.get(), kSize));
  }

  void write(std::size_t at, std::uint32_t value) { std::memcpy(memory_.data() + at, &value, sizeof(value)); }

  // Changed words by their place in the memory.
  std::map<std::uint64_t, std::uint32_t> scan() {
    std::map<std::uint64_t, std::uint32_t> words;
    watch_.scan([&](std::uint32_t resource, std::uint64_t offset, std::span<const std::byte> runs) {
      EXPECT_EQ(resource, 3u);
      EXPECT_EQ(offset % 4096, 0u);
      while (!runs.empty()) {
        const std::size_t first = capture::get<std::uint16_t>(runs, 0);
        const std::size_t count = capture::get<std::uint16_t>(runs, 2);
        for (std::size_t i = 0; i < count; ++i) {
          words[offset + (first + i) * 4] = capture::get<std::uint32_t>(runs, 4 + i * 4);
        }
        runs = runs.subspan(4 + count * 4);
      }
    });
    return words;
  }

  UniqueFd fd_{-1};
  platform::Mapping memory_;
  MemoryWatch watch_;
};

TEST_F(Watch, UntouchedMemoryHasNoChanges) { EXPECT_TRUE(scan().empty()); }

TEST_F(Watch, TellsChangedWordsOnce) {
  write(0, 7);
  write(8, 9);  // the word between stays what it was
  write(4092, 1);
  write(4096, 2);
  write(3 * 4096 + 100, 5);
  const std::map<std::uint64_t, std::uint32_t> expected{{0, 7}, {8, 9}, {4092, 1}, {4096, 2}, {3 * 4096 + 100, 5}};
  EXPECT_EQ(scan(), expected);
  EXPECT_TRUE(scan().empty());
  write(8, 10);
  EXPECT_EQ(scan(), (std::map<std::uint64_t, std::uint32_t>{{8, 10}}));
  write(8, 0);
  EXPECT_EQ(scan(), (std::map<std::uint64_t, std::uint32_t>{{8, 0}})) << "zeros are a change as well";
}

TEST_F(Watch, LastPartOfAPageIsSeen) {
  write(5 * 4096 + 4, 6);
  EXPECT_EQ(scan(), (std::map<std::uint64_t, std::uint32_t>{{5 * 4096 + 4, 6}}));
}

TEST_F(Watch, RemovedMemoryIsNotLookedAt) {
  write(0, 7);
  watch_.remove(3);
  EXPECT_TRUE(scan().empty());
}

}  // namespace
}  // namespace hesper::replay
