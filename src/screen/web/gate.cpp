// Comparisons of who asks.
#include "screen/web/gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>

#include "base/check.h"
#include "screen/web/protocol.h"

namespace hesper::screen::web {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) noexcept {
  return text.size() >= end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

bool same_secret(std::string_view given, std::string_view secret) noexcept {
  // How long tokens are is no secret.
  return !secret.empty() && given.size() == secret.size() &&
         CRYPTO_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

// "[::1]:80" is ::1, "name:80" is name.
std::string_view without_port(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view() : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string hexadecimal(std::span<const unsigned char> bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

// Calls found(item) for each item of a list with commas until it says true; that item, or empty.
template <class Found>
std::string_view find_item(std::string_view list, Found found) noexcept {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto item = trimmed(list.substr(0, comma));
    if (found(item)) return item;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return {};
}

}  // namespace

std::string make_token() {
  std::array<unsigned char, 32> bytes;
  HESPER_CHECK(RAND_bytes(bytes.data(), bytes.size()) == 1);
  return hexadecimal(bytes);
}

std::string derive_view_token(std::string_view token) {
  const std::string text = fmt::format("hesper view only {}", token);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  HESPER_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return hexadecimal(digest);
}

Role Tokens::role_of(std::string_view token) const noexcept {
  const bool full = same_secret(token, full_);
  const bool view_only = same_secret(token, view_only_);
  return full ? Role::operator_ : view_only ? Role::viewer : Role::none;
}

bool is_our_host(std::string_view host, std::span<const std::string> names) noexcept {
  const auto name = without_port(host);
  if (name.empty()) return false;
  if (equal_ignoring_case(name, "localhost") || ends_with_ignoring_case(name, ".localhost")) return true;
  boost::system::error_code error;
  (void)boost::asio::ip::make_address(name, error);
  if (!error) return true;
  return std::ranges::any_of(names, [&](const std::string& ours) { return equal_ignoring_case(name, ours); });
}

bool is_our_origin(std::string_view origin, std::string_view host) noexcept {
  if (origin.empty()) return true;
  // A proxy before us may speak TLS, so either scheme is right.
  for (const std::string_view scheme : {"https://", "http://"})
    if (origin.starts_with(scheme)) return equal_ignoring_case(origin.substr(scheme.size()), host);
  return false;  // "null" among them
}

std::string_view path_of(std::string_view target) noexcept { return target.substr(0, target.find('?')); }

std::string_view query_value(std::string_view target, std::string_view name) noexcept {
  const auto question = target.find('?');
  if (question == std::string_view::npos) return {};
  auto query = target.substr(question + 1);
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

std::string_view bearer_token(std::string_view authorization) noexcept {
  constexpr std::string_view kScheme = "Bearer ";
  return authorization.starts_with(kScheme) ? trimmed(authorization.substr(kScheme.size())) : std::string_view();
}

std::string_view offered_token(std::string_view subprotocols) noexcept {
  const auto item =
      find_item(subprotocols, [](std::string_view protocol) { return protocol.starts_with(kTokenProtocol); });
  return item.empty() ? item : item.substr(kTokenProtocol.size());
}

bool offers_protocol(std::string_view subprotocols, std::string_view protocol) noexcept {
  return !find_item(subprotocols, [&](std::string_view item) { return item == protocol; }).empty();
}

}  // namespace hesper::screen::web
