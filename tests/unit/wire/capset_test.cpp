// The capset: what Mesa insists on.
#include "wire/capset.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

namespace hesper::wire {
namespace {

using Words = std::array<std::uint32_t, kCapsetSize / sizeof(std::uint32_t)>;

TEST(Capset, AnnouncesWhatMesaAsserts) {
  const auto w = std::bit_cast<Words>(capset({}));
  EXPECT_EQ(w[0], 1u) << "wire_format_version";
  EXPECT_GE(w[1], (1u << 22) | (1u << 12)) << "vk_xml_version";
  EXPECT_EQ(w[4], 1u) << "supports_blob_id_0";
  EXPECT_EQ(w[5] & 1, 1u) << "the extension mask is valid";
  EXPECT_EQ(w[37], 1u) << "allow_vk_wait_syncs";
  EXPECT_EQ(w[38], 1u) << "supports_multiple_timelines";
  EXPECT_EQ(w[39], 0u) << "use_guest_vram";
}

TEST(Capset, AnnouncesGuestVramWhereItIsUsed) {
  EXPECT_EQ(std::bit_cast<Words>(capset({.use_guest_vram = true}))[39], 1u);
}

}  // namespace
}  // namespace hesper::wire
