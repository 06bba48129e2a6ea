// GuestMemory: what is mapped, kept, refused; translation at every border.
#include "vhost/guest_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "vhost/guest_driver.h"

namespace hesper::vhost {
namespace {

using testing::GuestRam;
using ::testing::HasSubstr;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kRam = 64 * 1024;

std::vector<UniqueFd> fds_of(std::initializer_list<const GuestRam*> rams) {
  std::vector<UniqueFd> fds;
  for (const GuestRam* ram : rams) fds.push_back(ram->duplicate());
  return fds;
}

std::vector<std::size_t> sizes(const std::vector<MemoryTable::Piece>& pieces) {
  std::vector<std::size_t> result;
  for (const auto piece : pieces) result.push_back(piece.size());
  return result;
}

TEST(GuestMemory, StartsEmpty) {
  GuestMemory memory;
  EXPECT_FALSE(memory.table()->contains(0, 1));
  EXPECT_FALSE(memory.lease(0, 1));
  EXPECT_EQ(memory.table()->contiguous(AddressSpace::guest, 0, 1), nullptr);
}

TEST(GuestMemory, PiecesAreTheGuestsOwnMemory) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  ram.write(ram.base() + 100, "hello");
  const auto lease = memory.lease(ram.base() + 100, 5);
  ASSERT_TRUE(lease);
  ASSERT_EQ(sizes(lease->pieces), std::vector<std::size_t>{5});
  EXPECT_EQ(std::memcmp(lease->pieces[0].data(), "hello", 5), 0);
  lease->pieces[0][0] = std::byte{'j'};
  EXPECT_EQ(ram.read(ram.base() + 100, 5), "jello");
}

TEST(GuestMemory, RangesEndWhereMemoryEnds) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  const auto table = memory.table();
  const std::uint64_t end = ram.base() + kRam;
  EXPECT_TRUE(table->contains(ram.base(), kRam));
  EXPECT_TRUE(table->contains(end - 1, 1));
  EXPECT_FALSE(table->contains(end - 1, 2));
  EXPECT_FALSE(table->contains(end, 1));
  EXPECT_FALSE(table->contains(ram.base() - 1, 1));
  EXPECT_FALSE(table->contains(ram.base(), kMax));
  EXPECT_FALSE(table->contains(kMax, 2));
  EXPECT_FALSE(table->contains(kMax - 1, kMax));
}

TEST(GuestMemory, AnEmptyRangeNeedsNoMemory) {
  const GuestMemory memory;
  const auto lease = memory.lease(kMax, 0);
  ASSERT_TRUE(lease);
  EXPECT_TRUE(lease->pieces.empty());
}

TEST(GuestMemory, ARangeMaySpanRegions) {
  const GuestRam low(kRam, 0x1000'0000);
  const GuestRam high(kRam, 0x1000'0000 + kRam);
  GuestMemory memory;
  // Not in order, as nothing says that they are.
  ASSERT_TRUE(memory.replace({{high.region(), low.region()}}, fds_of({&high, &low})));
  const auto lease = memory.lease(low.base() + kRam - 10, 30);
  ASSERT_TRUE(lease);
  EXPECT_EQ(sizes(lease->pieces), (std::vector<std::size_t>{10, 20}));
  std::memcpy(lease->pieces[1].data(), "next", 4);
  EXPECT_EQ(high.read(high.base(), 4), "next");
  EXPECT_EQ(memory.table()->contiguous(AddressSpace::guest, low.base() + kRam - 10, 30), nullptr);
}

TEST(GuestMemory, AGapBetweenRegionsIsNotMemoryAndNothingIsAppended) {
  const GuestRam low(kRam, 0x1000'0000);
  const GuestRam high(kRam, 0x1000'0000 + 2 * kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{low.region(), high.region()}}, fds_of({&low, &high})));
  std::vector<MemoryTable::Piece> pieces;
  EXPECT_FALSE(memory.table()->append_pieces(low.base(), 3 * kRam, pieces));
  EXPECT_TRUE(pieces.empty());
}

TEST(GuestMemory, ARegionMayTouchTheEndOfTheAddressSpace) {
  const GuestRam ram(kRam, kMax - kRam + 1);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  EXPECT_TRUE(memory.table()->contains(ram.base(), kRam));
  EXPECT_FALSE(memory.table()->contains(ram.base(), kRam + 1));
}

TEST(GuestMemory, UserAddressesAreAnotherSpace) {
  const GuestRam ram(kRam);
  RegionDescription region = ram.region();
  region.user_address = 0x7f00'0000'0000;
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{region}}, fds_of({&ram})));
  const auto table = memory.table();
  EXPECT_NE(table->contiguous(AddressSpace::user, region.user_address + 8, 8), nullptr);
  EXPECT_EQ(table->contiguous(AddressSpace::user, region.user_address + 8, 8),
            table->contiguous(AddressSpace::guest, ram.base() + 8, 8));
  EXPECT_EQ(table->contiguous(AddressSpace::user, ram.base(), 8), nullptr);
  EXPECT_EQ(table->contiguous(AddressSpace::user, region.user_address + kRam - 4, 8), nullptr);
}

// Two regions of one file, as QEMU cuts more than 2 GiB; the second does not even begin at a page of the file.
TEST(GuestMemory, FileOffsetsNeedNotBePages) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  const RegionDescription first{.guest_address = 0, .size = 0x1000, .user_address = 0, .file_offset = 0};
  const RegionDescription second{
      .guest_address = 0x10'0000, .size = 0x1800, .user_address = 0x10'0000, .file_offset = 0x1800};
  ASSERT_TRUE(memory.replace({{first, second}}, fds_of({&ram, &ram})));
  ram.write(ram.base() + 0x1800, "second");
  const auto lease = memory.lease(second.guest_address, 6);
  ASSERT_TRUE(lease);
  EXPECT_EQ(std::memcmp(lease->pieces[0].data(), "second", 6), 0);
}

TEST(GuestMemory, RegionsThatStayKeepTheirMapping) {
  const GuestRam ram(kRam);
  const GuestRam other(kRam, 0x8000'0000);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  const std::byte* const before = memory.table()->regions()[0].data;
  ASSERT_TRUE(memory.replace({{ram.region(), other.region()}}, fds_of({&ram, &other})));
  EXPECT_EQ(memory.table()->regions()[0].data, before);
  ASSERT_TRUE(memory.remove(other.region()));
  EXPECT_EQ(memory.table()->regions()[0].data, before);
}

TEST(GuestMemory, AnotherFileAtTheSameAddressIsMappedAnew) {
  const GuestRam ram(kRam);
  const GuestRam other(kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  const std::byte* const before = memory.table()->regions()[0].data;
  ASSERT_TRUE(memory.replace({{other.region()}}, fds_of({&other})));
  EXPECT_NE(memory.table()->regions()[0].data, before);
}

TEST(GuestMemory, ALeaseKeepsMemoryThatHasGone) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.replace({{ram.region()}}, fds_of({&ram})));
  const auto lease = memory.lease(ram.base(), kRam);
  ASSERT_TRUE(lease);
  ASSERT_TRUE(memory.replace({}, {}));
  EXPECT_FALSE(memory.lease(ram.base(), 1));
  std::memcpy(lease->pieces[0].data(), "still", 5);
  EXPECT_EQ(ram.read(ram.base(), 5), "still");
}

TEST(GuestMemory, AddAndRemoveChangeOneRegion) {
  const GuestRam ram(kRam);
  const GuestRam other(kRam, 0x8000'0000);
  GuestMemory memory;
  ASSERT_TRUE(memory.add(ram.region(), ram.duplicate()));
  ASSERT_TRUE(memory.add(other.region(), other.duplicate()));
  EXPECT_TRUE(memory.table()->contains(ram.base(), kRam));
  RegionDescription gone = ram.region();
  gone.file_offset = 0x1234;  // does not count
  ASSERT_TRUE(memory.remove(gone));
  EXPECT_FALSE(memory.table()->contains(ram.base(), 1));
  EXPECT_TRUE(memory.table()->contains(other.base(), kRam));
  const auto again = memory.remove(gone);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("does not exist"));
}

TEST(GuestMemory, RemoveLooksAtEachAddressAndTheSize) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  ASSERT_TRUE(memory.add(ram.region(), ram.duplicate()));
  for (auto member : {&RegionDescription::guest_address, &RegionDescription::size, &RegionDescription::user_address}) {
    RegionDescription other = ram.region();
    other.*member += 0x1000;
    EXPECT_FALSE(memory.remove(other));
  }
  EXPECT_TRUE(memory.remove(ram.region()));
}

struct BadRegion {
  const char* name;
  RegionDescription region;
};

TEST(GuestMemory, ImpossibleRegionsAreRefusedAndChangeNothing) {
  const GuestRam ram(kRam);
  const std::uint64_t base = ram.base();
  const BadRegion bad[] = {
      {"empty", {.guest_address = base, .size = 0, .user_address = base, .file_offset = 0}},
      {"longer than its file", {.guest_address = 0, .size = kRam + 1, .user_address = 0, .file_offset = 0}},
      {"offset past the file", {.guest_address = 0, .size = 4096, .user_address = 0, .file_offset = kRam}},
      {"offset + size overflows", {.guest_address = 0, .size = 4096, .user_address = 0, .file_offset = kMax - 4095}},
      {"guest address + size overflows",
       {.guest_address = kMax - 4094, .size = 4096, .user_address = 0, .file_offset = 0}},
      {"user address + size overflows",
       {.guest_address = 0, .size = 4096, .user_address = kMax - 4094, .file_offset = 0}},
      {"all there is", {.guest_address = 0, .size = kMax, .user_address = 0, .file_offset = 0}},
      {"overlap from below", {.guest_address = base - 4096, .size = 8192, .user_address = 0, .file_offset = 0}},
      {"overlap from above", {.guest_address = base + kRam - 1, .size = 4096, .user_address = 0, .file_offset = 0}},
      {"inside", {.guest_address = base + 4096, .size = 4096, .user_address = 0, .file_offset = 0}},
  };
  GuestMemory memory;
  ASSERT_TRUE(memory.add(ram.region(), ram.duplicate()));
  const auto before = memory.table();
  for (const BadRegion& one : bad) {
    EXPECT_FALSE(memory.add(one.region, ram.duplicate())) << one.name;
    EXPECT_FALSE(memory.replace({{ram.region(), one.region}}, fds_of({&ram, &ram}))) << one.name;
    EXPECT_EQ(memory.table(), before) << one.name;
  }
}

TEST(GuestMemory, FilesThatCannotBeMemoryAreRefused) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  for (const char* path : {"/dev/null", "/dev/zero", "/"}) {
    const auto added = memory.add({.guest_address = 0, .size = 1 << 20, .user_address = 0, .file_offset = 0},
                                  UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)));
    EXPECT_FALSE(added) << path;
  }
  EXPECT_FALSE(memory.add(ram.region(), UniqueFd()));
}

TEST(GuestMemory, EachRegionNeedsItsFile) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  EXPECT_FALSE(memory.replace({{ram.region()}}, {}));
  EXPECT_FALSE(memory.replace({}, fds_of({&ram})));
}

TEST(GuestMemory, ThereIsALimitOfRegions) {
  const GuestRam ram(kRam);
  GuestMemory memory;
  const std::uint64_t step = 0x10'0000;
  for (std::uint64_t i = 0; i < GuestMemory::kMaxRegions; ++i)
    ASSERT_TRUE(memory.add({.guest_address = i * step, .size = 4096, .user_address = i * step, .file_offset = 0},
                           ram.duplicate()));
  EXPECT_FALSE(
      memory.add({.guest_address = kMax / 2, .size = 4096, .user_address = 0, .file_offset = 0}, ram.duplicate()));
  const auto regions = memory.table()->regions();
  std::vector<RegionDescription> many;
  std::vector<UniqueFd> fds;
  for (const auto& region : regions) many.push_back(region.description);
  many.push_back({.guest_address = kMax / 2, .size = 4096, .user_address = 0, .file_offset = 0});
  for (std::size_t i = 0; i < many.size(); ++i) fds.push_back(ram.duplicate());
  EXPECT_FALSE(memory.replace(many, fds));
}

TEST(GuestMemory, WindowsAreInTheTableButNotMemory) {
  const GuestRam ram(kRam);
  const GuestRam window(kRam, 0xff'0000'0000);
  GuestMemory memory;
  memory.add_window(*identity_of(window.fd()));
  ASSERT_TRUE(memory.replace({{ram.region(), window.region()}}, fds_of({&ram, &window})));
  EXPECT_TRUE(memory.table()->contains(ram.base(), kRam));
  EXPECT_FALSE(memory.table()->contains(window.base(), 1));
  EXPECT_FALSE(memory.lease(window.base(), 1));
  EXPECT_EQ(memory.table()->contiguous(AddressSpace::guest, window.base(), 8), nullptr);
  EXPECT_EQ(memory.table()->regions()[1].mapping, nullptr);
  EXPECT_TRUE(memory.remove(window.region()));
}

TEST(GuestMemory, ARangeFromMemoryIntoAWindowIsRefused) {
  const GuestRam ram(kRam);
  const GuestRam window(kRam, ram.base() + kRam);
  GuestMemory memory;
  memory.add_window(*identity_of(window.fd()));
  ASSERT_TRUE(memory.replace({{ram.region(), window.region()}}, fds_of({&ram, &window})));
  EXPECT_FALSE(memory.table()->contains(ram.base() + kRam - 1, 2));
}

TEST(GuestMemory, AFormerWindowsFileIsMemoryLikeAnyOther) {
  const GuestRam window(kRam);
  GuestMemory memory;
  memory.add_window(*identity_of(window.fd()));
  memory.remove_window(*identity_of(window.fd()));
  ASSERT_TRUE(memory.add(window.region(), window.duplicate()));
  EXPECT_TRUE(memory.table()->contains(window.base(), kRam));
}

}  // namespace
}  // namespace hesper::vhost
