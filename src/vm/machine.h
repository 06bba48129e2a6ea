// Machine: what a user says about a virtual machine, by command line or file. Decides nothing that depends on the host:
// that is Plan (plan.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hesper::vm {

enum class Architecture : std::uint8_t { x86_64, aarch64 };
[[nodiscard]] std::string_view name_of(Architecture architecture) noexcept;
// Of this program.
[[nodiscard]] Architecture host_architecture() noexcept;

// automatic: the best one that runs guest code (accelerator.h).
enum class Accelerator : std::uint8_t { automatic, kvm, hvf, tcg };
[[nodiscard]] std::string_view name_of(Accelerator accelerator) noexcept;

enum class Firmware : std::uint8_t {
  automatic,  // EFI where it is installed or the architecture has nothing else; none with a kernel
  efi,
  bios,
  file,
};

enum class Network : std::uint8_t { user, passt, none };

struct Disk {
  enum class Format : std::uint8_t { automatic, raw, qcow2 };  // automatic: disk_image.h
  std::filesystem::path path;
  Format format = Format::automatic;
  bool read_only = false;
};

// A port of the host that leads into the guest.
struct Forward {
  bool udp = false;
  std::string address = "127.0.0.1";  // of the host; IPv4
  std::uint16_t host = 0;
  std::uint16_t guest = 0;
};

// A folder of the host that the guest mounts: mount -t virtiofs TAG /mnt
struct Share {
  std::filesystem::path folder;
  std::string tag;
};

enum class Serial : std::uint8_t {
  terminal,  // this process's standard input and output
  none,
  file,
};

// Whose keyboard and pointers the guest has.
enum class InputDevices : std::uint8_t {
  hesper,  // hesper-gpu's: keyboard, tablet, mouse and touch screen, which viewers reach
  qemu,    // keyboard and tablet, which viewers reach by way of the launcher (qemu_input.h)
};

// What the guest believes of its processors; their product is how many it has.
struct CpuTopology {
  unsigned sockets = 1;
  unsigned cores = 1;    // of a socket
  unsigned threads = 1;  // of a core
  friend bool operator==(const CpuTopology&, const CpuTopology&) = default;
};

struct Machine {
  std::string name;  // empty: after the image
  Architecture architecture = host_architecture();
  unsigned cpus = 2;
  std::optional<CpuTopology> topology;            // none: QEMU's, a socket a processor
  std::uint64_t memory = std::uint64_t{2} << 30;  // bytes
  std::uint64_t huge_pages = 0;                   // bytes, the size of the host's pages that hold it; 0: usual ones
  std::optional<unsigned> memory_node;            // the host's NUMA node that holds it; none: any
  bool lock_memory = false;                       // none of QEMU's memory is ever swapped out
  std::vector<Disk> disks;                        // the first one is booted, unless there is a kernel
  std::filesystem::path kernel;                   // empty: none
  std::filesystem::path initrd;
  std::string append;  // the kernel's command line
  Firmware firmware = Firmware::automatic;
  std::filesystem::path firmware_file;
  std::filesystem::path efi_variables;  // kept from one run to the next; empty: fresh ones each time
  std::vector<std::string> displays;    // modes, as hesper gpu takes them; empty: one of 1280x800
  InputDevices input = InputDevices::hesper;
  Accelerator accelerator = Accelerator::automatic;
  Network network = Network::user;
  std::vector<Forward> forwards;
  std::vector<Share> shares;
  std::optional<std::uint32_t> vsock;  // the guest's context id; 0: one that is free
  Serial serial = Serial::terminal;
  std::filesystem::path serial_file;
  std::uint32_t driver_seconds = 0;  // after so long without a driver for its GPU there is a warning; 0: by accelerator
  std::uint32_t shutdown_seconds = 60;  // what the guest gets to shut down where nobody is there to end it
  std::string qemu;                     // empty: qemu-system-ARCHITECTURE
  bool qemu_sandbox = true;             // QEMU makes no system calls that it does not need, as libvirt has it
  std::vector<std::string> qemu_arguments;
  std::vector<std::string> gpu_arguments;   // options of hesper gpu, as on its command line
  std::vector<std::string> view_arguments;  // options of hesper view, likewise; empty: nobody sees the screens
};

inline constexpr std::size_t kLongestName = 32;
// Letters, digits, '.', '_' and '-', a letter or digit first; at most kLongestName bytes.
[[nodiscard]] bool is_name(std::string_view text) noexcept;
// The nearest name to a file's: "Debian 13.qcow2" is "Debian-13".
[[nodiscard]] std::string name_after(const std::filesystem::path& file);

// The following read what users write; errors are sentences that quote it.

// FILE[,format=raw|qcow2][,readonly]
[[nodiscard]] Result<Disk> parse_disk(std::string_view text);
// [tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT
[[nodiscard]] Result<Forward> parse_forward(std::string_view text);
// FOLDER:TAG
[[nodiscard]] Result<Share> parse_share(std::string_view text);
// SOCKETS:CORES:THREADS, each from 1 to 1024
[[nodiscard]] Result<CpuTopology> parse_topology(std::string_view text);
// Bytes, or with K, M, G or T (1024).
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace hesper::vm
