// FFmpeg's allocations, errors and log.
#include "video/ffmpeg.h"

#include <fmt/format.h>

#include <array>
#include <cstdarg>
#include <cstdlib>
#include <new>
#include <string_view>

extern "C" {
#include <libavutil/error.h>
#include <libavutil/log.h>
}

#include "base/log.h"

namespace hesper::video {
namespace {

void log_line(void* source, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  std::array<char, 512> line;
  int new_line = 1;
  av_log_format_line2(source, level, format, arguments, line.data(), static_cast<int>(line.size()), &new_line);
  std::string_view text(line.data());
  while (text.ends_with('\n')) text.remove_suffix(1);
  log::debug("FFmpeg: {}", text);
}

}  // namespace

FramePtr new_frame() {
  FramePtr frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  return frame;
}

PacketPtr new_packet() {
  PacketPtr packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

const char* Options::left() const noexcept {
  const AVDictionaryEntry* entry = av_dict_get(dictionary_, "", nullptr, AV_DICT_IGNORE_SUFFIX);
  return entry != nullptr ? entry->key : nullptr;
}

std::unexpected<Error> fail_ffmpeg(std::string message, int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  (void)av_strerror(code, text.data(), text.size());
  return fail(fmt::format("{}: {}.", message, text.data()), code);
}

void route_ffmpeg_log() {
  av_log_set_callback(log_line);
  ::setenv("SVT_LOG", "0", 0);  // SVT-AV1 has no other way: its last words only
}

}  // namespace hesper::video
