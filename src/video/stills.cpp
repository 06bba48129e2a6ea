// Stills through libjpeg-turbo and libpng. Tiles are copied first, so that what is compared is what is encoded,
// whatever the guest does meanwhile.
#include "video/stills.h"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/hash.h"

namespace hesper::video {
namespace {

enum class Known : std::uint8_t { nothing, nearly, exactly };

constexpr std::uint32_t tiles_across(std::uint32_t pixels) noexcept { return (pixels + kTileSize - 1) / kTileSize; }

int pixel_format(gpu::Format format) {
  const gpu::FormatInfo& info = gpu::format_info(format);
  if (info.red == 0) return TJPF_RGBX;
  if (info.red == 1) return TJPF_XRGB;
  return info.red == 2 ? TJPF_BGRX : TJPF_XBGR;
}

}  // namespace

struct Stills::Tile {
  Known known = Known::nothing;
  std::uint64_t hash = 0;
};

// Memory and handles that last from tile to tile.
class Stills::Coder {
 public:
  Coder() : jpeg_(tjInitCompress()) {
    if (jpeg_ == nullptr) throw std::bad_alloc();
    pixels_.resize(std::size_t{gpu::kBytesPerPixel} * kTileSize * kTileSize);
    // PNG's worst case is what does not compress, with a byte a row and some for each block.
    rgb_.resize(std::size_t{3} * kTileSize * kTileSize);
    out_.resize(
        std::max<std::size_t>(tjBufSize(kTileSize, kTileSize, TJSAMP_444), rgb_.size() + (rgb_.size() >> 8) + 4096));
  }
  Coder(const Coder&) = delete;
  Coder& operator=(const Coder&) = delete;
  ~Coder() { tjDestroy(jpeg_); }

  // Copies a tile, to be encoded next. Returns its digest.
  std::uint64_t take(const Pixels& from, const gpu::Rect& place) {
    format_ = from.format;
    width_ = place.width;
    height_ = place.height;
    const std::size_t row = std::size_t{gpu::kBytesPerPixel} * width_;
    for (std::uint32_t y = 0; y < height_; ++y)
      std::memcpy(&pixels_[row * y], from.row(place.y + y) + std::size_t{gpu::kBytesPerPixel} * place.x, row);
    return hash64(std::span(pixels_).first(row * height_), static_cast<std::uint64_t>(format_));
  }

  [[nodiscard]] Result<std::vector<std::byte>> encode(const StillSettings& settings) {
    return settings.format == StillFormat::jpeg ? encode_jpeg(settings.quality) : encode_png();
  }

 private:
  [[nodiscard]] Result<std::vector<std::byte>> encode_jpeg(int quality) {
    auto* out = reinterpret_cast<unsigned char*>(out_.data());
    unsigned long size = out_.size();
    const int error = tjCompress2(jpeg_, reinterpret_cast<const unsigned char*>(pixels_.data()),
                                  static_cast<int>(width_), 0, static_cast<int>(height_), pixel_format(format_), &out,
                                  &size, quality < 80 ? TJSAMP_420 : TJSAMP_444, std::clamp(quality, 1, 100),
                                  TJFLAG_NOREALLOC | TJFLAG_FASTDCT);
    if (error != 0) return fail(fmt::format("A picture cannot be written as JPEG: {}.", tjGetErrorStr2(jpeg_)));
    return std::vector(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(size));
  }

  [[nodiscard]] Result<std::vector<std::byte>> encode_png() {
    const gpu::FormatInfo& info = gpu::format_info(format_);
    for (std::size_t i = 0; i < std::size_t{width_} * height_; ++i) {
      const std::byte* pixel = &pixels_[gpu::kBytesPerPixel * i];
      rgb_[3 * i] = pixel[info.red];
      rgb_[3 * i + 1] = pixel[info.green];
      rgb_[3 * i + 2] = pixel[info.blue];
    }
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width_;
    image.height = height_;
    image.format = PNG_FORMAT_RGB;
    image.flags = PNG_IMAGE_FLAG_FAST;
    png_alloc_size_t size = out_.size();
    if (png_image_write_to_memory(&image, out_.data(), &size, 0, rgb_.data(), 0, nullptr) == 0)
      return fail(fmt::format("A picture cannot be written as PNG: {}.", image.message));
    return std::vector(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(size));
  }

  tjhandle jpeg_;
  gpu::Format format_ = gpu::Format::b8g8r8x8;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::vector<std::byte> pixels_;
  std::vector<std::byte> rgb_;
  std::vector<std::byte> out_;
};

Stills::Stills(std::uint32_t width, std::uint32_t height)
    : width_(width),
      height_(height),
      columns_(tiles_across(width)),
      tiles_(std::size_t{columns_} * tiles_across(height)),
      coder_(std::make_unique<Coder>()) {}
Stills::Stills(Stills&&) noexcept = default;
Stills& Stills::operator=(Stills&&) noexcept = default;
Stills::~Stills() = default;

gpu::Rect Stills::place_of(std::size_t tile) const noexcept {
  const auto x = static_cast<std::uint32_t>(tile % columns_) * kTileSize;
  const auto y = static_cast<std::uint32_t>(tile / columns_) * kTileSize;
  return {.x = x, .y = y, .width = std::min(kTileSize, width_ - x), .height = std::min(kTileSize, height_ - y)};
}

Result<std::vector<Still>> Stills::changed(const Pixels& pixels, std::span<const gpu::Rect> damage,
                                           const StillSettings& settings) {
  HESPER_CHECK(pixels.width == width_ && pixels.height == height_);
  std::vector<bool> touched(tiles_.size());
  for (const gpu::Rect& each : damage) {
    const gpu::Rect rect = intersect(each, {.width = width_, .height = height_});
    if (rect.empty()) continue;
    for (std::uint32_t row = rect.y / kTileSize; row <= (rect.bottom() - 1) / kTileSize; ++row)
      for (std::uint32_t column = rect.x / kTileSize; column <= (rect.right() - 1) / kTileSize; ++column)
        touched[std::size_t{row} * columns_ + column] = true;
  }
  const Known becomes = settings.format == StillFormat::png ? Known::exactly : Known::nearly;
  std::vector<Still> stills;
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    if (!touched[i]) continue;
    Tile& tile = tiles_[i];
    const gpu::Rect place = place_of(i);
    const std::uint64_t hash = coder_->take(pixels, place);
    if (tile.hash == hash && tile.known >= becomes) continue;
    auto bytes = coder_->encode(settings);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    tile = {.known = becomes, .hash = hash};
    stills.push_back({.place = place, .format = settings.format, .bytes = std::move(*bytes)});
  }
  return stills;
}

std::vector<gpu::Rect> Stills::inexact() const {
  std::vector<gpu::Rect> places;
  for (std::size_t i = 0; i < tiles_.size(); ++i)
    if (tiles_[i].known == Known::nearly) places.push_back(place_of(i));
  return places;
}

void Stills::forget() { std::ranges::fill(tiles_, Tile{}); }

}  // namespace hesper::video
