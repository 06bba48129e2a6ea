// Vulkan: the loader, the drivers that it finds, and what Hesper's own probe says of their devices.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

[[nodiscard]] Vulkan look_at_vulkan(const System& system, const OperatingSystem& os);

// A driver's manifest. problem is set if it is none, or says nothing of a library. Knows no other file.
[[nodiscard]] Icd parse_icd(std::string_view json);
// What `hesper-render --probe --json` prints. Errors: it is no such JSON.
[[nodiscard]] Result<std::vector<VulkanDevice>> parse_probe(std::string_view json);
// Whether a manifest's file name is that of a driver for guests (Mesa's Venus and gfxstream): no host has a device
// for it.
[[nodiscard]] bool is_guest_driver(const std::filesystem::path& manifest);

}  // namespace hesper::host
