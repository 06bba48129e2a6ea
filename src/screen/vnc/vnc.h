// Displays for VNC viewers, as an output of hesper-view. docs/vnc.md is the manual.
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

struct VncOptions {
  // Where the first display listens: "ADDRESS:PORT", "[ADDRESS]:PORT", "ADDRESS" or "unix:PATH". Without a port it is
  // 5900 or the next one that is free. The next display has the next port, or ".1" and so on behind the path.
  std::string address = "127.0.0.1";
  bool allow_remote = false;            // an address that other machines can reach
  std::filesystem::path password_file;  // its first line; empty: no password
  std::filesystem::path certificate;    // PEM; with `key`: TLS only
  std::filesystem::path key;
  std::vector<std::uint32_t> displays;  // empty: those that are connected in the beginning
  bool view_only = false;
  std::size_t most_viewers = 16;  // of all displays together
  std::string name = "Hesper";    // in the title of viewers' windows
};

// Reads password and certificate; listens when it begins. Errors: an address, password or certificate that cannot be
// used.
[[nodiscard]] Result<Prepared> prepare_vnc(const VncOptions& options, const Preparing& preparing);

}  // namespace hesper::screen
