// Tight: one colour, two, a palette, JPEG, or all pixels, whatever fits.
#include <turbojpeg.h>

#include <algorithm>

#include "base/check.h"
#include "screen/vnc/encoders.h"

namespace hesper::screen::vnc {
namespace {

constexpr std::uint32_t kTile = 128;  // pixels, both ways: small enough that one kind of content is alone
constexpr std::size_t kLargestPalette = 256;
constexpr std::size_t kUncompressed = 12;      // fewer bytes than these are sent as they are
constexpr std::uint32_t kSmallestJpeg = 1024;  // pixels

// Of the pseudo-encodings JPEG Quality Level 0 to 9, as other servers take them.
constexpr std::array kJpegQualities = {15, 29, 41, 42, 62, 77, 79, 86, 92, 100};
constexpr int kSharpQuality = 6;  // from here on colours have the resolution of brightness

enum : std::uint8_t { kFill = 0x80, kJpeg = 0x90, kFilterFollows = 0x40, kPaletteFilter = 1 };
enum : unsigned { kFullColour = 0, kTwoColours = 1, kManyColours = 2 };

// 1 to 3 bytes of 7, 7 and 8 bits.
void append_compact_length(std::size_t length, Writer out) {
  HESPER_CHECK(length < (1U << 22U));
  const auto low = static_cast<std::uint8_t>(length & 0x7fU);
  const auto middle = static_cast<std::uint8_t>((length >> 7U) & 0x7fU);
  if (length < (1U << 7U)) {
    out.u8(low);
  } else if (length < (1U << 14U)) {
    out.u8(low | 0x80U);
    out.u8(middle);
  } else {
    out.u8(low | 0x80U);
    out.u8(middle | 0x80U);
    out.u8(static_cast<std::uint8_t>(length >> 14U));
  }
}

}  // namespace

struct TightEncoder::Jpeg {
  tjhandle handle = ::tjInitCompress();
  std::vector<unsigned char> bytes;
  ~Jpeg() {
    if (handle != nullptr) ::tjDestroy(handle);
  }
};

TightEncoder::TightEncoder() : jpeg_(std::make_unique<Jpeg>()), streams_{ZlibStream{1}, ZlibStream{1}, ZlibStream{1}} {}
TightEncoder::~TightEncoder() = default;

gpu::Rect TightEncoder::largest() const noexcept { return {.width = kTile, .height = kTile}; }

void TightEncoder::encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
                          std::vector<std::byte>& to) {
  Writer out(to);
  out.rectangle(x, y, static_cast<std::uint16_t>(pixels.width), static_cast<std::uint16_t>(pixels.height),
                Encoding::tight);
  if (find_palette(pixels)) {
    if (palette_.size() == 1) {
      out.u8(kFill);
      converter.append_tight(palette_, to);
    } else {
      append_palette(converter, pixels, to);
    }
    return;
  }
  if (quality_ && converter.has_rgb_bytes() && pixels.values.size() >= kSmallestJpeg &&
      append_jpeg(converter, pixels, to))
    return;
  out.u8(kFullColour << 4U);
  plain_.clear();
  converter.append_tight(pixels.values, plain_);
  append_basic(kFullColour, to);
}

// False: too many colours. Sorted, so that an index is found fast.
bool TightEncoder::find_palette(const Pixels& pixels) {
  palette_.clear();
  std::uint32_t before = ~pixels.values.front();
  // A palette of 256 that is searched for each pixel would take too long; where there are many colours they soon show.
  const std::size_t most = std::min(kLargestPalette, std::max<std::size_t>(2, pixels.values.size() / 16));
  for (const std::uint32_t pixel : pixels.values) {
    if (pixel == before) continue;
    before = pixel;
    const auto place = std::ranges::lower_bound(palette_, pixel);
    if (place != palette_.end() && *place == pixel) continue;
    if (palette_.size() == most) return false;
    palette_.insert(place, pixel);
  }
  return true;
}

void TightEncoder::append_palette(const PixelConverter& converter, const Pixels& pixels, std::vector<std::byte>& to) {
  const bool two = palette_.size() == 2;
  const unsigned stream = two ? kTwoColours : kManyColours;
  Writer out(to);
  out.u8(static_cast<std::uint8_t>((stream << 4U) | kFilterFollows));
  out.u8(kPaletteFilter);
  out.u8(static_cast<std::uint8_t>(palette_.size() - 1));
  converter.append_tight(palette_, to);
  plain_.clear();
  for (std::uint32_t y = 0; y < pixels.height; ++y) {
    const auto row = pixels.row(y);
    if (two) {
      for (std::size_t x = 0; x < row.size(); x += 8) {
        unsigned byte = 0;
        for (std::size_t bit = 0; bit < 8; ++bit)
          byte = (byte << 1U) | (x + bit < row.size() && row[x + bit] == palette_[1] ? 1U : 0U);
        plain_.push_back(static_cast<std::byte>(byte));
      }
    } else {
      for (const std::uint32_t pixel : row)
        plain_.push_back(static_cast<std::byte>(std::ranges::lower_bound(palette_, pixel) - palette_.begin()));
    }
  }
  append_basic(stream, to);
}

// False: it cannot be made. Nothing is appended then.
bool TightEncoder::append_jpeg(const PixelConverter& converter, const Pixels& pixels, std::vector<std::byte>& to) {
  if (jpeg_->handle == nullptr) return false;
  plain_.clear();
  converter.append_tight(pixels.values, plain_);
  const int quality = *quality_;
  const int colours = quality >= kSharpQuality ? TJSAMP_444 : TJSAMP_420;
  const auto width = static_cast<int>(pixels.width);
  const auto height = static_cast<int>(pixels.height);
  jpeg_->bytes.resize(::tjBufSize(width, height, colours));
  unsigned char* bytes = jpeg_->bytes.data();
  unsigned long size = jpeg_->bytes.size();
  if (::tjCompress2(jpeg_->handle, reinterpret_cast<const unsigned char*>(plain_.data()), width, 0, height, TJPF_RGB,
                    &bytes, &size, colours, kJpegQualities.at(static_cast<std::size_t>(quality)),
                    TJFLAG_NOREALLOC | TJFLAG_FASTDCT) != 0)
    return false;
  Writer out(to);
  out.u8(kJpeg);
  append_compact_length(size, out);
  out.bytes(std::as_bytes(std::span(jpeg_->bytes).first(size)));
  return true;
}

// Appends plain_.
void TightEncoder::append_basic(unsigned stream, std::vector<std::byte>& to) {
  Writer out(to);
  if (plain_.size() < kUncompressed) {
    out.bytes(plain_);
    return;
  }
  std::vector<std::byte> packed;
  streams_.at(stream).append(plain_, packed);
  append_compact_length(packed.size(), out);
  out.bytes(packed);
}

}  // namespace hesper::screen::vnc
