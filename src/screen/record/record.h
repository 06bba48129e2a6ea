// Recording: an output that writes what one display shows to a video file, with the times at which it was shown. A
// screen that stands still costs nothing, and its last picture lasts until the recording's end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "screen/output.h"

namespace hesper::screen {

struct RecordOptions {
  std::filesystem::path file;  // its ending tells the kind: .mp4, .mkv or .webm; one that exists is replaced
  std::uint32_t display = 0;
  std::optional<double> duration;  // seconds from the first picture on; none: until the output is finished
  // h264, hevc, av1 or vp9, or the name of an encoder (video/encoder.h); empty: h264, and vp9 in WebM.
  std::string codec;
  int quality = -1;           // as of video::EncoderSettings
  std::uint64_t bitrate = 0;  // bits a second at most; 0: without limit
  std::uint32_t most_frames_per_second = 60;
  bool cursor = true;  // draw it into the picture
  bool json = false;   // in the end, a line of JSON on standard output instead of one for people on standard error
  bool quiet = false;  // no progress
};

// The recording begins with the first picture, and has its size to the end: pictures of other sizes are scaled to fit,
// with black beside them. The output is over when the duration is, and when the file cannot be written any more;
// finish() says why.
[[nodiscard]] Result<Prepared> prepare_recording(const RecordOptions& options, const Preparing& preparing);

}  // namespace hesper::screen
