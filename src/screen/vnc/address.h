// Address: where a server shall listen, as it is written on a command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"

namespace hesper::screen::vnc {

struct Address {
  std::filesystem::path path;  // of a Unix socket; empty: host and port
  std::string host;
  std::optional<std::uint16_t> port;  // none: any that is free

  // "ADDRESS:PORT", "[ADDRESS]:PORT", "ADDRESS" or "unix:PATH".
  [[nodiscard]] static Result<Address> parse(const std::string& text);
};

}  // namespace hesper::screen::vnc
