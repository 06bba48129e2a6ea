// Shared memory and mappings, on whichever half of the platform this build has.
#include "platform/shared_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace hesper::platform {
namespace {

TEST(SharedMemory, HasTheSizeAskedForAndIsZeroed) {
  const std::size_t size = 131268;  // what Venus asks for its ring: not a page multiple
  auto fd = create_shared_memory("test", size);
  ASSERT_TRUE(fd) << fd.error().message;
  struct stat info{};
  ASSERT_EQ(::fstat(fd->get(), &info), 0);
  EXPECT_EQ(static_cast<std::size_t>(info.st_size), size);
  auto mapping = Mapping::map(fd->get(), size);
  ASSERT_TRUE(mapping) << mapping.error().message;
  EXPECT_TRUE(std::ranges::all_of(mapping->bytes(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST(SharedMemory, TwoMappingsSeeEachOther) {
  auto fd = create_shared_memory("test", 4096);
  ASSERT_TRUE(fd);
  auto one = Mapping::map(fd->get(), 4096);
  auto other = Mapping::map(fd->get(), 4096);
  ASSERT_TRUE(one && other);
  one->bytes()[17] = std::byte{42};
  EXPECT_EQ(other->bytes()[17], std::byte{42});
}

TEST(SharedMemory, ImpossibleSizeIsAnError) { EXPECT_FALSE(create_shared_memory("test", SIZE_MAX)); }

// A reader's descriptor is for reading, whatever is tried with it.
void expect_read_only(int fd, std::size_t size) {
  EXPECT_EQ(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
  EXPECT_NE(::ftruncate(fd, 0), 0);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_NE(::mprotect(mapped, size, PROT_READ | PROT_WRITE), 0);
  ::munmap(mapped, size);
}

TEST(SharedMemory, AReaderReadsAndCannotWrite) {
  auto both = create_shared_memory_with_reader("test", 4096);
  ASSERT_TRUE(both) << both.error().message;
  auto writer = Mapping::map(both->fd.get(), 4096);
  auto reader = ReadMapping::map(both->reader.get());
  ASSERT_TRUE(writer && reader);
  writer->bytes()[9] = std::byte{3};
  EXPECT_EQ(reader->bytes()[9], std::byte{3});
  expect_read_only(both->reader.get(), 4096);
}

TEST(SharedMemory, PublishedMemoryIsWrittenToByItsMakerOnly) {
  auto memory = create_published_memory("test", 4096);
  ASSERT_TRUE(memory) << memory.error().message;
  auto reader = ReadMapping::map(memory->reader.get());
  ASSERT_TRUE(reader);
  memory->mapping.bytes()[9] = std::byte{3};
  EXPECT_EQ(reader->bytes()[9], std::byte{3});
  EXPECT_EQ(reader->bytes()[10], std::byte{0});
  expect_read_only(memory->reader.get(), 4096);
}

TEST(Mapping, HonoursAlignment) {
  const std::size_t size = 3 * page_size();
  auto fd = create_shared_memory("test", size);
  ASSERT_TRUE(fd);
  for (const std::size_t align : {page_size(), std::size_t{65536}, std::size_t{2} << 20}) {
    auto mapping = Mapping::map(fd->get(), size, 0, align);
    ASSERT_TRUE(mapping) << mapping.error().message;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping->data()) % align, 0u) << align;
    mapping->bytes().front() = std::byte{1};
    mapping->bytes().back() = std::byte{2};
  }
}

TEST(Mapping, StartsAtItsOffset) {
  auto fd = create_shared_memory("test", 2 * page_size());
  ASSERT_TRUE(fd);
  auto all = Mapping::map(fd->get(), 2 * page_size());
  auto second = Mapping::map(fd->get(), page_size(), page_size());
  ASSERT_TRUE(all && second);
  all->bytes()[page_size()] = std::byte{9};
  EXPECT_EQ(second->bytes().front(), std::byte{9});
}

TEST(Mapping, ImpossibleRequestsAreErrors) {
  auto fd = create_shared_memory("test", 4096);
  ASSERT_TRUE(fd);
  EXPECT_FALSE(Mapping::map(fd->get(), 0));
  EXPECT_FALSE(Mapping::map(fd->get(), SIZE_MAX));
  EXPECT_FALSE(Mapping::map(-1, 4096));
  EXPECT_FALSE(Mapping::map(-1, 4096, 0, 65536));
}

TEST(Mapping, MovingKeepsTheAddress) {
  auto fd = create_shared_memory("test", 4096);
  ASSERT_TRUE(fd);
  auto from = Mapping::map(fd->get(), 4096);
  ASSERT_TRUE(from);
  const std::byte* at = from->data();
  Mapping to;
  to = std::move(*from);
  EXPECT_EQ(to.data(), at);
  EXPECT_EQ(to.size(), 4096u);
}

TEST(SharedMemory, DiscardZeroesTheRangeAndNothingElse) {
  auto fd = create_shared_memory("test", 4 * page_size());
  ASSERT_TRUE(fd);
  auto mapping = Mapping::map(fd->get(), 4 * page_size());
  ASSERT_TRUE(mapping);
  const auto bytes = mapping->bytes();
  std::fill(bytes.begin(), bytes.end(), std::byte{7});
  discard(fd->get(), *mapping, {.offset = 100, .size = 2 * page_size()});
  EXPECT_EQ(bytes[99], std::byte{7});
  for (std::size_t i = 100; i < 100 + 2 * page_size(); ++i) ASSERT_EQ(bytes[i], std::byte{0}) << i;
  EXPECT_EQ(bytes[100 + 2 * page_size()], std::byte{7});
}

}  // namespace
}  // namespace hesper::platform
