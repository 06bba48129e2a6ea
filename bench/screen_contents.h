// What people do at screens, as pictures that move: for measurements of encoders and screens. Deterministic.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "gpu/geometry.h"
#include "video/pixels.h"

namespace hesper::bench {

enum class Content : std::uint8_t {
  typing,     // a letter a frame
  scrolling,  // a window of text, two thirds of the screen, moves by a line a frame
  video,      // a moving picture on three quarters of the width and height
};

// A desktop: a background, a panel, a window of text.
class Desktop {
 public:
  Desktop(std::uint32_t width, std::uint32_t height)
      : width_(width), height_(height), bytes_(std::size_t{4} * width * height) {
    for (auto& glyph : glyphs_)
      for (auto& row : glyph) row = static_cast<std::uint8_t>(random_() >> 7 & random_() >> 11);
    for (std::uint32_t y = 0; y < height; ++y)
      for (std::uint32_t x = 0; x < width; ++x)
        set(x, y, static_cast<std::uint8_t>(30 + x * 40 / width), static_cast<std::uint8_t>(60 + y * 60 / height), 120);
    fill({.width = width, .height = 28}, 45);
    text_ = {.x = width / 6, .y = 60, .width = width * 2 / 3, .height = height - 120};
    text_.height = text_.height / kLine * kLine;
    fill(text_, 250);
    for (std::uint32_t row = 0; row < text_.height / kLine; ++row) write_line(row);
  }

  [[nodiscard]] video::Pixels pixels() const {
    return {.width = width_, .height = height_, .stride = std::size_t{4} * width_, .bytes = bytes_};
  }
  // Makes the next frame; what has changed is the result.
  gpu::Rect advance(Content content) {
    ++frame_;
    switch (content) {
      case Content::typing: return type();
      case Content::scrolling: return scroll();
      case Content::video: return play();
    }
    return {};
  }

 private:
  static constexpr std::uint32_t kLine = 18;  // pixels
  static constexpr std::uint32_t kGlyph = 9;

  void set(std::uint32_t x, std::uint32_t y, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    std::byte* pixel = &bytes_[4 * (std::size_t{width_} * y + x)];
    pixel[0] = std::byte{blue};
    pixel[1] = std::byte{green};
    pixel[2] = std::byte{red};
  }
  void fill(const gpu::Rect& rect, std::uint8_t grey) {
    for (std::uint32_t y = rect.y; y < rect.y + rect.height; ++y)
      for (std::uint32_t x = rect.x; x < rect.x + rect.width; ++x) set(x, y, grey, grey, grey);
  }
  gpu::Rect write_glyph(std::uint32_t column, std::uint32_t row) {
    const gpu::Rect place{.x = text_.x + column * kGlyph, .y = text_.y + row * kLine, .width = kGlyph, .height = kLine};
    fill(place, 250);
    const auto& glyph = glyphs_[random_() % glyphs_.size()];
    for (std::uint32_t y = 0; y < 12; ++y)
      for (std::uint32_t x = 0; x < 8; ++x)
        if ((glyph[y] >> x & 1) != 0) set(place.x + x, place.y + 3 + y, 20, 20, 30);
    return place;
  }
  void write_line(std::uint32_t row) {
    const std::uint32_t columns = text_.width / kGlyph;
    const std::uint32_t length = columns / 4 + static_cast<std::uint32_t>(random_() % (columns * 3 / 4));
    for (std::uint32_t column = 0; column < length; ++column)
      if (random_() % 6 != 0) write_glyph(column, row);
  }
  gpu::Rect type() {
    const std::uint32_t columns = text_.width / kGlyph;
    return write_glyph(frame_ % columns, frame_ / columns % (text_.height / kLine));
  }
  gpu::Rect scroll() {
    const std::size_t row = std::size_t{4} * text_.width;
    for (std::uint32_t y = text_.y; y < text_.y + text_.height - kLine; ++y)
      std::memmove(&bytes_[4 * (std::size_t{width_} * y + text_.x)],
                   &bytes_[4 * (std::size_t{width_} * (y + kLine) + text_.x)], row);
    const std::uint32_t last = text_.height / kLine - 1;
    fill({.x = text_.x, .y = text_.y + last * kLine, .width = text_.width, .height = kLine}, 250);
    write_line(last);
    return text_;
  }
  gpu::Rect play() {
    const gpu::Rect place{.x = width_ / 8, .y = height_ / 8, .width = width_ * 3 / 4, .height = height_ * 3 / 4};
    const double t = frame_ * 0.05;
    std::vector<int> waves(place.width);
    for (std::uint32_t x = 0; x < place.width; ++x) waves[x] = static_cast<int>(60 * std::sin(x * 0.013 + t));
    for (std::uint32_t y = 0; y < place.height; ++y) {
      const int wave = static_cast<int>(60 * std::cos(y * 0.017 - 1.3 * t));
      for (std::uint32_t x = 0; x < place.width; ++x) {
        const std::uint32_t noise = (x + frame_ * 3) * 2654435761u ^ (y + frame_) * 40503u;
        const int grain = static_cast<int>(noise >> 28);
        const auto level = static_cast<std::uint8_t>(128 + wave / 2 + waves[x] / 2 + grain);
        set(place.x + x, place.y + y, level, static_cast<std::uint8_t>(level / 2 + 60),
            static_cast<std::uint8_t>(255 - level));
      }
    }
    return place;
  }

  std::uint32_t width_, height_;
  std::vector<std::byte> bytes_;
  std::minstd_rand random_{7};
  std::array<std::array<std::uint8_t, 12>, 80> glyphs_{};
  gpu::Rect text_;
  std::uint32_t frame_ = 0;
};

}  // namespace hesper::bench
