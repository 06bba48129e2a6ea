// Refusals: counters and sentences.
#include "screen/web/refusals.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/log.h"

namespace hesper::screen::web {
namespace {

constexpr std::chrono::minutes kBetweenLines{10};

struct Words {
  std::string_view name;
  std::string_view sentence;
};
// In the order of the enum.
constexpr std::array<Words, kRefusals> kWords = {{
    {"too_many_connections", "there are too many connections"},
    {"too_slow", "it took too long to say what it wants"},
    {"bad_request", "its request cannot be understood"},
    {"foreign_host", "its Host header names another server (--web-name allows a name)"},
    {"foreign_origin", "a page of another server opened it"},
    {"no_token", "it gave no token"},
    {"wrong_token", "its token is wrong"},
    {"too_many_viewers", "there are as many viewers as allowed (--web-viewers)"},
    {"bad_message", "it sent a message that the protocol does not have"},
}};

}  // namespace

std::string_view name_of(Refusal refusal) noexcept { return kWords[static_cast<std::size_t>(refusal)].name; }

Refusals::Refusals(std::function<Clock::time_point()> now, Write write)
    : now_(now ? std::move(now) : Clock::now),
      write_(write ? std::move(write) : [](std::string_view line) { log::warn("{}", line); }) {}

void Refusals::count(Refusal refusal, std::string_view peer) {
  Kind& kind = kinds_[static_cast<std::size_t>(refusal)];
  const bool first = kind.total++ == 0;
  const auto now = now_();
  if (!first && now - kind.told < kBetweenLines) {
    ++kind.untold;
    return;
  }
  kind.told = now;
  const auto untold = std::exchange(kind.untold, 0);
  const auto sentence = kWords[static_cast<std::size_t>(refusal)].sentence;
  write_(untold == 0 ? fmt::format("The web server turned away {}: {}. Further ones are counted.", peer, sentence)
                     : fmt::format("The web server turned away {}, and {} before it: {}.", peer, untold, sentence));
}

}  // namespace hesper::screen::web
