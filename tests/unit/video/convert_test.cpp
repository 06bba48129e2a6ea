// Conversion: values that the standard gives, every format and layout against a plain reference, odd sizes, damage.
#include "video/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pictures.h"
#include "video/image.h"

namespace hesper::video {
namespace {

struct Yuv {
  int y, cb, cr;
  friend bool operator==(const Yuv&, const Yuv&) = default;
};

std::ostream& operator<<(std::ostream& out, const Yuv& color) {
  return out << color.y << '/' << color.cb << '/' << color.cr;
}

Yuv read(const Image& image, std::uint32_t x, std::uint32_t y) {
  const Planes& planes = image.planes();
  const auto at = [&](std::size_t plane, std::size_t column, std::size_t row) {
    return int{planes.first[plane][planes.stride[plane] * row + column]};
  };
  switch (planes.layout) {
    case Layout::nv12: return {at(0, x, y), at(1, x / 2 * 2, y / 2), at(1, x / 2 * 2 + 1, y / 2)};
    case Layout::i420: return {at(0, x, y), at(1, x / 2, y / 2), at(2, x / 2, y / 2)};
    case Layout::i444: return {at(0, x, y), at(1, x, y), at(2, x, y)};
  }
  return {};
}

// One pixel at a time, straight from the definition.
class Reference {
 public:
  Reference(const Picture& picture, Layout layout) : picture_(picture), info_(gpu::format_info(picture.format)) {
    halved_ = halves_chroma(layout);
  }

  [[nodiscard]] Yuv at(std::uint32_t x, std::uint32_t y) const {
    const auto [red, green, blue] = color(x, y);
    if (!halved_) return {luma(red, green, blue), cb(red, green, blue, 1), cr(red, green, blue, 1)};
    int r = 0;
    int g = 0;
    int b = 0;
    const auto column = static_cast<std::int64_t>(x / 2 * 2);
    const auto row = static_cast<std::int64_t>(y / 2 * 2);
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const int weight = dx == 0 ? 2 : 1;
        const Rgb pixel = color(column + dx, row + dy);
        r += weight * pixel.red;
        g += weight * pixel.green;
        b += weight * pixel.blue;
      }
    }
    return {luma(red, green, blue), cb(r, g, b, 8), cr(r, g, b, 8)};
  }

 private:
  struct Rgb {
    int red, green, blue;
  };
  // Beyond the edge is the edge.
  [[nodiscard]] Rgb color(std::int64_t x, std::int64_t y) const {
    const auto column = static_cast<std::uint32_t>(std::clamp<std::int64_t>(x, 0, picture_.width - 1));
    const auto row = static_cast<std::uint32_t>(std::clamp<std::int64_t>(y, 0, picture_.height - 1));
    return {picture_.get(column, row, info_.red), picture_.get(column, row, info_.green),
            picture_.get(column, row, info_.blue)};
  }
  // In 1/32768, rounded to nearest.
  static int round(std::int64_t scaled, int weights) {
    return static_cast<int>(std::floor(static_cast<double>(scaled) / (32768.0 * weights) + 0.5));
  }
  static int luma(int r, int g, int b) { return 16 + round(5983L * r + 20127L * g + 2032L * b, 1); }
  static int cb(int r, int g, int b, int weights) { return 128 + round(-3298L * r - 11094L * g + 14392L * b, weights); }
  static int cr(int r, int g, int b, int weights) { return 128 + round(14392L * r - 13072L * g - 1320L * b, weights); }

  const Picture& picture_;
  const gpu::FormatInfo& info_;
  bool halved_;
};

// How many samples differ from the reference, and the first of them.
void expect_equal(const Picture& picture, const Image& image, const std::string& what) {
  const Reference reference(picture, image.layout());
  int differing = 0;
  for (std::uint32_t y = 0; y < image.planes().height; ++y) {
    for (std::uint32_t x = 0; x < image.planes().width; ++x) {
      const Yuv want = reference.at(x, y);
      const Yuv got = read(image, x, y);
      if (!(want == got) && ++differing == 1)
        ADD_FAILURE() << what << ": at " << x << ',' << y << ' ' << got << " instead of " << want;
    }
  }
  EXPECT_EQ(differing, 0) << what;
}

constexpr Layout kLayouts[] = {Layout::nv12, Layout::i420, Layout::i444};
constexpr Machine kMachines[] = {Machine::baseline, Machine::avx2, Machine::avx512};

TEST(Convert, GivesTheValuesOfTheStandard) {
  struct Case {
    const char* name;
    std::uint8_t red, green, blue;
    Yuv want;
  };
  constexpr Case kCases[] = {
      {"white", 255, 255, 255, {235, 128, 128}}, {"black", 0, 0, 0, {16, 128, 128}},
      {"red", 255, 0, 0, {63, 102, 240}},        {"green", 0, 255, 0, {173, 42, 26}},
      {"blue", 0, 0, 255, {32, 240, 118}},       {"grey", 128, 128, 128, {126, 128, 128}},
  };
  for (const Case& each : kCases) {
    for (const Layout layout : kLayouts) {
      Picture picture(6, 4);
      picture.fill(each.red, each.green, each.blue);
      Image image(layout, 6, 4);
      image.update(picture.pixels(), std::vector{picture.whole()});
      EXPECT_EQ(read(image, 2, 1), each.want) << each.name;
      EXPECT_EQ(read(image, 5, 3), each.want) << each.name;
    }
  }
}

// The reference has our integers; this compares them with the fractions of the standard.
TEST(Convert, IsNearestToTheFormula) {
  Picture picture(256, 256);
  picture.noise(1);
  Image image(Layout::i444, 256, 256);
  image.update(picture.pixels(), std::vector{picture.whole()});
  int off = 0;
  for (std::uint32_t y = 0; y < 256; ++y) {
    for (std::uint32_t x = 0; x < 256; ++x) {
      const double r = picture.get(x, y, 2);
      const double g = picture.get(x, y, 1);
      const double b = picture.get(x, y, 0);
      const Yuv got = read(image, x, y);
      const double errors[] = {got.y - (16 + 0.18259 * r + 0.61423 * g + 0.06201 * b),
                               got.cb - (128 - 0.10064 * r - 0.33857 * g + 0.43922 * b),
                               got.cr - (128 + 0.43922 * r - 0.39894 * g - 0.04027 * b)};
      for (const double error : errors) {
        if (std::abs(error) > 0.51) ++off;
      }
    }
  }
  EXPECT_EQ(off, 0);
}

TEST(Convert, IsTheSameOnEachMachineForEachFormatAndLayout) {
  for (const gpu::FormatInfo& info : gpu::all_formats()) {
    for (const Layout layout : kLayouts) {
      for (const Machine machine : kMachines) {
        if (!can_use(machine)) continue;  // the baseline always can
        Picture picture(530, 6, info.format);
        picture.noise(static_cast<unsigned>(info.format));
        Image image(layout, 530, 6);
        convert(picture.pixels(), picture.whole(), image.planes(), machine);
        expect_equal(picture, image, std::string(info.name));
      }
    }
  }
}

TEST(Convert, RepeatsTheLastColumnAndRowOfOddPictures) {
  for (const auto& [width, height] : {std::pair{1u, 1u}, {2u, 1u}, {1u, 2u}, {3u, 5u}, {257u, 3u}, {255u, 7u}}) {
    for (const Layout layout : kLayouts) {
      Picture picture(width, height);
      picture.noise(width);
      Image image(layout, width, height);
      EXPECT_EQ(image.planes().width, layout == Layout::i444 ? width : (width + 1) / 2 * 2);
      image.update(picture.pixels(), std::vector{picture.whole()});
      expect_equal(picture, image, std::to_string(width) + "x" + std::to_string(height));
    }
  }
}

// Whatever is damaged, the image is afterwards what converting all of it gives.
TEST(Convert, DamageGrowsToAllThatDependsOnIt) {
  std::mt19937 random(5);
  for (const Layout layout : kLayouts) {
    Picture picture(61, 43);
    picture.noise(2);
    Image image(layout, 61, 43);
    image.update(picture.pixels(), std::vector{picture.whole()});
    for (int round = 0; round < 200; ++round) {
      gpu::Rect rect{.x = static_cast<std::uint32_t>(random() % 61), .y = static_cast<std::uint32_t>(random() % 43)};
      rect.width = 1 + static_cast<std::uint32_t>(random() % (61 - rect.x));
      rect.height = 1 + static_cast<std::uint32_t>(random() % (43 - rect.y));
      for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y)
        for (std::uint32_t x = rect.x; x < rect.x + rect.width; ++x)
          picture.set(x, y, static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random()), 0);
      image.update(picture.pixels(), std::vector{rect});
      expect_equal(picture, image, "round " + std::to_string(round));
      if (HasFailure()) return;
    }
  }
}

TEST(Convert, LeavesAloneWhatIsNotDamaged) {
  Picture picture(64, 64);
  picture.fill(255, 255, 255);
  Image image(Layout::nv12, 64, 64);
  image.update(picture.pixels(), std::vector<gpu::Rect>{{.x = 9, .y = 9, .width = 2, .height = 2}});
  // Column 8 to the chroma around 12 that column 11 has no part in: 8 to 11.
  EXPECT_EQ(touched_by({.x = 9, .y = 9, .width = 2, .height = 2}, image.planes()),
            (gpu::Rect{.x = 8, .y = 8, .width = 4, .height = 4}));
  EXPECT_EQ(touched_by({.x = 8, .y = 8, .width = 2, .height = 2}, image.planes()),
            (gpu::Rect{.x = 8, .y = 8, .width = 4, .height = 2}));
  const Yuv black{16, 128, 128};
  EXPECT_EQ(read(image, 7, 9), black);
  EXPECT_EQ(read(image, 12, 9), black);
  EXPECT_EQ(read(image, 9, 7), black);
  EXPECT_EQ(read(image, 9, 12), black);
  EXPECT_EQ(read(image, 11, 11).y, 235);
}

TEST(Image, OverlappingDamageCostsNoMoreThanTheWhole) {
  Picture picture(64, 32);
  picture.noise(3);
  Image image(Layout::i420, 64, 32);
  EXPECT_EQ(image.update(picture.pixels(), std::vector<gpu::Rect>(10'000, picture.whole())), 64u * 32 * 4);
  expect_equal(picture, image, "all");
}

}  // namespace
}  // namespace hesper::video
