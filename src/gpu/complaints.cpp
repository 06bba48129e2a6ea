// Complaints: a bucket of tokens.
#include "gpu/complaints.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace hesper::gpu {
namespace {

constexpr std::uint32_t kBurst = 10;
constexpr std::chrono::seconds kPerLine{1};

}  // namespace

Complaints::Complaints(std::function<Clock::time_point()> now, Write write)
    : now_(now ? std::move(now) : Clock::now),
      write_(write ? std::move(write) : [](std::string_view line) { log::warn("{}", line); }),
      last_(now_()),
      allowed_(kBurst) {}

void Complaints::complain(std::string_view line) {
  const auto earned = (now_() - last_) / kPerLine;
  if (earned > 0) {
    allowed_ = static_cast<std::uint32_t>(std::min<std::int64_t>(allowed_ + earned, kBurst));
    last_ += earned * kPerLine;
  }
  if (allowed_ == 0) {
    ++left_out_;
    return;
  }
  --allowed_;
  const std::uint64_t left_out = std::exchange(left_out_, 0);
  write_(left_out == 0 ? std::string(line) : fmt::format("{} ({} lines before it were left out.)", line, left_out));
}

}  // namespace hesper::gpu
