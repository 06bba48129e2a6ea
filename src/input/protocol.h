// The layouts and numbers of virtio-input, spelled as the specification spells them (virtio 1.3, "Input Device"), and
// those of Linux's input-event-codes.h that it refers to. No behaviour. All integers are little-endian, as those of the
// hosts that Hesper runs on.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace hesper::input {

static_assert(std::endian::native == std::endian::little);

enum virtio_input_config_select : std::uint8_t {
  VIRTIO_INPUT_CFG_UNSET = 0x00,
  VIRTIO_INPUT_CFG_ID_NAME = 0x01,
  VIRTIO_INPUT_CFG_ID_SERIAL = 0x02,
  VIRTIO_INPUT_CFG_ID_DEVIDS = 0x03,
  VIRTIO_INPUT_CFG_PROP_BITS = 0x10,
  VIRTIO_INPUT_CFG_EV_BITS = 0x11,
  VIRTIO_INPUT_CFG_ABS_INFO = 0x12,
};

struct virtio_input_absinfo {
  std::uint32_t min;
  std::uint32_t max;
  std::uint32_t fuzz;
  std::uint32_t flat;
  std::uint32_t res;
};
static_assert(sizeof(virtio_input_absinfo) == 20);

struct virtio_input_devids {
  std::uint16_t bustype;
  std::uint16_t vendor;
  std::uint16_t product;
  std::uint16_t version;
};
static_assert(sizeof(virtio_input_devids) == 8);

struct virtio_input_config {
  std::uint8_t select;
  std::uint8_t subsel;
  std::uint8_t size;  // of what is in `u`, bytes
  std::array<std::uint8_t, 5> reserved;
  std::array<std::byte, 128> u;
};
static_assert(sizeof(virtio_input_config) == 136);

struct virtio_input_event {
  std::uint16_t type;
  std::uint16_t code;
  std::uint32_t value;  // two's complement where the event has a sign
  friend bool operator==(const virtio_input_event&, const virtio_input_event&) = default;
};
static_assert(sizeof(virtio_input_event) == 8);

inline constexpr unsigned kEventQueue = 0;   // eventq: buffers that the device fills
inline constexpr unsigned kStatusQueue = 1;  // statusq: what the driver tells
inline constexpr unsigned kQueueCount = 2;

// Linux's event types and codes.
inline constexpr std::uint16_t EV_SYN = 0x00;
inline constexpr std::uint16_t EV_KEY = 0x01;
inline constexpr std::uint16_t EV_REL = 0x02;
inline constexpr std::uint16_t EV_ABS = 0x03;
inline constexpr std::uint16_t EV_LED = 0x11;
inline constexpr std::uint16_t EV_REP = 0x14;

inline constexpr std::uint16_t SYN_REPORT = 0;

inline constexpr std::uint16_t REL_X = 0x00;
inline constexpr std::uint16_t REL_Y = 0x01;
inline constexpr std::uint16_t REL_HWHEEL = 0x06;
inline constexpr std::uint16_t REL_WHEEL = 0x08;
inline constexpr std::uint16_t REL_WHEEL_HI_RES = 0x0b;
inline constexpr std::uint16_t REL_HWHEEL_HI_RES = 0x0c;

inline constexpr std::uint16_t ABS_X = 0x00;
inline constexpr std::uint16_t ABS_Y = 0x01;
inline constexpr std::uint16_t ABS_MT_SLOT = 0x2f;
inline constexpr std::uint16_t ABS_MT_POSITION_X = 0x35;
inline constexpr std::uint16_t ABS_MT_POSITION_Y = 0x36;
inline constexpr std::uint16_t ABS_MT_TRACKING_ID = 0x39;

inline constexpr std::uint16_t BTN_LEFT = 0x110;
inline constexpr std::uint16_t BTN_TASK = 0x117;  // the last one of a mouse
inline constexpr std::uint16_t BTN_TOUCH = 0x14a;

inline constexpr std::uint16_t LED_NUML = 0x00;
inline constexpr std::uint16_t LED_CAPSL = 0x01;
inline constexpr std::uint16_t LED_SCROLLL = 0x02;

inline constexpr std::uint16_t INPUT_PROP_POINTER = 0x00;
inline constexpr std::uint16_t INPUT_PROP_DIRECT = 0x01;

inline constexpr std::uint16_t BUS_VIRTUAL = 0x06;

inline constexpr std::size_t kKeyCodes = 0x300;  // KEY_CNT

}  // namespace hesper::input
