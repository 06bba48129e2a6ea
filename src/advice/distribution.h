// Family: which distributions have the same package names, commands and habits. Looks at nothing but facts.
#pragma once

#include <optional>

#include "host/facts.h"

namespace hesper::advice {

enum class Family : unsigned char { debian, ubuntu, fedora, red_hat, arch, suse, alpine, homebrew, nix };

// By ID, else by the first of ID_LIKE that is known.
[[nodiscard]] std::optional<Family> family_of(const host::OperatingSystem& system);

}  // namespace hesper::advice
