// encoder_setup: FFmpeg's options for each kind of encoder, so that all hold nothing back and none makes key frames by
// itself. Opens nothing.
#pragma once

#include "video/encoder.h"
#include "video/ffmpeg.h"

extern "C" {
#include <libavutil/hwcontext.h>
}

namespace hesper::video {

struct EncoderSetup {
  Layout layout = Layout::nv12;
  AVPixelFormat format = AV_PIX_FMT_NV12;         // of the layout
  AVHWDeviceType device = AV_HWDEVICE_TYPE_NONE;  // frames are uploaded to it
  AVPixelFormat device_format = AV_PIX_FMT_NONE;  // of the uploaded frames
  bool live_bitrate = false;                      // bit rate and quality follow while it is open
  bool hints = false;                             // takes AVVideoHint
  bool whole_chroma = false;                      // can do 4:4:4
  int quality = 0;                                // where settings say -1
  int refined_quality = 0;                        // for FrameKind::refinement, unless it is worse than the setting
};

// What the encoder takes, before it is opened.
[[nodiscard]] EncoderSetup setup_of(const EncoderKind& kind, const EncoderSettings& settings) noexcept;

// Sets the context's fields and the encoder's own options.
void set_options(const EncoderKind& kind, const EncoderSettings& settings, const EncoderSetup& setup,
                 AVCodecContext& context, Options& options);

// The rate fields alone: bit_rate, rc_max_rate, rc_buffer_size.
void set_rate(const EncoderKind& kind, const EncoderSettings& settings, AVCodecContext& context) noexcept;

}  // namespace hesper::video
