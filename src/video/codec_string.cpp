// Codec strings: RFC 6381, ISO/IEC 14496-15 annex E (HEVC), and the bindings of AV1 and VP9 to ISO media files.
#include "video/codec_string.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace hesper::video {
namespace {

using Bytes = std::span<const std::byte>;

std::uint32_t at(Bytes bytes, std::size_t i) noexcept { return std::to_integer<std::uint32_t>(bytes[i]); }

// The first NAL unit of a kind, from its header on; empty: there is none. kind_of: the kind, from the first header
// byte.
template <class KindOf>
Bytes find_nal_unit(Bytes bytes, std::uint32_t kind, KindOf kind_of) noexcept {
  for (std::size_t i = 0; i + 3 < bytes.size(); ++i) {
    if (at(bytes, i) == 0 && at(bytes, i + 1) == 0 && at(bytes, i + 2) == 1 && kind_of(at(bytes, i + 3)) == kind)
      return bytes.subspan(i + 3);
  }
  return {};
}

// Without the bytes that keep start codes out of NAL units.
std::vector<std::byte> without_emulation_prevention(Bytes unit, std::size_t most) {
  std::vector<std::byte> plain;
  for (std::size_t i = 0; i < unit.size() && plain.size() < most; ++i) {
    const bool prevents = i >= 2 && at(unit, i) == 3 && at(unit, i - 1) == 0 && at(unit, i - 2) == 0;
    if (!prevents) plain.push_back(unit[i]);
  }
  return plain;
}

std::string h264(Bytes bytes) {
  const Bytes sps = find_nal_unit(bytes, 7, [](std::uint32_t header) { return header & 31; });
  if (sps.size() < 4) return {};
  return fmt::format("avc1.{:02x}{:02x}{:02x}", at(sps, 1), at(sps, 2), at(sps, 3));
}

// NAL header (2 bytes), ids (1), profile space, tier and profile (1), compatibility (4), constraints (6), level (1).
std::string hevc(Bytes bytes) {
  const Bytes unit = find_nal_unit(bytes, 33, [](std::uint32_t header) { return header >> 1 & 63; });
  const std::vector<std::byte> sps = without_emulation_prevention(unit, 15);
  if (sps.size() < 15) return {};
  std::uint32_t compatibility = 0;  // its bits backwards
  for (std::uint32_t bit = 0; bit < 32; ++bit) compatibility |= (at(sps, 4 + bit / 8) >> (7 - bit % 8) & 1) << bit;
  const std::uint32_t profile = at(sps, 3);
  const std::uint32_t space = profile >> 6;
  std::string name =
      fmt::format("hvc1.{}{}.{:x}.{}{}", space == 0 ? "" : std::string(1, static_cast<char>('@' + space)), profile & 31,
                  compatibility, (profile >> 5 & 1) != 0 ? 'H' : 'L', at(sps, 14));
  std::size_t constraints = 14;
  while (constraints > 8 && sps[constraints - 1] == std::byte{0}) --constraints;
  for (std::size_t i = 8; i < constraints; ++i) name += fmt::format(".{:x}", at(sps, i));
  return name;
}

class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}
  // Beyond the end: zeros.
  std::uint32_t take(unsigned bits) noexcept {
    std::uint32_t value = 0;
    for (; bits > 0; --bits, ++position_) {
      value <<= 1;
      if (position_ / 8 < bytes_.size()) value |= at(bytes_, position_ / 8) >> (7 - position_ % 8) & 1;
    }
    return value;
  }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
};

// The sequence header among a temporal unit's OBUs.
std::optional<Bytes> find_sequence_header(Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const std::uint32_t header = at(bytes, 0);
    std::size_t position = 1 + ((header >> 2 & 1) != 0 ? 1u : 0u);
    std::uint64_t size = 0;
    if ((header >> 1 & 1) == 0) return std::nullopt;  // no size: never in what our encoders write
    for (unsigned shift = 0; shift < 56; shift += 7) {
      if (position >= bytes.size()) return std::nullopt;
      const std::uint32_t byte = at(bytes, position++);
      size |= std::uint64_t{byte & 127} << shift;
      if ((byte & 128) == 0) break;
    }
    if (size > bytes.size() - std::min(position, bytes.size())) return std::nullopt;
    if ((header >> 3 & 15) == 1) return bytes.subspan(position, size);
    bytes = bytes.subspan(position + size);
  }
  return std::nullopt;
}

std::string av1(Bytes bytes) {
  const auto header = find_sequence_header(bytes);
  if (!header) return {};
  BitReader bits(*header);
  const std::uint32_t profile = bits.take(3);
  (void)bits.take(1);  // still_picture
  std::uint32_t level = 0;
  std::uint32_t tier = 0;
  if (bits.take(1) != 0) {  // reduced_still_picture_header
    level = bits.take(5);
  } else {
    if (bits.take(1) != 0) return {};  // timing_info_present_flag: never in what our encoders write
    (void)bits.take(1);                // initial_display_delay_present_flag
    (void)bits.take(5);                // operating_points_cnt_minus_1
    (void)bits.take(12);               // operating_point_idc
    level = bits.take(5);
    if (level > 7) tier = bits.take(1);
  }
  return fmt::format("av01.{}.{:02}{}.08", profile, level, tier != 0 ? 'H' : 'M');
}

// The levels by luma samples a second and a picture: VP9's "Levels and profiles".
std::string vp9(std::uint32_t width, std::uint32_t height, std::uint32_t frames_per_second) {
  struct Level {
    std::uint32_t number;
    std::uint64_t rate, picture;
  };
  constexpr Level kLevels[] = {{10, 829440, 36864},        {11, 2764800, 73728},      {20, 4608000, 122880},
                               {21, 9216000, 245760},      {30, 20736000, 552960},    {31, 36864000, 983040},
                               {40, 83558400, 2228224},    {41, 160432128, 2228224},  {50, 311951360, 8912896},
                               {51, 588251136, 8912896},   {52, 1176502272, 8912896}, {60, 1176502272, 35651584},
                               {61, 2353004544, 35651584}, {62, 4706009088, 35651584}};
  const std::uint64_t picture = std::uint64_t{width} * height;
  const auto* level = std::ranges::find_if(
      kLevels, [&](const Level& each) { return picture <= each.picture && picture * frames_per_second <= each.rate; });
  return fmt::format("vp09.00.{}.08", level == std::end(kLevels) ? 62 : level->number);
}

}  // namespace

std::string codec_string(Codec codec, std::span<const std::byte> key_frame, std::uint32_t width, std::uint32_t height,
                         std::uint32_t frames_per_second) {
  switch (codec) {
    case Codec::h264: return h264(key_frame);
    case Codec::hevc: return hevc(key_frame);
    case Codec::av1: return av1(key_frame);
    case Codec::vp9: return vp9(width, height, frames_per_second);
  }
  return {};
}

}  // namespace hesper::video
