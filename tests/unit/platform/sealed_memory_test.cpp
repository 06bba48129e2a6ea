// Shared memory of the Linux half only: nobody who has the fd can change its size, and pages can go back.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "platform/shared_memory.h"

namespace hesper::platform {
namespace {

TEST(SealedMemory, NeitherShrinksNorGrows) {
  auto fd = create_shared_memory("test", 4096);
  ASSERT_TRUE(fd);
  EXPECT_NE(::ftruncate(fd->get(), 0), 0);
  EXPECT_NE(::ftruncate(fd->get(), 8192), 0);
}

TEST(SealedMemory, WhatCouldShrinkIsNotMappedForReading) {
  const UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
  EXPECT_FALSE(ReadMapping::map(fd.get()));
  const UniqueFd empty(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::fcntl(empty.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_FALSE(ReadMapping::map(empty.get()));
  EXPECT_FALSE(ReadMapping::map(-1));
}

TEST(SealedMemory, DiscardedPagesGoBackToTheSystem) {
  const std::size_t size = 16 * page_size();
  auto fd = create_shared_memory("test", size);
  ASSERT_TRUE(fd);
  auto mapping = Mapping::map(fd->get(), size);
  ASSERT_TRUE(mapping);
  std::ranges::fill(mapping->bytes(), std::byte{7});
  discard(fd->get(), *mapping, {.offset = page_size(), .size = size - page_size()});
  const auto left = written_ranges(fd->get(), size);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].offset, 0u);
  EXPECT_EQ(left[0].size, page_size());
}

}  // namespace
}  // namespace hesper::platform
