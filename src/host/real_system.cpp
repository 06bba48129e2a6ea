// This machine, by POSIX.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "base/unique_fd.h"
#include "host/command.h"
#include "host/system.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMostNames = 65'536;
// Beside PATH, which users without privileges often have without the programs of administrators.
constexpr std::array<std::string_view, 8> kFurtherFolders = {"/usr/local/sbin",   "/usr/sbin",         "/sbin",
                                                             "/usr/local/bin",    "/usr/bin",          "/bin",
                                                             "/opt/homebrew/bin", "/opt/homebrew/sbin"};

FileStatus::Kind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return FileStatus::Kind::file;
  if (S_ISDIR(mode)) return FileStatus::Kind::folder;
  if (S_ISCHR(mode) || S_ISBLK(mode)) return FileStatus::Kind::device;
  if (S_ISSOCK(mode)) return FileStatus::Kind::socket;
  return FileStatus::Kind::other;
}

// By number where there is no name. `ask`: getpwuid_r or getgrgid_r.
template <class Entry, class Ask>
std::string name_by(unsigned id, Ask ask, char* Entry::* name) {
  std::array<char, 16384> room;
  Entry entry{};
  Entry* found = nullptr;
  if (ask(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr && found->*name != nullptr)
    return found->*name;
  return std::to_string(id);
}

// The data bases of users and groups, which may be on the network, are asked once for each.
class Names {
 public:
  std::string user(uid_t id) {
    return kept(users_, id, [id] { return name_by<passwd>(id, ::getpwuid_r, &passwd::pw_name); });
  }
  std::string group(gid_t id) {
    return kept(groups_, id, [id] { return name_by<::group>(id, ::getgrgid_r, &::group::gr_name); });
  }

 private:
  template <class Ask>
  std::string kept(std::map<unsigned, std::string>& names, unsigned id, Ask ask) {
    const std::lock_guard lock(mutex_);
    const auto found = names.find(id);
    return found != names.end() ? found->second : names.emplace(id, ask()).first->second;
  }

  std::mutex mutex_;
  std::map<unsigned, std::string> users_;
  std::map<unsigned, std::string> groups_;
};

constexpr int kNotRegular = ESPIPE;  // which none of these calls fails with

// Errors: errno alone; the caller has the sentence.
std::expected<std::string, int> contents_of(const Path& file, std::size_t most) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::unexpected(errno);
  if (S_ISDIR(status.st_mode)) return std::unexpected(EISDIR);
  if (!S_ISREG(status.st_mode)) return std::unexpected(kNotRegular);  // opening a device may change things
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!opened) return std::unexpected(errno);
  if (::fstat(opened.get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected(kNotRegular);
  std::string text;
  std::array<char, 65536> bytes;  // /proc and /sys tell no sizes
  for (;;) {
    const ssize_t size = ::read(opened.get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(errno);
    if (size == 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(size));
    if (text.size() > most) return std::unexpected(EFBIG);
  }
}

std::unexpected<Error> cannot(const char* what, const Path& file, int error) {
  if (error == kNotRegular)
    return fail(fmt::format("'{}' cannot be {}: it is no regular file.", file.native(), what), EINVAL);
  return fail_errno(fmt::format("'{}' cannot be {}", file.native(), what), error);
}

int flags_of(Access access) {
  switch (access) {
    case Access::read: return O_RDONLY;
    case Access::write: return O_WRONLY;
    default: return O_RDWR;
  }
}

int mode_of(Access access) {
  switch (access) {
    case Access::read: return R_OK;
    case Access::write: return W_OK;
    case Access::read_write: return R_OK | W_OK;
    case Access::execute: return X_OK;
  }
  std::unreachable();
}

class RealSystem final : public System {
 public:
  RealSystem(Path root, Path own_folder) : root_(std::move(root)), own_folder_(std::move(own_folder)) {}

  Result<std::string> read(const Path& file) const override {
    auto text = contents_of(at(file), kMostText);
    if (!text) return cannot("read", file, text.error());
    return *std::move(text);
  }

  Result<std::string> excerpt(const Path& file, const std::vector<std::string>& beginnings) const override {
    const auto text = contents_of(at(file), kMostDataBase);
    if (!text) return cannot("read", file, text.error());
    return excerpt_of(*text, beginnings);
  }

  Result<std::vector<std::string>> list(const Path& folder) const override {
    DIR* const opened = ::opendir(at(folder).c_str());
    if (opened == nullptr) return fail_errno(fmt::format("'{}' cannot be listed", folder.native()), errno);
    std::vector<std::string> names;
    while (names.size() < kMostNames) {
      const dirent* const entry = ::readdir(opened);
      if (entry == nullptr) break;
      if (is_file_name(entry->d_name)) names.emplace_back(entry->d_name);
    }
    ::closedir(opened);
    std::ranges::sort(names);
    return names;
  }

  Result<std::string> read_link(const Path& link) const override {
    std::array<char, 4096> target;
    const ssize_t size = ::readlink(at(link).c_str(), target.data(), target.size());
    if (size < 0) return fail_errno(fmt::format("The link '{}' cannot be read", link.native()), errno);
    return std::string(target.data(), static_cast<std::size_t>(size));
  }

  Result<FileStatus> status(const Path& file) const override {
    struct stat status{};
    if (::stat(at(file).c_str(), &status) != 0)
      return fail_errno(fmt::format("'{}' cannot be looked at", file.native()), errno);
    return FileStatus{.kind = kind_of(status.st_mode),
                      .mode = static_cast<std::uint32_t>(status.st_mode & 07777),
                      .owner = names_.user(status.st_uid),
                      .group = names_.group(status.st_gid)};
  }

  Result<void> may(Access access, const Path& file) const override {
    const Path path = at(file);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return cannot("looked at", file, errno);
    const bool is_card = file.parent_path() == "/dev/dri" && file.filename().native().starts_with("card");
    if (S_ISCHR(status.st_mode) && access != Access::execute && !is_card) {
      const UniqueFd opened(::open(path.c_str(), flags_of(access) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
      if (!opened) return fail_errno(fmt::format("'{}' cannot be opened", file.native()), errno);
      return {};
    }
    if (::faccessat(AT_FDCWD, path.c_str(), mode_of(access), AT_EACCESS) != 0)
      return fail_errno(fmt::format("'{}' cannot be used", file.native()), errno);
    return {};
  }

  std::vector<Holder> holders(const std::vector<Path>& files) const override { return holders_by_proc(*this, files); }

  Result<CommandOutput> run(const std::vector<std::string>& command,
                            std::chrono::milliseconds patience) const override {
    if (command.empty()) return fail("There is no command to run.", EINVAL);
    const auto program = find_program(command.front());
    if (!program) return fail(fmt::format("There is no program '{}'.", shown(command.front())), ENOENT);
    return run_command(is_own(*program) ? *program : at(*program), command, patience);
  }

  std::optional<Path> find_program(std::string_view name) const override {
    if (name.contains('/')) {
      const Path file(name);
      return file.is_absolute() && is_program(is_own(file) ? file : at(file)) ? std::optional(file) : std::nullopt;
    }
    if (!is_file_name(name)) return std::nullopt;
    if (name == "hesper" || name.starts_with("hesper-"))
      if (const Path own = own_folder_ / name; is_program(own)) return own;
    const std::string search = variable("PATH").value_or("");
    for (const std::string_view folder : pieces_of(search, ':'))
      if (const Path file = Path(folder) / name; file.is_absolute() && is_program(at(file))) return file;
    for (const std::string_view folder : kFurtherFolders)
      if (const Path file = Path(folder) / name; is_program(at(file))) return file;
    return std::nullopt;
  }

  std::optional<std::string> variable(std::string_view name) const override {
    const char* const value = std::getenv(std::string(name).c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  }

  User user() const override {
    User user{.name = names_.user(::geteuid()), .id = ::geteuid(), .groups = {names_.group(::getegid())}};
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(count > 0 ? static_cast<std::size_t>(count) : 0);
    const int got = groups.empty() ? 0 : ::getgroups(count, groups.data());
    for (int i = 0; i < got; ++i) {
      std::string name = names_.group(groups[static_cast<std::size_t>(i)]);
      if (!std::ranges::contains(user.groups, name)) user.groups.push_back(std::move(name));
    }
    return user;
  }

 private:
  [[nodiscard]] Path at(const Path& path) const { return root_ == "/" ? path : root_ / path.relative_path(); }
  [[nodiscard]] bool is_own(const Path& file) const { return file.parent_path() == own_folder_; }
  [[nodiscard]] static bool is_program(const Path& file) {
    struct stat status{};
    return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(file.c_str(), X_OK) == 0;
  }

  const Path root_;
  const Path own_folder_;
  mutable Names names_;
};

}  // namespace

std::unique_ptr<System> real_system(std::filesystem::path root, std::filesystem::path own_folder) {
  return std::make_unique<RealSystem>(std::move(root), std::move(own_folder));
}

}  // namespace hesper::host
