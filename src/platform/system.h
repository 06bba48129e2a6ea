// Which system this is, and what identifies its present run. For decisions that are not about how to call it.
#pragma once

#include <cstdint>
#include <string>

namespace hesper::platform {

enum class System : std::uint8_t { linux, macos, other };
[[nodiscard]] System running_system() noexcept;

// Another one after each boot of this host, and with another kernel; empty where the system does not tell.
[[nodiscard]] std::string boot_identity();

// False if the system tells that it has no GPU, or none with a driver.
[[nodiscard]] bool may_have_gpu();

}  // namespace hesper::platform
