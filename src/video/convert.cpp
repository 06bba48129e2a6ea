// Conversion: which rectangle, with which coefficients, on which machine. The loops are in convert_kernel.h.
#include "video/convert.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "video/convert_machines.h"

namespace hesper::video {
namespace {

// Coefficients in 1/32768. Those of a chroma add up to 0, so that greys have none, and those of luma to little enough
// that white is 235: nothing has to be clamped.
struct Coefficients {
  std::int32_t red, green, blue;
};
constexpr Coefficients kY{.red = 5983, .green = 20127, .blue = 2032};
constexpr Coefficients kCb{.red = -3298, .green = -11094, .blue = 14392};
constexpr Coefficients kCr{.red = 14392, .green = -13072, .blue = -1320};

// The same, for pixels that are read as words of this machine.
Weights weights_of(const Coefficients& of, gpu::Format format) noexcept {
  const gpu::FormatInfo& info = gpu::format_info(format);
  Weights weights{};
  const auto byte = [](int in_memory) {
    return std::endian::native == std::endian::little ? in_memory : 3 - in_memory;
  };
  weights.of_byte[byte(info.red)] = of.red;
  weights.of_byte[byte(info.green)] = of.green;
  weights.of_byte[byte(info.blue)] = of.blue;
  return weights;
}

}  // namespace

gpu::Rect touched_by(const gpu::Rect& damage, const Planes& planes) noexcept {
  if (damage.empty() || !halves_chroma(planes.layout)) return damage;
  const auto even = [](std::uint64_t number) { return static_cast<std::uint32_t>(number & ~std::uint64_t{1}); };
  const std::uint32_t x = even(damage.x);
  const std::uint32_t y = even(damage.y);
  // The last column, if odd, has a part in the chroma around the next one.
  const std::uint32_t right = std::min(planes.width, even(damage.right()) + 2);
  const std::uint32_t bottom = std::min(planes.height, even(damage.bottom() + 1));
  return {.x = x, .y = y, .width = right - x, .height = bottom - y};
}

bool can_use([[maybe_unused]] Machine machine) noexcept {
#if defined(__x86_64__)
  if (machine == Machine::avx2) return __builtin_cpu_supports("avx2") != 0;
  if (machine == Machine::avx512)
    return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
           __builtin_cpu_supports("avx512dq") != 0;
#endif
  return machine == Machine::baseline;
}

Machine best_machine() noexcept {
  static const Machine best = can_use(Machine::avx512) ? Machine::avx512
                              : can_use(Machine::avx2) ? Machine::avx2
                                                       : Machine::baseline;
  return best;
}

void convert(const Pixels& from, const gpu::Rect& damage, const Planes& to, [[maybe_unused]] Machine machine) noexcept {
  HESPER_CHECK(damage.fits(from.width, from.height) && from.width <= to.width && from.height <= to.height);
  const gpu::Rect part = touched_by(damage, to);
  if (part.empty()) return;
  const std::uint32_t chroma = halves_chroma(to.layout) ? 2 : 1;
  Job job{.from = from.row(part.y) + std::size_t{gpu::kBytesPerPixel} * part.x,
          .from_stride = from.stride,
          .has_left = part.x > 0,
          .readable_width = std::min(part.width, from.width - part.x),
          .readable_height = std::min(part.height, from.height - part.y),
          .layout = to.layout,
          .to = {},
          .to_stride = {to.stride[0], to.stride[1], to.stride[2]},
          .luma = weights_of(kY, from.format),
          .cb = weights_of(kCb, from.format),
          .cr = weights_of(kCr, from.format)};
  job.to[0] = to.first[0] + to.stride[0] * part.y + part.x;
  const std::size_t chroma_x = to.layout == Layout::nv12 ? part.x : part.x / chroma;
  job.to[1] = to.first[1] + to.stride[1] * (part.y / chroma) + chroma_x;
  if (to.layout != Layout::nv12) job.to[2] = to.first[2] + to.stride[2] * (part.y / chroma) + chroma_x;
#if defined(__x86_64__)
  if (machine == Machine::avx2) return convert_avx2(job);
  if (machine == Machine::avx512) return convert_avx512(job);
#endif
  convert_baseline(job);
}

}  // namespace hesper::video
