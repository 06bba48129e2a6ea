// Stills: what changes of a picture, as tiles that every browser can show: for viewers without a video decoder, and for
// those who want each pixel as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "gpu/geometry.h"
#include "video/pixels.h"

namespace hesper::video {

enum class StillFormat : std::uint8_t {
  jpeg,  // nearly as it is
  png,   // as it is; alpha is left out
};

struct StillSettings {
  StillFormat format = StillFormat::jpeg;
  // Of JPEG, 1 to 100. From 80 on chroma is not halved, so that coloured text stays sharp.
  int quality = 85;
};

struct Still {
  gpu::Rect place;  // in the picture
  StillFormat format = StillFormat::jpeg;
  std::vector<std::byte> bytes;  // a whole file
};

inline constexpr std::uint32_t kTileSize = 256;  // pixels, both ways; those at the right and below are smaller

// One viewer's. Remembers what it has given out, and gives out nothing twice. One thread at a time.
class Stills {
 public:
  // Of pictures of this size.
  Stills(std::uint32_t width, std::uint32_t height);
  Stills(Stills&&) noexcept;
  Stills& operator=(Stills&&) noexcept;
  ~Stills();

  // The tiles that `damage` touches, if they differ from what was given out before, or were given out as JPEG and are
  // wanted as PNG now. Each byte is read once; what is given out is what is remembered.
  [[nodiscard]] Result<std::vector<Still>> changed(const Pixels& pixels, std::span<const gpu::Rect> damage,
                                                   const StillSettings& settings);
  // Where the viewer has something that is only nearly right: as damage for another changed() with PNG.
  [[nodiscard]] std::vector<gpu::Rect> inexact() const;
  // The viewer has nothing any more.
  void forget();

 private:
  struct Tile;
  class Coder;
  [[nodiscard]] gpu::Rect place_of(std::size_t tile) const noexcept;

  std::uint32_t width_;
  std::uint32_t height_;
  std::uint32_t columns_;
  std::vector<Tile> tiles_;
  std::unique_ptr<Coder> coder_;
};

}  // namespace hesper::video
