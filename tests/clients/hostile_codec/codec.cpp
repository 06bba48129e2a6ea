// FFmpeg's libavcodec, taken over: it tries to get out of hesper-view's sandbox (tests/clients/escapes) when an encoder
// is opened, and is of no other use. tests/e2e/test_sandbox.py preloads it.
#include <cerrno>

#include "../escapes/escapes.h"

struct AVCodecContext;
struct AVCodec;
struct AVDictionary;

extern "C" int avcodec_open2(AVCodecContext*, const AVCodec*, AVDictionary**) {
  try_to_escape("hostile codec");
  return -EPERM;
}
