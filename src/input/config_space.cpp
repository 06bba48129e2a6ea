// One function a selector.
#include "input/config_space.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace hesper::input {
namespace {

// KEY_ESC to KEY_MICMUTE without those that Linux has not assigned. What has no row in keymap.cpp is there for viewers
// that know more keys.
constexpr std::uint16_t kFirstKey = 1;
constexpr std::uint16_t kLastKey = 248;
constexpr std::array<std::uint16_t, 6> kUnassigned = {84, 195, 196, 197, 198, 199};

class Answer {
 public:
  Answer(std::uint8_t select, std::uint8_t subsel) : config_{.select = select, .subsel = subsel} {}

  Answer& text(std::string_view text) { return copy(text.data(), text.size()); }
  template <class T>
  Answer& value(const T& value) {
    return copy(&value, sizeof(value));
  }
  // The bitmap is as long as its highest bit needs.
  Answer& bit(std::uint16_t number) {
    const std::size_t at = number / 8;
    config_.u[at] |= std::byte{1} << (number % 8);
    config_.size = std::max(config_.size, static_cast<std::uint8_t>(at + 1));
    return *this;
  }
  Answer& bits(std::initializer_list<std::uint16_t> numbers) {
    for (const std::uint16_t number : numbers) bit(number);
    return *this;
  }

  [[nodiscard]] const virtio_input_config& config() const noexcept { return config_; }

 private:
  Answer& copy(const void* from, std::size_t size) {
    std::memcpy(config_.u.data(), from, size);
    config_.size = static_cast<std::uint8_t>(size);
    return *this;
  }
  virtio_input_config config_;
};

std::string_view title_of(Kind kind) {
  switch (kind) {
    case Kind::keyboard: return "Hesper Keyboard";
    case Kind::tablet: return "Hesper Tablet";
    case Kind::mouse: return "Hesper Mouse";
    case Kind::touch: return "Hesper Touchscreen";
  }
  return {};
}

void add_event_bits(Answer& answer, Kind kind, std::uint8_t type) {
  const bool pointer = kind == Kind::tablet || kind == Kind::mouse;
  if (type == EV_KEY && kind == Kind::keyboard) {
    for (std::uint16_t key = kFirstKey; key <= kLastKey; ++key)
      if (!std::ranges::contains(kUnassigned, key)) answer.bit(key);
  }
  if (type == EV_KEY && pointer)
    for (std::uint16_t button = BTN_LEFT; button <= BTN_TASK; ++button) answer.bit(button);
  if (type == EV_KEY && kind == Kind::touch) answer.bit(BTN_TOUCH);
  if (type == EV_LED && kind == Kind::keyboard) answer.bits({LED_NUML, LED_CAPSL, LED_SCROLLL});
  // Repetition is the guest's; that there is a bitmap is all that asks for it.
  if (type == EV_REP && kind == Kind::keyboard) answer.bits({0, 1});
  if (type == EV_REL && pointer) answer.bits({REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES});
  if (type == EV_REL && kind == Kind::mouse) answer.bits({REL_X, REL_Y});
  if (type == EV_ABS && (kind == Kind::tablet || kind == Kind::touch)) answer.bits({ABS_X, ABS_Y});
  if (type == EV_ABS && kind == Kind::touch)
    answer.bits({ABS_MT_SLOT, ABS_MT_TRACKING_ID, ABS_MT_POSITION_X, ABS_MT_POSITION_Y});
}

void add_range(Answer& answer, Kind kind, std::uint8_t axis) {
  const bool tablet = kind == Kind::tablet;
  const bool touch = kind == Kind::touch;
  const auto up_to = [&](std::uint32_t max) { answer.value(virtio_input_absinfo{.min = 0, .max = max}); };
  switch (axis) {
    case ABS_X:
    case ABS_Y:
      if (tablet || touch) up_to(kMaxPosition);
      break;
    case ABS_MT_POSITION_X:
    case ABS_MT_POSITION_Y:
      if (touch) up_to(kMaxPosition);
      break;
    case ABS_MT_SLOT:
      if (touch) up_to(kFingers - 1);
      break;
    case ABS_MT_TRACKING_ID:
      if (touch) up_to(0xffff);
      break;
    default: break;
  }
}

}  // namespace

virtio_input_config config_of(Kind kind, std::uint8_t select, std::uint8_t subsel) {
  Answer answer(select, subsel);
  switch (select) {
    case VIRTIO_INPUT_CFG_ID_NAME:
      if (subsel == 0) answer.text(title_of(kind));
      break;
    case VIRTIO_INPUT_CFG_ID_SERIAL:
      if (subsel == 0) answer.text(name_of(kind));
      break;
    case VIRTIO_INPUT_CFG_ID_DEVIDS:
      if (subsel == 0)
        answer.value(virtio_input_devids{.bustype = BUS_VIRTUAL,
                                         .vendor = 0x1af4,  // virtio's; the product is of our choice
                                         .product = static_cast<std::uint16_t>(0x4801 + static_cast<unsigned>(kind)),
                                         .version = 1});
      break;
    case VIRTIO_INPUT_CFG_PROP_BITS:
      if (subsel == 0 && kind == Kind::touch) answer.bit(INPUT_PROP_DIRECT);
      if (subsel == 0 && kind == Kind::mouse) answer.bit(INPUT_PROP_POINTER);
      break;
    case VIRTIO_INPUT_CFG_EV_BITS: add_event_bits(answer, kind, subsel); break;
    case VIRTIO_INPUT_CFG_ABS_INFO: add_range(answer, kind, subsel); break;
    default: break;
  }
  return answer.config();
}

void ConfigSpace::read(std::size_t offset, std::span<std::byte> into) const {
  const virtio_input_config config = config_of(kind_, select_, subsel_);
  if (offset >= sizeof(config)) return;
  const auto bytes = std::as_bytes(std::span(&config, 1)).subspan(offset);
  std::ranges::copy(bytes.first(std::min(bytes.size(), into.size())), into.begin());
}

void ConfigSpace::write(std::size_t offset, std::span<const std::byte> bytes) {
  const auto take = [&](std::size_t at, std::uint8_t& field) {
    if (at >= offset && at - offset < bytes.size()) field = std::to_integer<std::uint8_t>(bytes[at - offset]);
  };
  take(offsetof(virtio_input_config, select), select_);
  take(offsetof(virtio_input_config, subsel), subsel_);
}

}  // namespace hesper::input
