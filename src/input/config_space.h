// ConfigSpace: what a guest's driver reads about a virtio-input device: its name and what it can do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "input/kinds.h"
#include "input/protocol.h"

namespace hesper::input {

// Fingers that a touch screen tells apart: slots 0 to 9.
inline constexpr std::uint32_t kFingers = 10;
// The largest coordinate of tablet and touch screen; the smallest is 0.
inline constexpr std::uint32_t kMaxPosition = 65535;

class ConfigSpace {
 public:
  explicit ConfigSpace(Kind kind) noexcept : kind_(kind) {}

  // Copies from `offset` on; what lies behind the end stays as it is.
  void read(std::size_t offset, std::span<std::byte> into) const;
  // Of what is written, select and subsel count; all else is the device's.
  void write(std::size_t offset, std::span<const std::byte> bytes);
  // The driver starts anew.
  void reset() noexcept { select_ = subsel_ = 0; }

 private:
  Kind kind_;
  std::uint8_t select_ = VIRTIO_INPUT_CFG_UNSET;
  std::uint8_t subsel_ = 0;
};

// What select and subsel choose, with its size; size 0: the device has no such thing.
// Spec: virtio 1.3, Input Device, "Device configuration layout".
[[nodiscard]] virtio_input_config config_of(Kind kind, std::uint8_t select, std::uint8_t subsel);

}  // namespace hesper::input
