// hesper capture: has a worker show what is in a capture, which may be a stranger's file and is read nowhere else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace hesper::cli {

struct CaptureOptions {
  std::filesystem::path file;
  bool json = false;
  std::string commands;  // of show: "N..M", "N..", "..M" or "N"; empty: all
  std::optional<std::uint32_t> stream;
};

enum class CaptureView : std::uint8_t { show, info };

// Returns the worker's exit status (worker_show.h), 128 + N if signal N ended it, 1 if it cannot start. Errors are
// logged.
[[nodiscard]] int show_capture_file(const char* argv0, CaptureView view, const CaptureOptions& options);

}  // namespace hesper::cli
