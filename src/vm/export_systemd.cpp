// Reference: systemd.service(5), systemd.exec(5), systemd.unit(5), systemd.syntax(7).
#include "vm/export_systemd.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "vm/command_lines.h"

namespace hesper::vm {
namespace {

using Words = std::vector<std::string>;

bool is_plain(char c) {
  constexpr std::string_view kPlain = "_@+=:,./-";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kPlain.contains(c);
}

// A word of ExecStart=, which is executed with ":", so that "$" has no meaning.
std::string unit_word(std::string_view word) {
  std::string inside;
  bool plain = !word.empty();
  for (const char c : word) {
    plain = plain && (is_plain(c) || c == '%');
    switch (c) {
      case '%': inside += "%%"; break;
      case '"': inside += "\\\""; break;
      case '\\': inside += "\\\\"; break;
      case '\n': inside += "\\n"; break;
      case '\t': inside += "\\t"; break;
      default: inside += c;
    }
  }
  return plain ? inside : '"' + inside + '"';
}

class Units {
 public:
  Units(const Plan& plan, const UnitOptions& options) : plan_(plan), options_(options) {}

  Result<std::vector<ExportedFile>> take() && {
    add_gpu();
    if (!plan_.machine.view_arguments.empty()) add_view();
    if (!options_.for_libvirt) {
      if (plan_.machine.network == Network::passt) add_passt();
      for (std::size_t i = 0; i < plan_.machine.shares.size(); ++i) add_share(i);
      add_vm();
    }
    if (unspeakable_.empty()) return std::move(files_);
    return fail(
        fmt::format("A unit of systemd has no way to say '{}': it has characters that are no text.", unspeakable_),
        EINVAL);
  }

 private:
  [[nodiscard]] std::string unit(std::string_view kind) const {
    return fmt::format("hesper-{}@{}.service", kind, plan_.machine.name);
  }

  // With the folder as the manager knows it.
  std::string word(std::string_view text) {
    if (unspeakable_.empty() && !is_plain_text(text)) unspeakable_ = text;
    std::string result = unit_word(text);
    const std::string folder = unit_word(plan_.folder.native());
    const std::string bare = folder.starts_with('"') ? folder.substr(1, folder.size() - 2) : folder;
    const std::string replacement = "%t/" + unit_folder(plan_);
    for (std::size_t at = 0; (at = result.find(bare, at)) != std::string::npos; at += replacement.size())
      result.replace(at, bare.size(), replacement);
    return result;
  }

  // An option to the line.
  std::string line(std::string_view key, const Words& command, std::string_view prefixes = ":") {
    std::string text;
    for (const std::string& each : command) {
      if (!text.empty()) text += each.starts_with('-') ? " \\\n  " : " ";
      text += word(each);
    }
    return fmt::format("{}={}{}\n", key, prefixes, text);
  }

  // A unit is not started before it listens, so that others can wait for it.
  std::string await(const std::filesystem::path& socket) {
    constexpr std::string_view kLoop =
        "for i in $(seq 300); do [ -S \"$0\" ] && exit 0; sleep 0.1; done; echo \"Nobody listens at $0.\" >&2; exit 1";
    return line("ExecStartPost", {"/bin/sh", "-c", std::string(kLoop), socket.native()});
  }

  // What a service does without. Only what a user's manager can do without privileges, and nothing that Vulkan drivers,
  // TCG (memory that is written and executed) or the workers' own sandbox (namespaces) need.
  [[nodiscard]] std::string confinement(std::string_view families) const {
    std::string text = fmt::format(
        "NoNewPrivileges=yes\n"
        "LockPersonality=yes\n"
        "RestrictRealtime=yes\n"
        "RestrictSUIDSGID=yes\n"
        "RestrictAddressFamilies={}\n"
        "SystemCallArchitectures=native\n"
        "UMask=0077\n",
        families);
    if (options_.system_wide)
      text +=
          "ProtectClock=yes\n"
          "ProtectHostname=yes\n"
          "ProtectKernelLogs=yes\n"
          "ProtectKernelModules=yes\n"
          "ProtectSystem=yes\n";
    return text;
  }

  [[nodiscard]] std::string identity(std::string_view groups) const {
    if (!options_.system_wide) return {};
    return fmt::format("User={}\nSupplementaryGroups={}\n", options_.user, groups);
  }

  void add(std::string_view kind, std::string contents) {
    files_.push_back({.name = unit(kind), .contents = std::move(contents)});
  }

  // What a unit needs whose sockets lie beside those of hesper gpu.
  [[nodiscard]] std::string beside_gpu() const {
    return fmt::format("BindsTo={0}\nAfter={0}\n{1}", unit("gpu"),
                       options_.for_libvirt ? "" : "StopWhenUnneeded=yes\n");
  }

  void add_gpu() {
    Words command = gpu_command(plan_);
    // A domain may be started again, and each time QEMU connects anew.
    if (options_.for_libvirt) std::erase(command, "--once");
    const std::string_view wanted_by = options_.system_wide ? "multi-user.target" : "default.target";
    add("gpu", fmt::format("# Written by: hesper export {}\n"
                           "[Unit]\n"
                           "Description=Hesper, the GPU of the virtual machine {}\n"
                           "{}{}"
                           "\n[Service]\n"
                           "Type=exec\n"
                           "{}"
                           "RuntimeDirectory={}\n"
                           "RuntimeDirectoryMode=0700\n"
                           "{}{}"
                           "TimeoutStopSec=10\n"
                           "{}{}",
                           options_.for_libvirt ? "libvirt" : "systemd", plan_.machine.name,
                           options_.for_libvirt ? "" : "StopWhenUnneeded=yes\n", wants_view(), identity("render video"),
                           unit_folder(plan_), line("ExecStart", command),
                           await(plan_.gpu_socket().native() + ".control"), confinement("AF_UNIX AF_NETLINK"),
                           options_.for_libvirt ? fmt::format("\n[Install]\nWantedBy={}\n", wanted_by) : ""));
  }

  [[nodiscard]] std::string wants_view() const {
    return options_.for_libvirt && !plan_.machine.view_arguments.empty() ? fmt::format("Wants={}\n", unit("view")) : "";
  }

  void add_view() {
    add("view", fmt::format("# Written by: hesper export {}\n"
                            "[Unit]\n"
                            "Description=The screens of the virtual machine {}\n"
                            "{}"
                            "\n[Service]\n"
                            "Type=exec\n"
                            "{}"
                            "{}{}"
                            "# The guest does not notice; viewers come back.\n"
                            "Restart=on-failure\n"
                            "RestartSec=1\n"
                            "TimeoutStopSec=10\n"
                            "{}",
                            options_.for_libvirt ? "libvirt" : "systemd", plan_.machine.name, beside_gpu(),
                            identity("render video"), line("ExecStart", view_command(plan_)),
                            await(plan_.view_reports()), confinement("AF_UNIX AF_INET AF_INET6 AF_NETLINK")));
  }

  void add_share(std::size_t index) {
    // virtiofsd confines itself, with namespaces of its own.
    add(fmt::format("share-{}", index),
        fmt::format("# Written by: hesper export systemd\n"
                    "[Unit]\n"
                    "Description=A folder for the virtual machine {}\n"
                    "{}"
                    "\n[Service]\n"
                    "Type=exec\n"
                    "{}"
                    "{}{}"
                    "TimeoutStopSec=10\n"
                    "UMask=0077\n",
                    plan_.machine.name, beside_gpu(), identity("users"), line("ExecStart", share_command(plan_, index)),
                    await(plan_.share_socket(index))));
  }

  void add_passt() {
    // Likewise.
    add("passt", fmt::format("# Written by: hesper export systemd\n"
                             "[Unit]\n"
                             "Description=The network of the virtual machine {}\n"
                             "{}"
                             "\n[Service]\n"
                             "Type=exec\n"
                             "{}"
                             "{}{}"
                             "# QEMU connects again.\n"
                             "Restart=on-failure\n"
                             "RestartSec=1\n"
                             "TimeoutStopSec=10\n"
                             "UMask=0077\n",
                             plan_.machine.name, beside_gpu(), identity("users"),
                             line("ExecStart", passt_command(plan_)), await(plan_.passt_socket())));
  }

  void add_vm() {
    const Machine& machine = plan_.machine;
    Words needed = {unit("gpu")};
    for (std::size_t i = 0; i < machine.shares.size(); ++i) needed.push_back(unit(fmt::format("share-{}", i)));
    // Those that the guest can do without for a while.
    Words wanted;
    if (machine.network == Network::passt) wanted.push_back(unit("passt"));
    if (!machine.view_arguments.empty()) wanted.push_back(unit("view"));
    Words earlier = needed;
    earlier.insert(earlier.end(), wanted.begin(), wanted.end());
    const std::string wants = wanted.empty() ? "" : fmt::format("Wants={}\n", fmt::join(wanted, " "));
    std::string variables;
    if (!plan_.firmware_template.empty()) variables = line("ExecStartPre", variables_command(plan_));
    std::string locked;
    if (machine.lock_memory) locked = "LimitMEMLOCK=infinity\n";
    // It is called, and fails, also where QEMU has ended by itself.
    const std::string stop = line("ExecStop",
                                  {plan_.hesper.native(), "stop", "--qmp", plan_.qmp_socket().native(), "--timeout",
                                   std::to_string(machine.shutdown_seconds)},
                                  "-:");
    add("vm", fmt::format("# Written by: hesper export systemd\n"
                          "# Install, start, watch, stop and remove:\n"
                          "{}"
                          "[Unit]\n"
                          "Description=The virtual machine {}\n"
                          "# Whatever of these ends, the guest is shut down.\n"
                          "BindsTo={}\n"
                          "After={}\n"
                          "{}"
                          "\n[Service]\n"
                          "Type=exec\n"
                          "{}"
                          "{}{}"
                          "# The power button. After that, or if the guest does not listen, QEMU gets a SIGTERM.\n"
                          "{}"
                          "TimeoutStopSec={}\n"
                          "{}{}"
                          "\n[Install]\n"
                          "WantedBy={}\n",
                          instructions(), machine.name, fmt::join(needed, " "), fmt::join(earlier, " "), wants,
                          identity("kvm"), variables, line("ExecStart", qemu_command(plan_)), stop,
                          machine.shutdown_seconds + 10, locked, confinement("AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
                          options_.system_wide ? "multi-user.target" : "default.target"));
  }

  [[nodiscard]] std::string instructions() const {
    const std::string_view place = options_.system_wide ? "/etc/systemd/system/" : "~/.config/systemd/user/";
    const std::string_view control = options_.system_wide ? "sudo systemctl" : "systemctl --user";
    const std::string_view root = options_.system_wide ? "sudo " : "";
    const std::string_view journal = options_.system_wide ? "journalctl -u" : "journalctl --user-unit";
    const std::string& name = plan_.machine.name;
    std::string text = fmt::format(
        "#   {2}mkdir -p {0} && {2}cp hesper-*@{4}.service {0} && {1} daemon-reload\n"
        "#   {1} start hesper-vm@{4}        (enable: at each {5})\n"
        "#   {3} hesper-vm@{4} -f\n"
        "#   {1} stop hesper-vm@{4}\n"
        "#   {1} disable --now hesper-vm@{4}; {2}rm {0}hesper-*@{4}.service; {1} daemon-reload\n",
        place, control, root, journal, name, options_.system_wide ? "boot" : "login; loginctl enable-linger: boot");
    const std::string folder = options_.system_wide ? "/run" : "$XDG_RUNTIME_DIR";
    if (plan_.machine.serial == Serial::terminal)
      text += fmt::format(
          "# The serial console: {}socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:{}/{}/console (Ctrl-] ends)\n", root,
          folder, unit_folder(plan_));
    text +=
        fmt::format("# Hesper's commands: {}hesper screenshot --socket {}/{}/gpu\n", root, folder, unit_folder(plan_));
    return text;
  }

  const Plan& plan_;
  const UnitOptions& options_;
  std::vector<ExportedFile> files_;
  std::string unspeakable_;
};

}  // namespace

std::string unit_folder(const Plan& plan) { return "hesper-" + plan.machine.name; }

Result<std::vector<ExportedFile>> systemd_units(Plan plan, const UnitOptions& options) {
  if (!options.for_libvirt && plan.machine.vsock == 0u)
    return fail("A unit needs to know the number of the guest's vsock: give --vsock a number of its own.", EINVAL);
  plan.connections = Connections::sockets;
  return Units(plan, options).take();
}

}  // namespace hesper::vm
