// What systems other than Linux do not have, said so: namespaces, file views, privileges to give up, call filters.
#include <string>

#include "platform/file_view.h"
#include "platform/own_namespaces.h"
#include "platform/privileges.h"
#include "platform/syscall_filter.h"

namespace hesper::platform {
namespace {

std::unexpected<Error> not_here(const char* what) { return fail(std::string("This system has no ") + what + "."); }

}  // namespace

Result<OwnNamespaces> enter_own_namespaces() { return not_here("namespaces"); }
Result<void> enter_file_view(const FileView&) { return not_here("file system views for one process"); }
Result<void> restrict_to_file_view(const FileView&) { return not_here("Landlock"); }
Result<void> forbid_new_privileges() { return not_here("way to forbid new privileges"); }
Result<void> drop_privileges() { return not_here("capabilities"); }
Result<void> install_syscall_filter(const SyscallFilter&) { return not_here("system call filters"); }
void name_syscall_reports(const std::string&) {}
void name_syscalls(std::span<const char* const>) {}

}  // namespace hesper::platform
