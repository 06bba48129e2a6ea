// PrivateDirectory: a fresh folder that only this user may enter, for a socket. Removed with all that is in it.
#pragma once

#include <filesystem>
#include <utility>

#include "base/error.h"

namespace hesper::cli {

class Environment;

class PrivateDirectory {
 public:
  // In XDG_RUNTIME_DIR, or in /tmp where that is unset, not writable or too long for a socket's path.
  [[nodiscard]] static Result<PrivateDirectory> create(const Environment& environment);

  PrivateDirectory(PrivateDirectory&& from) noexcept : path_(std::exchange(from.path_, {})), keep_(from.keep_) {}
  PrivateDirectory& operator=(PrivateDirectory&&) = delete;
  ~PrivateDirectory();

  // It stays when this goes.
  void keep() noexcept { keep_ = true; }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit PrivateDirectory(std::filesystem::path path) noexcept : path_(std::move(path)) {}

  std::filesystem::path path_;
  bool keep_ = false;
};

}  // namespace hesper::cli
