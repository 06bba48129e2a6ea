// What runs beside virtual machines or serves them: encoders, udmabuf, vsock, libvirt, the display server, ways in.
#pragma once

#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

// Without the encoders, which take longest.
[[nodiscard]] Services look_at_services(const System& system, const OperatingSystem& os);
[[nodiscard]] Fact<std::vector<VideoEncoder>> look_at_encoders(const System& system, bool self_tests);

// What `hesper-view --list-encoders --json` prints. Errors: it is no such JSON.
[[nodiscard]] Result<std::vector<VideoEncoder>> parse_encoders(std::string_view json);

}  // namespace hesper::host
