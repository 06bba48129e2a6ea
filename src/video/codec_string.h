// codec_string: what browsers and players call a stream, read from its first key frame. Decodes no picture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "video/encoder.h"

namespace hesper::video {

// For example avc1.64002a, hvc1.1.6.L123.90, av01.0.09M.08, vp09.00.41.08. key_frame: an access unit, or the parameter
// sets, as AccessUnit has them. VP9 does not tell its level in the stream, so it is found from size and rate. Empty: it
// is no key frame of that codec.
[[nodiscard]] std::string codec_string(Codec codec, std::span<const std::byte> key_frame, std::uint32_t width,
                                       std::uint32_t height, std::uint32_t frames_per_second);

}  // namespace hesper::video
