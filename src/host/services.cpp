// Devices, programs, sockets, variables.
#include "host/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "host/fact.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

Fact<std::string> libvirt_version(const System& system) {
  if (!system.find_program("virsh")) return known<std::string>("", "virsh in PATH");
  const std::vector<std::string> command = {"virsh", "--version"};
  const auto text = output_of(system, command);
  if (!text) return unknown<std::string>(text.error().message, line_of(command));
  return known(shown(trimmed(*text), 64), line_of(command));
}

// One daemon of its own, or one for all.
Fact<bool> libvirt_runs(const System& system) {
  for (const char* socket : {"/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"})
    if (is_there(system, socket)) return known(true, socket);
  return known(false, "/run/libvirt");
}

Fact<std::string> display_server(const System& system, const OperatingSystem& os) {
  if (os.kind == platform::System::macos) return known<std::string>("quartz", "uname -srm");
  const auto filled = [&](const char* name) {
    const auto value = system.variable(name);
    return value && !value->empty();
  };
  if (filled("WAYLAND_DISPLAY")) return known<std::string>("wayland", "the variable WAYLAND_DISPLAY");
  const std::string session = system.variable("XDG_SESSION_TYPE").value_or("");
  if (session == "wayland" || session == "x11") return known(session, "the variable XDG_SESSION_TYPE");
  if (filled("DISPLAY")) return known<std::string>("x11", "the variable DISPLAY");
  // Somebody who came by SSH sees another one's, which has the screen all the same.
  const auto x11 = system.list("/tmp/.X11-unix");
  if (x11 && !x11->empty()) return known<std::string>("x11", fmt::format("/tmp/.X11-unix/{}", shown(x11->front(), 32)));
  return known<std::string>("", "the variables WAYLAND_DISPLAY, XDG_SESSION_TYPE and DISPLAY");
}

Fact<bool> ssh_server(const System& system, const OperatingSystem& os) {
  if (os.kind == platform::System::macos) return unknown<bool>("macOS tells that only to administrators.", "");
  if (is_there(system, "/run/systemd/system")) {
    // One line for each; the status says whether one of them is.
    const std::vector<std::string> command = {"systemctl",    "is-active",  "ssh.service",
                                              "sshd.service", "ssh.socket", "sshd.socket"};
    if (const auto answer = system.run(command)) {
      const auto lines = lines_of(answer->output);
      return known(std::ranges::any_of(lines, [](std::string_view line) { return trimmed(line) == "active"; }),
                   line_of(command));
    }
  }
  for (const char* file : {"/run/sshd.pid", "/var/run/sshd.pid"})
    if (is_there(system, file)) return known(true, file);
  if (!system.find_program("sshd")) return known(false, "sshd in PATH");
  return unknown<bool>("sshd is installed; whether it runs, this host does not tell.", "/run/sshd.pid");
}

Fact<bool> serial_console(const OperatingSystem& os) {
  constexpr const char* kSource = "/proc/cmdline";
  if (!os.command_line.known()) return unknown<bool>(os.command_line.why, kSource);
  for (const std::string& word : parameters_of(*os.command_line.value))
    for (const char* name : {"console=ttyS", "console=ttyAMA", "console=hvc"})
      if (word.starts_with(name)) return known(true, kSource);
  return known(false, kSource);
}

// By making some, as several rules of the kernel and of its security modules decide.
Fact<bool> user_namespaces(const System& system, const OperatingSystem& os) {
  if (os.kind == platform::System::macos) return unknown<bool>("This is for Linux.", "");
  const std::vector<std::string> command = {"unshare", "--user", "--map-root-user", "true"};
  const auto answer = system.run(command);
  if (answer) {
    Fact<bool> fact = known(answer->status == 0, line_of(command));
    if (answer->status != 0) fact.why = shown(trimmed(answer->errors));
    return fact;
  }
  for (const char* file : {"/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone"})
    if (const auto count = count_in(system, file); count.is(0)) return known(false, file);
  constexpr const char* kAppArmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
  if (count_in(system, kAppArmor).is(1)) return known(false, kAppArmor);
  return unknown<bool>(answer.error().message, line_of(command));
}

Fact<bool> has_virtiofsd(const System& system) {
  for (const char* file :
       {"/usr/libexec/virtiofsd", "/usr/lib/virtiofsd/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd"}) {
    const auto status = system.status(file);
    if (status && status->kind == FileStatus::Kind::file) return known(true, file);
  }
  return has_program(system, "virtiofsd");
}

}  // namespace

Result<std::vector<VideoEncoder>> parse_encoders(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto list = json.is_object() ? json.find("encoders") : json.end();
  if (!json.is_object() || list == json.end() || !list->is_array())
    return fail("hesper-view prints no JSON with \"encoders\".");
  std::vector<VideoEncoder> encoders;
  for (const auto& each : *list) {
    if (!each.is_object() || encoders.size() == 256) continue;
    const auto word = [&](const char* key) {
      const auto found = each.find(key);
      return found != each.end() && found->is_string() ? shown(found->template get_ref<const std::string&>(), 64)
                                                       : std::string();
    };
    const auto flag = [&](const char* key) {
      const auto found = each.find(key);
      return found != each.end() && found->is_boolean() && found->template get<bool>();
    };
    encoders.push_back(
        {.name = word("name"), .codec = word("codec"), .hardware = flag("hardware"), .works = flag("works")});
  }
  return encoders;
}

Fact<std::vector<VideoEncoder>> look_at_encoders(const System& system, bool self_tests) {
  const std::vector<std::string> command = {"hesper-view", "--list-encoders", "--json"};
  const std::string source = line_of(command);
  if (!self_tests) return unknown<std::vector<VideoEncoder>>("They were not tried.", source);
  const auto text = output_of(system, command, std::chrono::seconds(30));
  if (!text) return unknown<std::vector<VideoEncoder>>(text.error().message, source);
  auto encoders = parse_encoders(*text);
  if (!encoders) return unknown<std::vector<VideoEncoder>>(encoders.error().message, source);
  return known(*std::move(encoders), source);
}

Services look_at_services(const System& system, const OperatingSystem& os) {
  Services services;
  services.udmabuf = exists(system, "/dev/udmabuf");
  services.udmabuf_may_open = opens(system, "/dev/udmabuf");
  services.vsock = exists(system, "/dev/vhost-vsock");
  services.vsock_may_open = opens(system, "/dev/vhost-vsock");
  services.libvirt = libvirt_version(system);
  services.libvirt_runs = libvirt_runs(system);
  services.display = display_server(system, os);
  services.ssh_server = ssh_server(system, os);
  services.ssh_session = known(system.variable("SSH_CONNECTION").has_value(), "the variable SSH_CONNECTION");
  services.serial_console = serial_console(os);
  services.user_namespaces = user_namespaces(system, os);
  services.passt = has_program(system, "passt");
  services.virtiofsd = has_virtiofsd(system);
  return services;
}

}  // namespace hesper::host
