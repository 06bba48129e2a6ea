// ConfigSpace: byte by byte what the specification says, for each device.
#include "input/config_space.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace hesper::input {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

// As a driver does it: writes select and subsel, reads the size, then so many bytes.
Bytes query(ConfigSpace& config, std::uint8_t select, std::uint8_t subsel) {
  config.write(0, std::as_bytes(std::span(&select, 1)));
  config.write(1, std::as_bytes(std::span(&subsel, 1)));
  Bytes head(8);
  config.read(0, head);
  EXPECT_EQ(head[0], static_cast<std::byte>(select));
  EXPECT_EQ(head[1], static_cast<std::byte>(subsel));
  for (std::size_t i = 3; i < 8; ++i) EXPECT_EQ(head[i], std::byte{0});
  Bytes result(std::to_integer<std::size_t>(head[2]));
  config.read(8, result);
  return result;
}
Bytes query(Kind kind, std::uint8_t select, std::uint8_t subsel) {
  ConfigSpace config(kind);
  return query(config, select, subsel);
}
std::string text(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

TEST(ConfigSpace, NamesAndIds) {
  EXPECT_EQ(text(query(Kind::keyboard, VIRTIO_INPUT_CFG_ID_NAME, 0)), "Hesper Keyboard");
  EXPECT_EQ(text(query(Kind::touch, VIRTIO_INPUT_CFG_ID_NAME, 0)), "Hesper Touchscreen");
  EXPECT_EQ(text(query(Kind::tablet, VIRTIO_INPUT_CFG_ID_SERIAL, 0)), "tablet");
  EXPECT_EQ(query(Kind::keyboard, VIRTIO_INPUT_CFG_ID_DEVIDS, 0), bytes({6, 0, 0xf4, 0x1a, 0x01, 0x48, 1, 0}));
  EXPECT_EQ(query(Kind::mouse, VIRTIO_INPUT_CFG_ID_DEVIDS, 0), bytes({6, 0, 0xf4, 0x1a, 0x03, 0x48, 1, 0}));
}

TEST(ConfigSpace, KeyboardHasKeysLightsAndRepetition) {
  const Bytes keys = query(Kind::keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY);
  const auto has = [&](std::size_t key) {
    return key / 8 < keys.size() && (keys[key / 8] >> (key % 8) & std::byte{1}) != std::byte{0};
  };
  EXPECT_EQ(keys.size(), 32U);
  for (const std::size_t key : {1U, 30U, 83U, 85U, 125U, 127U, 194U, 248U}) EXPECT_TRUE(has(key)) << key;
  for (const std::size_t key : {0U, 84U, 195U, 199U, 249U, 255U}) EXPECT_FALSE(has(key)) << key;
  EXPECT_EQ(query(Kind::keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_LED), bytes({7}));
  EXPECT_EQ(query(Kind::keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_REP), bytes({3}));
  EXPECT_EQ(query(Kind::keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_REL), Bytes());
  EXPECT_EQ(query(Kind::keyboard, VIRTIO_INPUT_CFG_PROP_BITS, 0), Bytes());
}

TEST(ConfigSpace, TabletHasPlacesButtonsAndWheels) {
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS), bytes({3}));
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_EV_BITS, EV_REL), bytes({0x40, 0x19}));
  Bytes buttons(0x118 / 8);
  buttons.back() = std::byte{0xff};
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY), buttons);
  const Bytes range = bytes({0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_ABS_INFO, ABS_X), range);
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y), range);
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_ABS_INFO, 2), Bytes());
  EXPECT_EQ(query(Kind::tablet, VIRTIO_INPUT_CFG_PROP_BITS, 0), Bytes());
}

TEST(ConfigSpace, MouseHasSteps) {
  EXPECT_EQ(query(Kind::mouse, VIRTIO_INPUT_CFG_EV_BITS, EV_REL), bytes({0x43, 0x19}));
  EXPECT_EQ(query(Kind::mouse, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS), Bytes());
  EXPECT_EQ(query(Kind::mouse, VIRTIO_INPUT_CFG_PROP_BITS, 0), bytes({1}));
}

TEST(ConfigSpace, TouchScreenHasTenSlots) {
  EXPECT_EQ(query(Kind::touch, VIRTIO_INPUT_CFG_PROP_BITS, 0), bytes({2}));
  EXPECT_EQ(query(Kind::touch, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS), bytes({3, 0, 0, 0, 0, 0x80, 0x60, 2}));
  Bytes touch(0x14a / 8 + 1);
  touch.back() = std::byte{1 << (0x14a % 8)};
  EXPECT_EQ(query(Kind::touch, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY), touch);
  EXPECT_EQ(query(Kind::touch, VIRTIO_INPUT_CFG_ABS_INFO, ABS_MT_SLOT),
            bytes({0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(query(Kind::touch, VIRTIO_INPUT_CFG_ABS_INFO, ABS_MT_TRACKING_ID).size(), 20U);
}

TEST(ConfigSpace, WhatIsNotThereHasNoSize) {
  for (const Kind kind : kAllKinds) {
    for (int select = 0; select < 256; ++select) {
      for (int subsel = 0; subsel < 256; ++subsel) {
        const auto config = config_of(kind, static_cast<std::uint8_t>(select), static_cast<std::uint8_t>(subsel));
        ASSERT_LE(config.size, config.u.size());
        for (std::size_t i = config.size; i < config.u.size(); ++i) ASSERT_EQ(config.u[i], std::byte{0});
        const bool known = (select >= VIRTIO_INPUT_CFG_ID_NAME && select <= VIRTIO_INPUT_CFG_ID_DEVIDS) ||
                           (select >= VIRTIO_INPUT_CFG_PROP_BITS && select <= VIRTIO_INPUT_CFG_ABS_INFO);
        ASSERT_TRUE(known || config.size == 0) << select;
      }
    }
  }
}

TEST(ConfigSpace, QemuWritesTheWholeSpaceAtOnce) {
  ConfigSpace config(Kind::keyboard);
  Bytes whole(sizeof(virtio_input_config), std::byte{0xee});
  whole[0] = std::byte{VIRTIO_INPUT_CFG_EV_BITS};
  whole[1] = std::byte{EV_LED};
  config.write(0, whole);
  Bytes read(sizeof(virtio_input_config));
  config.read(0, read);
  EXPECT_EQ(read[2], std::byte{1});
  EXPECT_EQ(read[8], std::byte{7});
  EXPECT_EQ(read[9], std::byte{0});
}

TEST(ConfigSpace, ReadsAndWritesBehindTheEndDoNothing) {
  ConfigSpace config(Kind::keyboard);
  Bytes into(300, std::byte{0x55});
  config.read(0, into);
  EXPECT_EQ(into[135], std::byte{0});
  EXPECT_EQ(into[136], std::byte{0x55});
  config.read(136, into);
  config.read(100'000, into);
  config.write(2, into);
  config.write(100'000, into);
  config.write(0, {});
  EXPECT_EQ(text(query(config, VIRTIO_INPUT_CFG_ID_SERIAL, 0)), "keyboard");
}

}  // namespace
}  // namespace hesper::input
