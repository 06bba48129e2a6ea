// Which GPU shows the host's own screen, and what becomes of the host without it.
#pragma once

#include <string_view>

#include "host/facts.h"

namespace hesper::advice {

// The GPU with the host's console: the firmware's choice; where that is unknown, the only GPU, or the only one with a
// monitor. Null: none, or it cannot be told. Borrowed from facts.
[[nodiscard]] const host::Gpu* screen_gpu(const host::Facts& facts);

// No other GPU is left when this one is given away. Those of management controllers on servers count as others.
[[nodiscard]] bool is_only_gpu(const host::Facts& facts, const host::Gpu& gpu);

// By "0000:01:00.0" or "01:00.0"; null: no GPU is there.
[[nodiscard]] const host::Gpu* find_gpu(const host::Facts& facts, std::string_view address);

// A name for sentences: "NVIDIA GeForce RTX 3070 (0000:01:00.0)".
[[nodiscard]] std::string described(const host::Gpu& gpu);

}  // namespace hesper::advice
