// A member's calls, one after the other.
#include "input/seat.h"

#include <algorithm>
#include <bitset>
#include <optional>
#include <utility>

namespace hesper::input {
namespace {

constexpr std::int32_t kNotch = 120;  // of scroll()
constexpr std::int32_t kMostSteps = 32767;

bool is_mouse_button(std::uint16_t code) { return code >= BTN_LEFT && code <= BTN_TASK; }

// 0 to 65535 over a length at a place of a whole, in 65536ths of the whole.
std::int32_t scaled(std::uint16_t value, std::uint64_t place, std::uint64_t length, std::uint64_t whole) {
  const std::uint64_t pixels = (place << 16) + value * length;  // in 65536ths
  return static_cast<std::int32_t>(std::min<std::uint64_t>(pixels / whole, kMaxPosition));
}

}  // namespace

std::optional<Position> position_on(const Desktop& desktop, std::uint32_t display, std::uint16_t x, std::uint16_t y) {
  if (display >= Desktop::kMostDisplays) return std::nullopt;
  const Desktop::Area& area = desktop.displays[display];
  if (area.width == 0 || area.height == 0) return std::nullopt;
  std::uint64_t left = area.x;
  std::uint64_t top = area.y;
  std::uint64_t right = 0;
  std::uint64_t bottom = 0;
  for (const Desktop::Area& each : desktop.displays) {
    if (each.width == 0 || each.height == 0) continue;
    left = std::min<std::uint64_t>(left, each.x);
    top = std::min<std::uint64_t>(top, each.y);
    right = std::max(right, std::uint64_t{each.x} + each.width);
    bottom = std::max(bottom, std::uint64_t{each.y} + each.height);
  }
  return Position{.x = scaled(x, area.x - left, area.width, right - left),
                  .y = scaled(y, area.y - top, area.height, bottom - top)};
}

class Seat::Member final : public Sink {
 public:
  Member(Seat& seat, std::function<void(Leds)> on_leds) : seat_(seat), on_leds_(std::move(on_leds)) {
    seat_.members_.push_back(this);
  }
  ~Member() override { seat_.leave(*this); }

  void key(KeyCode code, bool down) override {
    const auto number = static_cast<std::uint16_t>(code);
    if (number < BTN_LEFT) hold(Kind::keyboard, number, down);
  }
  // Goes to the device that this one has moved last, and is let go there.
  void button(KeyCode code, bool down) override {
    const auto number = static_cast<std::uint16_t>(code);
    if (!is_mouse_button(number)) return;
    if (down) return hold(pointer_, number, true);
    hold(Kind::tablet, number, false);
    hold(Kind::mouse, number, false);
  }
  void move_to(std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
    const auto position = position_on(seat_.desktop_(), display, x, y);
    if (!position) return;
    pointer_ = Kind::tablet;
    use(Kind::tablet).move(position->x, position->y);
  }
  void move_by(std::int32_t x, std::int32_t y) override {
    pointer_ = Kind::mouse;
    EventQueue& events = use(Kind::mouse);
    events.step(REL_X, std::clamp(x, -kMostSteps, kMostSteps));
    events.step(REL_Y, std::clamp(y, -kMostSteps, kMostSteps));
  }
  void scroll(std::int32_t vertical, std::int32_t horizontal) override {
    turn(vertical_, REL_WHEEL_HI_RES, REL_WHEEL, vertical);
    turn(horizontal_, REL_HWHEEL_HI_RES, REL_HWHEEL, horizontal);
  }
  void touch(std::uint32_t finger, std::uint32_t display, std::uint16_t x, std::uint16_t y) override {
    if (finger >= kFingers) return;
    const auto position = position_on(seat_.desktop_(), display, x, y);
    if (!position) return;
    auto& slot = slots_[finger];
    if (!slot) slot = seat_.free_slot();
    if (slot) use(Kind::touch).touch(*slot, position->x, position->y);
  }
  void touch_end(std::uint32_t finger) override {
    if (finger >= kFingers || !slots_[finger]) return;
    use(Kind::touch).lift(*std::exchange(slots_[finger], std::nullopt));
  }
  void flush() override {
    for (const Kind kind : kAllKinds) {
      if (!std::exchange(used_[static_cast<std::size_t>(kind)], false)) continue;
      seat_.device(kind).events().sync();
      seat_.device(kind).deliver();
    }
  }

 private:
  friend class Seat;

  std::bitset<kKeyCodes>& held(Kind kind) { return held_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const std::bitset<kKeyCodes>& held(Kind kind) const { return held_[static_cast<std::size_t>(kind)]; }

  EventQueue& use(Kind kind) {
    used_[static_cast<std::size_t>(kind)] = true;
    return seat_.device(kind).events();
  }
  void hold(Kind kind, std::uint16_t code, bool down) {
    if (held(kind).test(code) == down) return;
    held(kind).set(code, down);
    if (!seat_.is_held(kind, code, *this)) use(kind).key(code, down);
  }
  // Drivers that know 120ths want whole notches, too, for programs that do not.
  void turn(std::int32_t& rest, std::uint16_t fine, std::uint16_t coarse, std::int32_t by) {
    if (by == 0) return;
    by = std::clamp(by, -kMostSteps, kMostSteps);
    if ((by < 0) != (rest < 0)) rest = 0;  // what is left of a notch the other way does not count
    rest += by;
    EventQueue& events = use(pointer_);
    events.step(coarse, rest / kNotch);
    events.step(fine, by);
    rest %= kNotch;
  }
  void let_go() {
    for (const Kind kind : kAllKinds) {
      for (std::uint16_t code = 0; code < kKeyCodes && held(kind).any(); ++code) hold(kind, code, false);
    }
    for (std::uint32_t finger = 0; finger < kFingers; ++finger) touch_end(finger);
    flush();
  }
  void forget(Kind kind) {
    held(kind).reset();
    if (kind == Kind::touch) slots_.fill(std::nullopt);
  }

  Seat& seat_;
  const std::function<void(Leds)> on_leds_;
  Kind pointer_ = Kind::tablet;
  std::array<std::bitset<kKeyCodes>, kKinds> held_;
  std::array<std::optional<std::uint32_t>, kFingers> slots_{};  // of the touch screen, by finger
  std::int32_t vertical_ = 0;                                   // of a notch, 120ths
  std::int32_t horizontal_ = 0;
  std::array<bool, kKinds> used_{};  // since the last flush
};

Seat::Seat(std::function<Desktop()> desktop) : desktop_(std::move(desktop)) {
  for (Device& device : devices_) device.when([this, kind = device.kind()] { forget(kind); }, [this] { tell_leds(); });
}

Seat::~Seat() = default;

std::unique_ptr<Sink> Seat::join(std::function<void(Leds)> on_leds) {
  auto member = std::make_unique<Member>(*this, std::move(on_leds));
  if (member->on_leds_) member->on_leds_(device(Kind::keyboard).leds());
  return member;
}

void Seat::leave(Member& member) {
  member.let_go();
  std::erase(members_, &member);
}

bool Seat::is_held(Kind kind, std::uint16_t code, const Member& by_another_than) const {
  return std::ranges::any_of(
      members_, [&](const Member* member) { return member != &by_another_than && member->held(kind).test(code); });
}

std::optional<std::uint32_t> Seat::free_slot() const {
  for (std::uint32_t slot = 0; slot < kFingers; ++slot) {
    const bool used = std::ranges::any_of(
        members_, [&](const Member* member) { return std::ranges::contains(member->slots_, std::optional(slot)); });
    if (!used) return slot;
  }
  return std::nullopt;
}

void Seat::forget(Kind kind) {
  for (Member* member : members_) member->forget(kind);
}

void Seat::tell_leds() {
  for (const Member* member : members_)
    if (member->on_leds_) member->on_leds_(device(Kind::keyboard).leds());
}

}  // namespace hesper::input
