// EventQueue: events on their way to a guest's driver, and what the guest believes to be held down. Knows no virtqueue.
//
// A guest may take no events for as long as it likes. What waits is bounded: motion becomes one with motion before it,
// and when there is too much all the same, all that waits is forgotten and the guest gets, once it takes events again,
// the difference between what it believes and what is. So presses and motion get lost, as with a kernel's own full
// queue, but nothing stays down, and the pointer is where it should be.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "input/config_space.h"
#include "input/protocol.h"

namespace hesper::input {

// One thread.
class EventQueue {
 public:
  static constexpr std::size_t kMostFrames = 1024;     // that wait
  static constexpr std::size_t kMostInOneFrame = 64;   // events; with more, it is cut
  static constexpr std::int32_t kUnknown = -1;         // of a position: the guest was told none
  static constexpr std::int32_t kMostSteps = 1 << 24;  // that relative motion adds up to

  // What is so already adds no event, but for relative motion of 0.
  void key(std::uint16_t code, bool down);                         // EV_KEY; code: below kKeyCodes
  void move(std::int32_t x, std::int32_t y);                       // ABS_X and ABS_Y
  void step(std::uint16_t code, std::int32_t by);                  // EV_REL; one of protocol.h
  void touch(std::uint32_t slot, std::int32_t x, std::int32_t y);  // slot: below kFingers
  void lift(std::uint32_t slot);
  // All of that since the last sync() happened at once. Until then the guest sees nothing of it.
  void sync();

  // For the guest; none: nothing waits. After an event of a frame all its others come before anything else.
  [[nodiscard]] std::optional<virtio_input_event> next();
  // False: next() would have nothing. True: it probably has something.
  [[nodiscard]] bool has_next() const noexcept { return taken_ < current_.size() || behind_ || !frames_.empty(); }

  // The guest starts anew: nothing is down, nothing waits.
  void reset();

  // By what was said here, whether or not the guest knows.
  [[nodiscard]] bool is_down(std::uint16_t code) const { return code < kKeyCodes && wanted_.keys.test(code); }
  [[nodiscard]] std::size_t waiting() const noexcept { return frames_.size(); }
  // How often what waited was forgotten.
  [[nodiscard]] std::uint64_t overflows() const noexcept { return overflows_; }

 private:
  struct Contact {
    std::int32_t id = kUnknown;  // ABS_MT_TRACKING_ID; kUnknown: no finger
    std::int32_t x = kUnknown;
    std::int32_t y = kUnknown;
    friend bool operator==(const Contact&, const Contact&) = default;
  };
  // What the guest believes once it has read certain events.
  struct State {
    std::bitset<kKeyCodes> keys;
    std::int32_t x = kUnknown;
    std::int32_t y = kUnknown;
    std::uint32_t slot = 0;
    std::array<Contact, kFingers> contacts{};

    void apply(const virtio_input_event& event);
  };
  using Frame = std::vector<virtio_input_event>;

  void add(std::uint16_t type, std::uint16_t code, std::int32_t value);
  void add_contact(std::uint32_t slot, const Contact& from, const Contact& to);
  [[nodiscard]] static bool is_motion(std::span<const virtio_input_event> frame);
  static bool merge(Frame& into, const Frame& from);
  [[nodiscard]] Frame difference();

  State wanted_;  // after all that was said
  State told_;    // after all that next() has returned
  Frame open_;    // since the last sync()
  std::deque<Frame> frames_;
  Frame current_;  // of which next() has returned some already
  std::size_t taken_ = 0;
  bool behind_ = false;  // the difference is due instead of frames_
  std::int32_t next_id_ = 0;
  std::uint64_t overflows_ = 0;
};

}  // namespace hesper::input
