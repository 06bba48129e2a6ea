// Stills: files that decode to the picture, PNG exactly and JPEG nearly, and nothing that the viewer has already.
#include "video/stills.h"

#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>

#include <cstdlib>
#include <vector>

#include "pictures.h"

namespace hesper::video {
namespace {

// As RGB.
std::vector<unsigned char> decode_png(const Still& still) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, still.bytes.data(), still.bytes.size()), 0) << image.message;
  EXPECT_EQ(image.width, still.place.width);
  EXPECT_EQ(image.height, still.place.height);
  image.format = PNG_FORMAT_RGB;
  std::vector<unsigned char> rgb(std::size_t{3} * image.width * image.height);
  EXPECT_NE(png_image_finish_read(&image, nullptr, rgb.data(), 0, nullptr), 0) << image.message;
  return rgb;
}

std::vector<unsigned char> decode_jpeg(const Still& still) {
  std::vector<unsigned char> rgb(std::size_t{3} * still.place.width * still.place.height);
  const tjhandle jpeg = tjInitDecompress();
  EXPECT_EQ(
      tjDecompress2(jpeg, reinterpret_cast<const unsigned char*>(still.bytes.data()), still.bytes.size(), rgb.data(),
                    static_cast<int>(still.place.width), 0, static_cast<int>(still.place.height), TJPF_RGB, 0),
      0)
      << tjGetErrorStr2(jpeg);
  tjDestroy(jpeg);
  return rgb;
}

// The largest difference of a colour.
int difference(const Picture& picture, const Still& still) {
  const std::vector<unsigned char> rgb = still.format == StillFormat::png ? decode_png(still) : decode_jpeg(still);
  const gpu::FormatInfo& info = gpu::format_info(picture.format);
  const std::uint8_t bytes[] = {info.red, info.green, info.blue};
  int most = 0;
  for (std::uint32_t y = 0; y < still.place.height; ++y) {
    for (std::uint32_t x = 0; x < still.place.width; ++x) {
      for (std::size_t i = 0; i < 3; ++i) {
        const int want = picture.get(still.place.x + x, still.place.y + y, bytes[i]);
        most = std::max(most, std::abs(want - rgb[3 * (std::size_t{still.place.width} * y + x) + i]));
      }
    }
  }
  return most;
}

constexpr StillSettings kPng{.format = StillFormat::png};

class EachFormat : public testing::TestWithParam<gpu::FormatInfo> {};

TEST_P(EachFormat, PngIsExactAndJpegIsNear) {
  Picture picture(300, 70, GetParam().format);
  picture.noise(1);
  Stills exact(300, 70);
  const auto pngs = exact.changed(picture.pixels(), std::vector{picture.whole()}, kPng);
  ASSERT_TRUE(pngs) << pngs.error().message;
  ASSERT_EQ(pngs->size(), 2u);
  for (const Still& still : *pngs) EXPECT_EQ(difference(picture, still), 0);

  picture.desktop(0);
  Stills near(300, 70);
  const auto jpegs = near.changed(picture.pixels(), std::vector{picture.whole()}, {.quality = 95});
  ASSERT_TRUE(jpegs) << jpegs.error().message;
  ASSERT_EQ(jpegs->size(), 2u);
  for (const Still& still : *jpegs) EXPECT_LT(difference(picture, still), 24);
}

INSTANTIATE_TEST_SUITE_P(All, EachFormat, testing::ValuesIn(gpu::all_formats().begin(), gpu::all_formats().end()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Stills, CoverThePictureOnce) {
  Picture picture(700, 520);
  picture.desktop(0);
  Stills stills(700, 520);
  const auto all = stills.changed(picture.pixels(), std::vector{picture.whole(), picture.whole()}, kPng);
  ASSERT_TRUE(all);
  std::uint64_t area = 0;
  for (const Still& still : *all) {
    EXPECT_TRUE(still.place.fits(700, 520));
    area += std::uint64_t{still.place.width} * still.place.height;
  }
  EXPECT_EQ(area, 700u * 520);
}

TEST(Stills, GiveOutOnlyWhatDiffers) {
  Picture picture(512, 512);
  picture.desktop(0);
  Stills stills(512, 512);
  const auto changed = [&](std::vector<gpu::Rect> damage, StillSettings settings) {
    const auto given = stills.changed(picture.pixels(), damage, settings);
    EXPECT_TRUE(given);
    std::vector<gpu::Rect> places;
    for (const Still& still : *given) places.push_back(still.place);
    return places;
  };
  EXPECT_EQ(changed({picture.whole()}, {}).size(), 4u);
  EXPECT_TRUE(changed({picture.whole()}, {}).empty());  // flushed, but the same
  picture.set(300, 10, 1, 2, 3);
  const gpu::Rect right{.x = 256, .width = 256, .height = 256};
  EXPECT_EQ(changed({{.x = 300, .y = 10, .width = 1, .height = 1}}, {}), std::vector{right});
  EXPECT_TRUE(changed({}, {}).empty());
  // What does not lie in the picture is nobody's tile.
  EXPECT_TRUE(changed({{.x = 4'000'000'000, .y = 1, .width = 4'000'000'000, .height = 1}}, {}).empty());
}

TEST(Stills, BecomeExactWhenAskedTo) {
  Picture picture(512, 256);
  picture.desktop(0);
  Stills stills(512, 256);
  (void)stills.changed(picture.pixels(), std::vector{picture.whole()}, {.quality = 30});
  EXPECT_EQ(stills.inexact().size(), 2u);
  const auto exact = stills.changed(picture.pixels(), stills.inexact(), kPng);
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->size(), 2u);
  EXPECT_TRUE(stills.inexact().empty());
  EXPECT_TRUE(stills.changed(picture.pixels(), std::vector{picture.whole()}, {.quality = 30})->empty());
  stills.forget();
  EXPECT_EQ(stills.changed(picture.pixels(), std::vector{picture.whole()}, kPng)->size(), 2u);
}

// The worst that there is to compress.
TEST(Stills, OfNoiseFitTheirMemory) {
  Picture picture(256, 256);
  for (unsigned seed = 0; seed < 4; ++seed) {
    picture.noise(seed);
    Stills stills(256, 256);
    EXPECT_TRUE(stills.changed(picture.pixels(), std::vector{picture.whole()}, kPng));
    stills.forget();
    EXPECT_TRUE(stills.changed(picture.pixels(), std::vector{picture.whole()}, {.quality = 100}));
  }
}

}  // namespace
}  // namespace hesper::video
