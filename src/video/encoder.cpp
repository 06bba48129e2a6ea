// The list of encoders, in the order of preference within a codec: hardware that takes pictures where they are first.
#include "video/encoder.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hesper::video {
namespace {

constexpr std::array<std::pair<Codec, std::string_view>, 4> kCodecs{{
    {Codec::h264, "h264"},
    {Codec::hevc, "hevc"},
    {Codec::av1, "av1"},
    {Codec::vp9, "vp9"},
}};

constexpr std::array kKinds{
    EncoderKind{.name = "h264_nvenc", .codec = Codec::h264, .hardware = true},
    EncoderKind{.name = "h264_vaapi", .codec = Codec::h264, .hardware = true},
    EncoderKind{.name = "h264_videotoolbox", .codec = Codec::h264, .hardware = true},
    EncoderKind{.name = "h264_vulkan", .codec = Codec::h264, .hardware = true},
    EncoderKind{.name = "libx264", .codec = Codec::h264, .hardware = false},
    EncoderKind{.name = "hevc_nvenc", .codec = Codec::hevc, .hardware = true},
    EncoderKind{.name = "hevc_vaapi", .codec = Codec::hevc, .hardware = true},
    EncoderKind{.name = "hevc_videotoolbox", .codec = Codec::hevc, .hardware = true},
    EncoderKind{.name = "hevc_vulkan", .codec = Codec::hevc, .hardware = true},
    EncoderKind{.name = "libx265", .codec = Codec::hevc, .hardware = false},
    EncoderKind{.name = "av1_nvenc", .codec = Codec::av1, .hardware = true},
    EncoderKind{.name = "av1_vaapi", .codec = Codec::av1, .hardware = true},
    EncoderKind{.name = "libsvtav1", .codec = Codec::av1, .hardware = false},
    EncoderKind{.name = "vp9_vaapi", .codec = Codec::vp9, .hardware = true},
    EncoderKind{.name = "libvpx-vp9", .codec = Codec::vp9, .hardware = false},
};

// Bits for each pixel of a busy screen.
double bits_per_pixel(Codec codec) noexcept {
  switch (codec) {
    case Codec::h264: return 0.07;
    case Codec::hevc:
    case Codec::vp9: return 0.042;
    case Codec::av1: return 0.035;
  }
  return 0.07;
}

}  // namespace

std::string_view name_of(Codec codec) noexcept {
  return std::ranges::find(kCodecs, codec, &std::pair<Codec, std::string_view>::first)->second;
}

std::optional<Codec> find_codec(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kCodecs, name, &std::pair<Codec, std::string_view>::second);
  if (found == kCodecs.end()) return std::nullopt;
  return found->first;
}

std::span<const EncoderKind> encoder_kinds() noexcept { return kKinds; }

const EncoderKind* find_encoder_kind(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kKinds, name, &EncoderKind::name);
  return found == kKinds.end() ? nullptr : found;
}

std::uint64_t usual_bitrate(Codec codec, std::uint32_t width, std::uint32_t height,
                            std::uint32_t frames_per_second) noexcept {
  return static_cast<std::uint64_t>(bits_per_pixel(codec) * width * height * frames_per_second);
}

}  // namespace hesper::video
