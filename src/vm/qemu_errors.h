// What QEMU's complaints mean for somebody who did not write its command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "vm/plan.h"

namespace hesper::vm {

// The oldest QEMU that has what is needed.
inline constexpr int kLeastQemuMajor = 11;
inline constexpr int kLeastQemuMinor = 1;

// A sentence with a remedy for what QEMU wrote, if it is something we know.
[[nodiscard]] std::optional<std::string> explain_qemu_error(std::string_view text, const Plan& plan);

// "... is too old", with where to get another one. version: "10.0", or empty where it is not known.
[[nodiscard]] std::string qemu_too_old(const Plan& plan, std::string_view version);

}  // namespace hesper::vm
