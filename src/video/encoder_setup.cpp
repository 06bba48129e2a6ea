// Options of each encoder. What they mean, and why these: docs/video.md.
#include "video/encoder_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <thread>

namespace hesper::video {
namespace {

// Frames of time that a frame may take: with one, slices of even a simple picture do not get what they need.
constexpr double kMostFramesOfTime = 1.5;
// A key frame comes when it is asked for. Not all encoders count further than that.
constexpr int kNoKeyFrames = INT_MAX;
constexpr int kFewKeyFrames = 32767;

unsigned threads_of(const EncoderSettings& settings) {
  return settings.threads != 0 ? settings.threads : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

int quality_of(const EncoderSettings& settings, const EncoderSetup& setup) {
  return settings.quality >= 0 ? settings.quality : setup.quality;
}

void set_x264(const EncoderSettings& settings, const EncoderSetup& setup, Options& options) {
  options.set("preset", settings.thorough ? "veryfast" : "superfast");
  options.set("tune", "zerolatency");
  // Quality 0 is without loss, which the smaller profile does not have.
  options.set("profile", settings.whole_chroma || quality_of(settings, setup) == 0 ? "high444" : "high");
  options.set("forced-idr", "1");
  options.set("mb_info", "1");
  options.set("crf", std::to_string(quality_of(settings, setup)));
  // qcomp=1: the same quantizer for all frames. Otherwise it falls while little moves, and with it the quality of what
  // stands still rises again and again, for which all of the picture has to be looked at.
  options.set("x264-params", "scenecut=0:ref=1:aud=0:qcomp=1");
}

void set_x265(const EncoderSettings& settings, const EncoderSetup& setup, Options& options) {
  options.set("preset", settings.thorough ? "superfast" : "ultrafast");
  options.set("tune", "zerolatency");
  options.set("forced-idr", "1");
  options.set("crf", std::to_string(quality_of(settings, setup)));
  options.set("x265-params", fmt::format("log-level=error:info=0:keyint=-1:scenecut=0:aud=0:frame-threads=1:pools={}",
                                         threads_of(settings)));
}

void set_svt_av1(const EncoderSettings& settings, const EncoderSetup& setup, Options& options) {
  options.set("preset", settings.thorough ? "10" : "12");
  // pred-struct=1, low delay, is what keeps it from holding frames back; only with it there is CBR (rc=2).
  std::string parameters = "pred-struct=1:lookahead=0:scd=0:keyint=-1:force-key-frames=1";
  parameters += fmt::format(":lp={}", threads_of(settings));
  if (settings.bitrate != 0)
    parameters += fmt::format(":rc=2:tbr={}", std::max<std::uint64_t>(settings.bitrate / 1000, 1));
  else
    options.set("crf", std::to_string(quality_of(settings, setup)));
  options.set("svtav1-params", parameters);
}

void set_vp9(const EncoderSettings& settings, const EncoderSetup& setup, Options& options) {
  options.set("deadline", "realtime");
  options.set("cpu-used", settings.thorough ? "6" : "8");
  options.set("lag-in-frames", "0");
  options.set("row-mt", "1");
  options.set("tile-columns", "2");
  options.set("tune-content", "screen");
  options.set("crf", std::to_string(quality_of(settings, setup)));
}

void set_nvenc(const EncoderSettings& settings, Options& options) {
  options.set("preset", settings.thorough ? "p4" : "p2");
  options.set("tune", "ull");
  options.set("rc", "cbr");
  options.set("delay", "0");
  options.set("zerolatency", "1");
  options.set("surfaces", "1");
  options.set("forced-idr", "1");
  options.set("cbr_padding", "0");
  options.set("multipass", "qres");
}

void set_vaapi(const EncoderSettings& settings, Options& options) {
  options.set("async_depth", "1");  // more hold frames back
  options.set("idr_interval", std::to_string(kFewKeyFrames));
  options.set("rc_mode", settings.bitrate != 0 ? "VBR" : "CQP");
}

void set_vulkan(const EncoderSettings& settings, Options& options) {
  options.set("tune", "ull");
  options.set("usage", "stream");
  options.set("content", "desktop");
  options.set("async_depth", "1");
  options.set("idr_interval", std::to_string(kFewKeyFrames));
  options.set("units", "0");
  if (settings.bitrate != 0) options.set("rc_mode", "cbr");
}

void set_videotoolbox(Options& options) {
  options.set("realtime", "1");
  options.set("prio_speed", "1");
}

bool is(const EncoderKind& kind, std::string_view ending) { return kind.name.ends_with(ending); }

}  // namespace

EncoderSetup setup_of(const EncoderKind& kind, const EncoderSettings& settings) noexcept {
  EncoderSetup setup;
  if (kind.name == "libx264") {
    setup.live_bitrate = true;
    setup.hints = true;
    setup.whole_chroma = true;
    setup.quality = 22;
    setup.refined_quality = 14;
  } else if (kind.name == "libx265") {
    setup.layout = Layout::i420;
    setup.whole_chroma = true;
    setup.quality = 24;
  } else if (kind.name == "libsvtav1") {
    setup.layout = Layout::i420;
    setup.quality = 32;
  } else if (kind.name == "libvpx-vp9") {
    setup.layout = Layout::i420;
    setup.quality = 28;
  } else if (is(kind, "_vaapi")) {
    setup.device = AV_HWDEVICE_TYPE_VAAPI;
    setup.device_format = AV_PIX_FMT_VAAPI;
  } else if (is(kind, "_vulkan")) {
    setup.device = AV_HWDEVICE_TYPE_VULKAN;
    setup.device_format = AV_PIX_FMT_VULKAN;
  } else if (is(kind, "_nvenc")) {
    setup.live_bitrate = true;
  }
  if (settings.whole_chroma) setup.layout = Layout::i444;
  setup.format = setup.layout == Layout::nv12   ? AV_PIX_FMT_NV12
                 : setup.layout == Layout::i420 ? AV_PIX_FMT_YUV420P
                                                : AV_PIX_FMT_YUV444P;
  return setup;
}

void set_rate(const EncoderKind& kind, const EncoderSettings& settings, AVCodecContext& context) noexcept {
  constexpr std::uint64_t kMost = INT_MAX;  // of rc_buffer_size; FFmpeg's encoders count bits in int as well
  const auto rate = static_cast<std::int64_t>(std::min(settings.bitrate, kMost));
  // libx264 and libx265 aim at a quality, with a limit; the others at a rate.
  const bool aims_at_quality = kind.name == "libx264" || kind.name == "libx265";
  context.bit_rate = aims_at_quality ? 0 : rate;
  if (kind.name == "libsvtav1") return;  // its own options say it
  context.rc_max_rate = rate;
  if (rate == 0) return;
  const double frames = static_cast<double>(settings.most_frames_per_second) / kMostFramesOfTime;
  context.rc_buffer_size = static_cast<int>(std::max(static_cast<double>(rate) / std::max(frames, 1.0), 1000.0));
}

void set_options(const EncoderKind& kind, const EncoderSettings& settings, const EncoderSetup& setup,
                 AVCodecContext& context, Options& options) {
  const std::uint32_t unit = halves_chroma(setup.layout) ? 2 : 1;
  context.width = static_cast<int>((settings.width + unit - 1) / unit * unit);
  context.height = static_cast<int>((settings.height + unit - 1) / unit * unit);
  context.pix_fmt = setup.device == AV_HWDEVICE_TYPE_NONE ? setup.format : setup.device_format;
  context.time_base = {.num = 1, .den = 1'000'000};
  context.framerate = {.num = static_cast<int>(settings.most_frames_per_second), .den = 1};
  context.max_b_frames = 0;
  const bool counts_far = kind.name == "libx264" || kind.name == "libx265";
  context.gop_size = counts_far ? kNoKeyFrames : kFewKeyFrames;
  if (kind.name == "libx264") context.keyint_min = kNoKeyFrames;
  context.flags = static_cast<int>(AV_CODEC_FLAG_CLOSED_GOP | AV_CODEC_FLAG_LOW_DELAY);
  if (settings.parameter_sets_apart) context.flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  context.thread_type = FF_THREAD_SLICE;
  context.thread_count = static_cast<int>(threads_of(settings));
  context.color_primaries = AVCOL_PRI_BT709;
  context.color_trc = AVCOL_TRC_BT709;
  context.colorspace = AVCOL_SPC_BT709;
  context.color_range = AVCOL_RANGE_MPEG;
  context.chroma_sample_location = AVCHROMA_LOC_LEFT;
  set_rate(kind, settings, context);

  if (kind.name == "libx264") set_x264(settings, setup, options);
  if (kind.name == "libx265") set_x265(settings, setup, options);
  if (kind.name == "libsvtav1") set_svt_av1(settings, setup, options);
  if (kind.name == "libvpx-vp9") set_vp9(settings, setup, options);
  if (is(kind, "_nvenc")) set_nvenc(settings, options);
  if (is(kind, "_vaapi")) set_vaapi(settings, options);
  if (is(kind, "_vulkan")) set_vulkan(settings, options);
  if (is(kind, "_videotoolbox")) set_videotoolbox(options);
}

}  // namespace hesper::video
