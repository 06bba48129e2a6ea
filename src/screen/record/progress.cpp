// Progress lines.
#include "screen/record/progress.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/tell.h"

namespace hesper::screen::record {
namespace {

std::string size_of(std::uint64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (number < 1e6) return fmt::format("{:.0f} kB", number / 1e3);
  if (number < 1e9) return fmt::format("{:.1f} MB", number / 1e6);
  return fmt::format("{:.2f} GB", number / 1e9);
}

}  // namespace

Progress::Progress(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const Totals& totals) {
  const auto now = std::chrono::steady_clock::now();
  if (!wanted_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  shown_ = true;
  const std::string text = totals.frames == 0
                               ? "waiting for a picture"
                               : fmt::format("{:%T}  {} frames  {}", std::chrono::seconds(std::lround(totals.seconds)),
                                             totals.frames, size_of(totals.bytes));
  tell("\r\033[Krecording  {}", text);
}

void Progress::clear() {
  if (!std::exchange(shown_, false)) return;
  tell("\r\033[K");
}

std::string describe(const Totals& totals) {
  return fmt::format("{} frames in {:.1f} s, {}", totals.frames, totals.seconds, size_of(totals.bytes));
}

std::string to_json(const std::filesystem::path& file, const Totals& totals) {
  return nlohmann::ordered_json{{"file", file.native()},     {"frames", totals.frames},    {"seconds", totals.seconds},
                                {"bytes", totals.bytes},     {"width", totals.width},      {"height", totals.height},
                                {"encoder", totals.encoder}, {"complete", totals.complete}}
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace hesper::screen::record
