// Encoders: what they write decodes to the picture, one access unit for each, key frames when asked for, names, rates.
#include "video/encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "pictures.h"
#include "video/ffmpeg.h"

namespace hesper::video {
namespace {

const auto* const kEnvironment = testing::AddGlobalTestEnvironment([] {
  struct Environment : testing::Environment {
    void SetUp() override { route_ffmpeg_log(); }
  };
  return new Environment;  // owned by GoogleTest
}());

// FFmpeg's decoder, which gives a picture for each access unit, or nothing.
class Decoder {
 public:
  explicit Decoder(AVCodecID id) {
    const AVCodec* codec = avcodec_find_decoder(id);
    context_.reset(avcodec_alloc_context3(codec));
    context_->thread_count = 1;
    context_->flags |= AV_CODEC_FLAG_LOW_DELAY;
    EXPECT_GE(avcodec_open2(context_.get(), codec, nullptr), 0);
  }
  const AVFrame* decode(const AccessUnit& unit) {
    const PacketPtr packet = new_packet();
    EXPECT_EQ(av_new_packet(packet.get(), static_cast<int>(unit.bytes.size())), 0);
    std::memcpy(packet->data, unit.bytes.data(), unit.bytes.size());
    if (avcodec_send_packet(context_.get(), packet.get()) < 0) return nullptr;
    return avcodec_receive_frame(context_.get(), frame_.get()) < 0 ? nullptr : frame_.get();
  }

 private:
  CodecContext context_;
  FramePtr frame_ = new_frame();
};

// Of luma, in decibels.
double psnr(const AVFrame& decoded, const Image& image) {
  double sum = 0;
  for (std::uint32_t y = 0; y < image.height(); ++y) {
    for (std::uint32_t x = 0; x < image.width(); ++x) {
      const int got = decoded.data[0][decoded.linesize[0] * static_cast<std::ptrdiff_t>(y) + x];
      const int error = got - image.planes().first[0][image.planes().stride[0] * y + x];
      sum += error * error;
    }
  }
  const double mean = sum / image.width() / image.height();
  return mean == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(255.0 * 255.0 / mean);
}

struct Stream {
  Stream(EncoderSettings settings, std::uint32_t width, std::uint32_t height)
      : picture(width, height), image(Layout::nv12, width, height) {
    settings.width = width;
    settings.height = height;
    auto opened = open_encoder(settings);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      return;
    }
    encoder = std::move(*opened);
    image = Image(encoder->layout(), width, height);
  }
  AccessUnit next(std::uint32_t shift, FrameKind kind = FrameKind::delta) {
    picture.desktop(shift);
    image.update(picture.pixels(), std::vector{picture.whole()});
    return encode({picture.whole()}, kind);
  }
  AccessUnit encode(std::vector<gpu::Rect> damage, FrameKind kind) {
    auto unit = encoder->encode(image, damage, kind, pts += 16'667);
    EXPECT_TRUE(unit) << unit.error().message;
    return unit ? std::move(*unit) : AccessUnit{};
  }

  Picture picture;
  Image image;
  std::unique_ptr<Encoder> encoder;
  std::int64_t pts = 0;
};

struct Case {
  const char* encoder;
  AVCodecID decoder;
  const char* codec_string;  // its beginning
};

// Those without hardware, which Debian's FFmpeg has.
constexpr Case kCases[] = {
    {"libx264", AV_CODEC_ID_H264, "avc1.6400"},
    {"libx265", AV_CODEC_ID_HEVC, "hvc1.1."},
    {"libsvtav1", AV_CODEC_ID_AV1, "av01.0."},
    {"libvpx-vp9", AV_CODEC_ID_VP9, "vp09.00."},
};

class SoftwareEncoder : public testing::TestWithParam<Case> {};

TEST_P(SoftwareEncoder, GivesAnAccessUnitForEachPictureThatDecodesToIt) {
  Stream stream({.encoder = GetParam().encoder}, 320, 200);
  ASSERT_TRUE(stream.encoder);
  Decoder decoder(GetParam().decoder);
  for (std::uint32_t i = 0; i < 12; ++i) {
    const AccessUnit unit = stream.next(i);
    EXPECT_EQ(unit.key, i == 0) << i;
    EXPECT_EQ(unit.pts_us, stream.pts);
    EXPECT_GT(unit.encode_ns, 0u);
    const AVFrame* decoded = decoder.decode(unit);
    ASSERT_NE(decoded, nullptr) << i;
    EXPECT_GT(psnr(*decoded, stream.image), 30) << i;
    EXPECT_EQ(decoded->color_range, AVCOL_RANGE_MPEG);
    EXPECT_EQ(decoded->colorspace, AVCOL_SPC_BT709);
  }
  EXPECT_TRUE(stream.encoder->codec_string().starts_with(GetParam().codec_string)) << stream.encoder->codec_string();
}

TEST_P(SoftwareEncoder, MakesAKeyFrameWhenAskedFromWhichADecoderCanBegin) {
  Stream stream({.encoder = GetParam().encoder}, 320, 200);
  ASSERT_TRUE(stream.encoder);
  for (std::uint32_t i = 0; i < 4; ++i) (void)stream.next(i);
  const AccessUnit key = stream.next(4, FrameKind::key);
  EXPECT_TRUE(key.key);
  Decoder decoder(GetParam().decoder);
  const AVFrame* decoded = decoder.decode(key);
  ASSERT_NE(decoded, nullptr);
  EXPECT_GT(psnr(*decoded, stream.image), 30);
  const AccessUnit after = stream.next(5);
  EXPECT_FALSE(after.key);
  decoded = decoder.decode(after);
  ASSERT_NE(decoded, nullptr);
  EXPECT_GT(psnr(*decoded, stream.image), 30);
}

TEST_P(SoftwareEncoder, TakesOddSizes) {
  Stream stream({.encoder = GetParam().encoder}, 321, 203);
  ASSERT_TRUE(stream.encoder);
  Decoder decoder(GetParam().decoder);
  const AVFrame* decoded = decoder.decode(stream.next(0));
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->width, 322);
  EXPECT_EQ(decoded->height, 204);
  EXPECT_GT(psnr(*decoded, stream.image), 30);
}

TEST_P(SoftwareEncoder, FollowsTheBitrate) {
  Stream stream({.encoder = GetParam().encoder, .most_frames_per_second = 30, .bitrate = 4'000'000}, 640, 360);
  ASSERT_TRUE(stream.encoder);
  const auto bytes_of_a_second = [&](unsigned seed) {
    std::size_t bytes = 0;
    for (unsigned i = 0; i < 30; ++i) {
      stream.picture.noise(seed + i, 120);
      stream.image.update(stream.picture.pixels(), std::vector{stream.picture.whole()});
      stream.pts += 16'666;  // and the rest in encode(): 30 frames a second
      const std::size_t size = stream.encode({stream.picture.whole()}, FrameKind::delta).bytes.size();
      if (i >= 10) bytes += size;  // not what an encoder begins with
    }
    return bytes;
  };
  const std::size_t much = bytes_of_a_second(0);
  ASSERT_TRUE(stream.encoder->set_bitrate(1'000'000));
  const std::size_t little = bytes_of_a_second(100);
  EXPECT_LT(little, much * 2 / 3);
}

INSTANTIATE_TEST_SUITE_P(All, SoftwareEncoder, testing::ValuesIn(kCases), [](const auto& each) {
  std::string name = each.param.encoder;
  std::erase(name, '-');
  return name;
});

TEST(X264, RefinesAPictureThatStandsStill) {
  Stream stream({.bitrate = 10'000'000}, 640, 360);
  Decoder decoder(AV_CODEC_ID_H264);
  AccessUnit unit = stream.next(0);
  const AVFrame* decoded = decoder.decode(unit);
  ASSERT_NE(decoded, nullptr);
  const double first = psnr(*decoded, stream.image);
  int refinements = 0;
  for (; unit.refinable && refinements < 30; ++refinements) {
    unit = stream.encode({}, FrameKind::refinement);
    decoded = decoder.decode(unit);
    ASSERT_NE(decoded, nullptr);
  }
  EXPECT_GT(refinements, 0);
  EXPECT_LT(refinements, 30);
  EXPECT_GT(psnr(*decoded, stream.image), first + 3);
}

// Only the damage is looked at: what is not told does not arrive.
TEST(X264, EncodesTheDamageAlone) {
  Stream stream({}, 640, 360);
  Decoder decoder(AV_CODEC_ID_H264);
  ASSERT_NE(decoder.decode(stream.next(0)), nullptr);
  const gpu::Rect told{.x = 320, .y = 64, .width = 64, .height = 64};
  const gpu::Rect untold{.x = 320, .y = 192, .width = 64, .height = 64};
  for (const gpu::Rect& rect : {told, untold}) {
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y) {
      for (std::uint32_t x = rect.x; x < rect.x + rect.width; ++x) {
        const auto grey = static_cast<std::uint8_t>(255 - stream.picture.get(x, y, 1));
        stream.picture.set(x, y, grey, grey, grey);
      }
    }
  }
  stream.image.update(stream.picture.pixels(), std::vector{told, untold});
  const AVFrame* decoded = decoder.decode(stream.encode({told}, FrameKind::delta));
  ASSERT_NE(decoded, nullptr);
  const auto difference = [&](const gpu::Rect& rect) {
    double sum = 0;
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y) {
      for (std::uint32_t x = rect.x; x < rect.x + rect.width; ++x) {
        const int got = decoded->data[0][decoded->linesize[0] * static_cast<std::ptrdiff_t>(y) + x];
        sum += std::abs(got - stream.image.planes().first[0][stream.image.planes().stride[0] * y + x]);
      }
    }
    return sum / rect.width / rect.height;
  };
  EXPECT_LT(difference(told), 8);
  EXPECT_GT(difference(untold), 80);
}

TEST(WholeChroma, KeepsThinColours) {
  for (const Case& each :
       {Case{"libx264", AV_CODEC_ID_H264, "avc1.f4"}, Case{"libx265", AV_CODEC_ID_HEVC, "hvc1.4."}}) {
    Stream stream({.encoder = each.encoder, .whole_chroma = true, .quality = 10}, 64, 64);
    ASSERT_TRUE(stream.encoder);
    EXPECT_EQ(stream.encoder->layout(), Layout::i444);
    for (std::uint32_t y = 0; y < 64; ++y)
      for (std::uint32_t x = 0; x < 64; ++x) stream.picture.set(x, y, x % 2 == 0 ? 255 : 0, 0, 0);
    stream.image.update(stream.picture.pixels(), std::vector{stream.picture.whole()});
    Decoder decoder(each.decoder);
    const AVFrame* decoded = decoder.decode(stream.encode({}, FrameKind::key));
    ASSERT_NE(decoded, nullptr) << each.encoder;
    EXPECT_NEAR(decoded->data[2][32], 240, 8) << each.encoder;
    EXPECT_NEAR(decoded->data[2][33], 128, 8) << each.encoder;
    EXPECT_TRUE(stream.encoder->codec_string().starts_with(each.codec_string)) << stream.encoder->codec_string();
  }
}

TEST(X264, OfQualityZeroLosesNothing) {
  Stream stream({.quality = 0}, 320, 200);
  Decoder decoder(AV_CODEC_ID_H264);
  const AVFrame* decoded = decoder.decode(stream.next(0));
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(psnr(*decoded, stream.image), std::numeric_limits<double>::infinity());
}

TEST(X264, PutsParameterSetsWhereTheyAreWanted) {
  const auto has_sps = [](std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i + 3 < bytes.size(); ++i) {
      if (bytes[i] == std::byte{0} && bytes[i + 1] == std::byte{0} && bytes[i + 2] == std::byte{1} &&
          (bytes[i + 3] & std::byte{31}) == std::byte{7})
        return true;
    }
    return false;
  };
  Stream in_band({}, 64, 64);
  EXPECT_TRUE(has_sps(in_band.next(0).bytes));
  EXPECT_FALSE(has_sps(in_band.next(1).bytes));
  EXPECT_TRUE(has_sps(in_band.next(2, FrameKind::key).bytes));
  Stream apart({.parameter_sets_apart = true}, 64, 64);
  EXPECT_FALSE(has_sps(apart.next(0).bytes));
  EXPECT_TRUE(has_sps(apart.encoder->extra_data()));
  EXPECT_TRUE(apart.encoder->codec_string().starts_with("avc1.64"));
}

TEST(X264, TimesNeverStandStill) {
  Stream stream({}, 64, 64);
  stream.pts = 1'000'000;
  const AccessUnit first = stream.next(0);
  stream.pts = 0;
  const AccessUnit second = stream.next(1);
  EXPECT_EQ(second.pts_us, first.pts_us + 1);
}

TEST(OpenEncoder, SaysWhatItCannot) {
  const auto message = [](EncoderSettings settings) {
    const auto opened = open_encoder(settings);
    return opened ? std::string("opened") : opened.error().message;
  };
  EXPECT_EQ(message({.encoder = "mpeg1", .width = 64, .height = 64}), "There is no encoder called 'mpeg1'.");
  EXPECT_EQ(message({.encoder = "libvpx-vp9", .width = 64, .height = 64, .whole_chroma = true}),
            "The encoder libvpx-vp9 can only halve chroma here.");
  EXPECT_EQ(message({.width = 64, .height = 64, .most_frames_per_second = 0}),
            "Video has at least one frame a second.");
  EXPECT_EQ(message({.width = 64, .height = 0}),
            "Pictures of 64x0 pixels cannot be encoded; the most is 16384 both ways.");
  EXPECT_EQ(message({.width = 20'000, .height = 64}),
            "Pictures of 20000x64 pixels cannot be encoded; the most is 16384 both ways.");
}

}  // namespace
}  // namespace hesper::video
