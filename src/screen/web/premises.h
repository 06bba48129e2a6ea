// Premises: where a server listens, and the certificate that it shows: what it opens before it begins.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/unique_fd.h"
#include "screen/web/asio.h"
#include "screen/web/server.h"

namespace hesper::screen::web {

struct Premises {
  UniqueFd listener;
  std::uint16_t port = 0;
  bool is_v6 = false;
  std::shared_ptr<asio::ssl::context> tls;  // nullptr: plain

  // Errors: the address cannot be had (EADDRINUSE) or is none, a TLS file cannot be used.
  [[nodiscard]] static Result<Premises> open(const ServerOptions& options);
};

}  // namespace hesper::screen::web
