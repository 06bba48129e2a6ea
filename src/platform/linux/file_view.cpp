// File views on Linux. Two ways: a root of our own, made of clones of existing mounts (Linux 5.12), and Landlock
// (5.13).
#include "platform/file_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace hesper::platform {
namespace {

namespace fs = std::filesystem;

// The flags a mount in the new root gets: nothing there is a set-uid program, and devices are named one by one.
constexpr std::uint64_t kFileAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kWritableAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr std::uint64_t kDeviceAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

std::unexpected<Error> failed(const std::string& what, int error) {
  return fail_errno(fmt::format("A file system view of its own cannot be made: {}", what), error);
}

// A piece of the old root that will appear in the new one.
struct Piece {
  UniqueFd tree;
  fs::path place;  // below the new root, relative
  bool folder = false;
};

// Clones what is mounted at `source`, with all mounts below it. nullopt: there is nothing, or nothing for this user.
Result<std::optional<Piece>> take(const fs::path& source, const fs::path& place, std::uint64_t attributes) {
  struct stat state{};
  if (::stat(source.c_str(), &state) != 0) return std::nullopt;
  UniqueFd tree(::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) return failed(fmt::format("cloning {}", source.native()), errno);
  mount_attr change{.attr_set = attributes, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof(change)) != 0)
    return failed(fmt::format("restricting {}", source.native()), errno);
  return Piece{.tree = std::move(tree), .place = place.relative_path(), .folder = S_ISDIR(state.st_mode)};
}

UniqueFd new_tmpfs(std::uint64_t bytes, std::uint64_t attributes) {
  const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  const std::string size = std::to_string(bytes);
  if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "size", size.c_str(), 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0755", 0) != 0 ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return UniqueFd();
  return UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
}

bool make_folders(int root, const fs::path& folder) {
  fs::path made;
  for (const auto& part : folder) {
    made /= part;
    if (::mkdirat(root, made.c_str(), 0755) != 0 && errno != EEXIST) return false;
  }
  return true;
}

bool attach(const UniqueFd& tree, int root, const fs::path& place) {
  return ::move_mount(tree.get(), "", root, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

bool put(const Piece& piece, int root) {
  if (!make_folders(root, piece.folder ? piece.place : piece.place.parent_path())) return false;
  if (!piece.folder) {
    const UniqueFd file(::openat(root, piece.place.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
    if (!file) return false;
  }
  return attach(piece.tree, root, piece.place);
}

// Whether `path` is, or lies in, one of the folders that were taken before.
bool is_covered(const fs::path& path, const std::vector<fs::path>& folders) {
  for (const auto& folder : folders) {
    const auto end = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first;
    if (end == folder.end()) return true;
  }
  return false;
}

// Takes every path under the name that it has and, if that leads elsewhere by symbolic links, where it really is.
// A link in the root, such as /lib to usr/lib, becomes a link again.
struct Pieces {
  std::vector<Piece> taken;
  std::vector<std::pair<fs::path, fs::path>> links;  // name, relative to the new root; what it points to
  std::vector<fs::path> covered;

  Result<void> add(const fs::path& path, std::uint64_t attributes) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) return {};
    if (path.parent_path() == path.root_path() && fs::is_symlink(path, error)) {
      links.emplace_back(path.relative_path(), fs::read_symlink(path, error));
    } else if (real != path) {
      if (auto added = add_one(path, attributes); !added) return added;
    }
    return add_one(real, attributes);
  }

 private:
  Result<void> add_one(const fs::path& path, std::uint64_t attributes) {
    if (is_covered(path, covered)) return {};
    auto piece = take(path, path, attributes);
    if (!piece) return std::unexpected(std::move(piece.error()));
    if (!*piece) return {};
    if ((*piece)->folder) covered.push_back(path);
    taken.push_back(std::move(**piece));
    return {};
  }
};

Result<void> fill(int root, const Pieces& pieces, const FileView& view) {
  for (const auto& [name, target] : pieces.links)
    if (::symlinkat(target.c_str(), root, name.c_str()) != 0 && errno != EEXIST)
      return failed(fmt::format("linking /{}", name.native()), errno);
  // One small file system for all that is written; it is visible in two places. First, as pieces may lie in it.
  const UniqueFd scratch = new_tmpfs(view.scratch_bytes, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!scratch || !make_folders(root, "tmp") || !attach(scratch, root, "tmp")) return failed("/tmp", errno);
  if (!make_folders(root, "dev") || (::symlinkat("../tmp", root, "dev/shm") != 0 && errno != EEXIST))
    return failed("/dev/shm", errno);
  for (const Piece& piece : pieces.taken)
    if (!put(piece, root)) return failed(fmt::format("placing /{}", piece.place.native()), errno);
  return {};
}

}  // namespace

Result<void> enter_file_view(const FileView& view) {
  Pieces pieces;
  for (const auto& path : view.readable)
    if (auto added = pieces.add(path, kFileAttributes); !added) return added;
  for (const auto& path : view.writable)
    if (auto added = pieces.add(path, kWritableAttributes); !added) return added;
  for (const auto& path : view.devices)
    if (auto added = pieces.add(path, kDeviceAttributes); !added) return added;
  // Our own folder of /proc becomes /proc/self; "self" of a whole /proc would be a link to a number.
  auto own = take("/proc/self", "/proc/self", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!own) return std::unexpected(std::move(own.error()));
  if (*own) pieces.taken.push_back(std::move(**own));
  for (const auto& path : view.process)
    if (auto added = pieces.add(path, kFileAttributes | MOUNT_ATTR_NOEXEC); !added) return added;

  const UniqueFd root = new_tmpfs(1024 * 1024, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!root) return failed("an empty file system", errno);
  // A root can only be changed for one that is mounted somewhere. Where does not matter: this namespace is ours, and
  // the pieces are held by their fds.
  if (::move_mount(root.get(), "", AT_FDCWD, "/usr", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return failed("mounting an empty file system", errno);
  auto ready = fill(root.get(), pieces, view);
  mount_attr change{.attr_set = MOUNT_ATTR_RDONLY, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  if (ready && ::mount_setattr(root.get(), "", AT_EMPTY_PATH, &change, sizeof(change)) != 0)
    ready = failed("restricting the root", errno);
  if (ready && (::fchdir(root.get()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0))
    ready = failed("changing the root", errno);
  if (!ready) {
    (void)::umount2("/usr", MNT_DETACH);
    return ready;
  }
  // pivot_root(".", ".") stacks the old root on the new one.
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return failed("leaving the old root", errno);
  return {};
}

namespace {

// What Landlock can govern, by its version; older kernels know fewer rights.
std::uint64_t all_file_rights(long version) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // version 1: the first 13
  if (version >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return rights;
}

// Without the right to execute: that is about programs, not about libraries.
constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadFolder = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;

bool allow_below(int ruleset, const fs::path& path, std::uint64_t more) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat state{};
  if (!place || ::fstat(place.get(), &state) != 0) return true;  // left out, as it does not exist
  landlock_path_beneath_attr rule{.allowed_access = S_ISDIR(state.st_mode) ? kReadFolder : kReadFile,
                                  .parent_fd = place.get()};
  rule.allowed_access |= more;
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

}  // namespace

Result<void> restrict_to_file_view(const FileView& view) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return fail_errno("Landlock is not available (Linux 5.13, enabled by lsm=landlock)", errno);
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = all_file_rights(version);
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes.handled_access_fs), 0)));
  if (!ruleset) return fail_errno("Landlock refuses a set of rules", errno);
  bool added = allow_below(ruleset.get(), "/proc/self", LANDLOCK_ACCESS_FS_WRITE_FILE);
  for (const auto& path : view.readable) added = added && allow_below(ruleset.get(), path, 0);
  for (const auto& path : view.process) added = added && allow_below(ruleset.get(), path, 0);
  for (const auto& path : view.writable)
    added = added && allow_below(ruleset.get(), path, attributes.handled_access_fs & ~LANDLOCK_ACCESS_FS_EXECUTE);
  for (const auto& path : view.devices)
    added = added && allow_below(ruleset.get(), path, LANDLOCK_ACCESS_FS_WRITE_FILE);
  if (!added) return fail_errno("Landlock refuses a rule", errno);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail_errno("Landlock refuses to restrict this process", errno);
  return {};
}

}  // namespace hesper::platform
