// Frames in, events out.
#include "input/event_queue.h"

#include <algorithm>
#include <utility>

namespace hesper::input {
namespace {

std::int32_t value_of(const virtio_input_event& event) { return static_cast<std::int32_t>(event.value); }

std::int32_t sum(std::int32_t a, std::int32_t b) {
  const std::int64_t both = std::int64_t{a} + b;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(both, -EventQueue::kMostSteps, EventQueue::kMostSteps));
}

bool same_axis(const virtio_input_event& a, const virtio_input_event& b) {
  return a.type == b.type && a.code == b.code;
}

void add_up(virtio_input_event& into, const virtio_input_event& from) {
  into.value = from.type == EV_REL ? static_cast<std::uint32_t>(sum(value_of(into), value_of(from))) : from.value;
}

bool chooses_slot(const virtio_input_event& event) { return event.type == EV_ABS && event.code == ABS_MT_SLOT; }

}  // namespace

void EventQueue::State::apply(const virtio_input_event& event) {
  if (event.type == EV_KEY && event.code < kKeyCodes) keys.set(event.code, event.value != 0);
  if (event.type != EV_ABS) return;
  const std::int32_t value = value_of(event);
  Contact& contact = contacts[slot];
  switch (event.code) {
    case ABS_X: x = value; break;
    case ABS_Y: y = value; break;
    case ABS_MT_SLOT: slot = event.value < kFingers ? event.value : 0; break;
    case ABS_MT_TRACKING_ID: contact = {.id = value}; break;
    case ABS_MT_POSITION_X: contact.x = value; break;
    case ABS_MT_POSITION_Y: contact.y = value; break;
    default: break;
  }
}

void EventQueue::add(std::uint16_t type, std::uint16_t code, std::int32_t value) {
  const virtio_input_event event{.type = type, .code = code, .value = static_cast<std::uint32_t>(value)};
  wanted_.apply(event);
  open_.push_back(event);
  if (open_.size() >= kMostInOneFrame) sync();
}

void EventQueue::key(std::uint16_t code, bool down) {
  if (code < kKeyCodes && is_down(code) != down) add(EV_KEY, code, down ? 1 : 0);
}

void EventQueue::move(std::int32_t x, std::int32_t y) {
  if (wanted_.x != x) add(EV_ABS, ABS_X, x);
  if (wanted_.y != y) add(EV_ABS, ABS_Y, y);
}

void EventQueue::step(std::uint16_t code, std::int32_t by) {
  if (by != 0) add(EV_REL, code, std::clamp(by, -kMostSteps, kMostSteps));
}

void EventQueue::touch(std::uint32_t slot, std::int32_t x, std::int32_t y) {
  const Contact& present = wanted_.contacts[slot];
  Contact wanted{.id = present.id, .x = x, .y = y};
  if (wanted.id == kUnknown) wanted.id = std::exchange(next_id_, (next_id_ + 1) & 0xffff);
  if (wanted == present) return;
  add_contact(slot, present, wanted);
}

void EventQueue::lift(std::uint32_t slot) {
  if (wanted_.contacts[slot].id != kUnknown) add_contact(slot, wanted_.contacts[slot], {});
}

// What programs read that know no more than one finger follows: the finger in the first slot.
void EventQueue::add_contact(std::uint32_t slot, const Contact& from, const Contact& to) {
  const std::int32_t before = from.id;  // `from` is part of what changes here
  add(EV_ABS, ABS_MT_SLOT, static_cast<std::int32_t>(slot));
  if (before != to.id) add(EV_ABS, ABS_MT_TRACKING_ID, to.id);
  if (to.id != kUnknown) {
    add(EV_ABS, ABS_MT_POSITION_X, to.x);
    add(EV_ABS, ABS_MT_POSITION_Y, to.y);
  }
  const auto first = std::ranges::find_if(wanted_.contacts, [](const Contact& c) { return c.id != kUnknown; });
  const bool touched = first != wanted_.contacts.end();
  key(BTN_TOUCH, touched);
  if (touched) move(first->x, first->y);
}

bool EventQueue::is_motion(std::span<const virtio_input_event> frame) {
  return std::ranges::all_of(frame, [](const virtio_input_event& event) {
    return event.type == EV_REL || (event.type == EV_ABS && event.code != ABS_MT_TRACKING_ID);
  });
}

// False: they must stay two.
bool EventQueue::merge(Frame& into, const Frame& from) {
  if (!is_motion(into) || !is_motion(from)) return false;
  if (std::ranges::any_of(into, chooses_slot) || std::ranges::any_of(from, chooses_slot)) {
    // Of the same finger only.
    if (!std::ranges::equal(into, from, [](const virtio_input_event& a, const virtio_input_event& b) {
          return same_axis(a, b) && (!chooses_slot(a) || a.value == b.value);
        }))
      return false;
    into = from;
    return true;
  }
  for (const virtio_input_event& event : from) {
    const auto found = std::ranges::find_if(into, [&](const auto& other) { return same_axis(event, other); });
    if (found != into.end())
      add_up(*found, event);
    else
      into.push_back(event);
  }
  return true;
}

void EventQueue::sync() {
  Frame frame = std::exchange(open_, {});
  if (frame.empty() || behind_) return;
  if (!frames_.empty() && merge(frames_.back(), frame)) return;
  if (frames_.size() < kMostFrames) return frames_.push_back(std::move(frame));
  frames_.clear();
  behind_ = true;
  ++overflows_;
}

// From what the guest believes to what is. Relative motion is lost.
EventQueue::Frame EventQueue::difference() {
  open_.clear();  // is part of wanted_
  State present = told_;
  Frame frame;
  const auto say = [&](std::uint16_t type, std::uint16_t code, std::int32_t value) {
    frame.push_back({.type = type, .code = code, .value = static_cast<std::uint32_t>(value)});
    present.apply(frame.back());
  };
  for (std::uint32_t slot = 0; slot < kFingers; ++slot) {
    const Contact& to = wanted_.contacts[slot];
    if (told_.contacts[slot] == to) continue;
    say(EV_ABS, ABS_MT_SLOT, static_cast<std::int32_t>(slot));
    if (told_.contacts[slot].id != to.id) say(EV_ABS, ABS_MT_TRACKING_ID, to.id);
    if (to.id == kUnknown) continue;
    say(EV_ABS, ABS_MT_POSITION_X, to.x);
    say(EV_ABS, ABS_MT_POSITION_Y, to.y);
  }
  if (present.x != wanted_.x) say(EV_ABS, ABS_X, wanted_.x);
  if (present.y != wanted_.y) say(EV_ABS, ABS_Y, wanted_.y);
  const auto changed = told_.keys ^ wanted_.keys;
  for (std::uint16_t code = 0; code < kKeyCodes && changed.any(); ++code)
    if (changed.test(code)) say(EV_KEY, code, wanted_.keys.test(code) ? 1 : 0);
  wanted_.slot = present.slot;
  return frame;
}

std::optional<virtio_input_event> EventQueue::next() {
  if (taken_ == current_.size()) {
    taken_ = 0;
    current_.clear();
    if (std::exchange(behind_, false)) {
      current_ = difference();
    } else if (!frames_.empty()) {
      current_ = std::move(frames_.front());
      frames_.pop_front();
    }
    if (current_.empty()) return std::nullopt;
    current_.push_back({.type = EV_SYN, .code = SYN_REPORT, .value = 0});
  }
  const virtio_input_event event = current_[taken_++];
  told_.apply(event);
  return event;
}

void EventQueue::reset() {
  const std::int32_t id = next_id_;
  const std::uint64_t overflows = overflows_;
  *this = EventQueue();
  next_id_ = id;
  overflows_ = overflows;
}

}  // namespace hesper::input
