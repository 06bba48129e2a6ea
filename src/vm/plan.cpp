// Looking at the host.
#include "vm/plan.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "platform/limits.h"
#include "platform/system.h"
#include "vm/accelerator.h"
#include "vm/disk_image.h"

namespace hesper::vm {
namespace {

using Path = std::filesystem::path;

// The file of a program, absolute; nothing if there is none that can be executed. further: where to look beside PATH.
std::optional<Path> find_program(std::string_view name, std::initializer_list<const char*> further = {}) {
  const auto executable = [](const Path& file) {
    std::error_code error;
    return std::filesystem::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0;
  };
  std::error_code error;
  if (name.contains('/')) {
    const Path file = std::filesystem::absolute(name, error);
    return executable(file) ? std::optional(file) : std::nullopt;
  }
  const char* search = std::getenv("PATH");
  std::string_view rest(search != nullptr ? search : "");
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const Path file = Path(rest.substr(0, colon)) / name;
    if (file.is_absolute() && executable(file)) return file;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  for (const char* folder : further)
    if (executable(Path(folder) / name)) return Path(folder) / name;
  return std::nullopt;
}

Path resolved(const Path& file) {
  std::error_code error;
  const Path result = std::filesystem::absolute(file, error);
  return file.empty() || error ? file : result;
}

Result<Path> find_qemu(const Machine& machine) {
  const std::string name =
      machine.qemu.empty() ? fmt::format("qemu-system-{}", name_of(machine.architecture)) : machine.qemu;
  if (auto found = find_program(name)) return *std::move(found);
  const char* package = machine.architecture == Architecture::x86_64 ? "qemu-system-x86" : "qemu-system-arm";
  return fail(
      fmt::format("QEMU is missing: there is no program '{}'. Install QEMU 11.1 or newer (Debian 13: apt install "
                  "-t trixie-backports {}; macOS: brew install qemu), or name it with --qemu.",
                  name, package),
      ENOENT);
}

Result<void> check_readable(std::string_view what, const Path& file) {
  if (file.empty()) return {};
  const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return fail_errno(fmt::format("The {} '{}' cannot be read", what, file.native()), errno);
  return {};
}

Result<void> check_boot(const Machine& machine) {
  if (machine.kernel.empty() && (!machine.initrd.empty() || !machine.append.empty()))
    return fail("--initrd and --append are for a kernel: give it with --kernel.", EINVAL);
  if (machine.kernel.empty() && machine.disks.empty() && machine.firmware == Firmware::automatic)
    return fail("There is nothing to boot: give a disk's image, as in hesper run debian.qcow2, or --kernel.", EINVAL);
  if (auto kernel = check_readable("kernel", machine.kernel); !kernel) return kernel;
  return check_readable("initramfs", machine.initrd);
}

// A guest of all the host's memory would leave nothing for what draws its pictures.
Result<void> check_memory(const Machine& machine) {
  const std::uint64_t host = platform::physical_memory();
  if (host == 0 || machine.memory < host) return {};
  return fail(
      fmt::format("The guest's {} MiB of memory are more than this host has, {} MiB. Give it less with --memory.",
                  machine.memory >> 20, host >> 20),
      ENOMEM);
}

Result<void> check_tuning(const Machine& machine) {
  if (const auto& topology = machine.topology; topology) {
    const std::uint64_t cpus = std::uint64_t{topology->sockets} * topology->cores * topology->threads;
    if (cpus != machine.cpus)
      return fail(fmt::format("--cpu-topology {}:{}:{} has {} processors, but --cpus gives the guest {}.",
                              topology->sockets, topology->cores, topology->threads, cpus, machine.cpus),
                  EINVAL);
  }
  if (machine.huge_pages != 0 && machine.memory % machine.huge_pages != 0)
    return fail(fmt::format("The guest's {} MiB of memory are not a whole number of huge pages of {} KiB.",
                            machine.memory >> 20, machine.huge_pages >> 10),
                EINVAL);
  if (machine.huge_pages != 0 && platform::running_system() != platform::System::linux)
    return fail("Only Linux has huge pages; leave --huge-pages out.", ENOTSUP);
  return {};
}

Result<void> check_port(const Forward& forward) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(forward.host);
  ::inet_pton(AF_INET, forward.address.c_str(), &address.sin_addr);
  const UniqueFd socket(::socket(AF_INET, forward.udp ? SOCK_DGRAM : SOCK_STREAM, 0));
  if (!socket) return fail_errno("A socket cannot be made", errno);
  const int yes = 1;
  if (!forward.udp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  // Listening, too: with SO_REUSEADDR two may bind the same port.
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      (forward.udp || ::listen(socket.get(), 1) == 0))
    return {};
  const std::string port =
      fmt::format("port {} ({}) of {}", forward.host, forward.udp ? "udp" : "tcp", forward.address);
  switch (errno) {
    case EADDRINUSE:
      return fail(
          fmt::format("The {} is in use. Choose another one: --forward {}:{}", port, forward.host + 1, forward.guest),
          EADDRINUSE);
    case EACCES:
      return fail(fmt::format("The {} is for privileged programs only. Choose one from 1024: --forward {}:{}", port,
                              forward.host + 8000, forward.guest),
                  EACCES);
    default: return fail_errno(fmt::format("The {} cannot be used", port), errno);
  }
}

Result<void> check_network(const Machine& machine, Occasion occasion) {
  if (machine.network == Network::none && !machine.forwards.empty())
    return fail("--forward needs a network; leave --net none out.", EINVAL);
  if (occasion == Occasion::later) return {};
  for (const Forward& forward : machine.forwards)
    if (auto port = check_port(forward); !port) return port;
  return {};
}

Result<void> choose_passt(Plan& plan) {
  if (plan.machine.network != Network::passt) return {};
  auto program = find_program("passt");
  if (!program)
    return fail(
        "--net passt needs the program passt, which is missing (Debian: apt install passt). --net user does "
        "without.",
        ENOENT);
  plan.passt = *std::move(program);
  return {};
}

Result<void> choose_shares(Plan& plan) {
  if (plan.machine.shares.empty()) return {};
  if (platform::running_system() != platform::System::linux)
    return fail("Shared folders need virtiofsd, which there is for Linux only.", ENOTSUP);
  for (Share& share : plan.machine.shares) {
    std::error_code error;
    const Path folder = std::filesystem::canonical(share.folder, error);
    if (error || !std::filesystem::is_directory(folder, error))
      return fail(fmt::format("The shared folder '{}' is not there, or no folder.", share.folder.native()), ENOENT);
    share.folder = folder;
  }
  auto program = find_program("virtiofsd", {"/usr/libexec", "/usr/lib/virtiofsd", "/usr/lib", "/usr/lib/qemu"});
  if (!program)
    return fail("--share needs the program virtiofsd, which is missing (Debian: apt install virtiofsd).", ENOENT);
  plan.virtiofsd = *std::move(program);
  return {};
}

Result<void> choose_vsock(Machine& machine, Occasion occasion) {
  if (!machine.vsock || occasion == Occasion::later) return {};
  const UniqueFd device(::open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC));
  if (!device)
    return fail_errno(
        "The guest's vsock needs /dev/vhost-vsock. Load its module (sudo modprobe vhost_vsock), become a "
        "member of the group kvm, or leave --vsock out; it cannot be opened",
        errno);
  // Nobody else has this process id as long as we live; 0 to 2 have a meaning.
  if (*machine.vsock == 0) machine.vsock = 3 + static_cast<std::uint32_t>(::getpid());
  return {};
}

Result<void> choose_firmware(Plan& plan) {
  const Machine& machine = plan.machine;
  const bool x86 = machine.architecture == Architecture::x86_64;
  if (machine.firmware == Firmware::file) {
    plan.firmware = resolved(machine.firmware_file);
    return check_readable("firmware", plan.firmware);
  }
  if (machine.firmware == Firmware::bios) {
    if (x86) return {};
    return fail("Only x86_64 guests have a BIOS; use --firmware efi.", EINVAL);
  }
  if (machine.firmware == Firmware::automatic && !machine.kernel.empty()) return {};
  const auto efi = find_efi(machine.architecture, firmware_roots(plan.qemu));
  if (!efi) {
    if (x86 && machine.firmware == Firmware::automatic) return {};
    return fail(fmt::format("EFI firmware is missing (Debian: apt install {}; Fedora: {}).",
                            x86 ? "ovmf" : "qemu-efi-aarch64", x86 ? "edk2-ovmf" : "edk2-aarch64"),
                ENOENT);
  }
  plan.firmware = efi->code;
  plan.firmware_template = efi->variables;
  return {};
}

}  // namespace

// Somebody must be there to share a clipboard with, and want to.
bool Plan::has_agent_port() const {
  const auto& words = machine.view_arguments;
  // The last one that says something about it counts.
  const auto last = std::ranges::find_last_if(
      words, [](std::string_view word) { return word == "--no-clipboard" || word.starts_with("--clipboard="); });
  return !words.empty() && (last.empty() || (last.front() != "--no-clipboard" && last.front() != "--clipboard=off"));
}

Result<Plan> make_plan(Machine machine, const Attendants& attendants, const Path& root, const Path& cache,
                       Occasion occasion) {
  if (auto boot = check_boot(machine); !boot) return std::unexpected(std::move(boot.error()));
  auto qemu = find_qemu(machine);
  if (!qemu) return std::unexpected(std::move(qemu.error()));
  if (auto memory = check_memory(machine); !memory) return std::unexpected(std::move(memory.error()));
  if (auto tuning = check_tuning(machine); !tuning) return std::unexpected(std::move(tuning.error()));
  if (auto network = check_network(machine, occasion); !network) return std::unexpected(std::move(network.error()));
  if (machine.name.empty()) machine.name = name_after(machine.disks.empty() ? machine.kernel : machine.disks[0].path);

  Plan plan;
  plan.machine = std::move(machine);
  for (Path* file :
       {&plan.machine.kernel, &plan.machine.initrd, &plan.machine.efi_variables, &plan.machine.serial_file})
    *file = resolved(*file);
  for (Disk& disk : plan.machine.disks) disk.path = resolved(disk.path);
  plan.qemu = std::move(*qemu);
  plan.hesper = attendants.hesper();
  const bool is_linux = platform::running_system() == platform::System::linux;
  plan.memory_backend = is_linux ? "memory-backend-memfd" : "memory-backend-shm";
  plan.qemu_sandbox = plan.machine.qemu_sandbox && is_linux;
  for (Disk& disk : plan.machine.disks) {
    auto examined = examine_disk(std::move(disk));
    if (!examined) return std::unexpected(std::move(examined.error()));
    disk = std::move(*examined);
  }
  for (const auto choose : {choose_passt, choose_shares, choose_firmware})
    if (auto chosen = choose(plan); !chosen) return std::unexpected(std::move(chosen.error()));
  if (auto vsock = choose_vsock(plan.machine, occasion); !vsock) return std::unexpected(std::move(vsock.error()));
  if (occasion == Occasion::later && plan.machine.accelerator != Accelerator::automatic) {
    plan.accelerator = plan.machine.accelerator;
    return plan;
  }
  auto accelerator = choose_accelerator(plan.machine, plan.qemu, root, cache, attendants);
  if (!accelerator) return std::unexpected(std::move(accelerator.error()));
  plan.accelerator = accelerator->accelerator;
  plan.accelerator_reason = std::move(accelerator->reason);
  return plan;
}

}  // namespace hesper::vm
