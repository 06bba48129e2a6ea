// Who may come in: tokens, and the Host and Origin of a request. Pure comparisons; refusing is the server's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hesper::screen::web {

enum class Role : std::uint8_t {
  none,
  viewer,    // sees
  operator_  // sees, types and points
};

// 256 bits from the system as 64 hexadecimal digits. Ends the process if the system has none.
[[nodiscard]] std::string make_token();

// The token with which one can only look, from the one with which one can do all; not the other way round.
[[nodiscard]] std::string derive_view_token(std::string_view token);

class Tokens {
 public:
  // full: not empty. view_only: empty: there is none.
  Tokens(std::string full, std::string view_only) : full_(std::move(full)), view_only_(std::move(view_only)) {}

  // In a time that does not depend on how much of a token was right.
  [[nodiscard]] Role role_of(std::string_view token) const noexcept;
  [[nodiscard]] const std::string& full() const noexcept { return full_; }
  [[nodiscard]] const std::string& view_only() const noexcept { return view_only_; }

 private:
  std::string full_;
  std::string view_only_;
};

// Whether a Host header names this server: an IP address, localhost or a name below it, or one of `names`; with any
// port, as there may be a tunnel. A page of somebody who lets his own name lead here ("DNS rebinding") is told apart.
[[nodiscard]] bool is_our_host(std::string_view host, std::span<const std::string> names) noexcept;

// Whether an Origin header is that of the page that this server gave out to the same Host. Browsers send one with each
// WebSocket; `origin` empty is not a browser, and the token decides alone.
[[nodiscard]] bool is_our_origin(std::string_view origin, std::string_view host) noexcept;

// The value of `name` in the query of a request's target; empty: not there. Not decoded: tokens need not be.
[[nodiscard]] std::string_view query_value(std::string_view target, std::string_view name) noexcept;
// The target without its query.
[[nodiscard]] std::string_view path_of(std::string_view target) noexcept;
// The token of "Authorization: Bearer TOKEN"; empty: none.
[[nodiscard]] std::string_view bearer_token(std::string_view authorization) noexcept;
// The token among the subprotocols that a WebSocket offers; empty: none.
[[nodiscard]] std::string_view offered_token(std::string_view subprotocols) noexcept;
[[nodiscard]] bool offers_protocol(std::string_view subprotocols, std::string_view protocol) noexcept;

}  // namespace hesper::screen::web
