// Last will: what a worker wishes is done after its death, and what a hostile one sends does no harm.
#include "supervisor/last_will.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <span>

#include "platform/socket.h"
#include "support/temporary_directory.h"

namespace hesper::supervisor {
namespace {

class LastWillTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 3 * 4096;

  std::uint32_t word(std::size_t offset) const {
    std::uint32_t result = 0;
    std::memcpy(&result, memory_.data() + offset, sizeof(result));
    return result;
  }

  std::pair<UniqueFd, UniqueFd> ends_ = std::move(*platform::create_socket_pair());
  LastWill will_{std::move(ends_.first)};
  int worker_ = ends_.second.get();
  UniqueFd fd_ = std::move(*platform::create_shared_memory("ring", kSize));
  platform::Mapping memory_ = std::move(*platform::Mapping::map(fd_.get(), kSize));
};

TEST_F(LastWillTest, IsDoneAfterDeathOnly) {
  ASSERT_TRUE(bequeath(worker_, 0, fd_.get(), 128, 2));
  ASSERT_TRUE(bequeath(worker_, 1, fd_.get(), kSize - 4, 4));
  will_.take();
  EXPECT_EQ(word(128), 0u);
  ends_.second = UniqueFd();
  will_.execute();
  EXPECT_EQ(word(128), 2u);
  EXPECT_EQ(word(kSize - 4), 4u);
}

TEST_F(LastWillTest, WhatWasLeftUnreadCountsToo) {
  ASSERT_TRUE(bequeath(worker_, 0, fd_.get(), 128, 2));
  ends_.second = UniqueFd();
  will_.execute();
  EXPECT_EQ(word(128), 2u);
}

TEST_F(LastWillTest, OtherBitsStay) {
  constexpr std::uint32_t kAlive = 4;
  std::memcpy(memory_.data() + 128, &kAlive, sizeof(kAlive));
  ASSERT_TRUE(bequeath(worker_, 0, fd_.get(), 128, 2));
  will_.execute();
  EXPECT_EQ(word(128), 6u);
}

TEST_F(LastWillTest, WhatIsRevokedIsNotDone) {
  ASSERT_TRUE(bequeath(worker_, 0, fd_.get(), 128, 2));
  ASSERT_TRUE(bequeath(worker_, 1, fd_.get(), 256, 2));
  ASSERT_TRUE(revoke(worker_, 0));
  ASSERT_TRUE(revoke(worker_, 77));
  will_.execute();
  EXPECT_EQ(word(128), 0u);
  EXPECT_EQ(word(256), 2u);
}

TEST_F(LastWillTest, WordsOutsideOfTheMemoryAreIgnored) {
  std::uint32_t number = 0;
  for (const std::uint64_t offset : {std::uint64_t{kSize}, std::uint64_t{kSize} - 2, std::uint64_t{1} << 40, UINT64_MAX,
                                     UINT64_MAX - 3, std::uint64_t{129}})
    ASSERT_TRUE(bequeath(worker_, ++number, fd_.get(), offset, 2));
  will_.execute();
  for (std::size_t offset = 0; offset < kSize; offset += 4) EXPECT_EQ(word(offset), 0u);
}

#ifdef __linux__
TEST_F(LastWillTest, FilesThatCouldShrinkAreIgnored) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("file", std::string(4096, '\0'));
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const UniqueFd read_end(pipe[0]);
  const UniqueFd write_end(pipe[1]);
  if (platform::cannot_shrink(file.get())) return;  // the portable half trusts the system
  ASSERT_TRUE(bequeath(worker_, 0, file.get(), 128, 2));
  ASSERT_TRUE(bequeath(worker_, 1, write_end.get(), 0, 2));
  will_.execute();
  std::array<char, 4096> bytes{};
  ASSERT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), 4096);
  EXPECT_EQ(bytes, (std::array<char, 4096>{}));
}
#endif

TEST_F(LastWillTest, NonsenseEndsTheConversation) {
  ASSERT_TRUE(bequeath(worker_, 0, fd_.get(), 128, 2));
  const std::array<std::byte, 5> half{};
  ASSERT_TRUE(platform::send_message(worker_, half, -1));
  will_.take();
  EXPECT_EQ(will_.fd(), -1);
  will_.execute();
  EXPECT_EQ(word(128), 2u) << "What was said before still counts.";
}

TEST_F(LastWillTest, HoldsNoMoreThanItsLimitAndNoFd) {
  const auto next_fd = [] { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(); };
  const int before = next_fd();
  for (std::uint32_t i = 0; i < 2 * LastWill::kMaxWishes; ++i) {
    ASSERT_TRUE(bequeath(worker_, i, fd_.get(), 4 * i, 2));
    will_.take();
  }
  EXPECT_EQ(next_fd(), before);
  will_.execute();
  EXPECT_EQ(word(4 * (LastWill::kMaxWishes - 1)), 2u);
  EXPECT_EQ(word(4 * LastWill::kMaxWishes), 0u);
}

TEST_F(LastWillTest, AWorkerWhoseSupervisorIsGoneGoesOn) {
  will_ = LastWill();
  EXPECT_FALSE(bequeath(worker_, 0, fd_.get(), 128, 2));
}

}  // namespace
}  // namespace hesper::supervisor
