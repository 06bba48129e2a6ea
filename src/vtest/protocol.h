// The numbers of the vtest protocol, versions 3 and 4, as Venus uses it. No behaviour. See docs/vtest.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hesper::vtest {

enum class Command : std::uint32_t {
  resource_unref = 3,
  resource_busy_wait = 7,
  create_renderer = 8,
  ping_protocol_version = 10,
  protocol_version = 11,
  get_param = 15,
  get_capset = 16,
  context_init = 17,
  resource_create_blob = 18,
  sync_create = 19,
  sync_unref = 20,
  sync_read = 21,
  sync_write = 22,
  sync_wait = 23,
  submit_cmd2 = 24,
};

inline constexpr std::uint32_t kProtocolVersion = 4;
inline constexpr std::uint32_t kCapsetVenus = 4;
inline constexpr std::uint32_t kParamMaxTimelineCount = 1;
inline constexpr std::uint32_t kBlobTypeHost3d = 2;
inline constexpr std::uint32_t kBlobFlagsAll = 7;  // mappable 1, shareable 2, cross-device 4
inline constexpr std::size_t kSyncPointWords = 3;  // id, value low, value high
inline constexpr std::uint32_t kSyncWaitAny = 1;
inline constexpr std::uint32_t kForever = 0xffffffff;  // a sync_wait's timeout in milliseconds
inline constexpr std::uint32_t kBatchRingIdx = 1;

// Words of one batch header in submit_cmd2. What counts is the version that the client asked for: its header is fixed
// when it is compiled, whatever the server answers.
[[nodiscard]] constexpr std::size_t batch_words(std::uint32_t client_version) noexcept {
  return client_version >= 4 ? 8 : 6;
}

}  // namespace hesper::vtest
