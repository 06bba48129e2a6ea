// hesper prove: a tiny guest that draws known pictures through the whole path (proof/proof.h). hesper doctor ends with
// the same.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "proof/proof.h"

namespace hesper::cli {

struct ProveOptions {
  std::string accelerator = "auto";   // as hesper run takes it
  std::string architecture;           // empty: the host's
  std::string qemu;                   // empty: qemu-system-ARCHITECTURE
  std::filesystem::path host_driver;  // empty: the loader's choice
  std::optional<std::string> window;  // bytes, as hesper gpu takes them
  std::string guest_memory;           // "memory-first" or "blob-first"; empty: hesper gpu chooses
  bool vulkan = true;                 // false: only the picture of the guest's processor
  double seconds = 12;                // that it may take
  bool keep = false;                  // leave the folder with the logs of its processes behind
  bool json = false;
};

CLI::App* add_prove_command(CLI::App& app, ProveOptions& options);

// Its processes are this program and those beside it. Nothing of them is left, unless options.keep.
// Errors: it could not even begin.
[[nodiscard]] Result<proof::Proof> prove(const char* argv0, const ProveOptions& options);
// docs/proof.md has the keys.
[[nodiscard]] nlohmann::json to_json(const proof::Proof& proof);

// Prints it. Returns 0 if it passes, 1 if not.
[[nodiscard]] int prove_and_print(const char* argv0, const ProveOptions& options);

}  // namespace hesper::cli
