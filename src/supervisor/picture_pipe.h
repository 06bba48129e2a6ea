// PicturePipe: how a worker that replays a capture hands pictures to hesper, which alone may write files: over a
// socket, one after the other: kPictureHeaderSize bytes (u32 width, u32 height, both above 0), then width * height * 4
// bytes of RGBA.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hesper::supervisor {

inline constexpr std::size_t kPictureHeaderSize = 8;
inline constexpr std::uint64_t kMaxPicturePixels = std::uint64_t{1} << 26;  // more is not a picture but an attack

}  // namespace hesper::supervisor
