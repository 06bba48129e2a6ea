#include "screen/vnc/encoders.h"

#include <gtest/gtest.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <cstdlib>
#include <map>

#include "support/fake_screens.h"

namespace hesper::screen::vnc {
namespace {

// A viewer's end of the encodings, written from the specification and without the encoders' help.
class Decoder {
 public:
  Decoder(const PixelFormat& format, std::span<const std::byte> bytes) : format_(format), in_(bytes) {}
  ~Decoder() {
    for (auto& [number, stream] : streams_) ::inflateEnd(&stream);
  }

  // Rectangles until the end, onto a picture of this size, as the viewer's pixels.
  std::vector<std::uint32_t> run(std::uint32_t width, std::uint32_t height) {
    width_ = width;
    picture_.assign(std::size_t{width} * height, 0xdead);
    while (at_ < in_.size()) {
      x_ = number(2);
      y_ = number(2);
      w_ = number(2);
      h_ = number(2);
      switch (number(4)) {
        case 0:
          for (std::uint32_t i = 0; i < w_ * h_; ++i) put(i, pixel(in_, at_, format_.bytes()));
          break;
        case 16: zrle(); break;
        case 7: tight(); break;
        default: ADD_FAILURE() << "an encoding that is not there"; return picture_;
      }
    }
    return picture_;
  }
  [[nodiscard]] int jpegs() const { return jpegs_; }

 private:
  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    while (bytes-- > 0) value = (value << 8U) | std::to_integer<std::uint32_t>(in_[at_++]);
    return value;
  }
  std::uint32_t pixel(std::span<const std::byte> from, std::size_t& at, std::size_t bytes, unsigned shift = 0) const {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const auto byte = std::to_integer<std::uint32_t>(from[at++]);
      value |= byte << (8 * (format_.big_endian ? bytes - 1 - i : i));
    }
    return value << shift;
  }
  void put(std::uint32_t index, std::uint32_t value) {
    picture_.at(std::size_t{y_ + index / w_} * width_ + x_ + index % w_) = value;
  }
  std::vector<std::byte> unpack(int number, std::span<const std::byte> bytes, std::size_t size) {
    auto [place, is_new] = streams_.try_emplace(number);
    z_stream& stream = place->second;
    if (is_new) {
      EXPECT_EQ(::inflateInit(&stream), Z_OK);
    }
    std::vector<std::byte> out(size);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(size);
    const int result = ::inflate(&stream, Z_SYNC_FLUSH);
    EXPECT_TRUE(result == Z_OK || result == Z_BUF_ERROR) << result;
    EXPECT_EQ(stream.avail_in, 0U);
    out.resize(size - stream.avail_out);
    return out;
  }

  void zrle() {
    const std::uint32_t length = number(4);
    const auto plain = unpack(100, in_.subspan(at_, length), std::size_t{w_} * h_ * 5 + 4096);
    at_ += length;
    std::size_t bytes = format_.bytes();
    unsigned shift = 0;
    if (format_.bits_per_pixel == 32 && format_.depth <= 24) {
      const unsigned low = std::min({format_.red_shift, format_.green_shift, format_.blue_shift});
      bytes = 3;
      shift = low >= 8 ? 8 : 0;
    }
    std::size_t at = 0;
    for (std::uint32_t top = 0; top < h_; top += 64) {
      for (std::uint32_t left = 0; left < w_; left += 64) {
        const std::uint32_t tw = std::min(64U, w_ - left);
        const std::uint32_t th = std::min(64U, h_ - top);
        const auto kind = std::to_integer<unsigned>(plain.at(at++));
        ASSERT_LE(kind, 16U);
        std::vector<std::uint32_t> palette;
        for (unsigned i = 0; i < kind; ++i) palette.push_back(pixel(plain, at, bytes, shift));
        const unsigned bits = kind <= 2 ? 1 : kind <= 4 ? 2 : 4;
        for (std::uint32_t y = 0; y < th; ++y) {
          unsigned used = 8;
          unsigned byte = 0;
          for (std::uint32_t x = 0; x < tw; ++x) {
            std::uint32_t value;
            if (kind == 0) {
              value = pixel(plain, at, bytes, shift);
            } else if (kind == 1) {
              value = palette[0];
            } else {
              if (used == 8) {
                byte = std::to_integer<unsigned>(plain.at(at++));
                used = 0;
              }
              value = palette.at((byte >> (8 - bits - used)) & ((1U << bits) - 1));
              used += bits;
            }
            put((top + y) * w_ + left + x, value);
          }
        }
      }
    }
    EXPECT_EQ(at, plain.size());
  }

  std::size_t compact() {
    std::uint32_t value = number(1);
    if ((value & 0x80U) == 0) return value;
    value = (value & 0x7fU) | (number(1) << 7U);
    if ((value & 0x4000U) == 0) return value;
    return (value & 0x3fffU) | (number(1) << 14U);
  }
  std::uint32_t tight_pixel(std::span<const std::byte> from, std::size_t& at) const {
    if (format_.bits_per_pixel != 32 || format_.depth != 24) return pixel(from, at, format_.bytes());
    std::uint32_t value = 0;
    for (const auto shift : {format_.red_shift, format_.green_shift, format_.blue_shift})
      value |= std::to_integer<std::uint32_t>(from[at++]) << shift;
    return value;
  }
  std::size_t tight_pixel_bytes() const {
    return format_.bits_per_pixel == 32 && format_.depth == 24 ? 3 : format_.bytes();
  }
  std::vector<std::byte> basic(int stream, std::size_t size) {
    if (size < 12) {
      const auto bytes = in_.subspan(at_, size);
      at_ += size;
      return {bytes.begin(), bytes.end()};
    }
    const std::size_t length = compact();
    auto plain = unpack(stream, in_.subspan(at_, length), size);
    at_ += length;
    EXPECT_EQ(plain.size(), size);
    return plain;
  }
  void tight() {
    const std::uint32_t control = number(1);
    if (control == 0x80) {
      const std::uint32_t value = tight_pixel(in_, at_);
      for (std::uint32_t i = 0; i < w_ * h_; ++i) put(i, value);
    } else if (control == 0x90) {
      ++jpegs_;
      const std::size_t length = compact();
      std::vector<unsigned char> rgb(std::size_t{3} * w_ * h_);
      tjhandle handle = ::tjInitDecompress();
      EXPECT_EQ(::tjDecompress2(handle, reinterpret_cast<const unsigned char*>(in_.data() + at_), length, rgb.data(),
                                static_cast<int>(w_), 0, static_cast<int>(h_), TJPF_RGB, 0),
                0);
      ::tjDestroy(handle);
      at_ += length;
      std::size_t place = 0;
      for (std::uint32_t i = 0; i < w_ * h_; ++i) put(i, tight_pixel(std::as_bytes(std::span(rgb)), place));
    } else if ((control & 0x40U) != 0) {
      EXPECT_EQ(number(1), 1U);
      const std::uint32_t colours = number(1) + 1;
      std::vector<std::uint32_t> palette;
      for (std::uint32_t i = 0; i < colours; ++i) palette.push_back(tight_pixel(in_, at_));
      const std::size_t row = colours == 2 ? (w_ + 7) / 8 : w_;
      const auto plain = basic(static_cast<int>(control >> 4U & 3U), row * h_);
      for (std::uint32_t i = 0; i < w_ * h_; ++i) {
        const std::uint32_t x = i % w_;
        const auto byte = std::to_integer<unsigned>(plain.at(i / w_ * row + (colours == 2 ? x / 8 : x)));
        put(i, palette.at(colours == 2 ? (byte >> (7 - x % 8)) & 1U : byte));
      }
    } else {
      const auto plain = basic(static_cast<int>(control >> 4U & 3U), tight_pixel_bytes() * w_ * h_);
      std::size_t place = 0;
      for (std::uint32_t i = 0; i < w_ * h_; ++i) put(i, tight_pixel(plain, place));
    }
  }

  const PixelFormat format_;
  std::span<const std::byte> in_;
  std::size_t at_ = 0;
  std::uint32_t x_ = 0, y_ = 0, w_ = 0, h_ = 0, width_ = 0;
  std::vector<std::uint32_t> picture_;
  std::map<int, z_stream> streams_;
  int jpegs_ = 0;
};

const PixelFormat kFormats[] = {
    {},                                                    // as the guest has it
    {.red_shift = 0, .green_shift = 8, .blue_shift = 16},  // the other way round
    {.big_endian = true},
    {.red_shift = 24, .green_shift = 16, .blue_shift = 8},  // CPIXEL leaves out the lowest byte
    {.bits_per_pixel = 32, .depth = 32, .red_shift = 16, .green_shift = 8, .blue_shift = 0},
    {.bits_per_pixel = 16,
     .depth = 16,
     .red_max = 31,
     .green_max = 63,
     .blue_max = 31,
     .red_shift = 11,
     .green_shift = 5,
     .blue_shift = 0},
    {.bits_per_pixel = 16,
     .depth = 16,
     .big_endian = true,
     .red_max = 31,
     .green_max = 63,
     .blue_max = 31,
     .red_shift = 11,
     .green_shift = 5,
     .blue_shift = 0},
    {.bits_per_pixel = 8,
     .depth = 8,
     .red_max = 7,
     .green_max = 7,
     .blue_max = 3,
     .red_shift = 0,
     .green_shift = 3,
     .blue_shift = 6},
};

// Parts of one, two, four, sixteen, some dozens and very many colours.
std::uint32_t colour(std::uint32_t x, std::uint32_t y) {
  switch (y / 40) {
    case 0: return 0x123456;
    case 1: return (x ^ y) & 1U ? 0xffffff : 0x000000;
    case 2: return (x & 3U) * 0x404040;
    case 3: return (x & 15U) * 0x0f1101;
    case 4: return (x % 50) * 0x010305;
    default: return x * 2654435761U ^ y * 40503U * 65537U;
  }
}

constexpr std::uint32_t kWidth = 301;
constexpr std::uint32_t kHeight = 259;

std::vector<std::uint32_t> wanted(const PixelFormat& format) {
  std::vector<std::uint32_t> pixels;
  const auto channel = [](std::uint32_t value, std::uint32_t max) { return (value * max * 2 + 255) / (255 * 2); };
  for (std::uint32_t y = 0; y < kHeight; ++y)
    for (std::uint32_t x = 0; x < kWidth; ++x) {
      const std::uint32_t rgb = colour(x, y);
      pixels.push_back(channel(rgb >> 16U & 0xffU, format.red_max) << format.red_shift |
                       channel(rgb >> 8U & 0xffU, format.green_max) << format.green_shift |
                       channel(rgb & 0xffU, format.blue_max) << format.blue_shift);
    }
  return pixels;
}

std::vector<std::byte> encode(Encoder& encoder, const PixelFormat& format, gpu::Format guest) {
  const PixelConverter converter(format);
  const frame::Frame frame = test::make_frame(kWidth, kHeight, colour, guest);
  std::vector<std::byte> bytes;
  Pixels pixels;
  const gpu::Rect largest = encoder.largest();
  for (std::uint32_t y = 0; y < kHeight; y += largest.height)
    for (std::uint32_t x = 0; x < kWidth; x += largest.width) {
      converter.convert(frame,
                        {.x = x,
                         .y = y,
                         .width = std::min(largest.width, kWidth - x),
                         .height = std::min(largest.height, kHeight - y)},
                        pixels);
      encoder.encode(converter, pixels, static_cast<std::uint16_t>(x), static_cast<std::uint16_t>(y), bytes);
    }
  return bytes;
}

template <class T>
class ExactEncoder : public testing::Test {};
using Encoders = testing::Types<RawEncoder, ZrleEncoder, TightEncoder>;
TYPED_TEST_SUITE(ExactEncoder, Encoders);

TYPED_TEST(ExactEncoder, EveryPixelArrivesInEveryFormat) {
  for (const PixelFormat& format : kFormats) {
    TypeParam encoder;
    const auto bytes = encode(encoder, format, gpu::Format::b8g8r8x8);
    Decoder decoder(format, bytes);
    EXPECT_EQ(decoder.run(kWidth, kHeight), wanted(format)) << "format " << &format - kFormats;
  }
}

TYPED_TEST(ExactEncoder, EveryFormatOfTheGuestsIsRead) {
  for (const gpu::FormatInfo& guest : gpu::all_formats()) {
    TypeParam encoder;
    const auto bytes = encode(encoder, {}, guest.format);
    Decoder decoder({}, bytes);
    EXPECT_EQ(decoder.run(kWidth, kHeight), wanted({})) << guest.name;
  }
}

TYPED_TEST(ExactEncoder, StreamsGoOnFromPictureToPicture) {
  TypeParam encoder;
  std::vector<std::byte> bytes;
  for (int i = 0; i < 3; ++i) {
    const auto more = encode(encoder, {}, gpu::Format::b8g8r8x8);
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  Decoder decoder({}, bytes);
  EXPECT_EQ(decoder.run(kWidth, kHeight), wanted({}));
}

TEST(TightEncoder, ManyColoursAreJpegWhenThatIsWelcome) {
  TightEncoder encoder;
  encoder.set_quality(9);
  const PixelConverter converter{PixelFormat{}};
  const frame::Frame frame =
      test::make_frame(128, 128, [](std::uint32_t x, std::uint32_t y) { return x << 17U | y << 9U | (x + y) / 2; });
  Pixels pixels;
  converter.convert(frame, {.width = 128, .height = 128}, pixels);
  std::vector<std::byte> bytes;
  encoder.encode(converter, pixels, 0, 0, bytes);
  EXPECT_LT(bytes.size(), std::size_t{3} * 128 * 128 / 4);
  Decoder decoder({}, bytes);
  const auto picture = decoder.run(128, 128);
  EXPECT_EQ(decoder.jpegs(), 1);
  for (std::size_t i = 0; i < picture.size(); ++i)
    for (unsigned shift = 0; shift < 24; shift += 8)
      ASSERT_LE(
          std::abs(static_cast<int>(picture[i] >> shift & 0xffU) - static_cast<int>(pixels.values[i] >> shift & 0xffU)),
          6);
}

}  // namespace
}  // namespace hesper::screen::vnc
