// Owners for what FFmpeg allocates, its errors as ours, and its log in ours. Its headers come through here.
#pragma once

#include <memory>
#include <string>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
}

#include "base/error.h"

namespace hesper::video {

template <auto free>
struct FreeByAddress {
  template <class T>
  void operator()(T* object) const noexcept {
    free(&object);
  }
};

using CodecContext = std::unique_ptr<AVCodecContext, FreeByAddress<avcodec_free_context>>;
using FramePtr = std::unique_ptr<AVFrame, FreeByAddress<av_frame_free>>;
using PacketPtr = std::unique_ptr<AVPacket, FreeByAddress<av_packet_free>>;

// Never null: like operator new, they end the process when there is no memory.
[[nodiscard]] FramePtr new_frame();
[[nodiscard]] PacketPtr new_packet();

// A dictionary of options; FFmpeg takes out what it uses.
class Options {
 public:
  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { av_dict_free(&dictionary_); }
  void set(const char* name, const std::string& value) { av_dict_set(&dictionary_, name, value.c_str(), 0); }
  [[nodiscard]] AVDictionary** address() noexcept { return &dictionary_; }
  // The first that nobody took; nullptr: none.
  [[nodiscard]] const char* left() const noexcept;

 private:
  AVDictionary* dictionary_ = nullptr;
};

// "<message>: <what FFmpeg says of the code>."
[[nodiscard]] std::unexpected<Error> fail_ffmpeg(std::string message, int code);

// Sends what FFmpeg and its libraries log to our log, their errors and warnings as debug messages: we say ourselves
// what matters. Call once, before threads.
void route_ffmpeg_log();

}  // namespace hesper::video
