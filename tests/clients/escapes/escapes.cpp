// The attempts, and what is told of them.
#include "escapes.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

namespace {

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool opens(const std::string& path, int flags) { return ::open(path.c_str(), flags, 0600) >= 0; }

std::string of_parent(const char* file) { return "/proc/" + std::to_string(::getppid()) + "/" + file; }

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
sockaddr_in of_test() { return loopback(std::atoi(variable("HESPER_TEST_PORT"))); }

bool connects() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = of_test();
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// With a socket that is there already: one that listens can be made to forget that.
bool connects_anew() {
  const sockaddr_in address = of_test();
  for (int fd = 3; fd < 256; ++fd) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) continue;
    ::shutdown(fd, SHUT_RD);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 || errno == EINPROGRESS)
      return true;
  }
  return false;
}

bool sends_to_connect() {
  sockaddr_in address = of_test();
  char byte = 0;
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof(address);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ::sendmsg(::socket(AF_INET, SOCK_STREAM, 0), &message, MSG_FASTOPEN) >= 0;
}

bool connects_to_a_path() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, variable("HESPER_TEST_SOCKET"), sizeof(address.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool listens() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(0);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 && ::listen(fd, 1) == 0;
}

bool runs_a_program() { return std::system("true") == 0; }

bool forks() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0 && ::waitpid(child, nullptr, 0) == child;
}

struct Attempt {
  const char* what;
  bool (*works)();
};

constexpr Attempt kAttempts[] = {
    {"reads a file of the user's", [] { return opens(variable("HESPER_TEST_FILE"), O_RDONLY); }},
    {"changes a file of the user's", [] { return opens(variable("HESPER_TEST_FILE"), O_WRONLY | O_APPEND); }},
    {"reads the users' names", [] { return opens("/etc/passwd", O_RDONLY); }},
    {"writes to the system", [] { return opens("/usr/hesper-escape", O_WRONLY | O_CREAT); }},
    {"connects to a port", connects},
    {"connects with a socket that was there", connects_anew},
    {"connects to a socket of the user's", connects_to_a_path},
    {"listens at a port", listens},
    {"runs a program", runs_a_program},
    {"starts a process", forks},
    {"signals its parent", [] { return ::kill(::getppid(), 0) == 0; }},
    {"reads its parent's memory", [] { return opens(of_parent("mem"), O_RDONLY); }},
    {"reads its parent's environment", [] { return opens(of_parent("environ"), O_RDONLY); }},
    {"reads the memory of the machine", [] { return opens("/dev/mem", O_RDONLY) || opens("/dev/kmem", O_RDONLY); }},
    {"makes a device", [] { return ::mknod("/tmp/hesper-escape", S_IFCHR | 0600, 0x101) == 0; }},
};

constexpr Attempt kAttacks[] = {
    {"ptrace", [] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; }},
    {"mount", [] { return ::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0; }},
    {"unshare", [] { return ::unshare(CLONE_NEWUSER) == 0; }},
    {"process_vm_readv", [] { return ::process_vm_readv(::getppid(), nullptr, 0, nullptr, 0, 0) >= 0; }},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 1) >= 0; }},
    {"keyctl", [] { return ::syscall(SYS_keyctl, 0, -1, 0) >= 0; }},
    {"sendmsg", sends_to_connect},
};

}  // namespace

void try_to_escape(const char* who) {
  const std::string attack = variable("HESPER_TEST_ATTACK");
  for (const Attempt& each : kAttacks)
    if (attack == each.what) std::fprintf(stderr, "%s: %s returns %d\n", who, each.what, each.works());
  if (!attack.empty()) return;
  int managed = 0;
  for (const Attempt& each : kAttempts) {
    if (!each.works()) continue;
    std::fprintf(stderr, "%s: %s\n", who, each.what);
    ++managed;
  }
  std::fprintf(stderr, "%s: managed %d of %zu\n", who, managed, std::size(kAttempts));
}
