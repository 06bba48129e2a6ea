// The tap: events for a guest that has no driver for a device of ours, on their way to whoever has another way into it:
// the launcher, which gives them to QEMU's own devices. Pulled: one batch for each byte that the taker sends, when
// there is something; so a taker that is busy gets motion that has become one.
#pragma once

#include <array>
#include <cstdint>

#include "input/kinds.h"
#include "input/protocol.h"

namespace hesper::input {

struct TapEvent {
  std::uint32_t kind = 0;  // Kind
  virtio_input_event event{};
};
static_assert(sizeof(TapEvent) == 12);

struct TapBatch {
  static constexpr std::size_t kMost = 32;
  std::uint32_t count = 0;  // 1 to kMost; the rest is zeros
  std::array<TapEvent, kMost> events{};
};
static_assert(sizeof(TapBatch) == 388);

}  // namespace hesper::input
