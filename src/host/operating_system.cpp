// uname, os-release, sw_vers, DMI, the EFI's variables.
#include "host/operating_system.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

constexpr std::string_view kUname = "uname -srm";

std::string architecture_of(std::string_view machine) {
  if (machine == "arm64") return "aarch64";
  if (machine == "amd64") return "x86_64";
  return shown(machine);
}

void take_uname(const System& system, OperatingSystem& os) {
  const auto text = output_of(system, {"uname", "-srm"});
  const auto words = text ? words_of(*text) : std::vector<std::string_view>();
  if (words.size() < 3) {
    const std::string why = text ? std::string("'uname -srm' does not print three words.") : text.error().message;
    os.kernel = os.architecture = unknown<std::string>(why, std::string(kUname));
    os.kind = is_there(system, "/proc") || is_there(system, "/sys") ? platform::System::linux : platform::System::other;
    return;
  }
  os.kind = words[0] == "Linux"    ? platform::System::linux
            : words[0] == "Darwin" ? platform::System::macos
                                   : platform::System::other;
  os.kernel = known(shown(words[1]), std::string(kUname));
  os.architecture = known(architecture_of(words.back()), std::string(kUname));
}

void take_os_release(const System& system, OperatingSystem& os) {
  std::string source = "/etc/os-release";
  auto text = system.read(source);
  if (!text && text.error().code == ENOENT) {
    source = "/usr/lib/os-release";
    text = system.read(source);
  }
  const auto told = [&](std::string_view key) {
    if (!text) return unknown<std::string>(text.error().message, source);
    const auto value = os_release_value(*text, key);
    if (!value || value->empty()) return unknown<std::string>(fmt::format("'{}' has no {}.", source, key), source);
    return known(shown(*value), source);
  };
  os.distribution = told("ID");
  os.name = told("PRETTY_NAME");
  os.version = told("VERSION_ID");
  if (const auto like = text ? os_release_value(*text, "ID_LIKE") : std::nullopt)
    for (const std::string_view word : words_of(*like)) os.like.push_back(shown(word));
}

void take_sw_vers(const System& system, OperatingSystem& os) {
  const auto text = output_of(system, {"sw_vers"});
  os.distribution = known<std::string>("macos", "uname -srm");
  const auto version = text ? value_of(*text, "ProductVersion", ':') : std::nullopt;
  const std::string why = text ? "'sw_vers' tells no ProductVersion." : text.error().message;
  if (!version) {
    os.name = os.version = unknown<std::string>(why, "sw_vers");
    return;
  }
  const auto product = value_of(*text, "ProductName", ':').value_or("macOS");
  os.version = known(shown(*version), "sw_vers");
  os.name = known(shown(fmt::format("{} {}", product, *version)), "sw_vers");
}

struct Place {
  Fact<Surroundings> surroundings;
  Fact<std::string> hypervisor;
};

// Nothing: no virtual machine as far as this tells.
std::optional<Fact<std::string>> hypervisor_by_firmware(const System& system) {
  const std::string vendor = line_or_nothing(system, "/sys/class/dmi/id/sys_vendor");
  const std::string product = line_or_nothing(system, "/sys/class/dmi/id/product_name");
  if (const auto name = hypervisor_of(vendor, product))
    return known(std::string(*name), "/sys/class/dmi/id/sys_vendor");
  if (const std::string type = line_or_nothing(system, "/sys/hypervisor/type"); !type.empty())
    return known(type, "/sys/hypervisor/type");
  constexpr const char* kTree = "/proc/device-tree/hypervisor/compatible";
  if (const auto compatible = system.read(kTree))
    return known<std::string>(compatible->contains("kvm") ? "kvm" : shown(trimmed(*compatible), 64), kTree);
  return std::nullopt;
}

Fact<std::string> hypervisor_on_linux(const System& system) {
  if (auto told = hypervisor_by_firmware(system)) return *std::move(told);
  const auto cpuinfo = system.read("/proc/cpuinfo");
  if (!cpuinfo) return unknown<std::string>(cpuinfo.error().message, "/proc/cpuinfo");
  for (const std::string_view word : words_of(value_of(*cpuinfo, "flags", ':').value_or("")))
    if (word == "hypervisor") return known<std::string>("unknown", "/proc/cpuinfo");
  return known<std::string>("", "/proc/cpuinfo");
}

std::optional<std::string> sign_of_container(const System& system) {
  for (const char* file : {"/run/.containerenv", "/.dockerenv", "/run/systemd/container"})
    if (is_there(system, file)) return file;
  if (system.variable("container")) return "the variable container";
  return std::nullopt;
}

Place place_on_linux(const System& system, std::string_view kernel) {
  Place place{.surroundings = {}, .hypervisor = hypervisor_on_linux(system)};
  if (kernel.contains("microsoft") || kernel.contains("Microsoft")) {
    place.surroundings = known(Surroundings::wsl, std::string(kUname));
    place.hypervisor = known<std::string>("microsoft", std::string(kUname));
  } else if (auto sign = sign_of_container(system)) {
    place.surroundings = known(Surroundings::container, *std::move(sign));
  } else if (!place.hypervisor.known()) {
    place.surroundings = unknown<Surroundings>(place.hypervisor.why, place.hypervisor.source);
  } else {
    const bool bare = place.hypervisor.value->empty();
    place.surroundings = known(bare ? Surroundings::bare : Surroundings::virtual_machine, place.hypervisor.source);
  }
  return place;
}

Place place_on_macos(const System& system) {
  const std::vector<std::string> command = {"sysctl", "-n", "kern.hv_vmm_present"};
  const auto text = output_of(system, command);
  if (!text)
    return {.surroundings = unknown<Surroundings>(text.error().message, line_of(command)),
            .hypervisor = unknown<std::string>(text.error().message, line_of(command))};
  const bool guest = trimmed(*text) == "1";
  return {.surroundings = known(guest ? Surroundings::virtual_machine : Surroundings::bare, line_of(command)),
          .hypervisor = known<std::string>(guest ? "apple" : "", line_of(command))};
}

constexpr const char* kEfi = "/sys/firmware/efi";
constexpr const char* kLoaderInfo =
    "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";  // systemd's boot loader interface
constexpr const char* kSecureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

// UTF-16 behind four bytes of attributes; what is not ASCII does not matter here.
std::string text_of_variable(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 4; i + 1 < bytes.size(); i += 2)
    if (bytes[i + 1] == 0 && bytes[i] != 0) text += bytes[i];
  return text;
}

Fact<std::string> boot_loader(const System& system) {
  const auto by_file = [&](const char* file, const char* name) -> std::optional<Fact<std::string>> {
    if (!is_there(system, file)) return std::nullopt;
    return known<std::string>(name, file);
  };
  // Whose kernel's command line is not a file that one edits.
  if (auto ostree = by_file("/run/ostree-booted", "ostree")) return *std::move(ostree);
  if (auto nixos = by_file("/etc/NIXOS", "nixos")) return *std::move(nixos);
  const auto info = system.read(kLoaderInfo);
  if (info && text_of_variable(*info).starts_with("systemd-boot"))
    return known<std::string>("systemd-boot", kLoaderInfo);
  constexpr std::array kSigns = {
      std::pair{"/etc/default/grub", "grub"},
      std::pair{"/boot/grub/grub.cfg", "grub"},
      std::pair{"/boot/grub2/grub.cfg", "grub"},
      std::pair{"/boot/loader/loader.conf", "systemd-boot"},
      std::pair{"/efi/loader/loader.conf", "systemd-boot"},
      std::pair{"/boot/efi/loader/loader.conf", "systemd-boot"},
      std::pair{"/etc/kernel/cmdline", "systemd-boot"},
      std::pair{"/boot/limine.conf", "limine"},
      std::pair{"/boot/refind_linux.conf", "refind"},
      std::pair{"/boot/extlinux/extlinux.conf", "extlinux"},
      std::pair{"/boot/firmware/cmdline.txt", "raspberry-pi"},
  };
  for (const auto& [file, name] : kSigns)
    if (auto found = by_file(file, name)) return *std::move(found);
  return unknown<std::string>("No configuration of a boot loader that is known here was found.", "/boot");
}

Fact<std::string> initramfs(const System& system) {
  constexpr std::array kPrograms = {std::pair{"mkinitcpio", "mkinitcpio"},
                                    std::pair{"update-initramfs", "initramfs-tools"}, std::pair{"dracut", "dracut"},
                                    std::pair{"booster", "booster"}};
  for (const auto& [program, name] : kPrograms)
    if (const auto found = system.find_program(program)) return known<std::string>(name, *found);
  return unknown<std::string>("None of mkinitcpio, update-initramfs, dracut and booster is installed.", "PATH");
}

Fact<bool> secure_boot(const System& system) {
  if (!is_there(system, kEfi)) return known(false, kEfi);
  const auto bytes = system.read(kSecureBoot);
  if (!bytes) {
    if (bytes.error().code == ENOENT) return known(false, kSecureBoot);
    return unknown<bool>(bytes.error().message, kSecureBoot);
  }
  if (bytes->size() != 5)
    return unknown<bool>("The EFI's variable SecureBoot does not have the size it should.", kSecureBoot);
  return known(bytes->back() == 1, kSecureBoot);
}

}  // namespace

std::optional<std::string> os_release_value(std::string_view text, std::string_view key) {
  std::optional<std::string> result;  // the last one counts
  for (const std::string_view line : lines_of(text)) {
    const auto [name, value] = split_at(line, '=');
    if (name != key || !line.contains('=')) continue;
    std::string plain;
    char quote = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const char c = value[i];
      if (c == '\\' && quote != '\'' && i + 1 < value.size())
        plain += value[++i];
      else if (quote == 0 && (c == '"' || c == '\''))
        quote = c;
      else if (c == quote)
        quote = 0;
      else
        plain += c;
    }
    result = std::move(plain);
  }
  return result;
}

std::optional<std::string_view> hypervisor_of(std::string_view vendor, std::string_view product) {
  if (vendor == "QEMU" || product.starts_with("KVM") || product == "RHEV Hypervisor" || vendor == "oVirt" ||
      product.starts_with("OpenStack") || product.contains("Standard PC ("))
    return "kvm";
  if (vendor.starts_with("VMware")) return "vmware";
  if (vendor == "Microsoft Corporation" && product == "Virtual Machine") return "microsoft";
  if (vendor == "innotek GmbH" || product == "VirtualBox") return "oracle";
  if (vendor == "Xen") return "xen";
  if (vendor == "Amazon EC2" && !product.contains(".metal")) return "amazon";
  if (vendor == "Google" && product == "Google Compute Engine") return "google";
  if (vendor.starts_with("Apple") && product.contains("Virtual")) return "apple";
  if (vendor.starts_with("Parallels")) return "parallels";
  if (vendor == "BHYVE") return "bhyve";
  if (vendor == "DigitalOcean" || vendor == "Hetzner" || product == "Droplet") return "kvm";
  return std::nullopt;
}

OperatingSystem look_at_operating_system(const System& system) {
  OperatingSystem os;
  take_uname(system, os);
  if (os.kind == platform::System::macos) {
    take_sw_vers(system, os);
    Place place = place_on_macos(system);
    os.surroundings = std::move(place.surroundings);
    os.hypervisor = std::move(place.hypervisor);
    os.command_line = unknown<std::string>("macOS has no command line of a kernel.", "/proc/cmdline");
    os.boot_loader = os.initramfs = unknown<std::string>("This is for Linux.", "");
    os.secure_boot = unknown<bool>("This is for Linux.", "");
    return os;
  }
  take_os_release(system, os);
  const auto command_line = system.read("/proc/cmdline");
  os.command_line = command_line ? known(shown(trimmed(*command_line), 4096), "/proc/cmdline")
                                 : unknown<std::string>(command_line.error().message, "/proc/cmdline");
  Place place = place_on_linux(system, os.kernel.value.value_or(""));
  os.surroundings = std::move(place.surroundings);
  os.hypervisor = std::move(place.hypervisor);
  os.boot_loader = boot_loader(system);
  os.initramfs = initramfs(system);
  os.secure_boot = secure_boot(system);
  return os;
}

}  // namespace hesper::host
