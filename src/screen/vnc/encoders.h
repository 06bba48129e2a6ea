// Encoders: rectangles of pixels as Raw, ZRLE and Tight. Know no socket and no frame.
// Spec: RFC 6143, "Raw Encoding", "ZRLE"; rfbproto.rst, "Tight Encoding".
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "gpu/geometry.h"
#include "screen/vnc/pixel_converter.h"
#include "screen/vnc/zlib_stream.h"

namespace hesper::screen::vnc {

// One viewer's: has the state of its streams. One thread at a time.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // The largest rectangle that encode() takes, in pixels.
  [[nodiscard]] virtual gpu::Rect largest() const noexcept = 0;
  // Appends the rectangle, whose top left pixel is at x, y of the picture, with its head.
  virtual void encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
                      std::vector<std::byte>& to) = 0;
};

class RawEncoder final : public Encoder {
 public:
  [[nodiscard]] gpu::Rect largest() const noexcept override;
  void encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
              std::vector<std::byte>& to) override;
};

class ZrleEncoder final : public Encoder {
 public:
  [[nodiscard]] gpu::Rect largest() const noexcept override;
  void encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
              std::vector<std::byte>& to) override;

 private:
  void append_tile(const PixelConverter& converter, const Pixels& pixels, const gpu::Rect& tile);

  ZlibStream stream_{1};
  std::vector<std::byte> plain_;
  std::vector<std::uint32_t> tile_;
};

class TightEncoder final : public Encoder {
 public:
  TightEncoder();
  ~TightEncoder() override;

  // 0 to 9: rectangles of many colours may be JPEG; nothing: never, so that all are exact.
  void set_quality(std::optional<int> quality) noexcept { quality_ = quality; }

  [[nodiscard]] gpu::Rect largest() const noexcept override;
  void encode(const PixelConverter& converter, const Pixels& pixels, std::uint16_t x, std::uint16_t y,
              std::vector<std::byte>& to) override;

 private:
  void append_palette(const PixelConverter& converter, const Pixels& pixels, std::vector<std::byte>& to);
  [[nodiscard]] bool append_jpeg(const PixelConverter& converter, const Pixels& pixels, std::vector<std::byte>& to);
  void append_basic(unsigned stream, std::vector<std::byte>& to);
  [[nodiscard]] bool find_palette(const Pixels& pixels);

  struct Jpeg;
  std::optional<int> quality_;
  std::unique_ptr<Jpeg> jpeg_;
  std::array<ZlibStream, 3> streams_;  // of full colour, of two colours, of a palette
  std::vector<std::byte> plain_;
  std::vector<std::uint32_t> palette_;
};

}  // namespace hesper::screen::vnc
