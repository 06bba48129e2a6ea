// Fitter: pictures of any size in one of a given size: as large as possible, in the middle, with black beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "gpu/geometry.h"
#include "video/pixels.h"

struct SwsContext;

namespace hesper::screen::record {

// Where a picture of that size goes. Not empty, whatever the sizes.
[[nodiscard]] gpu::Rect fit(std::uint32_t width, std::uint32_t height, std::uint32_t into_width,
                            std::uint32_t into_height) noexcept;

// One thread at a time.
class Fitter {
 public:
  Fitter(std::uint32_t width, std::uint32_t height) : width_(width), height_(height) {}

  // In the picture's format. Borrows this object's memory, until the next call.
  [[nodiscard]] Result<video::Pixels> show(const video::Pixels& picture);

 private:
  struct FreeScaler {
    void operator()(SwsContext* scaler) const noexcept;
  };
  const std::uint32_t width_;
  const std::uint32_t height_;
  std::unique_ptr<SwsContext, FreeScaler> scaler_;
  std::vector<std::byte> bytes_;
  gpu::Rect last_;
};

}  // namespace hesper::screen::record
