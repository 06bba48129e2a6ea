// Claiming, finding and removing runtime folders. Who claims or removes one holds a lock on their root meanwhile.
#include "vm/runtime_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "vm/machine.h"

namespace hesper::vm {
namespace {

constexpr std::size_t kLongestRoot = 60;  // leaves room for "/NAME/share-99.pid" in macOS's 104 bytes

Result<UniqueFd> open_folder(const std::filesystem::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("The folder '{}' cannot be opened", folder.native()), errno);
  return fd;
}

// Unlocked when it is closed.
Result<UniqueFd> lock(const std::filesystem::path& root) {
  auto fd = open_folder(root);
  if (!fd) return fd;
  while (::flock(fd->get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail_errno(fmt::format("The folder '{}' cannot be locked", root.native()), errno);
  return fd;
}

bool is_same(int fd, const std::filesystem::path& folder) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(fd, &opened) == 0 && ::lstat(folder.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

bool answers(const std::filesystem::path& folder) { return platform::connect_to(control_socket(folder)).has_value(); }

void remove_folder(const std::filesystem::path& folder) {
  std::error_code ignored;  // nothing more can be done about it
  std::filesystem::remove_all(folder, ignored);
}

// The root is locked.
Result<std::pair<UniqueFd, platform::Listener>> make(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0) {
    if (errno != EEXIST) return fail_errno(fmt::format("The folder '{}' cannot be made", folder.native()), errno);
    if (answers(folder))
      return fail(fmt::format("A virtual machine with the name '{0}' runs already. Choose another one with --name, or "
                              "end it with: hesper stop {0}",
                              folder.filename().native()),
                  EADDRINUSE);
    remove_folder(folder);
    if (::mkdir(folder.c_str(), 0700) != 0)
      return fail_errno(fmt::format("The folder '{}' cannot be made", folder.native()), errno);
  }
  auto fd = open_folder(folder);
  if (!fd) return std::unexpected(std::move(fd.error()));
  auto listener = platform::Listener::at(control_socket(folder));
  if (!listener) return std::unexpected(std::move(listener.error()));
  return std::pair(std::move(*fd), std::move(*listener));
}

}  // namespace

Result<std::filesystem::path> runtime_root(const std::optional<std::string>& xdg_runtime_dir) {
  std::filesystem::path root = fmt::format("/tmp/hesper-{}", ::geteuid());
  if (xdg_runtime_dir && xdg_runtime_dir->starts_with('/') && xdg_runtime_dir->size() < kLongestRoot)
    root = std::filesystem::path(*xdg_runtime_dir) / "hesper";
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(fmt::format("The folder '{}' cannot be made", root.native()), errno);
  struct stat info{};
  if (::lstat(root.c_str(), &info) != 0) return fail_errno(fmt::format("'{}' cannot be used", root.native()), errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return fail(
        fmt::format("'{}' is not a folder that only you may enter (mode 0700). Remove it, or set XDG_RUNTIME_DIR "
                    "to another one.",
                    root.native()),
        EPERM);
  return root;
}

std::filesystem::path control_socket(const std::filesystem::path& folder) { return folder / "control"; }

Result<RuntimeFolder> RuntimeFolder::claim(const std::filesystem::path& root, std::string_view name, bool wanted) {
  constexpr int kMost = 1000;
  const auto locked = lock(root);
  if (!locked) return std::unexpected(locked.error());
  for (int number = 1;; ++number) {
    const std::filesystem::path folder = root / (number == 1 ? std::string(name) : fmt::format("{}-{}", name, number));
    auto made = make(folder);
    if (made) return RuntimeFolder(folder, std::move(made->first), std::move(made->second));
    if (wanted || made.error().code != EADDRINUSE || number == kMost) return std::unexpected(std::move(made.error()));
  }
}

Result<RuntimeFolder> RuntimeFolder::open(const std::filesystem::path& folder) {
  auto fd = open_folder(folder);
  if (!fd) return std::unexpected(std::move(fd.error()));
  return RuntimeFolder(folder, std::move(*fd), std::nullopt);
}

RuntimeFolder::RuntimeFolder(RuntimeFolder&& from) noexcept
    : path_(std::exchange(from.path_, {})), fd_(std::move(from.fd_)), control_(std::move(from.control_)) {}

RuntimeFolder::~RuntimeFolder() {
  if (path_.empty()) return;
  const auto locked = lock(path_.parent_path());
  control_.reset();  // it removes its path, which must still be ours
  if (locked && is_same(fd_.get(), path_)) remove_folder(path_);
}

std::vector<std::filesystem::path> running_machines(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  std::error_code error;  // what cannot be read does not run
  for (const auto& entry : std::filesystem::directory_iterator(root, error))
    if (is_name(entry.path().filename().native()) && answers(entry.path())) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

Result<std::filesystem::path> find_machine(const std::filesystem::path& root, std::string_view name) {
  if (!name.empty()) {
    if (is_name(name) && answers(root / name)) return root / name;
    return fail(fmt::format("No virtual machine '{}' runs. hesper list shows those that do.", name), ENOENT);
  }
  const auto folders = running_machines(root);
  if (folders.size() == 1) return folders.front();
  if (folders.empty()) return fail("No virtual machine runs.", ENOENT);
  std::vector<std::string> names;
  for (const auto& folder : folders) names.push_back(folder.filename().native());
  return fail(fmt::format("Several virtual machines run; name one of {}.", fmt::join(names, ", ")), EINVAL);
}

}  // namespace hesper::vm
