// Trials: which encoders work on this host, found out by using them, as neither FFmpeg nor a driver can be asked. Those
// of hardware are tried in processes of their own: drivers may crash and hang.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "video/encoder.h"

namespace hesper::video {

// Opens the encoder and has it encode some small pictures, each of which must come out at once. In this process, which
// may not survive it.
[[nodiscard]] Result<void> try_encoder(const EncoderKind& kind);

// The names of those of a codec that work, the one to prefer first. trial: a command that ends with 0 if try_encoder()
// works for the name that is added to it (hesper-view --try-encoder). All run at once; who has not ended after
// `patience` is killed, and does not work. Encoders without hardware are not tried: they work if FFmpeg has them.
// Without a command no hardware is tried, and none works. Blocks. Not beside anybody who waits for any child.
[[nodiscard]] std::vector<std::string> working_encoders(Codec codec, const std::vector<std::string>& trial,
                                                        std::chrono::milliseconds patience);

}  // namespace hesper::video
