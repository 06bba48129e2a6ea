// probe_host: what every Vulkan device of this host can do for Hesper, for people and for `hesper exec -v`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "render/context.h"

namespace hesper::render {

struct ProbeReport {
  std::string device;                 // VkPhysicalDeviceProperties::deviceName
  std::string driver;                 // name and version, as the driver tells it
  std::uint32_t api_version;          // as Vulkan encodes it
  std::string device_uuid;            // 32 hex digits
  std::string kind;                   // "discrete", "integrated", "virtual", "cpu", "other"
  bool usable = false;                // for programs of this host
  std::string memory;                 // "dmabuf" or "hostptr"; empty if not usable
  std::string memory_reason;          // a sentence
  bool guest_usable = false;          // for programs in virtual machines, whose memory is shared in ranges
  std::string guest_reason;           // a sentence; why, or why not
  bool memory_moves = false;          // a guest's memory can be moved under the driver (MemoryPlan::replaceable)
  std::vector<std::string> missing;   // extensions that would make it usable, and "Vulkan 1.1"; empty if it is
  std::vector<std::string> emulated;  // what is stood in for
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
