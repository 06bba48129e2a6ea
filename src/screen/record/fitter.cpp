// Fitter, through libswscale.
#include "screen/record/fitter.h"

#include <algorithm>
#include <array>

extern "C" {
#include <libswscale/swscale.h>
}

namespace hesper::screen::record {
namespace {

AVPixelFormat format_of(gpu::Format format) {
  const gpu::FormatInfo& info = gpu::format_info(format);
  if (info.red == 0) return AV_PIX_FMT_RGB0;
  if (info.red == 1) return AV_PIX_FMT_0RGB;
  return info.red == 2 ? AV_PIX_FMT_BGR0 : AV_PIX_FMT_0BGR;
}

}  // namespace

gpu::Rect fit(std::uint32_t width, std::uint32_t height, std::uint32_t into_width, std::uint32_t into_height) noexcept {
  const std::uint64_t by_width = std::uint64_t{height} * into_width / width;
  const std::uint64_t by_height = std::uint64_t{width} * into_height / height;
  const auto at_least_one = [](std::uint64_t pixels) {
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(pixels, 1));
  };
  gpu::Rect place{.width = into_width, .height = into_height};
  if (by_width <= into_height)
    place.height = at_least_one(by_width);
  else
    place.width = at_least_one(by_height);
  place.x = (into_width - place.width) / 2;
  place.y = (into_height - place.height) / 2;
  return place;
}

void Fitter::FreeScaler::operator()(SwsContext* scaler) const noexcept { sws_freeContext(scaler); }

Result<video::Pixels> Fitter::show(const video::Pixels& picture) {
  const gpu::Rect place = fit(picture.width, picture.height, width_, height_);
  const AVPixelFormat format = format_of(picture.format);
  scaler_.reset(sws_getCachedContext(scaler_.release(), static_cast<int>(picture.width),
                                     static_cast<int>(picture.height), format, static_cast<int>(place.width),
                                     static_cast<int>(place.height), format, SWS_AREA, nullptr, nullptr, nullptr));
  if (!scaler_) return fail("A picture cannot be scaled to the recording's size.");
  const std::size_t stride = std::size_t{gpu::kBytesPerPixel} * width_;
  if (!(place == last_)) {
    bytes_.assign(stride * height_, std::byte{0});
    last_ = place;
  }
  const std::uint8_t* const from[] = {reinterpret_cast<const std::uint8_t*>(picture.bytes.data()), nullptr, nullptr,
                                      nullptr};
  const int from_stride[] = {static_cast<int>(picture.stride), 0, 0, 0};
  std::byte* first = &bytes_[stride * place.y + std::size_t{gpu::kBytesPerPixel} * place.x];
  std::uint8_t* const to[] = {reinterpret_cast<std::uint8_t*>(first), nullptr, nullptr, nullptr};
  const int to_stride[] = {static_cast<int>(stride), 0, 0, 0};
  sws_scale(scaler_.get(), from, from_stride, 0, static_cast<int>(picture.height), to, to_stride);
  return video::Pixels{.format = picture.format, .width = width_, .height = height_, .stride = stride, .bytes = bytes_};
}

}  // namespace hesper::screen::record
