// Web: the screens in browsers, as an output of hesper-view: a Server with what the user asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "screen/output.h"

namespace hesper::screen {

struct WebOptions {
  std::string address = "127.0.0.1";  // an IP address
  std::uint16_t port = 0;             // 0: the one it had before, or else one that is free
  bool allow_remote = false;          // the address may be another than loopback
  std::string title;                  // of the page; empty: the virtual machine's name
  std::vector<std::string> names;     // host names under which it may be asked for, beside addresses and localhost
  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  std::vector<std::string> encoders;  // of FFmpeg, those to prefer first; empty: all that work here
  std::size_t viewers = 8;            // at once
  double max_fps = 60;
  std::uint64_t max_bitrate = 40'000'000;  // bits a second, for one viewer
};

// "ADDRESS:PORT", "ADDRESS" or "PORT"; an IPv6 address stands in brackets where a port follows. Errors: a sentence.
[[nodiscard]] Result<void> parse_web_address(std::string text, WebOptions& options);

// Listens from here on; whoever connects is served when it begins. The token is that of preparing.state. Errors: the
// address cannot be had, a TLS file cannot be used.
[[nodiscard]] Result<Prepared> prepare_web(const WebOptions& options, const Preparing& preparing);

}  // namespace hesper::screen
