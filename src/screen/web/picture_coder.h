// PictureCoder: a display's frames as what one viewer's page can show: a video stream, or tiles of JPEG or PNG. Decides
// neither when nor how often.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "frame/frame.h"
#include "screen/web/protocol.h"

namespace hesper::screen::web {

struct CodedPicture {
  PictureCodec codec = PictureCodec::h264;
  std::uint16_t flags = 0;         // of VIDEO
  std::vector<std::byte> data;     // empty: there is nothing to send
  std::uint64_t copied_bytes = 0;  // of pixels that the processor read to make it
  std::uint64_t converted = 0;     // nanoseconds, as of frame::Row; 0: no step of its own
  std::uint64_t encoded = 0;       // likewise
};

// One thread at a time. After an error nothing but its end.
class PictureCoder {
 public:
  virtual ~PictureCoder() = default;

  // frame: its damage is what differs from the frame of the call before; of the first call, or with whole: everything
  // is coded. Frames are all of the same size.
  [[nodiscard]] virtual Result<CodedPicture> encode(const frame::Frame& frame, bool whole) = 0;
  // The last frame again, nearer to what it is; its memory is not read again unless it must be. Only after encode().
  [[nodiscard]] virtual Result<CodedPicture> refine(const frame::Frame& frame) = 0;
  // How many times refining makes sense.
  [[nodiscard]] virtual unsigned refinements() const noexcept = 0;
  // Bits a second, from the next picture on. Not all coders can keep to it.
  [[nodiscard]] virtual Result<void> set_bitrate(std::uint64_t bits_per_second) = 0;
  // False: another rate may cost a key frame.
  [[nodiscard]] virtual bool sets_bitrate_live() const noexcept = 0;
  [[nodiscard]] virtual PictureCodec codec() const noexcept = 0;
  // As WebCodecs takes it, after the first picture; empty for tiles.
  [[nodiscard]] virtual std::string_view codec_string() const noexcept = 0;
  // For people: "libx264".
  [[nodiscard]] virtual std::string describe() const = 0;
};

struct CoderSettings {
  PictureKind picture = PictureKind::video;
  std::uint8_t codecs = 0;            // of Hello: those that the viewer decodes
  std::vector<std::string> encoders;  // of FFmpeg, those to prefer first; all of them work here
  std::uint32_t width = 0;            // pixels
  std::uint32_t height = 0;
  std::uint32_t max_fps = 60;
  std::uint64_t bitrate = 0;  // bits a second to begin with
};

// The first encoder whose stream the viewer decodes; empty: there is none.
[[nodiscard]] std::string choose_encoder(std::span<const std::string> encoders, std::uint8_t viewer_codecs);
// What a viewer's stream takes usually, in bits a second.
[[nodiscard]] std::uint64_t usual_bitrate(const CoderSettings& settings);

// Errors: the encoder cannot be opened. There are always tiles to fall back to.
[[nodiscard]] Result<std::unique_ptr<PictureCoder>> make_picture_coder(const CoderSettings& settings);

}  // namespace hesper::screen::web
