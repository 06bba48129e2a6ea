// Trials: what works is found, whatever becomes of the processes that find it out.
#include "video/trial.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hesper::video {
namespace {

using namespace std::chrono_literals;

bool has(const std::vector<std::string>& names, std::string_view name) { return std::ranges::contains(names, name); }

TEST(TryEncoder, FindsThatThoseWithoutHardwareWork) {
  for (const EncoderKind& kind : encoder_kinds()) {
    if (kind.hardware) continue;
    const auto tried = try_encoder(kind);
    EXPECT_TRUE(tried) << kind.name << ": " << tried.error().message;
  }
}

TEST(WorkingEncoders, AreThoseWhoseTrialEndsWell) {
  const auto with = [](const char* script) { return working_encoders(Codec::h264, {"sh", "-c", script, "sh"}, 20s); };
  // $1 is the encoder's name.
  const auto some = with("test $1 = h264_vaapi");
  EXPECT_EQ(some.front(), "h264_vaapi");  // is preferred
  EXPECT_TRUE(has(some, "libx264"));
  EXPECT_FALSE(has(some, "h264_nvenc"));
  EXPECT_FALSE(has(some, "libx265"));  // is of another codec
  EXPECT_FALSE(has(with("kill -SEGV $$"), "h264_vaapi"));
  EXPECT_FALSE(has(with("exit 1"), "h264_vaapi"));
  EXPECT_TRUE(has(working_encoders(Codec::h264, {"/there/is/no/such/program"}, 20s), "libx264"));
}

TEST(WorkingEncoders, AreNotWaitedForLongerThanTold) {
  const auto begin = std::chrono::steady_clock::now();
  const auto hanging = working_encoders(Codec::h264, {"sh", "-c", "exec sleep 1000"}, 100ms);
  EXPECT_FALSE(has(hanging, "h264_vaapi"));
  EXPECT_TRUE(has(hanging, "libx264"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 500s);
}

}  // namespace
}  // namespace hesper::video
