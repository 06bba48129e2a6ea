// parse_web_address, which the command line needs without the server.
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "screen/web/web.h"

namespace hesper::screen {
namespace {

// Not a number: `port` stays as it is.
bool read_port(std::string_view text, std::uint16_t& port) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  port = number;
  return true;
}

}  // namespace

Result<void> parse_web_address(std::string text, WebOptions& options) {
  const auto wrong = [&] {
    return fail(fmt::format("'{}' is not an address to listen at: ADDRESS:PORT, ADDRESS or PORT.", text), EINVAL);
  };
  std::string_view rest = text;
  if (rest.empty() || read_port(rest, options.port)) return {};
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return wrong();
    options.address = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (rest.empty()) return {};
  } else {
    const auto colon = rest.find(':');
    // Without brackets, several colons are an IPv6 address.
    if (colon == std::string_view::npos || rest.find(':', colon + 1) != std::string_view::npos) {
      options.address = rest;
      return {};
    }
    options.address = rest.substr(0, colon);
    rest.remove_prefix(colon);
  }
  if (!rest.starts_with(':') || !read_port(rest.substr(1), options.port)) return wrong();
  return {};
}

}  // namespace hesper::screen
