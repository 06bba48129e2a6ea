// Namespaces on Linux: unshare(2), and the id maps that a new user namespace wants.
// There is no PID namespace: unshare() would only move our children into it, and then refuse to start threads. What it
// would hide is hidden by the file view (no /proc but our own) and the system call filter (no signals to others).
#include "platform/own_namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace hesper::platform {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

Result<void> write_file(const char* path, const std::string& text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(fmt::format("Writing {} fails", path), errno);
  return {};
}

// Each id stands for itself, so that files and devices stay ours and the driver notices nothing.
Result<void> keep_own_ids(uid_t user, gid_t group) {
  if (auto written = write_file("/proc/self/setgroups", "deny"); !written) return written;
  if (auto written = write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", group)); !written) return written;
  return write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
}

std::unexpected<Error> refused(int error) {
  const char* advice = "";
  if (error == EPERM || error == EACCES)
    advice =
        " Allow unprivileged user namespaces for it (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu an "
        "AppArmor "
        "profile with userns; in a container, a runtime profile that allows unshare).";
  if (error == ENOSPC) advice = " The limits in /proc/sys/user/max_*_namespaces are reached or 0.";
  auto result = fail_errno("The kernel refuses namespaces of its own to this process", error);
  result.error().message += advice;
  return result;
}

}  // namespace

Result<OwnNamespaces> enter_own_namespaces() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  bool own_user = false;
  if (::unshare(kNamespaces) != 0) {
    if (errno != EPERM || ::unshare(kNamespaces | CLONE_NEWUSER) != 0) return refused(errno);
    own_user = true;
    if (auto kept = keep_own_ids(user, group); !kept) return std::unexpected(std::move(kept.error()));
  }
  // Nothing that is mounted from here on may reach the system's own mounts. An AppArmor profile for unprivileged
  // namespaces lets one enter them and refuses this.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return refused(errno);
  return OwnNamespaces{.user = own_user};
}

}  // namespace hesper::platform
