// probe_host: what every Vulkan device of this host can do for Hesper, for people and for `hesper exec -v`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "render/context.h"

namespace hesper::render {

struct ProbeReport {
  std::string device;         // VkPhysicalDeviceProperties::deviceName
  std::string driver;         // name and version, as the driver tells it
  std::uint32_t api_version;  // as Vulkan encodes it
  std::string device_uuid;    // 32 hex digits
  bool usable = false;
  std::string memory;         // "dmabuf" or "hostptr"; empty if not usable
  std::string memory_reason;  // a sentence
  std::string emulated;       // what is stood in for, comma-separated; empty: nothing
};

// Creates an instance and, one after another, a device on each physical device; takes some ten milliseconds each.
// wanted: the memory strategy to try. Errors: no loader, no driver.
[[nodiscard]] Result<std::vector<ProbeReport>> probe_host(MemoryStrategy wanted = MemoryStrategy::automatic);

// Whether memory can be moved under all usable devices' drivers (MemoryPlan::replaceable). granularity: as
// ContextOptions::import_granularity. Errors: no loader, no driver.
[[nodiscard]] Result<bool> memory_can_be_moved(std::uint64_t granularity);

// "auto", "dmabuf", "hostptr"; error: a sentence that lists them.
[[nodiscard]] Result<MemoryStrategy> parse_memory_strategy(const std::string& name);
[[nodiscard]] const char* name_of(MemoryStrategy strategy) noexcept;

}  // namespace hesper::render
