// Reference: libvirt, "Domain XML format".
#include "vm/export_libvirt.h"

#include <fmt/format.h>

#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "base/xml.h"
#include "vm/command_lines.h"
#include "vm/export_file.h"

namespace hesper::vm {
namespace {

// pcie.0's slots that libvirt gives to nobody as long as there are few devices: it begins at 1, and has its own at
// 0x1f.
constexpr unsigned kFirstSlot = 0x10;

struct Attribute {
  std::string_view name;
  std::string value;
};
using Attributes = std::initializer_list<Attribute>;

// Writes elements, indented. Remembers the first text that XML has no way to say.
class Xml {
 public:
  void open(std::string_view name, Attributes attributes = {}) {
    line(start_of(name, attributes) + ">");
    open_.emplace_back(name);
  }
  void close() {
    const std::string name = std::exchange(open_.back(), {});
    open_.pop_back();
    line(fmt::format("</{}>", name));
  }
  void empty(std::string_view name, Attributes attributes = {}) { line(start_of(name, attributes) + "/>"); }
  void text(std::string_view name, std::string_view content, Attributes attributes = {}) {
    check(content);
    line(fmt::format("{}>{}</{}>", start_of(name, attributes), escape_xml(content), name));
  }
  // words: without "--", which would end it.
  void comment(std::string_view words) { line(fmt::format("<!-- {} -->", words)); }

  Result<std::string> take() && {
    if (unspeakable_.empty()) return std::move(text_);
    return fail(fmt::format("XML has no way to say '{}': it has characters that are no text.", unspeakable_), EINVAL);
  }

 private:
  std::string start_of(std::string_view name, Attributes attributes) {
    std::string start = fmt::format("<{}", name);
    for (const auto& [key, value] : attributes) {
      check(value);
      start += fmt::format(" {}='{}'", key, escape_xml(value));
    }
    return start;
  }
  void check(std::string_view text) {
    if (unspeakable_.empty() && !is_plain_text(text)) unspeakable_ = text;
  }
  void line(std::string_view words) { text_ += fmt::format("{:{}}{}\n", "", 2 * open_.size(), words); }

  std::vector<std::string> open_;
  std::string text_;
  std::string unspeakable_;
};

// vda, ..., vdz, vdaa, ...
std::string disk_name(std::size_t index) {
  std::string letters;
  for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / 26)
    letters.insert(letters.begin(), static_cast<char>('a' + (rest - 1) % 26));
  return "vd" + letters;
}

void add_memory(Xml& xml, const Machine& machine) {
  xml.text("memory", std::to_string(machine.memory >> 20), {{"unit", "MiB"}});
  xml.comment("Shared, or the GPU would see nothing of it.");
  xml.open("memoryBacking");
  if (machine.huge_pages != 0) {
    xml.open("hugepages");
    xml.empty("page", {{"size", std::to_string(machine.huge_pages >> 10)}, {"unit", "KiB"}});
    xml.close();
  }
  if (machine.lock_memory) xml.empty("locked");
  xml.empty("source", {{"type", "memfd"}});
  xml.empty("access", {{"mode", "shared"}});
  xml.close();
  if (!machine.memory_node) return;
  xml.open("numatune");
  xml.empty("memory", {{"mode", "strict"}, {"nodeset", std::to_string(*machine.memory_node)}});
  xml.close();
}

void add_boot(Xml& xml, const Plan& plan) {
  const Machine& machine = plan.machine;
  const bool x86 = machine.architecture == Architecture::x86_64;
  xml.open("os");
  xml.text("type", "hvm", {{"arch", std::string(name_of(machine.architecture))}, {"machine", x86 ? "q35" : "virt"}});
  if (!plan.firmware_template.empty()) {
    xml.text("loader", plan.firmware.native(), {{"readonly", "yes"}, {"type", "pflash"}});
    if (machine.efi_variables.empty())
      xml.empty("nvram", {{"template", plan.firmware_template.native()}});
    else
      xml.text("nvram", machine.efi_variables.native(), {{"template", plan.firmware_template.native()}});
  } else if (!plan.firmware.empty()) {
    xml.text("loader", plan.firmware.native(), {{"type", "rom"}});
  }
  if (!machine.kernel.empty()) {
    xml.text("kernel", machine.kernel.native());
    if (!machine.initrd.empty()) xml.text("initrd", machine.initrd.native());
    if (!machine.append.empty()) xml.text("cmdline", machine.append);
  }
  xml.close();
  xml.open("features");
  xml.empty("acpi");
  xml.close();
}

void add_processor(Xml& xml, const Plan& plan) {
  const bool tcg = plan.accelerator == Accelerator::tcg;
  xml.open("cpu", {{"mode", tcg ? "maximum" : "host-passthrough"}});
  if (const auto& topology = plan.machine.topology; topology)
    xml.empty("topology", {{"sockets", std::to_string(topology->sockets)},
                           {"cores", std::to_string(topology->cores)},
                           {"threads", std::to_string(topology->threads)}});
  // Five levels of page tables would only make TCG slower.
  if (tcg && plan.machine.architecture == Architecture::x86_64)
    xml.empty("feature", {{"policy", "disable"}, {"name", "la57"}});
  xml.close();
}

void add_disks(Xml& xml, const Machine& machine) {
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    const Disk& disk = machine.disks[i];
    const bool device = disk.path.native().starts_with("/dev/");
    xml.open("disk", {{"type", device ? "block" : "file"}, {"device", "disk"}});
    xml.empty("driver",
              {{"name", "qemu"}, {"type", disk.format == Disk::Format::qcow2 ? "qcow2" : "raw"}, {"discard", "unmap"}});
    xml.empty("source", {{device ? "dev" : "file", disk.path.native()}});
    xml.empty("target", {{"dev", disk_name(i)}, {"bus", "virtio"}});
    if (machine.kernel.empty()) xml.empty("boot", {{"order", std::to_string(i + 1)}});
    if (disk.read_only) xml.empty("readonly");
    xml.close();
  }
}

// Ports are led into QEMU's own network by QEMU's options only.
bool has_foreign_network(const Machine& machine) {
  return machine.network == Network::user && !machine.forwards.empty();
}

void add_network(Xml& xml, const Machine& machine) {
  if (machine.network == Network::none || has_foreign_network(machine)) return;
  xml.open("interface", {{"type", "user"}});
  if (machine.network == Network::passt) xml.empty("backend", {{"type", "passt"}});
  xml.empty("model", {{"type", "virtio"}});
  for (const Forward& forward : machine.forwards) {
    xml.open("portForward", {{"proto", forward.udp ? "udp" : "tcp"}, {"address", forward.address}});
    xml.empty("range", {{"start", std::to_string(forward.host)}, {"to", std::to_string(forward.guest)}});
    xml.close();
  }
  xml.empty("rom", {{"enabled", "no"}});
  xml.close();
}

void add_shares(Xml& xml, const Plan& plan) {
  for (const Share& share : plan.machine.shares) {
    xml.open("filesystem", {{"type", "mount"}, {"accessmode", "passthrough"}});
    xml.empty("driver", {{"type", "virtiofs"}});
    xml.empty("binary", {{"path", plan.virtiofsd.native()}});
    xml.empty("source", {{"dir", share.folder.native()}});
    xml.empty("target", {{"dir", share.tag}});
    xml.close();
  }
}

void add_lines(Xml& xml, const Machine& machine) {
  switch (machine.serial) {
    case Serial::none: break;
    case Serial::terminal: xml.empty("serial", {{"type", "pty"}}); break;
    case Serial::file:
      xml.open("serial", {{"type", "file"}});
      xml.empty("source", {{"path", machine.serial_file.native()}});
      xml.close();
  }
}

void add_vsock(Xml& xml, const Machine& machine) {
  if (!machine.vsock) return;
  xml.open("vsock", {{"model", "virtio"}});
  if (*machine.vsock == 0)
    xml.empty("cid", {{"auto", "yes"}});
  else
    xml.empty("cid", {{"auto", "no"}, {"address", std::to_string(*machine.vsock)}});
  xml.close();
}

// hesper-view connects to it, so it lies beside the sockets of the GPU.
void add_agent_port(Xml& xml, const Plan& plan) {
  if (!plan.has_agent_port()) return;
  xml.open("channel", {{"type", "unix"}});
  xml.empty("source", {{"mode", "bind"}, {"path", plan.agent_socket().native()}});
  xml.empty("target", {{"type", "virtio"}, {"name", "com.redhat.spice.0"}});
  xml.close();
}

void add_devices(Xml& xml, const Plan& plan) {
  const Machine& machine = plan.machine;
  xml.open("devices");
  xml.text("emulator", plan.qemu.native());
  add_disks(xml, machine);
  add_shares(xml, plan);
  xml.empty("controller", {{"type", "usb"}, {"model", "none"}});
  add_network(xml, machine);
  add_lines(xml, machine);
  add_agent_port(xml, plan);
  if (machine.input == InputDevices::qemu)
    for (const char* kind : {"keyboard", "tablet"}) xml.empty("input", {{"type", kind}, {"bus", "virtio"}});
  xml.open("video");
  xml.empty("model", {{"type", "none"}});
  xml.close();
  xml.empty("memballoon", {{"model", "virtio"}, {"freePageReporting", "on"}});
  xml.open("rng", {{"model", "virtio"}});
  xml.empty("backend", {{"model", "builtin"}});
  xml.close();
  add_vsock(xml, machine);
  xml.close();
}

std::string_view domain_type(Accelerator accelerator) {
  switch (accelerator) {
    case Accelerator::kvm: return "kvm";
    case Accelerator::hvf: return "hvf";
    default: return "qemu";
  }
}

// What a user of qemu:///session types; {0}: the name.
constexpr std::string_view kSessionNotes = R"(The virtual machine {0} for libvirt, by you: qemu:///session

Install and start. The GPU has to run first, and goes on when the domain ends:
  mkdir -p ~/.config/systemd/user && cp hesper-*@{0}.service ~/.config/systemd/user/
  systemctl --user daemon-reload
  systemctl --user enable --now hesper-gpu@{0}
  virsh -c qemu:///session define {0}.xml
  virsh -c qemu:///session start {0} --console

Stop, and remove:
  virsh -c qemu:///session shutdown {0}
  virsh -c qemu:///session undefine {0} --nvram
  systemctl --user disable --now hesper-gpu@{0} && rm ~/.config/systemd/user/hesper-*@{0}.service
  systemctl --user daemon-reload

Hesper's commands find it by its socket: hesper screenshot --socket {1}
)";

// Of qemu:///system; {2}: the user that QEMU runs as, {3}: the sockets' folder.
constexpr std::string_view kSystemNotes = R"(The virtual machine {0} for libvirt, by the system: qemu:///system

libvirt runs QEMU as the user {2}, and only he may use the sockets of hesper gpu, which therefore runs as him, too
(Debian, Ubuntu: libvirt-qemu; Fedora, Arch: qemu or libvirt-qemu; user= in /etc/libvirt/qemu.conf tells). He must be
able to read disks, kernel and firmware, for which libvirt changes their owner when it starts the domain, and to enter
the folders that they are in, for which it does nothing.

Install and start. The GPU has to run first, and goes on when the domain ends:
  sudo cp hesper-*@{0}.service /etc/systemd/system/ && sudo systemctl daemon-reload
  sudo systemctl enable --now hesper-gpu@{0}
  virsh -c qemu:///system define {0}.xml
  virsh -c qemu:///system start {0} --console

Stop, and remove:
  virsh -c qemu:///system shutdown {0}
  virsh -c qemu:///system undefine {0} --nvram
  sudo systemctl disable --now hesper-gpu@{0} && sudo rm /etc/systemd/system/hesper-*@{0}.service
  sudo systemctl daemon-reload

Hesper's commands find it by its socket: sudo -u {2} hesper screenshot --socket {1} -o /tmp/screen.png

AppArmor (Debian, Ubuntu, openSUSE): libvirt's profile of a domain does not know what is in <qemu:commandline>. Add
  {3}/** rw,
to /etc/apparmor.d/local/abstractions/libvirt-qemu (before libvirt 8: to /etc/apparmor.d/abstractions/libvirt-qemu).
SELinux (Fedora, RHEL): a confined QEMU (svirt_t) may not connect to the sockets of a service that has no policy.
`sudo ausearch -m avc -ts recent | audit2allow -M hesper-{0}` makes a module of what was refused, and
`sudo semodule -i hesper-{0}.pp` loads it; undo: `sudo semodule -r hesper-{0}`.
seccomp: libvirt's own -sandbox (seccomp_sandbox in qemu.conf) refuses nothing that these devices need.
)";

// What differs from hesper run, as far as it does.
std::string differences(const Plan& plan) {
  const Machine& machine = plan.machine;
  std::string text;
  const auto add = [&](std::string_view sentence) { text += fmt::format("\n{}\n", sentence); };
  if (!plan.firmware_template.empty() && machine.efi_variables.empty())
    add("EFI's variables are kept by libvirt from one start to the next; with hesper run they were fresh each time.");
  if (!plan.firmware_template.empty())
    add(fmt::format(
        "EFI writes to the serial console only, unless its variables name the GPU: make the file of <nvram> "
        "with\n  {}",
        quoted_for_shell(
            std::vector{plan.hesper.native(), std::string("efi-variables"), std::string("--gpu-slot"),
                        std::to_string(kFirstSlot), plan.firmware_template.native(),
                        machine.efi_variables.empty() ? std::string("FILE") : machine.efi_variables.native()})));
  if (!machine.qemu_sandbox)
    add("--qemu-sandbox off has no place in a domain: it is seccomp_sandbox = 0 in libvirt's qemu.conf, for all of "
        "them.");
  if (machine.lock_memory)
    add("<locked/> makes libvirt set QEMU's limit; qemu:///session may do so only up to its own limit (ulimit -l).");
  if (!machine.shares.empty())
    add("libvirt starts virtiofsd: in qemu:///system as root, so that files keep their owners; in qemu:///session as "
        "you.");
  if (!machine.forwards.empty() && machine.network == Network::user)
    add("The network is in <qemu:commandline>, as only QEMU's own options lead ports into it; virsh does not know it.");
  return text;
}

}  // namespace

Result<std::string> domain_xml(const Plan& plan) {
  const Machine& machine = plan.machine;
  Xml xml;
  xml.open("domain", {{"type", std::string(domain_type(plan.accelerator))},
                      {"xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0"}});
  xml.text("name", machine.name);
  add_memory(xml, machine);
  xml.text("vcpu", std::to_string(machine.cpus));
  add_boot(xml, plan);
  add_processor(xml, plan);
  add_devices(xml, plan);
  xml.comment("What hesper gpu is, which listens at these sockets before the domain starts.");
  xml.open("qemu:commandline");
  for (const std::string& argument : foreign_arguments(plan, kFirstSlot, has_foreign_network(machine)))
    xml.empty("qemu:arg", {{"value", argument}});
  xml.close();
  xml.close();
  return std::move(xml).take();
}

Result<std::vector<ExportedFile>> libvirt_files(const Plan& plan, UnitOptions units) {
  auto xml = domain_xml(plan);
  if (!xml) return std::unexpected(std::move(xml.error()));
  units.for_libvirt = true;
  auto files = systemd_units(plan, units);
  if (!files) return files;
  const std::string& name = plan.machine.name;
  const std::string folder = plan.folder.native();
  const std::string gpu = quoted_for_shell(std::vector{plan.gpu_socket().native()});
  files->insert(files->begin(), {.name = name + ".xml", .contents = std::move(*xml)});
  const std::string notes = units.system_wide ? fmt::format(kSystemNotes, name, gpu, units.user, folder)
                                              : fmt::format(kSessionNotes, name, gpu);
  files->push_back({.name = name + ".txt", .contents = notes + differences(plan)});
  return files;
}

}  // namespace hesper::vm
