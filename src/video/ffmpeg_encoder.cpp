// The encoders of FFmpeg behind our interface. Their options are in encoder_setup.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "video/codec_string.h"
#include "video/encoder.h"
#include "video/encoder_setup.h"
#include "video/ffmpeg.h"

extern "C" {
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
#include <libavutil/video_hint.h>
}

namespace hesper::video {
namespace {

using BufferRef = std::unique_ptr<AVBufferRef, FreeByAddress<av_buffer_unref>>;

class FfmpegEncoder final : public Encoder {
 public:
  FfmpegEncoder(const EncoderKind& kind, const EncoderSettings& settings)
      : kind_(kind), settings_(settings), setup_(setup_of(kind, settings)) {}

  [[nodiscard]] Result<void> open();

  [[nodiscard]] Layout layout() const noexcept override { return setup_.layout; }
  [[nodiscard]] Result<AccessUnit> encode(const Image& image, std::span<const gpu::Rect> damage, FrameKind kind,
                                          std::int64_t pts_us) override;
  [[nodiscard]] Result<void> set_bitrate(std::uint64_t bits_per_second) override;
  [[nodiscard]] bool sets_bitrate_live() const noexcept override { return setup_.live_bitrate; }
  [[nodiscard]] const EncoderKind& kind() const noexcept override { return kind_; }
  [[nodiscard]] std::string_view codec_string() const noexcept override { return codec_string_; }
  [[nodiscard]] std::span<const std::byte> extra_data() const noexcept override {
    return std::as_bytes(std::span(context_->extradata, static_cast<std::size_t>(context_->extradata_size)));
  }

 private:
  [[nodiscard]] Result<void> open_device();
  [[nodiscard]] Result<FramePtr> upload(FramePtr frame) const;
  [[nodiscard]] FramePtr wrap(const Image& image) const;
  void aim_at(FrameKind kind);
  [[nodiscard]] Result<void> receive(AccessUnit& unit);
  [[nodiscard]] int usual_quality() const noexcept {
    return settings_.quality >= 0 ? settings_.quality : setup_.quality;
  }
  [[nodiscard]] int refined_quality() const noexcept { return std::min(usual_quality(), setup_.refined_quality); }

  const EncoderKind& kind_;
  EncoderSettings settings_;
  const EncoderSetup setup_;
  CodecContext context_;
  PacketPtr packet_ = new_packet();
  bool first_ = true;  // of this context
  bool refines_ = false;
  std::int64_t last_pts_ = -1;
  std::string codec_string_;
};

Result<void> FfmpegEncoder::open() {
  const AVCodec* codec = avcodec_find_encoder_by_name(std::string(kind_.name).c_str());
  if (codec == nullptr) return fail(fmt::format("This FFmpeg has no encoder {}.", kind_.name));
  context_.reset(avcodec_alloc_context3(codec));
  if (!context_) return fail("There is no memory for an encoder.");
  Options options;
  set_options(kind_, settings_, setup_, *context_, options);
  if (setup_.device != AV_HWDEVICE_TYPE_NONE) {
    if (auto device = open_device(); !device) return device;
  }
  if (const int error = avcodec_open2(context_.get(), codec, options.address()); error < 0) {
    return fail_ffmpeg(
        fmt::format("The encoder {} cannot be opened for {}x{}", kind_.name, settings_.width, settings_.height), error);
  }
  if (const char* left = options.left()) log::debug("The encoder {} does not know the option {}.", kind_.name, left);
  first_ = true;
  return {};
}

Result<void> FfmpegEncoder::open_device() {
  AVBufferRef* raw = nullptr;
  if (const int error = av_hwdevice_ctx_create(&raw, setup_.device, nullptr, nullptr, 0); error < 0)
    return fail_ffmpeg(fmt::format("There is no device for the encoder {}", kind_.name), error);
  const BufferRef device(raw);
  const BufferRef frames(av_hwframe_ctx_alloc(device.get()));
  if (!frames) return fail("There is no memory for an encoder.");
  auto* pool = reinterpret_cast<AVHWFramesContext*>(frames->data);
  pool->format = setup_.device_format;
  pool->sw_format = setup_.format;
  pool->width = context_->width;
  pool->height = context_->height;
  pool->initial_pool_size = 4;
  if (const int error = av_hwframe_ctx_init(frames.get()); error < 0)
    return fail_ffmpeg(fmt::format("The device of the encoder {} has no room for pictures", kind_.name), error);
  context_->hw_frames_ctx = av_buffer_ref(frames.get());
  return {};
}

Result<FramePtr> FfmpegEncoder::upload(FramePtr frame) const {
  FramePtr on_device = new_frame();
  int error = av_hwframe_get_buffer(context_->hw_frames_ctx, on_device.get(), 0);
  if (error >= 0) error = av_hwframe_transfer_data(on_device.get(), frame.get(), 0);
  if (error >= 0) error = av_frame_copy_props(on_device.get(), frame.get());
  if (error < 0) return fail_ffmpeg(fmt::format("A picture does not reach the device of {}", kind_.name), error);
  return on_device;
}

// Without a copy: the frame keeps the image's memory.
FramePtr FfmpegEncoder::wrap(const Image& image) const {
  FramePtr frame = new_frame();
  const Planes& planes = image.planes();
  frame->format = setup_.format;
  frame->width = context_->width;
  frame->height = context_->height;
  for (std::size_t plane = 0; plane < planes.first.size(); ++plane) {
    frame->data[plane] = planes.first[plane];
    frame->linesize[plane] = static_cast<int>(planes.stride[plane]);
  }
  using Keeper = std::shared_ptr<std::uint8_t[]>;
  auto keeper = std::make_unique<Keeper>(image.memory());
  frame->buf[0] = av_buffer_create(
      image.memory().get(), image.bytes(), [](void* opaque, std::uint8_t*) { delete static_cast<Keeper*>(opaque); },
      keeper.get(), AV_BUFFER_FLAG_READONLY);
  if (frame->buf[0] == nullptr) throw std::bad_alloc();
  (void)keeper.release();
  frame->color_primaries = context_->color_primaries;
  frame->color_trc = context_->color_trc;
  frame->colorspace = context_->colorspace;
  frame->color_range = context_->color_range;
  frame->chroma_location = context_->chroma_sample_location;
  return frame;
}

// Tells the encoder what of the picture has changed, so that it looks at nothing else.
void hint(AVFrame& frame, std::span<const gpu::Rect> damage) {
  AVVideoHint* hints = av_video_hint_create_side_data(&frame, damage.size());
  if (hints == nullptr) throw std::bad_alloc();
  hints->type = AV_VIDEO_HINT_TYPE_CHANGED;
  for (std::size_t i = 0; i < damage.size(); ++i) {
    const gpu::Rect& rect = damage[i];
    // Chroma takes part in a column and a row more than was damaged; see touched_by().
    AVVideoRect* changed = av_video_hint_get_rect(hints, i);
    changed->x = rect.x & ~1u;
    changed->y = rect.y & ~1u;
    changed->width =
        std::min<std::uint32_t>(static_cast<std::uint32_t>(frame.width), rect.x + rect.width + 2) - changed->x;
    changed->height =
        std::min<std::uint32_t>(static_cast<std::uint32_t>(frame.height), rect.y + rect.height + 1) - changed->y;
  }
}

void FfmpegEncoder::aim_at(FrameKind kind) {
  const bool refine = kind == FrameKind::refinement;
  if (!setup_.live_bitrate || setup_.refined_quality == 0 || refine == refines_) return;
  refines_ = refine;
  av_opt_set_double(context_->priv_data, "crf", refine ? refined_quality() : usual_quality(), 0);
}

Result<AccessUnit> FfmpegEncoder::encode(const Image& image, std::span<const gpu::Rect> damage, FrameKind kind,
                                         std::int64_t pts_us) {
  HESPER_CHECK(image.layout() == setup_.layout && image.width() == settings_.width &&
               image.height() == settings_.height);
  const auto begin = std::chrono::steady_clock::now();
  aim_at(kind);
  FramePtr frame = wrap(image);
  last_pts_ = std::max(pts_us, last_pts_ + 1);
  frame->pts = last_pts_;
  const bool key = kind == FrameKind::key || first_;
  frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  if (setup_.hints && !key && kind == FrameKind::delta && !damage.empty()) hint(*frame, damage);
  if (setup_.device != AV_HWDEVICE_TYPE_NONE) {
    auto uploaded = upload(std::move(frame));
    if (!uploaded) return std::unexpected(std::move(uploaded.error()));
    frame = std::move(*uploaded);
  }
  if (const int error = avcodec_send_frame(context_.get(), frame.get()); error < 0)
    return fail_ffmpeg(fmt::format("The encoder {} refuses a picture", kind_.name), error);
  AccessUnit unit;
  if (auto received = receive(unit); !received) return std::unexpected(std::move(received.error()));
  // A refinement of less than a byte for each macroblock has left nearly all of them as they were.
  const std::size_t macroblocks = std::size_t{image.width()} * image.height() / 256;
  unit.refinable = setup_.refined_quality != 0 && (kind != FrameKind::refinement || unit.bytes.size() >= macroblocks);
  first_ = false;
  const auto took = std::chrono::steady_clock::now() - begin;
  unit.encode_ns = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
  return unit;
}

Result<void> FfmpegEncoder::receive(AccessUnit& unit) {
  const int error = avcodec_receive_packet(context_.get(), packet_.get());
  if (error == AVERROR(EAGAIN)) {
    return fail(fmt::format("The encoder {} holds pictures back, and so cannot be used for a screen.", kind_.name));
  }
  if (error < 0) return fail_ffmpeg(fmt::format("The encoder {} fails", kind_.name), error);
  const auto bytes = std::as_bytes(std::span(packet_->data, static_cast<std::size_t>(packet_->size)));
  unit.bytes.assign(bytes.begin(), bytes.end());
  unit.key = (packet_->flags & AV_PKT_FLAG_KEY) != 0;
  unit.pts_us = packet_->pts;
  av_packet_unref(packet_.get());
  if (unit.key && codec_string_.empty()) {
    codec_string_ = video::codec_string(kind_.codec, settings_.parameter_sets_apart ? extra_data() : unit.bytes,
                                        settings_.width, settings_.height, settings_.most_frames_per_second);
  }
  return {};
}

Result<void> FfmpegEncoder::set_bitrate(std::uint64_t bits_per_second) {
  settings_.bitrate = bits_per_second;
  if (!setup_.live_bitrate) return open();
  set_rate(kind_, settings_, *context_);
  return {};
}

}  // namespace

Result<std::unique_ptr<Encoder>> open_encoder(const EncoderSettings& settings) {
  const EncoderKind* kind = find_encoder_kind(settings.encoder);
  if (kind == nullptr) return fail(fmt::format("There is no encoder called '{}'.", settings.encoder));
  if (settings.width == 0 || settings.width > kMostPixels || settings.height == 0 || settings.height > kMostPixels) {
    return fail(fmt::format("Pictures of {}x{} pixels cannot be encoded; the most is {} both ways.", settings.width,
                            settings.height, kMostPixels));
  }
  if (settings.whole_chroma && !setup_of(*kind, settings).whole_chroma)
    return fail(fmt::format("The encoder {} can only halve chroma here.", kind->name));
  if (settings.most_frames_per_second == 0) return fail("Video has at least one frame a second.");
  auto encoder = std::make_unique<FfmpegEncoder>(*kind, settings);
  if (auto opened = encoder->open(); !opened) return std::unexpected(std::move(opened.error()));
  return encoder;
}

}  // namespace hesper::video
