// with_values(): tells addresses from names of files.
#include "cli/optional_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace hesper::cli {
namespace {

constexpr std::array<std::string_view, 3> kCommands = {"export", "run", "view"};
// Also the default of both options.
constexpr std::string_view kHere = "127.0.0.1";

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

bool is_host(std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string host(text);
  return host == "localhost" || ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

// A host by its name counts only with a port: without, it looks as a file does. What is wrong with an address is for
// the option to say.
bool is_address(std::string_view text) {
  if (text.starts_with("unix:")) return true;
  if (text.contains('/')) return false;
  if (is_port(text) || is_host(text) || text.starts_with('[')) return true;
  const auto colon = text.rfind(':');
  return colon != std::string_view::npos && (is_host(text.substr(0, colon)) || is_port(text.substr(colon + 1)));
}

}  // namespace

std::vector<std::string> with_values(std::span<char* const> words) {
  std::vector<std::string> result(words.begin(), words.end());
  if (result.empty() || !std::ranges::contains(kCommands, result.front())) return result;
  for (auto word = result.begin(); word != result.end(); ++word) {
    if (*word == "--") break;
    if (*word != "--web" && *word != "--vnc") continue;
    const auto next = std::next(word);
    if (next != result.end() && is_address(*next)) {
      *word += '=' + *next;
      word = std::prev(result.erase(next));
    } else {
      word->append("=").append(kHere);
    }
  }
  return result;
}

}  // namespace hesper::cli
