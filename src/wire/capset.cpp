// The capset's words.
#include "wire/capset.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "wire/names.h"

namespace hesper::wire {
namespace {

// VK_MESA_venus_protocol: 2 brought ring priorities, 3 host image copies; 4 needs VK_EXT_descriptor_heap, which the
// vk.xml that the wire is generated from does not have yet.
constexpr std::uint32_t kVenusProtocolVersion = 3;

}  // namespace

std::array<std::byte, kCapsetSize> capset(const CapsetOptions& options) {
  std::array<std::uint32_t, kCapsetSize / sizeof(std::uint32_t)> words{};
  words[0] = 1;  // wire_format_version
  words[1] = vk_xml_version();
  words[2] = 1;  // vk_ext_command_serialization_spec_version
  words[3] = kVenusProtocolVersion;
  words[4] = 1;  // supports_blob_id_0
  std::ranges::copy(extension_mask(), words.begin() + 5);
  words[37] = 1;  // allow_vk_wait_syncs
  words[38] = 1;  // supports_multiple_timelines
  words[39] = options.use_guest_vram ? 1 : 0;
  return std::bit_cast<std::array<std::byte, kCapsetSize>>(words);
}

}  // namespace hesper::wire
