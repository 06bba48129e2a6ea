// Facts: what is true of a host, each with where that comes from. Plain data without judgement: what it means for
// Hesper is in src/advice. Names are the system's own (a driver is "i915", a distribution "debian").
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host/system.h"
#include "platform/system.h"
#include "vm/machine.h"

namespace hesper::host {

// A value, or why there is none. `source`: the file or the command that told it.
template <class T>
struct Fact {
  std::optional<T> value;
  std::string source;
  std::string why;  // a sentence: why there is no value; of some that are false, why that is so

  [[nodiscard]] bool known() const noexcept { return value.has_value(); }
  [[nodiscard]] T value_or(T other) const { return value.value_or(std::move(other)); }
  // Known and equal: an unknown fact is neither equal nor different.
  [[nodiscard]] bool is(const T& other) const { return value.has_value() && *value == other; }
};

// ---- The system -----------------------------------------------------------------------------------------------------

enum class Surroundings : std::uint8_t { bare, virtual_machine, container, wsl };

struct OperatingSystem {
  platform::System kind = platform::System::linux;
  Fact<std::string> distribution;  // os-release's ID; "macos"
  std::vector<std::string> like;   // os-release's ID_LIKE
  Fact<std::string> name;          // "Debian GNU/Linux 13 (trixie)", "macOS 26.1"
  Fact<std::string> version;       // "13", "26.1"
  Fact<std::string> kernel;        // as uname -r
  Fact<std::string> architecture;  // as uname -m: x86_64, aarch64 (macOS: arm64 is told as aarch64)
  Fact<std::string> command_line;  // of the kernel; Linux
  Fact<Surroundings> surroundings;
  Fact<std::string> hypervisor;   // "kvm", "microsoft", "vmware", ...; empty value: none
  Fact<std::string> boot_loader;  // "grub", "systemd-boot", ...: whose files hold the kernel's command line
  Fact<std::string> initramfs;    // "initramfs-tools", "dracut", "mkinitcpio"
  Fact<bool> secure_boot;
};

// ---- Processor and memory -------------------------------------------------------------------------------------------

struct LogicalCpu {
  unsigned number = 0;                      // as Linux counts them
  unsigned core = 0, socket = 0, node = 0;  // core: unique in the machine, not only in its socket
  std::optional<unsigned> last_cache;       // which share of the last cache; equal ones share it
  std::uint64_t most_khz = 0;               // 0: unknown; cores of different kinds differ here or in capacity
  unsigned capacity = 0;                    // of 1024; 0: unknown
  bool online = true;
};

struct NumaNode {
  unsigned number = 0;
  std::uint64_t memory = 0;  // bytes
  std::vector<unsigned> cpus;
};

struct Processor {
  Fact<std::string> vendor;      // "GenuineIntel", "AuthenticAMD", "ARM", "Apple"
  Fact<std::string> model;       // as people call it
  std::vector<LogicalCpu> cpus;  // sorted by number; empty: unknown
  std::vector<NumaNode> nodes;
  Fact<unsigned> cores;  // of all sockets
  Fact<unsigned> threads;
  Fact<std::string> virtualization;       // "vmx", "svm", "hvf"; empty value: the processor tells of none
  Fact<std::vector<std::string>> caches;  // "L3 32M, shared by 0-7"
};

struct HugePages {
  std::uint64_t size = 0;   // bytes
  std::uint64_t total = 0;  // pages
  std::uint64_t free = 0;
};

struct Memory {
  Fact<std::uint64_t> total;  // bytes
  Fact<std::uint64_t> available;
  Fact<std::uint32_t> page_size;  // bytes
  std::vector<HugePages> huge_pages;
  Fact<std::string> transparent;  // "always", "madvise", "never"
};

// ---- Running guests -------------------------------------------------------------------------------------------------

struct Accelerators {
  Fact<bool> kvm_exists;        // /dev/kvm
  Fact<bool> kvm_opens;         // by this user; why: EACCES and its kind
  Fact<std::string> kvm_group;  // whose members may use it
  Fact<bool> kvm_works;         // the self-test executed guest code; why, or false: source has the sentence
  std::string kvm_verdict;      // the self-test's sentence; empty if it works
  Fact<bool> kvm_module;        // kvm_intel, kvm_amd or built in
  Fact<bool> nested;            // of KVM's module
  Fact<bool> hvf_supported;     // kern.hv_support
  Fact<bool> hvf_entitled;      // QEMU's program is signed with com.apple.security.hypervisor
  std::string hvf_verdict;      // what QEMU says when it tries, such as HV_DENIED; empty if it works or was not tried
  Fact<bool> sip_enabled;       // macOS: csrutil status
};

struct Qemu {
  std::filesystem::path program;
  vm::Architecture architecture{};
  Fact<std::string> version;        // "11.1.3"
  Fact<bool> vhost_user_device;     // vhost-user-test-device-pci, or its name before 11.1
  Fact<bool> shared_memory_window;  // that device passes Hesper's window on (from 11.1 on)
  Fact<bool> vhost_user_input;      // vhost-user-input-pci
  Fact<bool> vfio;                  // vfio-pci
  Fact<bool> ivshmem;               // ivshmem-plain
  Fact<bool> venus;                 // virtio-gpu-gl-pci with venus=
  Fact<bool> native_context;        // virtio-gpu-gl-pci with drm_native_context=
  Fact<std::vector<std::string>> accelerators;
  Fact<std::filesystem::path> firmware;  // EFI for this architecture
};

// ---- GPUs -----------------------------------------------------------------------------------------------------------

struct PciFunction {
  std::string address;  // "0000:01:00.0"
  std::uint16_t vendor = 0, device = 0, subsystem_vendor = 0, subsystem_device = 0;
  std::uint32_t pci_class = 0;        // 24 bits: 0x030000 is VGA
  std::string name;                   // of vendor and device, from the data base of PCI ids; empty: not in it
  std::optional<std::string> driver;  // bound
  std::optional<unsigned> iommu_group;
  std::optional<int> numa_node;               // none: the host does not tell
  std::vector<std::string> reset_methods;     // "flr", "bus", "pm", ...
  std::vector<std::uint64_t> bars;            // sizes in bytes; 0: not there
  std::optional<unsigned> virtual_functions;  // how many SR-IOV could make; none: no SR-IOV
  std::optional<unsigned> virtual_functions_made;
  std::vector<std::string> mediated_types;  // names under mdev_supported_types
  bool is_bridge = false;
  bool has_rom = false;
  std::string driver_override;  // empty: none
};

struct DrmNode {
  std::filesystem::path path;  // /dev/dri/renderD128
  bool render = false;         // else a card
  Fact<bool> may_open;         // by this user
  std::string group;           // whose members may
};

struct Connector {
  std::string name;  // "HDMI-A-1"
  bool connected = false;
};

struct Gpu {
  std::string name;                   // as people call it
  std::string vendor;                 // "Intel", "AMD", "NVIDIA", "Apple", "virtio", ...; as found, if another
  std::optional<PciFunction> pci;     // none: on no PCI bus (Apple, Asahi, WSL's /dev/dxg)
  std::vector<PciFunction> siblings;  // other functions of its slot: audio, USB
  Fact<std::string> driver;           // of the kernel; empty value: none is bound
  std::vector<std::string> modules;   // that could drive it, as modules.alias has them
  Fact<bool> boot_vga;                // shows the firmware's screen
  Fact<bool> integrated;              // part of the processor
  std::vector<DrmNode> nodes;
  std::vector<Connector> connectors;
  std::vector<std::string> users;  // programs that hold its nodes open, as far as this user may see
};

// ---- Vulkan ---------------------------------------------------------------------------------------------------------

struct Icd {
  std::filesystem::path manifest;
  std::string found_by;        // "VK_DRIVER_FILES", a folder of the loader, "a usual place of Homebrew", ...
  std::string library;         // as the manifest has it
  std::string api_version;     // likewise
  bool portability = false;    // is_portability_driver
  bool seen_by_loader = true;  // false: it lies where this loader does not look
  std::string problem;         // a sentence; empty: none
};

struct VulkanDevice {  // as hesper-render --probe tells of it
  std::string name;
  std::string driver;
  std::string api_version;
  std::string kind;     // "discrete", "integrated", "virtual", "cpu", "other"
  bool usable = false;  // for programs of this host
  std::string memory;   // "dmabuf", "hostptr"; empty if not usable
  std::string memory_reason;
  std::optional<bool> guest_usable;  // for programs in virtual machines (hesper run); none: not told
  std::string guest_reason;          // a sentence
  std::optional<bool> memory_moves;  // a guest's memory can be moved under its driver (docs/memory.md); none: not tried
  std::vector<std::string> missing;  // what Hesper needs and it has not
  std::vector<std::string> emulated;  // what Hesper stands in for
};

struct Vulkan {
  Fact<std::filesystem::path> loader;  // libvulkan.so.1 and its kind
  std::vector<Icd> icds;
  Fact<std::vector<VulkanDevice>> devices;
};

// ---- Giving devices to guests ---------------------------------------------------------------------------------------

struct IommuGroup {
  unsigned number = 0;
  std::vector<PciFunction> functions;
};

struct Iommu {
  Fact<bool> firmware;      // has tables for one: DMAR, IVRS, IORT
  Fact<bool> on;            // the kernel uses it
  Fact<std::string> kind;   // "intel", "amd", "arm-smmu-v3", "apple-dart"
  Fact<std::string> asked;  // what the kernel's command line says of it; empty value: nothing
  std::vector<IommuGroup> groups;
  Fact<bool> acs_override;  // pcie_acs_override= on the command line: groups are not to be trusted
  Fact<bool> interrupt_remapping;
};

struct Passthrough {
  Fact<bool> vfio_module;     // vfio-pci can be loaded or is built in
  Fact<bool> vfio_may_open;   // /dev/vfio/vfio by this user
  Fact<bool> driverctl;       // the program is there
  Fact<bool> kvmfr;           // the module is loaded
  Fact<bool> kvmfr_may_open;  // /dev/kvmfr0
  Fact<bool> looking_glass;   // its client is installed
};

// ---- The rest -------------------------------------------------------------------------------------------------------

struct VideoEncoder {
  std::string name;  // FFmpeg's
  std::string codec;
  bool hardware = false;
  bool works = false;  // it was opened and gave a frame
};

struct Services {
  Fact<std::vector<VideoEncoder>> encoders;
  Fact<bool> udmabuf;  // /dev/udmabuf exists
  Fact<bool> udmabuf_may_open;
  Fact<bool> vsock;  // /dev/vhost-vsock exists
  Fact<bool> vsock_may_open;
  Fact<std::string> libvirt;  // version; empty value: not installed
  Fact<bool> libvirt_runs;
  Fact<std::string> display;    // "wayland", "x11", "quartz"; empty value: none
  Fact<bool> ssh_server;        // somebody can come in when the screen is gone
  Fact<bool> ssh_session;       // this program was started in one: SSH_CONNECTION
  Fact<bool> serial_console;    // console=ttyS on the kernel's command line
  Fact<bool> user_namespaces;   // this user may make them: what the strict sandbox wants
  Fact<bool> passt, virtiofsd;  // the programs are there
};

struct Limits {
  Fact<std::uint64_t> memlock;     // bytes; ~0: none
  Fact<std::uint64_t> nofile;      // the hard limit
  Fact<std::uint64_t> overcommit;  // vm.overcommit_memory
  Fact<std::uint64_t> max_map_count;
  Fact<std::uint64_t> shared_memory;  // bytes free in /dev/shm
};

struct Facts {
  OperatingSystem system;
  User user;
  Processor processor;
  Memory memory;
  Accelerators accelerators;
  std::vector<Qemu> qemus;   // the host's own architecture first
  Fact<bool> qemu_searched;  // where; why: what was looked for and not found
  std::vector<Gpu> gpus;     // boot VGA first, then by address
  Vulkan vulkan;
  Iommu iommu;
  Passthrough passthrough;
  Services services;
  Limits limits;
};

}  // namespace hesper::host
