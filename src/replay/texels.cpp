// Texels: a table of formats.
#include "replay/texels.h"

#include <algorithm>
#include <iterator>

namespace hesper::replay {
namespace {

enum class Form : std::uint8_t { none, rgba8, bgra8, gray8 };

struct Known {
  VkFormat format;
  const char* name;
  std::size_t size;
  Form form;
};

// clang-format off
constexpr Known kKnown[] = {
    {VK_FORMAT_R8_UNORM, "R8_UNORM", 1, Form::gray8},
    {VK_FORMAT_R8_UINT, "R8_UINT", 1, Form::none},
    {VK_FORMAT_R8G8_UNORM, "R8G8_UNORM", 2, Form::none},
    {VK_FORMAT_R5G6B5_UNORM_PACK16, "R5G6B5_UNORM_PACK16", 2, Form::none},
    {VK_FORMAT_R16_SFLOAT, "R16_SFLOAT", 2, Form::none},
    {VK_FORMAT_D16_UNORM, "D16_UNORM", 2, Form::none},
    {VK_FORMAT_R8G8B8A8_UNORM, "R8G8B8A8_UNORM", 4, Form::rgba8},
    {VK_FORMAT_R8G8B8A8_SRGB, "R8G8B8A8_SRGB", 4, Form::rgba8},
    {VK_FORMAT_R8G8B8A8_UINT, "R8G8B8A8_UINT", 4, Form::none},
    {VK_FORMAT_A8B8G8R8_UNORM_PACK32, "A8B8G8R8_UNORM_PACK32", 4, Form::rgba8},
    {VK_FORMAT_A8B8G8R8_SRGB_PACK32, "A8B8G8R8_SRGB_PACK32", 4, Form::rgba8},
    {VK_FORMAT_B8G8R8A8_UNORM, "B8G8R8A8_UNORM", 4, Form::bgra8},
    {VK_FORMAT_B8G8R8A8_SRGB, "B8G8R8A8_SRGB", 4, Form::bgra8},
    {VK_FORMAT_A2B10G10R10_UNORM_PACK32, "A2B10G10R10_UNORM_PACK32", 4, Form::none},
    {VK_FORMAT_A2R10G10B10_UNORM_PACK32, "A2R10G10B10_UNORM_PACK32", 4, Form::none},
    {VK_FORMAT_B10G11R11_UFLOAT_PACK32, "B10G11R11_UFLOAT_PACK32", 4, Form::none},
    {VK_FORMAT_R32_UINT, "R32_UINT", 4, Form::none},
    {VK_FORMAT_R32_SINT, "R32_SINT", 4, Form::none},
    {VK_FORMAT_R32_SFLOAT, "R32_SFLOAT", 4, Form::none},
    {VK_FORMAT_D32_SFLOAT, "D32_SFLOAT", 4, Form::none},
    {VK_FORMAT_R16G16B16A16_UNORM, "R16G16B16A16_UNORM", 8, Form::none},
    {VK_FORMAT_R16G16B16A16_SFLOAT, "R16G16B16A16_SFLOAT", 8, Form::none},
    {VK_FORMAT_R32G32_SFLOAT, "R32G32_SFLOAT", 8, Form::none},
    {VK_FORMAT_R32G32B32A32_SFLOAT, "R32G32B32A32_SFLOAT", 16, Form::none},
    {VK_FORMAT_R32G32B32A32_UINT, "R32G32B32A32_UINT", 16, Form::none},
};
// clang-format on

const Known* find(VkFormat format) noexcept {
  const auto* at = std::ranges::find(kKnown, format, &Known::format);
  return at == std::end(kKnown) ? nullptr : at;
}

}  // namespace

std::size_t texel_size(VkFormat format) noexcept {
  const Known* known = find(format);
  return known == nullptr ? 0 : known->size;
}

const char* format_name(VkFormat format) noexcept {
  const Known* known = find(format);
  return known == nullptr ? "unknown format" : known->name;
}

bool to_rgba(VkFormat format, std::span<const std::byte> texels, std::byte* rgba) noexcept {
  const Known* known = find(format);
  const Form form = known == nullptr ? Form::none : known->form;
  constexpr std::size_t kOpaque = SIZE_MAX;
  const auto convert = [&](std::size_t size, std::size_t red, std::size_t green, std::size_t blue, std::size_t alpha) {
    for (std::size_t at = 0; at + size <= texels.size(); at += size) {
      *rgba++ = texels[at + red];
      *rgba++ = texels[at + green];
      *rgba++ = texels[at + blue];
      *rgba++ = alpha == kOpaque ? std::byte{255} : texels[at + alpha];
    }
    return true;
  };
  switch (form) {
    case Form::none: return false;
    case Form::rgba8: return convert(4, 0, 1, 2, 3);
    case Form::bgra8: return convert(4, 2, 1, 0, 3);
    case Form::gray8: return convert(1, 0, 0, 0, kOpaque);
  }
  return false;
}

}  // namespace hesper::replay
