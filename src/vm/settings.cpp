// The table of settings.
#include "vm/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <utility>

namespace hesper::vm {
namespace {

using Path = std::filesystem::path;

// A shell has replaced the tilde on a command line, but nobody does in a file.
Path resolved(const Path& path, const Path& base) {
  const std::string& text = path.native();
  const char* home = std::getenv("HOME");
  if (home != nullptr && (text == "~" || text.starts_with("~/")))
    return Path(home) / Path(text).lexically_relative("~");
  return base.empty() || path.empty() ? path : base / path;
}

Result<std::uint32_t> number(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return fail(fmt::format("'{}' is no number from {} to {}.", text, least, most), EINVAL);
  return value;
}

template <class T>
Result<void> store(Result<T> value, T& into) {
  if (!value) return std::unexpected(std::move(value.error()));
  into = std::move(*value);
  return {};
}

template <class T, std::size_t N>
Result<T> choice(std::string_view text, const std::array<std::pair<std::string_view, T>, N>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  return fail(fmt::format("'{}' is none of {}.", text, names), EINVAL);
}

template <class T>
Result<void> add(Result<T> value, std::vector<T>& to) {
  if (!value) return std::unexpected(std::move(value.error()));
  to.push_back(std::move(*value));
  return {};
}

template <std::filesystem::path Machine::* member>
Result<void> set_path(Machine& machine, std::string_view value, const Path& base) {
  machine.*member = resolved(value, base);
  return {};
}

Result<void> add_disk(Machine& machine, std::string_view value, const Path& base) {
  auto disk = parse_disk(value);
  if (disk) disk->path = resolved(disk->path, base);
  return add(std::move(disk), machine.disks);
}

constexpr std::uint64_t kLeastMemory = std::uint64_t{32} << 20;

constexpr std::array kSettings = {
    Setting{.name = "name",
            .type_name = "NAME",
            .description = "What hesper list, stop, screenshot and display know it by (default: after the image)",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              if (!is_name(value))
                return fail(fmt::format("'{}' is no name: it has at most {} letters, digits, '.', '_' or '-', and "
                                        "begins with a letter or digit.",
                                        value, kLongestName),
                            EINVAL);
              machine.name = value;
              return {};
            }},
    Setting{.name = "arch",
            .type_name = "ARCH",
            .description = "The guest's processor: x86_64 or aarch64 (default: the host's)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, Architecture>, 2> kChoices{
                      {{"x86_64", Architecture::x86_64}, {"aarch64", Architecture::aarch64}}};
                  return store(choice(value, kChoices), machine.architecture);
                }},
    Setting{.name = "cpus",
            .type_name = "N",
            .description = "How many processors the guest has (default: 2)",
            .set = [](Machine& machine, std::string_view value,
                      const Path&) { return store(number(value, 1, 1024), machine.cpus); }},
    Setting{.name = "memory",
            .type_name = "SIZE",
            .description = "The guest's memory, as 4G (default: 2G)",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              const auto size = parse_size(value);
              if (!size) return std::unexpected(size.error());
              if (*size < kLeastMemory || *size % (1 << 20) != 0)
                return fail(fmt::format("'{}' is no size of memory: it is a multiple of 1M, and 32M at least.", value),
                            EINVAL);
              machine.memory = *size;
              return {};
            }},
    Setting{.name = "cpu-topology",
            .type_name = "SOCKETS:CORES:THREADS",
            .description = "What the guest believes of its processors, as 1:4:2; hesper tune says what suits this host",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              const auto topology = parse_topology(value);
              if (!topology) return std::unexpected(topology.error());
              machine.topology = *topology;
              return {};
            }},
    Setting{.name = "huge-pages",
            .type_name = "SIZE",
            .description = "Hold the guest's memory in the host's huge pages of this size, 2M or 1G, of which there "
                           "must be enough free ones, or off (default: off)",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              if (value == "off") {
                machine.huge_pages = 0;
                return {};
              }
              const auto size = parse_size(value);
              if (!size) return std::unexpected(size.error());
              if (*size < (std::uint64_t{1} << 16) || *size > (std::uint64_t{16} << 30) || !std::has_single_bit(*size))
                return fail(fmt::format("'{}' is no size of huge pages: it is a power of two, as 2M or 1G.", value),
                            EINVAL);
              machine.huge_pages = *size;
              return {};
            }},
    Setting{.name = "memory-node",
            .type_name = "N",
            .description = "Take the guest's memory from this NUMA node of the host only",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              const auto node = number(value, 0, 1023);
              if (!node) return std::unexpected(node.error());
              machine.memory_node = *node;
              return {};
            }},
    Setting{.name = "lock-memory",
            .type_name = "ON|OFF",
            .description = "Whether QEMU keeps all of its memory from being swapped out, for which its limit "
                           "(ulimit -l) must be as high (default: off)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, bool>, 2> kChoices{{{"on", true}, {"off", false}}};
                  return store(choice(value, kChoices), machine.lock_memory);
                }},
    Setting{.name = "disk",
            .type_name = "FILE",
            .description =
                "A disk's image, raw or qcow2, as FILE[,format=raw|qcow2][,readonly]; again for further ones. "
                "The first one is booted",
            .set = add_disk,
            .clear = [](Machine& machine) { machine.disks.clear(); }},
    Setting{.name = "kernel",
            .type_name = "FILE",
            .description = "Boot this Linux kernel, without firmware",
            .set = set_path<&Machine::kernel>},
    Setting{.name = "initrd",
            .type_name = "FILE",
            .description = "The kernel's initramfs",
            .set = set_path<&Machine::initrd>},
    Setting{.name = "append",
            .type_name = "TEXT",
            .description = "The kernel's command line, as 'root=/dev/vda1 console=ttyS0'",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              machine.append = value;
              return {};
            }},
    Setting{.name = "firmware",
            .type_name = "WHICH",
            .description = "efi, bios, auto or a file (default: auto, EFI where it is installed)",
            .set = [](Machine& machine, std::string_view value, const Path& base) -> Result<void> {
              constexpr std::array<std::pair<std::string_view, Firmware>, 3> kChoices{
                  {{"auto", Firmware::automatic}, {"efi", Firmware::efi}, {"bios", Firmware::bios}}};
              if (const auto which = choice(value, kChoices)) {
                machine.firmware = *which;
                return {};
              }
              machine.firmware = Firmware::file;
              machine.firmware_file = resolved(value, base);
              return {};
            }},
    Setting{.name = "efi-variables",
            .type_name = "FILE",
            .description = "Where EFI keeps its variables, as the order of booting; made where it is missing (default: "
                           "they are forgotten at the end)",
            .set = set_path<&Machine::efi_variables>},
    Setting{.name = "display",
            .type_name = "MODE",
            .description =
                "A screen's size and rate, as 2560x1440@120, or off; again for further ones (default: one of "
                "1280x800)",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              machine.displays.emplace_back(value);  // hesper gpu says what is wrong with it
              return {};
            },
            .clear = [](Machine& machine) { machine.displays.clear(); }},
    Setting{.name = "input",
            .type_name = "WHICH",
            .description =
                "Whose keyboard and pointers the guest has: hesper, with lights and fingers, or qemu (default: hesper)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, InputDevices>, 2> kChoices{
                      {{"hesper", InputDevices::hesper}, {"qemu", InputDevices::qemu}}};
                  return store(choice(value, kChoices), machine.input);
                }},
    Setting{.name = "accel",
            .type_name = "WHICH",
            .description = "What runs the guest's code: kvm, hvf, tcg or auto (default: auto, the first that works)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, Accelerator>, 4> kChoices{
                      {{"auto", Accelerator::automatic},
                       {"kvm", Accelerator::kvm},
                       {"hvf", Accelerator::hvf},
                       {"tcg", Accelerator::tcg}}};
                  return store(choice(value, kChoices), machine.accelerator);
                }},
    Setting{.name = "net",
            .type_name = "WHICH",
            .description = "The guest's network: user (QEMU's own), passt or none (default: user)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, Network>, 3> kChoices{
                      {{"user", Network::user}, {"passt", Network::passt}, {"none", Network::none}}};
                  return store(choice(value, kChoices), machine.network);
                }},
    Setting{.name = "forward",
            .type_name = "PORTS",
            .description =
                "Lead a port of the host into the guest: [tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT, as 2222:22; "
                "without an address only this host gets in",
            .set = [](Machine& machine, std::string_view value,
                      const Path&) { return add(parse_forward(value), machine.forwards); },
            .clear = [](Machine& machine) { machine.forwards.clear(); }},
    Setting{.name = "share",
            .type_name = "FOLDER:TAG",
            .description = "Share a folder, which the guest mounts with: mount -t virtiofs TAG /mnt",
            .set =
                [](Machine& machine, std::string_view value, const Path& base) {
                  auto share = parse_share(value);
                  if (share) share->folder = resolved(share->folder, base);
                  return add(std::move(share), machine.shares);
                },
            .clear = [](Machine& machine) { machine.shares.clear(); }},
    Setting{.name = "vsock",
            .type_name = "CID",
            .description = "Give the guest a vsock with this context id, 3 or more, or auto",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              if (value == "auto") {
                machine.vsock = 0;
                return {};
              }
              const auto cid = number(value, 3, 0x7fff'ffff);
              if (!cid) return std::unexpected(cid.error());
              machine.vsock = *cid;
              return {};
            }},
    Setting{.name = "serial",
            .type_name = "WHERE",
            .description = "The guest's serial console: terminal, none or a file (default: terminal)",
            .set = [](Machine& machine, std::string_view value, const Path& base) -> Result<void> {
              constexpr std::array<std::pair<std::string_view, Serial>, 2> kChoices{
                  {{"terminal", Serial::terminal}, {"none", Serial::none}}};
              const auto which = choice(value, kChoices);
              machine.serial = which ? *which : Serial::file;
              if (!which) machine.serial_file = resolved(value, base);
              return {};
            }},
    Setting{.name = "driver-time",
            .type_name = "SECONDS",
            .description = "Warn if no driver in the guest has taken its GPU by then (default: 60, with tcg 180)",
            .set = [](Machine& machine, std::string_view value,
                      const Path&) { return store(number(value, 1, 86'400), machine.driver_seconds); }},
    Setting{.name = "shutdown-time",
            .type_name = "SECONDS",
            .description = "How long the guest may take to shut down where nobody can end it (default: 60)",
            .set = [](Machine& machine, std::string_view value,
                      const Path&) { return store(number(value, 1, 86'400), machine.shutdown_seconds); }},
    Setting{.name = "qemu",
            .type_name = "PROGRAM",
            .description = "QEMU, 11.1 or newer (default: qemu-system-ARCH)",
            .set = [](Machine& machine, std::string_view value, const Path& base) -> Result<void> {
              const bool is_path = value.contains('/');
              machine.qemu = is_path ? resolved(value, base).native() : std::string(value);
              return {};
            }},
    Setting{.name = "qemu-sandbox",
            .type_name = "ON|OFF",
            .description =
                "Whether QEMU forbids itself to start programs, to gain privileges and more; not with passt, "
                "which it starts (default: on)",
            .set =
                [](Machine& machine, std::string_view value, const Path&) {
                  constexpr std::array<std::pair<std::string_view, bool>, 2> kChoices{{{"on", true}, {"off", false}}};
                  return store(choice(value, kChoices), machine.qemu_sandbox);
                }},
    Setting{.name = "qemu-arg",
            .type_name = "ARG",
            .description = "One more argument for QEMU; again for further ones",
            .set = [](Machine& machine, std::string_view value, const Path&) -> Result<void> {
              machine.qemu_arguments.emplace_back(value);
              return {};
            },
            .clear = [](Machine& machine) { machine.qemu_arguments.clear(); }},
};

}  // namespace

std::span<const Setting> settings() noexcept { return kSettings; }

}  // namespace hesper::vm
