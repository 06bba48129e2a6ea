// The table of formats, and the conversion for cursors.
#include "gpu/formats.h"

#include <algorithm>

#include "base/check.h"

namespace hesper::gpu {
namespace {

constexpr std::uint32_t fourcc(const char (&text)[5]) noexcept {
  std::uint32_t code = 0;
  for (int i = 3; i >= 0; --i) code = (code << 8) | static_cast<unsigned char>(text[i]);
  return code;
}

// A table, one row a line. NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr FormatInfo kFormats[] = {
    {Format::b8g8r8a8, "B8G8R8A8", fourcc("AR24"), 2, 1, 0, 3},
    {Format::b8g8r8x8, "B8G8R8X8", fourcc("XR24"), 2, 1, 0, std::nullopt},
    {Format::a8r8g8b8, "A8R8G8B8", fourcc("BA24"), 1, 2, 3, 0},
    {Format::x8r8g8b8, "X8R8G8B8", fourcc("BX24"), 1, 2, 3, std::nullopt},
    {Format::r8g8b8a8, "R8G8B8A8", fourcc("AB24"), 0, 1, 2, 3},
    {Format::x8b8g8r8, "X8B8G8R8", fourcc("RX24"), 3, 2, 1, std::nullopt},
    {Format::a8b8g8r8, "A8B8G8R8", fourcc("RA24"), 3, 2, 1, 0},
    {Format::r8g8b8x8, "R8G8B8X8", fourcc("XB24"), 0, 1, 2, std::nullopt},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

const FormatInfo* find_format(std::uint32_t number) noexcept {
  const auto* found = std::ranges::find(kFormats, Format{number}, &FormatInfo::format);
  return found == std::end(kFormats) ? nullptr : found;
}

const FormatInfo& format_info(Format format) noexcept {
  const FormatInfo* found = find_format(static_cast<std::uint32_t>(format));
  HESPER_CHECK(found != nullptr);
  return *found;
}

Format with_alpha(Format format) noexcept {
  const FormatInfo& info = format_info(format);
  const auto* found = std::ranges::find_if(kFormats, [&](const FormatInfo& other) {
    return other.alpha && other.red == info.red && other.green == info.green && other.blue == info.blue;
  });
  return found == std::end(kFormats) ? format : found->format;
}

std::span<const FormatInfo> all_formats() noexcept { return kFormats; }

void convert_to_b8g8r8a8(Format format, std::span<const std::byte> pixels, std::span<std::byte> to) noexcept {
  HESPER_CHECK(pixels.size() == to.size() && pixels.size() % kBytesPerPixel == 0);
  const FormatInfo& info = format_info(format);
  for (std::size_t at = 0; at < pixels.size(); at += kBytesPerPixel) {
    const auto from = pixels.subspan(at, kBytesPerPixel);
    to[at] = from[info.blue];
    to[at + 1] = from[info.green];
    to[at + 2] = from[info.red];
    to[at + 3] = info.alpha ? from[*info.alpha] : std::byte{0xff};
  }
}

}  // namespace hesper::gpu
