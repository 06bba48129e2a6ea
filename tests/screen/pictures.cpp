// Pictures: six kinds.
#include "screen/pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace hesper::screen::test {
namespace {

constexpr std::uint32_t kGlyphWidth = 8;
constexpr std::uint32_t kGlyphHeight = 16;

constexpr std::uint32_t mix(std::uint32_t value) noexcept {
  value ^= value >> 16;
  value *= 0x7FEB352D;
  value ^= value >> 15;
  value *= 0x846CA68B;
  return value ^ (value >> 16);
}

void draw_background(const Canvas& canvas) {
  for (std::uint32_t y = 0; y < canvas.height; ++y)
    for (std::uint32_t x = 0; x < canvas.width; ++x) canvas.put(x, y, background(x, y));
}

gpu::Rect draw_code(const Canvas& canvas, std::uint32_t number) {
  constexpr std::uint32_t kBlock = 16;
  for (std::uint32_t bit = 0; bit < 32; ++bit)
    canvas.fill({.x = bit % 8 * kBlock, .y = bit / 8 * kBlock, .width = kBlock, .height = kBlock},
                (number >> bit & 1) != 0 ? 0xFFFFFF : 0);
  return gpu::intersect({.width = kCodeWidth, .height = kCodeHeight}, {.width = canvas.width, .height = canvas.height});
}

// Strokes that look like a letter's; a sixth of all are spaces.
void draw_glyph(const Canvas& canvas, std::uint32_t x, std::uint32_t y, std::uint32_t letter) {
  canvas.fill({.x = x, .y = y, .width = kGlyphWidth, .height = kGlyphHeight}, 0xFFFFFF);
  const std::uint32_t shape = mix(letter);
  if (shape % 6 == 0) return;
  for (std::uint32_t stroke = 0; stroke < 4; ++stroke) {
    const std::uint32_t bits = shape >> (stroke * 7);
    const bool upright = (bits & 1) != 0;
    canvas.fill({.x = x + 1 + (bits >> 1 & 3),
                 .y = y + 3 + (bits >> 3 & 7),
                 .width = upright ? 1u : 5 - (bits >> 1 & 3),
                 .height = upright ? 12 - (bits >> 3 & 7) : 1u},
                0);
  }
}

gpu::Rect whole(const Canvas& canvas) { return {.width = canvas.width, .height = canvas.height}; }

class Still final : public Content {
 public:
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    if (frame == 0) draw_background(canvas);
    return {whole(canvas)};
  }
};

class Counter final : public Content {
 public:
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    if (frame == 0) draw_background(canvas);
    const gpu::Rect code = draw_code(canvas, frame);
    return {frame == 0 ? whole(canvas) : code};
  }
};

class Typing final : public Content {
 public:
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    if (frame == 0) canvas.fill(whole(canvas), 0xFFFFFF);
    const gpu::Rect code = draw_code(canvas, frame);
    if (canvas.height < kCodeHeight + kGlyphHeight || canvas.width < kGlyphWidth) return {whole(canvas)};
    const std::uint32_t columns = canvas.width / kGlyphWidth;
    const std::uint32_t rows = (canvas.height - kCodeHeight) / kGlyphHeight;
    const std::uint32_t at = frame % (columns * rows);
    const gpu::Rect glyph{.x = at % columns * kGlyphWidth,
                          .y = kCodeHeight + at / columns * kGlyphHeight,
                          .width = kGlyphWidth,
                          .height = kGlyphHeight};
    draw_glyph(canvas, glyph.x, glyph.y, frame);
    return frame == 0 ? std::vector{whole(canvas)} : std::vector{code, glyph};
  }
};

class Text final : public Content {
 public:
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    constexpr std::uint32_t kStep = kGlyphHeight / 2;
    if (frame == 0) {
      for (std::uint32_t y = 0; y < canvas.height; y += kGlyphHeight) draw_line(canvas, y, y / kGlyphHeight);
    } else {
      for (std::uint32_t y = 0; y + kStep < canvas.height; ++y)
        std::memcpy(canvas.pixels + std::size_t{y} * canvas.stride,
                    canvas.pixels + std::size_t{y + kStep} * canvas.stride, std::size_t{4} * canvas.width);
      const std::uint32_t scrolled = frame * kStep;
      const std::uint32_t line = (canvas.height + scrolled) / kGlyphHeight;
      for (std::uint32_t number = line > 0 ? line - 1 : 0; number <= line; ++number) {
        const std::int64_t y = std::int64_t{number} * kGlyphHeight - scrolled;
        if (y >= 0 && y < canvas.height) draw_line(canvas, static_cast<std::uint32_t>(y), number);
      }
    }
    return {whole(canvas)};
  }

 private:
  static void draw_line(const Canvas& canvas, std::uint32_t y, std::uint32_t number) {
    const std::uint32_t length = canvas.width / kGlyphWidth * (1 + mix(number) % 8) / 8;
    canvas.fill({.x = 0, .y = y, .width = canvas.width, .height = kGlyphHeight}, 0xFFFFFF);
    for (std::uint32_t column = 0; column < length; ++column)
      draw_glyph(canvas, column * kGlyphWidth, y, number * 1000 + column);
  }
};

class Window final : public Content {
 public:
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    if (frame == 0) draw_background(canvas);
    const gpu::Rect before = last_;
    for (std::uint32_t y = before.y; y < before.bottom(); ++y)
      for (std::uint32_t x = before.x; x < before.right(); ++x) canvas.put(x, y, background(x, y));
    const std::uint32_t width = std::max(canvas.width / 3, 1u);
    const std::uint32_t height = std::max(canvas.height / 3, 1u);
    last_ = {.x = bounce(frame * 7, canvas.width - width),
             .y = bounce(frame * 4, canvas.height - height),
             .width = width,
             .height = height};
    canvas.fill(last_, 0xE0E0E0);
    canvas.fill({.x = last_.x, .y = last_.y, .width = width, .height = std::min(24u, height)}, 0x3060C0);
    return frame == 0 ? std::vector{whole(canvas)} : std::vector{before, last_};
  }

 private:
  static std::uint32_t bounce(std::uint32_t way, std::uint32_t room) {
    if (room == 0) return 0;
    const std::uint32_t at = way % (2 * room);
    return at < room ? at : 2 * room - at;
  }
  gpu::Rect last_;
};

class Video final : public Content {
 public:
  Video() {
    for (std::size_t i = 0; i < wave_.size(); ++i)
      wave_[i] = static_cast<std::uint8_t>(128 + 100 * std::sin(static_cast<double>(i) * 6.283185 / 256));
  }
  std::vector<gpu::Rect> draw(const Canvas& canvas, std::uint32_t frame) override {
    for (std::uint32_t y = 0; y < canvas.height; ++y) {
      const std::uint32_t vertical = wave_[(y / 2 + frame * 3) & 0xFF];
      std::uint32_t noise = mix(frame * 65536 + y);
      for (std::uint32_t x = 0; x < canvas.width; ++x) {
        noise = noise * 1664525 + 1013904223;
        const std::uint32_t grain = noise >> 29;
        const std::uint32_t red = (wave_[(x + frame * 2) & 0xFF] + vertical) / 2 + grain;
        const std::uint32_t green = (wave_[(x / 2 + y / 2 + frame) & 0xFF] + vertical) / 2 + grain;
        const std::uint32_t blue = wave_[(x / 3 + frame * 5) & 0xFF] + grain;
        canvas.put(x, y, red << 16 | green << 8 | blue);
      }
    }
    return {whole(canvas)};
  }

 private:
  std::array<std::uint8_t, 256> wave_;
};

}  // namespace

void Canvas::put(std::uint32_t x, std::uint32_t y, std::uint32_t colour) const noexcept {
  std::memcpy(pixels + std::size_t{y} * stride + std::size_t{4} * x, &colour, sizeof(colour));
}

void Canvas::fill(const gpu::Rect& rect, std::uint32_t colour) const noexcept {
  const gpu::Rect seen = gpu::intersect(rect, {.width = width, .height = height});
  for (std::uint32_t y = seen.y; y < seen.bottom(); ++y)
    for (std::uint32_t x = seen.x; x < seen.right(); ++x) put(x, y, colour);
}

std::unique_ptr<Content> make_content(std::string_view name) {
  if (name == "still") return std::make_unique<Still>();
  if (name == "counter") return std::make_unique<Counter>();
  if (name == "typing") return std::make_unique<Typing>();
  if (name == "text") return std::make_unique<Text>();
  if (name == "window") return std::make_unique<Window>();
  if (name == "video") return std::make_unique<Video>();
  return nullptr;
}

}  // namespace hesper::screen::test
