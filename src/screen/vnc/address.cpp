// Address: taken apart.
#include "screen/vnc/address.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace hesper::screen::vnc {

Result<Address> Address::parse(const std::string& text) {
  const auto refuse = [&](std::string_view why) {
    return fail(fmt::format("'{}' is no address to listen at: {} Write ADDRESS:PORT or unix:PATH.", text, why));
  };
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) {
    if (text.size() == kUnix.size()) return refuse("the path is missing.");
    return Address{.path = text.substr(kUnix.size())};
  }
  Address address;
  std::string_view rest = text;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return refuse("a bracket is missing.");
    address.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    const std::size_t end = rest.find(':');
    address.host = rest.substr(0, end);
    rest.remove_prefix(std::min(end, rest.size()));
  }
  if (address.host.empty()) return refuse("the address is missing.");
  if (rest.empty()) return address;
  std::uint16_t port = 0;
  const char* last = rest.data() + rest.size();
  const auto [end, error] = std::from_chars(rest.data() + 1, last, port);
  if (rest.front() != ':' || error != std::errc{} || end != last)
    return refuse("the port is not a number up to 65535.");
  address.port = port;
  return address;
}

}  // namespace hesper::screen::vnc
