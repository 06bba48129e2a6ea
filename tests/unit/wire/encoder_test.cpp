// Encoder: padding, strings, and running out of room.
#include <array>

#include "coding.h"

namespace hesper::wire {
namespace {

TEST(Encoder, PadsWithZeros) {
  const Bytes bytes = encoded([](Encoder& enc) {
    const std::uint8_t data[] = {1, 2, 3, 4, 5};
    enc.array(data, 5);
    enc.put_narrow(std::uint16_t{0xabcd});
    enc.string("abc");
    enc.string(nullptr);
  });
  EXPECT_EQ(bytes.words(), (std::vector<std::uint32_t>{0x04030201, 5, 0xabcd, 4, 0, 0x00636261, 0, 0}));
}

TEST(Encoder, StopsAtTheEndOfItsRoom) {
  std::array<std::byte, 12> room{};
  room[8] = std::byte{0xee};
  Encoder enc{std::span<std::byte>(room).first(8)};
  enc.put<std::uint32_t>(1);
  enc.put<std::uint64_t>(2);
  EXPECT_FALSE(enc.ok());
  enc.put<std::uint32_t>(3);
  EXPECT_FALSE(enc.ok()) << "The failure is sticky.";
  EXPECT_EQ(room[8], std::byte{0xee});
}

TEST(Encoder, SeeksWithinItsRoom) {
  std::array<std::byte, 8> room{};
  Encoder enc(room);
  EXPECT_TRUE(enc.seek(8));
  EXPECT_FALSE(enc.seek(9));
  EXPECT_TRUE(enc.seek(4));
  EXPECT_EQ(enc.position(), 4u);
}

}  // namespace
}  // namespace hesper::wire
