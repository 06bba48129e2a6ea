// PictureCoder: video through src/video's encoders, tiles through its stills.
#include "screen/web/picture_coder.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "frame/ledger.h"
#include "video/encoder.h"
#include "video/image.h"
#include "video/stills.h"

namespace hesper::screen::web {
namespace {

PictureCodec picture_codec(video::Codec codec) {
  switch (codec) {
    case video::Codec::h264: return PictureCodec::h264;
    case video::Codec::hevc: return PictureCodec::hevc;
    case video::Codec::av1: return PictureCodec::av1;
    case video::Codec::vp9: return PictureCodec::vp9;
  }
  std::unreachable();
}

bool decodes(std::uint8_t viewer_codecs, video::Codec codec) {
  return (viewer_codecs >> std::to_underlying(picture_codec(codec)) & 1) != 0;
}

gpu::Rect whole_of(const frame::Frame& frame) { return {.x = 0, .y = 0, .width = frame.width, .height = frame.height}; }

class VideoCoder final : public PictureCoder {
 public:
  VideoCoder(std::unique_ptr<video::Encoder> encoder, std::uint32_t width, std::uint32_t height)
      : encoder_(std::move(encoder)), image_(encoder_->layout(), width, height) {}

  Result<CodedPicture> encode(const frame::Frame& frame, bool whole) override {
    const gpu::Rect all = whole_of(frame);
    const std::span<const gpu::Rect> damage = first_ ? std::span(&all, 1) : std::span(frame.damage);
    const std::uint64_t copied = image_.update(video::pixels_of(frame), damage);
    const std::uint64_t converted = frame::now_ns();
    auto coded = run(frame, damage, whole || first_ ? video::FrameKind::key : video::FrameKind::delta);
    if (!coded) return coded;
    first_ = false;
    coded->copied_bytes = copied;
    coded->converted = converted;
    return coded;
  }

  Result<CodedPicture> refine(const frame::Frame& frame) override {
    return run(frame, {}, video::FrameKind::refinement);
  }

  unsigned refinements() const noexcept override { return refinable_ ? 2 : 0; }
  Result<void> set_bitrate(std::uint64_t bits_per_second) override { return encoder_->set_bitrate(bits_per_second); }
  bool sets_bitrate_live() const noexcept override { return encoder_->sets_bitrate_live(); }
  PictureCodec codec() const noexcept override { return picture_codec(encoder_->kind().codec); }
  std::string_view codec_string() const noexcept override { return encoder_->codec_string(); }
  std::string describe() const override { return std::string(encoder_->kind().name); }

 private:
  Result<CodedPicture> run(const frame::Frame& frame, std::span<const gpu::Rect> damage, video::FrameKind kind) {
    const auto made = frame.times.flushed != 0 ? frame.times.flushed : frame::now_ns();
    auto unit = encoder_->encode(image_, damage, kind, static_cast<std::int64_t>(made / 1000));
    if (!unit) return std::unexpected(std::move(unit.error()));
    refinable_ = unit->refinable;
    return CodedPicture{.codec = codec(),
                        .flags = unit->key ? kKeyFrame : std::uint16_t{0},
                        .data = std::move(unit->bytes),
                        .encoded = frame::now_ns()};
  }

  std::unique_ptr<video::Encoder> encoder_;
  video::Image image_;
  bool refinable_ = true;  // what was encoded last
  bool first_ = true;
};

template <class T>
void put(std::vector<std::byte>& to, T value) {
  for (std::size_t byte = 0; byte < sizeof(T); ++byte) to.push_back(static_cast<std::byte>(value >> (8 * byte) & 0xff));
}

// As docs/web.md has them.
std::vector<std::byte> tiles_of(const std::vector<video::Still>& stills) {
  std::vector<std::byte> data;
  for (const video::Still& still : stills) {
    for (const std::uint32_t number : {still.place.x, still.place.y, still.place.width, still.place.height})
      put(data, static_cast<std::uint16_t>(number));
    put(data, static_cast<std::uint32_t>(still.bytes.size()));
    data.insert(data.end(), still.bytes.begin(), still.bytes.end());
  }
  return data;
}

class TileCoder final : public PictureCoder {
 public:
  TileCoder(bool lossless, std::uint32_t width, std::uint32_t height, std::uint64_t usual_bitrate)
      : lossless_(lossless), usual_bitrate_(usual_bitrate), stills_(width, height) {}

  Result<CodedPicture> encode(const frame::Frame& frame, bool whole) override {
    const gpu::Rect all = whole_of(frame);
    if (whole) stills_.forget();
    return run(frame, whole || std::exchange(first_, false) ? std::span(&all, 1) : std::span(frame.damage),
               lossless_ ? video::StillFormat::png : video::StillFormat::jpeg, whole);
  }

  // What was only nearly right, as it is.
  Result<CodedPicture> refine(const frame::Frame& frame) override {
    return run(frame, stills_.inexact(), video::StillFormat::png, false);
  }

  unsigned refinements() const noexcept override { return lossless_ ? 0 : 1; }

  Result<void> set_bitrate(std::uint64_t bits_per_second) override {
    const double part = static_cast<double>(bits_per_second) / static_cast<double>(usual_bitrate_);
    quality_ = std::clamp(static_cast<int>(kBestQuality * part), kLeastQuality, kBestQuality);
    return {};
  }
  bool sets_bitrate_live() const noexcept override { return true; }
  PictureCodec codec() const noexcept override {
    return lossless_ ? PictureCodec::png_tiles : PictureCodec::jpeg_tiles;
  }
  std::string_view codec_string() const noexcept override { return {}; }
  std::string describe() const override { return lossless_ ? "PNG tiles" : "JPEG tiles"; }

 private:
  static constexpr int kBestQuality = 85;
  static constexpr int kLeastQuality = 35;

  Result<CodedPicture> run(const frame::Frame& frame, std::span<const gpu::Rect> damage, video::StillFormat format,
                           bool whole) {
    auto stills = stills_.changed(video::pixels_of(frame), damage, {.format = format, .quality = quality_});
    if (!stills) return std::unexpected(std::move(stills.error()));
    CodedPicture coded{.codec = format == video::StillFormat::png ? PictureCodec::png_tiles : PictureCodec::jpeg_tiles,
                       .flags = whole ? kKeyFrame : std::uint16_t{0},
                       .data = tiles_of(*stills)};
    for (const video::Still& still : *stills)
      coded.copied_bytes += std::uint64_t{gpu::kBytesPerPixel} * still.place.width * still.place.height;
    coded.encoded = frame::now_ns();
    return coded;
  }

  const bool lossless_;
  const std::uint64_t usual_bitrate_;
  video::Stills stills_;
  int quality_ = kBestQuality;
  bool first_ = true;
};

}  // namespace

std::string choose_encoder(std::span<const std::string> encoders, std::uint8_t viewer_codecs) {
  for (const std::string& name : encoders) {
    const video::EncoderKind* kind = video::find_encoder_kind(name);
    if (kind != nullptr && decodes(viewer_codecs, kind->codec)) return name;
  }
  return {};
}

std::uint64_t usual_bitrate(const CoderSettings& settings) {
  const auto* kind = video::find_encoder_kind(choose_encoder(settings.encoders, settings.codecs));
  return video::usual_bitrate(kind != nullptr ? kind->codec : video::Codec::h264, settings.width, settings.height,
                              settings.max_fps);
}

Result<std::unique_ptr<PictureCoder>> make_picture_coder(const CoderSettings& settings) {
  if (settings.picture != PictureKind::video)
    return std::make_unique<TileCoder>(settings.picture == PictureKind::lossless, settings.width, settings.height,
                                       usual_bitrate(settings));
  const std::string name = choose_encoder(settings.encoders, settings.codecs);
  if (name.empty()) return fail("The viewer decodes none of the codecs that can be encoded here.");
  auto encoder = video::open_encoder({.encoder = name,
                                      .width = settings.width,
                                      .height = settings.height,
                                      .most_frames_per_second = settings.max_fps,
                                      .bitrate = settings.bitrate});
  if (!encoder) return std::unexpected(std::move(encoder.error()));
  return std::make_unique<VideoCoder>(std::move(*encoder), settings.width, settings.height);
}

}  // namespace hesper::screen::web
