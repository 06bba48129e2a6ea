// A Vulkan driver that tries to get out of the worker's sandbox as soon as an instance is made, says on standard error
// what it managed, and is of no other use. tests/e2e/test_sandbox.py loads it with --host-driver.
//
// HESPER_TEST_FILE   a file of the user's that it tries to read and change
// HESPER_TEST_PORT   a TCP port on the loopback where somebody listens
// HESPER_TEST_ATTACK names one attempt that is expected to end the process; no other is made then
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
#include <sys/wait.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include <cstdint>
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

bool connects() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(std::atoi(variable("HESPER_TEST_PORT"))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
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
};

VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo*, const VkAllocationCallbacks*, VkInstance*) {
  const std::string attack = variable("HESPER_TEST_ATTACK");
  for (const Attempt& each : kAttacks)
    if (attack == each.what) std::fprintf(stderr, "hostile driver: %s returns %d\n", each.what, each.works());
  if (!attack.empty()) return VK_ERROR_INITIALIZATION_FAILED;
  int managed = 0;
  for (const Attempt& each : kAttempts) {
    if (!each.works()) continue;
    std::fprintf(stderr, "hostile driver: %s\n", each.what);
    ++managed;
  }
  std::fprintf(stderr, "hostile driver: managed %d of %zu\n", managed, std::size(kAttempts));
  return VK_ERROR_INITIALIZATION_FAILED;
}

VkResult VKAPI_CALL no_extensions(const char*, std::uint32_t* count, VkExtensionProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

void VKAPI_CALL nothing() {}

}  // namespace

// What the loader looks for by name.
extern "C" {

VkResult vk_icdNegotiateLoaderICDInterfaceVersion(std::uint32_t* version) {
  *version = 5;
  return VK_SUCCESS;
}

PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance, const char* name) {
  // SAFETY: the loader casts each back to the type of the function that it asked for.
  if (std::strcmp(name, "vkCreateInstance") == 0) return reinterpret_cast<PFN_vkVoidFunction>(&create_instance);
  if (std::strcmp(name, "vkEnumerateInstanceExtensionProperties") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(&no_extensions);
  if (std::strcmp(name, "vkEnumerateInstanceVersion") == 0) return nullptr;
  return &nothing;
}

}  // extern "C"
