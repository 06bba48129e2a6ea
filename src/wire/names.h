// Names: of commands and structs, for log lines; and what the capset announces of the protocol. All generated.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hesper::wire {

// "unknown command" for a number that the protocol does not have.
[[nodiscard]] std::string_view command_name(std::uint32_t type) noexcept;
// Why a command of the protocol has no decoder here, as a clause; empty if it has one or is unknown.
[[nodiscard]] std::string_view refusal(std::uint32_t type) noexcept;
// "unknown struct" for a VkStructureType that no command carries.
[[nodiscard]] std::string_view struct_name(std::uint32_t stype) noexcept;

// The lower of the installed vk.xml's and the protocol's version, as Vulkan encodes versions.
[[nodiscard]] std::uint32_t vk_xml_version() noexcept;

// Extensions whose structs and commands are all decoded here, whether or not a host has them. Ordered by number.
struct ProtocolExtension {
  const char* name;
  std::uint32_t spec_version;  // the lower of the installed vk.xml's and the protocol's
  std::uint32_t number;
};
[[nodiscard]] std::span<const ProtocolExtension> protocol_extensions() noexcept;

// The same as bits: extension N is bit N % 32 of word N / 32. Bit 0 of word 0 says that the mask is meant.
[[nodiscard]] std::span<const std::uint32_t, 32> extension_mask() noexcept;

}  // namespace hesper::wire
