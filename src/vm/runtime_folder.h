// Runtime folders: where the sockets of running virtual machines are, one folder each, and who runs. Nothing is written
// there that has to be true: a machine runs if somebody answers at its control socket.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/socket.h"

namespace hesper::vm {

// The folder of all virtual machines of this user: XDG_RUNTIME_DIR/hesper, or /tmp/hesper-UID where that is unset or
// too long for a socket's path. Made if need be, with mode 0700.
// Errors: it is somebody else's, or others may enter it.
[[nodiscard]] Result<std::filesystem::path> runtime_root(const std::optional<std::string>& xdg_runtime_dir);

[[nodiscard]] std::filesystem::path control_socket(const std::filesystem::path& folder);

// A machine's own folder. Removed with all that is in it, unless it is another one's by then.
class RuntimeFolder {
 public:
  // Makes root/NAME and listens at its control socket. What a machine left behind that did not get to remove it is
  // replaced. wanted: a name that must be free (EADDRINUSE otherwise). Without one: NAME, or NAME-2, and so on.
  [[nodiscard]] static Result<RuntimeFolder> claim(const std::filesystem::path& root, std::string_view name,
                                                   bool wanted);
  // An existing folder, for who is to remove it when its owner cannot.
  [[nodiscard]] static Result<RuntimeFolder> open(const std::filesystem::path& folder);

  RuntimeFolder(RuntimeFolder&& from) noexcept;
  RuntimeFolder& operator=(RuntimeFolder&&) = delete;
  ~RuntimeFolder();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::string name() const { return path_.filename().native(); }
  // Nothing after open().
  [[nodiscard]] const std::optional<platform::Listener>& control() const noexcept { return control_; }

  // Gives it up without removing it.
  void forget() noexcept { path_.clear(); }

 private:
  RuntimeFolder(std::filesystem::path path, UniqueFd fd, std::optional<platform::Listener> control) noexcept
      : path_(std::move(path)), fd_(std::move(fd)), control_(std::move(control)) {}

  std::filesystem::path path_;  // empty: nothing to remove
  UniqueFd fd_;                 // so that it can be told from a later one of the same name
  std::optional<platform::Listener> control_;
};

// The folders of machines that answer, in the order of their names.
[[nodiscard]] std::vector<std::filesystem::path> running_machines(const std::filesystem::path& root);

// The one of this name, or if that is empty the only one that runs. Errors: there is none, or there are several.
[[nodiscard]] Result<std::filesystem::path> find_machine(const std::filesystem::path& root, std::string_view name);

}  // namespace hesper::vm
