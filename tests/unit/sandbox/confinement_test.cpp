// What a confined process cannot do any more, and what it still can: each tried in a child, as root and as an ordinary
// user, with namespaces and where the kernel refuses them.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "confined_child.h"
#include "platform/pipe.h"
#include "platform/shared_memory.h"
#include "platform/socket.h"
#include "platform/tcp_socket.h"
#include "support/temporary_directory.h"

namespace hesper::sandbox {
namespace {

constexpr const char* kLavapipe = "libvulkan_lvp.so";
constexpr const char* kRadv = "libvulkan_radeon.so";
constexpr const char* kNvidia = "libGLX_nvidia.so.0";

const Place kAsRoot{.name = "AsRoot"};
const Place kAsUser{.name = "AsUser", .ordinary_user = true};
const Place kAsUserWithoutNamespaces{.name = "AsUserWithoutNamespaces", .ordinary_user = true, .refused = {"unshare"}};
const Place kAsRootWithoutNamespaces{.name = "AsRootWithoutNamespaces", .refused = {"unshare"}};
const Place kAsRootWithoutNewMounts{.name = "AsRootWithoutNewMounts", .refused = {"open_tree"}};

std::string wrong(const std::string& what) { return what + " works. "; }

// "" if `result` is the failure of a system call.
std::string must_fail(const std::string& what, long result) { return result < 0 ? std::string() : wrong(what); }
std::string must_fail_with(int error, const std::string& what, long result) {
  if (result < 0 && errno == error) return {};
  return result < 0 ? what + " fails with " + std::strerror(errno) + ". " : wrong(what);
}
std::string must_work(const std::string& what, bool works) {
  return works ? std::string() : what + " fails (" + std::strerror(errno) + "). ";
}

long try_open(const std::string& path, int flags) { return ::open(path.c_str(), flags, 0600); }

class Confinement : public testing::TestWithParam<Place> {
 protected:
  Outcome strict(const std::function<std::string()>& probe, const char* library = kLavapipe, Choices choices = {}) {
    auto outcome = run_confined(GetParam(), {.level = Level::strict, .choices = std::move(choices)}, library, probe);
    EXPECT_EQ(outcome.report.reached, Level::strict) << outcome.report.means << outcome.report.shortfalls[0];
    return outcome;
  }
  void expect_nothing_wrong(const std::function<std::string()>& probe, const char* library = kLavapipe,
                            Choices choices = {}) {
    const Outcome outcome = strict(probe, library, std::move(choices));
    EXPECT_EQ(outcome.said, "") << outcome.log;
    EXPECT_EQ(outcome.signal, 0) << outcome.log;
  }
  // The call ends the process, and its name is in the log.
  void expect_end_by(const char* call, const std::function<void()>& probe) {
    const Outcome outcome = strict([&] {
      probe();
      return std::string(call) + " returns.";
    });
    EXPECT_EQ(outcome.signal, SIGSYS) << outcome.said;
    EXPECT_NE(outcome.log.find(std::string("probe: error: The sandbox refuses the system call ") + call + " ("),
              std::string::npos)
        << outcome.log;
  }
  // Whether the root is one of our own, and not the system's guarded by Landlock.
  [[nodiscard]] static bool has_own_root() { return GetParam().refused.empty(); }
};

TEST_P(Confinement, ReportSaysHowStrictIsReached) {
  const Outcome outcome = strict([] { return std::string(); });
  const std::string& means = outcome.report.means;
  EXPECT_EQ(means.find("own mount") != std::string::npos || means.find("own user, mount") != std::string::npos,
            std::string_view(GetParam().name).find("WithoutNamespaces") == std::string_view::npos)
      << means;
  EXPECT_EQ(means.find("a file system of its own") != std::string::npos, has_own_root()) << means;
  EXPECT_EQ(means.find("Landlock") != std::string::npos, !has_own_root()) << means;
  EXPECT_NE(means.find("lists of lavapipe"), std::string::npos) << means;
  EXPECT_EQ(outcome.report.shortfalls[0].empty(), has_own_root()) << outcome.report.shortfalls[0];
}

TEST_P(Confinement, FilesOfTheUserAreOutOfReach) {
  const test::TemporaryDirectory home;
  std::filesystem::permissions(home.path(), std::filesystem::perms::all);
  const std::string secret = home.write("secret", "text");
  std::filesystem::permissions(secret, std::filesystem::perms(0666));
  expect_nothing_wrong([&] {
    return must_fail("Reading a file", try_open(secret, O_RDONLY)) +
           must_fail("Writing a file", try_open(secret, O_WRONLY)) +
           must_fail("Making a file", try_open(home.path() / "new", O_WRONLY | O_CREAT)) +
           must_fail("Removing a file", ::unlink(secret.c_str())) +
           must_fail("Changing its mode", ::chmod(secret.c_str(), 0600)) +
           must_fail("Changing its time", ::utimensat(AT_FDCWD, secret.c_str(), nullptr, 0)) +
           must_fail("Cutting it short", ::truncate(secret.c_str(), 0)) +
           must_fail("Listing a folder", try_open(home.path(), O_RDONLY | O_DIRECTORY)) +
           must_fail("Reading the users", try_open("/etc/passwd", O_RDONLY)) +
           must_fail("Listing the root", has_own_root() ? -1 : try_open("/", O_RDONLY | O_DIRECTORY)) +
           must_fail("A link to a file outside", has_own_root() ? -1 : ::link(secret.c_str(), "/tmp/link"));
  });
  EXPECT_TRUE(std::filesystem::exists(secret));
  EXPECT_FALSE(std::filesystem::exists(home.path() / "new"));
}

TEST_P(Confinement, TheSystemsFilesCannotBeChanged) {
  expect_nothing_wrong([] {
    return must_fail("Writing to /usr", try_open("/usr/hesper-test", O_WRONLY | O_CREAT)) +
           must_fail("Writing to /", try_open("/hesper-test", O_WRONLY | O_CREAT)) +
           must_fail("Writing to /dev", try_open("/dev/hesper-test", O_WRONLY | O_CREAT)) +
           must_fail("Reading /dev/mem", try_open("/dev/mem", O_RDONLY)) +
           must_fail("Reading /dev/kmsg", try_open("/dev/kmsg", O_RDONLY)) +
           must_fail("Making a device", ::mknod("/tmp/device", S_IFCHR | 0666, 0x101)) +
           must_fail("Writing a kernel setting", try_open("/proc/sys/kernel/core_pattern", O_WRONLY));
  });
}

TEST_P(Confinement, OtherProcessesAreOutOfReach) {
  const pid_t parent = ::getpid();
  expect_nothing_wrong([&] {
    const std::string other = "/proc/" + std::to_string(parent);
    return must_fail("Signalling the parent", ::kill(parent, 0)) +
           must_fail("Signalling a thread", ::syscall(SYS_tgkill, parent, parent, 0)) +
           must_fail("Signalling all", ::kill(-1, 0)) +
           must_fail("Reading the parent's memory", try_open(other + "/mem", O_RDONLY)) +
           must_fail("Reading init's environment", try_open("/proc/1/environ", O_RDONLY)) +
           must_fail("Reading the parent's files", try_open(other + "/fd/0", O_RDONLY)) +
           must_fail("Changing the parent's limits",
                     [&] {
                       const rlimit none{};
                       return ::prlimit(parent, RLIMIT_NOFILE, &none, nullptr);
                     }()) +
           must_fail("Changing the parent's priority", ::setpriority(PRIO_PROCESS, static_cast<id_t>(parent), 19)) +
           must_fail("Pinning the parent",
                     [&] {
                       cpu_set_t one;
                       CPU_ZERO(&one);
                       CPU_SET(0, &one);
                       return ::sched_setaffinity(parent, sizeof(one), &one);
                     }()) +
           must_fail("Being sent signals for", [&] {
             std::array<int, 2> pair{};
             if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0) return -1;
             return ::fcntl(pair[0], F_SETOWN, parent);
           }());
  });
}

TEST_P(Confinement, NoOtherProgramAndNoOtherProcess) {
  const Outcome outcome = strict([] {
    char name[] = "true";
    char* const arguments[] = {name, nullptr};
    std::string text = must_fail_with(EACCES, "execve", ::execve("/usr/bin/true", arguments, nullptr));
    text += must_fail_with(EAGAIN, "fork", ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    text +=
        must_fail_with(EAGAIN, "clone with a namespace", ::syscall(SYS_clone, CLONE_THREAD | CLONE_NEWNET, 0, 0, 0, 0));
    text += must_fail_with(ENOSYS, "clone3", ::syscall(SYS_clone3, nullptr, 0));
#ifdef SYS_vfork
    text += must_fail_with(EAGAIN, "vfork", ::syscall(SYS_vfork));
#endif
    return text;
  });
  EXPECT_EQ(outcome.said, "");
  EXPECT_NE(outcome.log.find("probe: warning: The sandbox refuses the system call execve ("), std::string::npos)
      << outcome.log;
}

TEST_P(Confinement, NoNetwork) {
  // One socket from before, as a worker might have inherited.
  const UniqueFd old(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  // Of our own: the same test runs at the same time with other parameters.
  std::strcpy(address.sun_path + 1, ("hesper-confinement-test-" + std::to_string(::getpid())).c_str());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  expect_nothing_wrong([&] {
    return must_fail_with(EACCES, "socket(AF_INET)", ::socket(AF_INET, SOCK_STREAM, 0)) +
           must_fail_with(EACCES, "socket(AF_NETLINK)", ::socket(AF_NETLINK, SOCK_RAW, 0)) +
           must_fail_with(EACCES, "socket(AF_UNIX)", ::socket(AF_UNIX, SOCK_STREAM, 0)) +
           must_fail_with(EACCES, "connect",
                          ::connect(old.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address))) +
           must_fail_with(EACCES, "accept", ::accept(listener.get(), nullptr, nullptr)) +
           must_fail_with(EACCES, "A pair of datagram sockets",
                          [] {
                            std::array<int, 2> pair{};
                            return ::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair.data());
                          }()) +
           must_fail_with(
               EACCES, "sendto with an address",
               ::sendto(old.get(), "", 1, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), sizeof(address)));
  });
}

TEST_P(Confinement, NoPrivilegesAreLeftOrCanComeBack) {
  expect_nothing_wrong([] {
    std::string text;
    for (unsigned long capability = 0; capability < 40; ++capability)
      if (::prctl(PR_CAPBSET_READ, capability) == 1 && ::geteuid() == 0)
        text = wrong("A capability in the bounding set");
    return text + must_fail("Becoming root", ::geteuid() == 0 ? -1 : ::syscall(SYS_setuid, 0)) +
           must_fail("Becoming traceable", ::prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L)) +
           must_work("Being hidden", ::prctl(PR_GET_DUMPABLE) == 0) +
           must_work("No new privileges", ::prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1) +
           must_fail("Replacing the report's handler",
                     [] {
                       struct sigaction action{};
                       action.sa_handler = SIG_IGN;
                       return ::sigaction(SIGSYS, &action, nullptr);
                     }()) +
           must_fail("Typing into a terminal", ::ioctl(0, 0x5412, "x")) +
           must_fail("The same with bits that the kernel drops", ::syscall(SYS_ioctl, 0, 0x100005412ul, "x"));
  });
}

TEST_P(Confinement, StepsOfAnAttackEndTheProcess) {
  const pid_t parent = ::getpid();
  expect_end_by("ptrace", [&] { ::ptrace(PTRACE_ATTACH, parent, nullptr, nullptr); });
  expect_end_by("process_vm_readv", [&] { ::process_vm_readv(parent, nullptr, 0, nullptr, 0, 0); });
  expect_end_by("mount", [] { ::mount("none", "/tmp", "tmpfs", 0, nullptr); });
  expect_end_by("unshare", [] { ::unshare(CLONE_NEWUSER); });
  expect_end_by("chroot", [] { [[maybe_unused]] const int result = ::chroot("/tmp"); });
  expect_end_by("bpf", [] { ::syscall(SYS_bpf, 0, nullptr, 0); });
  expect_end_by("userfaultfd", [] { ::syscall(SYS_userfaultfd, 0); });
}

TEST_P(Confinement, AnUnlistedCallFailsAndIsNamedOnce) {
  const Outcome outcome = strict([] {
    return must_fail_with(ENOSYS, "sched_rr_get_interval", ::syscall(SYS_sched_rr_get_interval, 0, nullptr)) +
           must_fail_with(ENOSYS, "The same again", ::syscall(SYS_sched_rr_get_interval, 0, nullptr)) +
           must_fail_with(ENOSYS, "A call that is not there", ::syscall(499));
  });
  EXPECT_EQ(outcome.said, "");
  const std::string line = "probe: warning: The sandbox refuses the system call sched_rr_get_interval (";
  EXPECT_NE(outcome.log.find(line), std::string::npos) << outcome.log;
  EXPECT_EQ(outcome.log.find(line), outcome.log.rfind(line)) << outcome.log;
  EXPECT_NE(outcome.log.find("without a known name (499)"), std::string::npos) << outcome.log;
}

TEST_P(Confinement, ADriverThatBlocksSignalsFailsSilentlyWhereItsListSaysSo) {
  const auto probe = [] {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    return must_fail_with(ENOSYS, "ioprio_set", ::syscall(SYS_ioprio_set, 0, 0, 0)) +
           must_fail_with(EACCES, "socket", ::socket(AF_UNIX, SOCK_STREAM, 0));
  };
  const Outcome quiet = strict(probe, kNvidia);
  EXPECT_EQ(quiet.said, "");
  EXPECT_EQ(quiet.signal, 0);
  EXPECT_EQ(quiet.log, "");
  EXPECT_EQ(strict(probe, kNvidia, {.report_all = true}).signal, SIGSYS);
}

TEST_P(Confinement, LimitsHold) {
  const Choices choices{.address_space = std::uint64_t{8} << 30, .open_files = 64};
  expect_nothing_wrong(
      [] {
        const rlimit more{.rlim_cur = 1000, .rlim_max = 1000};
        std::string text = must_fail("Raising a limit", ::setrlimit(RLIMIT_NOFILE, &more));
        const int memory = ::memfd_create("probe", MFD_CLOEXEC);
        text += must_fail_with(EFBIG, "Shared memory beyond all memory", ::ftruncate(memory, std::int64_t{1} << 50));
        void* huge =
            ::mmap(nullptr, std::size_t{16} << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        text += must_fail_with(ENOMEM, "More addresses than the limit", huge == MAP_FAILED ? -1 : 0);
        rlimit core{};
        ::getrlimit(RLIMIT_CORE, &core);
        text += must_work("No core files", core.rlim_max == 0);
        int last = 0;
        for (int i = 0; i < 64 && last >= 0; ++i) last = ::dup(memory);
        return text + must_fail_with(EMFILE, "More files than the limit", last);
      },
      kLavapipe, choices);
}

TEST_P(Confinement, ThreadsAndSharedMemoryWork) {
  auto pair = platform::create_socket_pair();
  ASSERT_TRUE(pair);
  expect_nothing_wrong([&] {
    std::atomic<int> sum = 0;
    std::array<std::thread, 8> threads;
    for (auto& each : threads) each = std::thread([&] { ++sum; });
    for (auto& each : threads) each.join();
    std::string text = must_work("Threads", sum == 8);
    auto memory = platform::create_shared_memory("probe", 4096);
    text += must_work("Shared memory", memory && platform::Mapping::map(memory->get(), 4096));
    text += must_work("Pipes", platform::create_pipe().has_value());
    text += must_work("Passing an fd", memory && platform::send_fd(pair->first.get(), memory->get()));
    text += must_work("The log", ::write(STDERR_FILENO, "", 0) == 0);
    text += must_work("Naming a thread", ::prctl(PR_SET_NAME, "probe") == 0);
    return text;
  });
}

TEST_P(Confinement, FilesOfDriversCanBeReadAndLoaded) {
  expect_nothing_wrong([] {
    std::string text = must_work("/dev/null", try_open("/dev/null", O_RDWR) >= 0) +
                       must_work("/dev/urandom", try_open("/dev/urandom", O_RDONLY) >= 0) +
                       must_work("/proc/self/maps", try_open("/proc/self/maps", O_RDONLY) >= 0) +
                       must_work("/proc/self/fd", try_open("/proc/self/fd", O_RDONLY | O_DIRECTORY) >= 0) +
                       must_work("/proc/meminfo", try_open("/proc/meminfo", O_RDONLY) >= 0) +
                       must_work("The driver's manifest", try_open(std::getenv("VK_DRIVER_FILES"), O_RDONLY) >= 0) +
                       must_work("A library", ::dlopen("libvulkan.so.1", RTLD_NOW) != nullptr);
    if (has_own_root())
      text += must_work("/tmp", try_open("/tmp/file", O_RDWR | O_CREAT) >= 0) +
              must_work("/dev/shm", try_open("/dev/shm/file", O_RDWR | O_CREAT) >= 0);
    return text;
  });
}

TEST_P(Confinement, AShaderCacheIsWritable) {
  const test::TemporaryDirectory cache;
  std::filesystem::permissions(cache.path(), std::filesystem::perms::all);
  expect_nothing_wrong(
      [&] {
        std::string text = must_work("Making a folder", ::mkdir((cache.path() / "ab").c_str(), 0700) == 0);
        text += must_work("Writing to it", try_open(cache.path() / "ab/file", O_RDWR | O_CREAT) >= 0);
        return text + must_work("Its variable", std::getenv("MESA_SHADER_CACHE_DIR") == cache.path().native());
      },
      kLavapipe, {.shader_cache = cache.path()});
  EXPECT_TRUE(std::filesystem::exists(cache.path() / "ab/file"));
}

TEST_P(Confinement, OnlyDriversOnTheCpuMakeCode) {
  const auto probe = [] {
#if defined(__x86_64__)
    constexpr std::array<unsigned char, 6> kReturn7 = {0xb8, 7, 0, 0, 0, 0xc3};
#else
    constexpr std::array<unsigned char, 8> kReturn7 = {0xe0, 0x00, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#endif
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(page, kReturn7.data(), kReturn7.size());
    if (::mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) return std::string("mprotect refused");
    __builtin___clear_cache(static_cast<char*>(page), static_cast<char*>(page) + kReturn7.size());
    // SAFETY: the page holds a function of that type.
    return std::to_string(reinterpret_cast<int (*)()>(page)());
  };
  EXPECT_EQ(strict(probe, kLavapipe).said, "7");
  EXPECT_EQ(strict(probe, kRadv).said, "mprotect refused");
  const auto at_once = [] {
    const void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return std::string(page == MAP_FAILED ? "refused" : "mapped");
  };
  EXPECT_EQ(strict(at_once, kLavapipe).said, "mapped");
  EXPECT_EQ(strict(at_once, kRadv).said, "refused");
}

std::vector<Place> strict_places() {
  std::vector<Place> places = {kAsUser, kAsUserWithoutNamespaces};
  // A developer's tests run as an ordinary user; continuous integration's as root, who can be both.
  if (::geteuid() == 0) places.insert(places.end(), {kAsRoot, kAsRootWithoutNamespaces, kAsRootWithoutNewMounts});
  return places;
}

TEST_P(Confinement, HesperViewServesWhoComesAndReachesNobody) {
  const auto listener = platform::listen_on_tcp("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  const auto other = platform::listen_on_tcp("127.0.0.1", 0);
  ASSERT_TRUE(other);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(platform::tcp_port_of(listener->get()));
  const UniqueFd viewer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(viewer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  address.sin_port = htons(platform::tcp_port_of(other->get()));

  const Options options{.level = Level::strict, .process = Process::view};
  const Outcome outcome = run_confined(GetParam(), options, kLavapipe, [&] {
    const auto connect = [&](int socket) {
      return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    };
    const UniqueFd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string said = must_work("Accepting a viewer", static_cast<bool>(accepted)) +
                       must_work("Writing to him", ::send(accepted.get(), "x", 1, MSG_NOSIGNAL) == 1) +
                       must_work("A thread",
                                 [] {
                                   std::thread([] {}).join();
                                   return true;
                                 }()) +
                       must_fail_with(EACCES, "A socket", ::socket(AF_INET, SOCK_STREAM, 0)) +
                       must_fail_with(EACCES, "A local socket", ::socket(AF_UNIX, SOCK_STREAM, 0)) +
                       must_fail_with(EACCES, "Listening", ::listen(accepted.get(), 1)) +
                       must_fail("Reading the users", try_open("/etc/passwd", O_RDONLY)) +
                       must_fail("Reading a library", try_open("/usr/lib/os-release", O_RDONLY)) +
                       must_fail("Starting a process", ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) +
                       must_fail("Signalling the parent", ::kill(::getppid(), 0));
    // One that listens forgets that, and could connect.
    ::shutdown(listener->get(), SHUT_RD);
    return said + must_fail_with(EACCES, "Connecting", connect(listener->get()));
  });
  EXPECT_EQ(outcome.report.reached, Level::strict) << outcome.report.means << outcome.report.shortfalls[0];
  EXPECT_EQ(outcome.said, "") << outcome.log;
  EXPECT_EQ(outcome.signal, 0) << outcome.log;
}

TEST_P(Confinement, SendingDoesNotConnect) {
  expect_end_by("sendmsg", [] {
    const msghdr message{};
    ::sendmsg(-1, &message, MSG_FASTOPEN);
  });
}

INSTANTIATE_TEST_SUITE_P(Strict, Confinement, testing::ValuesIn(strict_places()),
                         [](const auto& test) { return std::string(test.param.name); });

// What is left where the kernel refuses more.

TEST(Shortfalls, WithoutNamespacesAndLandlockItIsBasicWithAFilter) {
  const Place place{.name = "", .ordinary_user = true, .refused = {"unshare", "landlock_create_ruleset"}};
  const Outcome outcome = run_confined(place, {.level = Level::strict}, kLavapipe, [] {
    return must_fail_with(EACCES, "socket", ::socket(AF_INET, SOCK_STREAM, 0)) +
           must_work("Other files are in reach, as the report says", try_open("/etc/passwd", O_RDONLY) >= 0);
  });
  EXPECT_EQ(outcome.report.reached, Level::basic);
  EXPECT_EQ(outcome.said, "");
  EXPECT_NE(outcome.report.shortfalls[0].find("namespaces"), std::string::npos);
  EXPECT_NE(outcome.report.shortfalls[0].find("Landlock"), std::string::npos);
}

TEST(Shortfalls, WithoutFiltersItIsOff) {
  const Place place{.name = "", .ordinary_user = true, .refused = {"seccomp"}};
  const Outcome outcome = run_confined(place, {.level = Level::strict}, kLavapipe, [] {
    return must_fail("What namespaces hide is hidden all the same", try_open("/etc/passwd", O_RDONLY));
  });
  EXPECT_EQ(outcome.report.reached, Level::off);
  EXPECT_EQ(outcome.said, "");
  EXPECT_NE(outcome.report.shortfalls[0].find("system call filter"), std::string::npos);
}

TEST(Basic, ForbidsWhatIsDangerousAndNothingElse) {
  const auto basic = [](const std::function<std::string()>& probe) {
    return run_confined(kAsUser, {.level = Level::basic, .choices = {.open_files = 64}}, kLavapipe, probe);
  };
  const Outcome outcome = basic([] {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    char name[] = "true";
    char* const arguments[] = {name, nullptr};
    return must_fail_with(EACCES, "execve", ::execve("/usr/bin/true", arguments, nullptr)) +
           must_work("The limit of files", files.rlim_max == 64) +
           must_work("A socket", ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0) +
           must_work("Reading /etc/passwd", try_open("/etc/passwd", O_RDONLY) >= 0) +
           must_work("No new privileges", ::prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1);
  });
  EXPECT_EQ(outcome.report.reached, Level::basic);
  EXPECT_EQ(outcome.said, "") << outcome.log;
  EXPECT_EQ(basic([] {
              ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
              return std::string("ptrace returns.");
            }).signal,
            SIGSYS);
}

TEST(Off, ChangesNothing) {
  const Outcome outcome = run_confined({.name = ""}, {.level = Level::off}, kLavapipe, [] {
    return must_work("Starting a process", [] {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(0);
      return ::waitpid(child, nullptr, 0) == child;
    }());
  });
  EXPECT_EQ(outcome.report.reached, Level::off);
  EXPECT_EQ(outcome.report.means, "");
  EXPECT_EQ(outcome.said, "");
}

}  // namespace
}  // namespace hesper::sandbox
