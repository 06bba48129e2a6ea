// Seat: the input devices of one guest, and all who use them at the same time: turns what each does (Sink) into events
// of the devices. Knows no socket and no virtqueue.
//
// A key, button or finger is down while anybody holds it down. Who leaves lets go of what he holds.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "input/device.h"
#include "input/kinds.h"
#include "input/sink.h"

namespace hesper::input {

// Where the displays lie on the guest's desktop, in pixels of it. Those without width or height are not there.
struct Desktop {
  struct Area {
    std::uint32_t x = 0;
    std::uint32_t y = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
  };
  static constexpr std::size_t kMostDisplays = 16;
  std::array<Area, kMostDisplays> displays{};
};

struct Position {
  std::int32_t x = 0;  // 0 to kMaxPosition over the whole desktop: the smallest rectangle with all displays in it
  std::int32_t y = 0;
};
// x, y: 0 to 65535 over the display. Nothing: there is no such display.
[[nodiscard]] std::optional<Position> position_on(const Desktop& desktop, std::uint32_t display, std::uint16_t x,
                                                  std::uint16_t y);

// One thread, that of the sinks, too.
class Seat final : public Input {
 public:
  // desktop: as it is now; asked for each absolute position.
  explicit Seat(std::function<Desktop()> desktop);
  ~Seat() override;
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  [[nodiscard]] Device& device(Kind kind) noexcept { return devices_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::unique_ptr<Sink> join(std::function<void(Leds)> on_leds) override;
  [[nodiscard]] std::size_t members() const noexcept { return members_.size(); }

 private:
  class Member;

  void leave(Member& member);
  // Whether anybody but this one holds it.
  [[nodiscard]] bool is_held(Kind kind, std::uint16_t code, const Member& by_another_than) const;
  // Of the touch screen's ten, one that nobody uses.
  [[nodiscard]] std::optional<std::uint32_t> free_slot() const;
  void forget(Kind kind);
  void tell_leds();

  const std::function<Desktop()> desktop_;
  std::array<Device, kKinds> devices_{Device(Kind::keyboard), Device(Kind::tablet), Device(Kind::mouse),
                                      Device(Kind::touch)};
  std::list<Member*> members_;
};

}  // namespace hesper::input
