// Shared memory of the Linux half only: nobody who has the fd can change its size.
#include <gtest/gtest.h>
#include <unistd.h>

#include "platform/shared_memory.h"

namespace hesper::platform {
namespace {

TEST(SealedMemory, NeitherShrinksNorGrows) {
  auto fd = create_shared_memory("test", 4096);
  ASSERT_TRUE(fd);
  EXPECT_NE(::ftruncate(fd->get(), 0), 0);
  EXPECT_NE(::ftruncate(fd->get(), 8192), 0);
}

}  // namespace
}  // namespace hesper::platform
