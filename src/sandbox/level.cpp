// Names of levels.
#include "sandbox/level.h"

#include <array>

namespace hesper::sandbox {

std::optional<Level> parse_level(std::string_view name) noexcept {
  for (const Level level : {Level::off, Level::basic, Level::strict})
    if (name == name_of(level)) return level;
  return std::nullopt;
}

const char* name_of(Level level) noexcept {
  switch (level) {
    case Level::off: return "off";
    case Level::basic: return "basic";
    case Level::strict: return "strict";
  }
  return "off";
}

}  // namespace hesper::sandbox
