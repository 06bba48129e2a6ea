// WindowFile: who waits for whom, what the next one finds, and ten thousand ranges.
#include "device/window_file.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace hesper::device {
namespace {

using gpu::WindowRange;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSize = 16'384 * kPage;

class WindowFileTest : public testing::Test {
 protected:
  WindowFileTest() {
    UniqueFd fd = *platform::create_shared_memory("window", kSize);
    mapping_ = *platform::Mapping::map(fd.get(), kSize);
    file_ = *WindowFile::create(*loop_, std::move(fd), kSize);
  }

  // Runs what is posted.
  void run() { loop_->run_once(std::chrono::milliseconds(0)); }

  std::unique_ptr<WindowFile::Request> ask(const WindowRange& range) {
    return file_->ask(range, [this](auto use) { granted_.push_back(std::move(use)); });
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  platform::Mapping mapping_;
  std::unique_ptr<WindowFile> file_;
  std::vector<std::shared_ptr<const WindowFile::Use>> granted_;
};

TEST_F(WindowFileTest, ARangeIsSomebodysUntilTheLastOneLetsGo) {
  auto use = file_->take({.offset = kPage, .size = 2 * kPage});
  ASSERT_TRUE(use);
  auto other = use;
  use.reset();
  for (const WindowRange range :
       {WindowRange{.offset = kPage, .size = 2 * kPage}, WindowRange{.offset = 0, .size = 2 * kPage},
        WindowRange{.offset = 2 * kPage, .size = kPage}, WindowRange{.offset = 0, .size = kSize}})
    EXPECT_FALSE(file_->take(range)) << range.offset;
  EXPECT_TRUE(file_->take({.offset = 0, .size = kPage}));
  EXPECT_TRUE(file_->take({.offset = 3 * kPage, .size = kPage}));
  other.reset();
  EXPECT_TRUE(file_->take({.offset = kPage, .size = 2 * kPage}));
  EXPECT_EQ(file_->uses(), 0u);
}

TEST_F(WindowFileTest, TheNextOneFindsZerosAndTheNeighboursFindTheirs) {
  const auto before = file_->take({.offset = 0, .size = kPage});
  auto use = file_->take({.offset = kPage, .size = kPage});
  const auto behind = file_->take({.offset = 2 * kPage, .size = kPage});
  std::ranges::fill(mapping_.bytes().first(3 * kPage), std::byte{7});
  EXPECT_EQ(use->bytes()[0], std::byte{7});
  use.reset();
  use = file_->take({.offset = kPage, .size = kPage});
  EXPECT_TRUE(std::ranges::all_of(use->bytes(), [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_EQ(before->bytes()[kPage - 1], std::byte{7});
  EXPECT_EQ(behind->bytes()[0], std::byte{7});
}

TEST_F(WindowFileTest, WhoWaitsIsToldWhenAllOfItIsFreeAndNeverWithinACall) {
  auto one = file_->take({.offset = 0, .size = kPage});
  auto two = file_->take({.offset = kPage, .size = kPage});
  const auto request = ask({.offset = 0, .size = 2 * kPage});
  one.reset();
  run();
  EXPECT_TRUE(granted_.empty());
  two.reset();
  EXPECT_TRUE(granted_.empty());
  run();
  ASSERT_EQ(granted_.size(), 1u);
  EXPECT_EQ(granted_[0]->range(), (WindowRange{.offset = 0, .size = 2 * kPage}));
  EXPECT_FALSE(file_->take({.offset = 0, .size = kPage}));
}

TEST_F(WindowFileTest, WhoDoesNotWaitAnyMoreIsNotTold) {
  auto use = file_->take({.offset = 0, .size = kPage});
  auto request = ask({.offset = 0, .size = kPage});
  use.reset();
  request.reset();
  run();
  EXPECT_TRUE(granted_.empty());
  EXPECT_TRUE(file_->take({.offset = 0, .size = kPage}));
}

TEST_F(WindowFileTest, SeveralWaitInTheirOrder) {
  auto use = file_->take({.offset = 0, .size = 4 * kPage});
  const auto first = ask({.offset = 0, .size = 2 * kPage});
  const auto overlapping = ask({.offset = kPage, .size = kPage});
  const auto elsewhere = ask({.offset = 3 * kPage, .size = kPage});
  use.reset();
  run();
  ASSERT_EQ(granted_.size(), 2u);
  EXPECT_EQ(granted_[0]->range().size, 2 * kPage);
  EXPECT_EQ(granted_[1]->range().offset, 3 * kPage);
  granted_.clear();
  run();
  ASSERT_EQ(granted_.size(), 1u);
  EXPECT_EQ(granted_[0]->range().offset, kPage);
}

TEST_F(WindowFileTest, TenThousandRanges) {
  std::vector<std::shared_ptr<const WindowFile::Use>> uses;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    uses.push_back(file_->take({.offset = i * kPage, .size = kPage}));
    ASSERT_TRUE(uses.back());
  }
  for (std::uint64_t i = 0; i < 10'000; i += 2) uses[i].reset();
  for (std::uint64_t i = 0; i < 10'000; ++i)
    EXPECT_EQ(file_->take({.offset = i * kPage, .size = kPage}) != nullptr, i % 2 == 0);
  uses.clear();
  EXPECT_EQ(file_->uses(), 0u);
}

}  // namespace
}  // namespace hesper::device
