// CaptureFiles: the files that `--capture` names, one for each client. Opens them; workers write them.
#pragma once

#include <cstddef>
#include <filesystem>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::supervisor {

class CaptureFiles {
 public:
  // Makes the first client's file, which is `first` itself, at once: so that a path that cannot be written is found
  // before any program runs. Errors: it cannot.
  [[nodiscard]] static Result<CaptureFiles> create(std::filesystem::path first);

  // The file of the next client, empty and open for writing: "scene.hsc", "scene-2.hsc", "scene-3.hsc". Replaces what
  // is there. Errors: it cannot be made.
  [[nodiscard]] Result<UniqueFd> next();

 private:
  CaptureFiles(std::filesystem::path first, UniqueFd opened) noexcept
      : first_(std::move(first)), opened_(std::move(opened)) {}

  std::filesystem::path first_;
  UniqueFd opened_;  // the first file, until it is used
  std::size_t used_ = 0;
};

}  // namespace hesper::supervisor
