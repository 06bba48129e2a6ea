// Encoder: pictures in, access units of a video codec out, one for one. Knows no screen, no viewer and no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gpu/geometry.h"
#include "video/image.h"

namespace hesper::video {

enum class Codec : std::uint8_t { h264, hevc, av1, vp9 };
[[nodiscard]] std::string_view name_of(Codec codec) noexcept;  // "h264"
[[nodiscard]] std::optional<Codec> find_codec(std::string_view name) noexcept;

// One that FFmpeg may have.
struct EncoderKind {
  std::string_view name;  // FFmpeg's, "libx264"
  Codec codec;
  bool hardware;
};
// All that this room knows how to set up, the one to prefer first. Whether one is there, and works, only trying tells;
// see trial.h.
[[nodiscard]] std::span<const EncoderKind> encoder_kinds() noexcept;
[[nodiscard]] const EncoderKind* find_encoder_kind(std::string_view name) noexcept;

struct EncoderSettings {
  std::string encoder = "libx264";  // one of encoder_kinds()
  std::uint32_t width = 0;          // of the pictures, 1 to kMostPixels
  std::uint32_t height = 0;         // likewise
  bool whole_chroma = false;        // 4:4:4, for text; of encoders that can (libx264, libx265)
  std::uint32_t most_frames_per_second = 60;
  // What the stream may take, in bits per second: no frame takes more than the time of one and a half. 0: without
  // limit.
  std::uint64_t bitrate = 0;
  // What to aim at as long as the bitrate lets it: the codec's constant rate factor (H.264: 0 best, 51 worst; 23 is
  // usual). -1: the encoder's own idea for screens.
  int quality = -1;
  // Smaller files for more time: for recordings.
  bool thorough = false;
  // Files want the parameter sets apart (extra_data()), and not before each key frame.
  bool parameter_sets_apart = false;
  unsigned threads = 0;  // 0: as many as processors, at most 4
};

// What a viewer's stream takes if nobody says otherwise, in bits per second.
[[nodiscard]] std::uint64_t usual_bitrate(Codec codec, std::uint32_t width, std::uint32_t height,
                                          std::uint32_t frames_per_second) noexcept;

enum class FrameKind : std::uint8_t {
  delta,       // from the frame before
  key,         // decodes without any before
  refinement,  // as delta, but nearer to the picture: for one that stands still
};

struct AccessUnit {
  // H.264 and HEVC: Annex B, with parameter sets before each key frame. AV1: a temporal unit of OBUs with sizes.
  std::vector<std::byte> bytes;
  bool key = false;
  // It could be nearer to the picture than this, if it stands still: FrameKind::refinement is worth while.
  bool refinable = false;
  std::int64_t pts_us = 0;
  std::uint64_t encode_ns = 0;  // how long it took
};

// One thread at a time. After an error nothing but its end.
class Encoder {
 public:
  virtual ~Encoder() = default;

  // The layout and size of the images that it takes.
  [[nodiscard]] virtual Layout layout() const noexcept = 0;
  // image: as it is now, and not read any more when this returns. damage: what differs from the image of the call
  // before, in pixels; with damage that is too small viewers see old pixels. Key frames are whole in any case. pts_us:
  // when the picture was made; later than the one before, or it is taken to be. The first frame is a key frame, and so
  // may be the one after set_bitrate().
  [[nodiscard]] virtual Result<AccessUnit> encode(const Image& image, std::span<const gpu::Rect> damage, FrameKind kind,
                                                  std::int64_t pts_us) = 0;
  // From the next frame on. Some encoders must begin anew for that (sets_bitrate_live() false): not too often.
  [[nodiscard]] virtual Result<void> set_bitrate(std::uint64_t bits_per_second) = 0;
  [[nodiscard]] virtual bool sets_bitrate_live() const noexcept = 0;
  [[nodiscard]] virtual const EncoderKind& kind() const noexcept = 0;
  // What browsers call the stream ("avc1.64002a"); empty before the first frame.
  [[nodiscard]] virtual std::string_view codec_string() const noexcept = 0;
  // With parameter_sets_apart: the parameter sets, as FFmpeg's muxers take them.
  [[nodiscard]] virtual std::span<const std::byte> extra_data() const noexcept = 0;
};

// Errors: a name that is not known or not there, a device that is missing, settings that it does not take.
[[nodiscard]] Result<std::unique_ptr<Encoder>> open_encoder(const EncoderSettings& settings);

}  // namespace hesper::video
