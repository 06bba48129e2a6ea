// What QEMU is told. Reference: QEMU 11.1, "Invocation".
#include "vm/command_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace hesper::vm {
namespace {

// A value of a QEMU option, in which a comma would begin the next one.
std::string value(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == ',' ? std::string(",,") : std::string(1, c);
  return result;
}

class Command {
 public:
  explicit Command(std::string program) { words_.push_back(std::move(program)); }

  template <class... Arguments>
  void add(std::string_view option, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    words_.emplace_back(option);
    words_.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  void add(std::string_view word) { words_.emplace_back(word); }

  std::vector<std::string> take() && { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

void add_board(Command& command, const Plan& plan) {
  const Machine& machine = plan.machine;
  const bool x86 = machine.architecture == Architecture::x86_64;
  const bool flash = !plan.firmware_template.empty();
  command.add("-name", "guest={}", value(machine.name));
  command.add("-machine", "{},memory-backend=mem{}", x86 ? "q35" : "virt,gic-version=max",
              flash ? ",pflash0=efi-code,pflash1=efi-variables" : "");
  command.add("-accel", "{}", name_of(plan.accelerator));
  // Five levels of page tables would only make TCG slower.
  command.add("-cpu", "{}",
              plan.accelerator != Accelerator::tcg ? "host"
              : x86                                ? "max,la57=off"
                                                   : "max,pauth-impdef=on");
  command.add("-smp", "{}", machine.cpus);
  command.add("-m", "{}M", machine.memory >> 20);
  // Shared, or the GPU would see nothing of it.
  command.add("-object", "{},id=mem,size={}M,share=on", plan.memory_backend, machine.memory >> 20);
  for (const char* option : {"-nodefaults", "-no-user-config"}) command.add(option);
  command.add("-display", "none");
  if (plan.qemu_sandbox)
    command.add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  if (flash) {
    command.add("-blockdev", "driver=raw,node-name=efi-code,read-only=on,file.driver=file,file.filename={}",
                value(plan.firmware.native()));
    command.add("-blockdev", "driver=raw,node-name=efi-variables,file.driver=file,file.filename={}",
                value(plan.variables().native()));
  } else if (!plan.firmware.empty()) {
    command.add("-bios", "{}", plan.firmware.native());
  }
}

void add_kernel(Command& command, const Machine& machine) {
  if (machine.kernel.empty()) return;
  command.add("-kernel", "{}", machine.kernel.native());
  if (!machine.initrd.empty()) command.add("-initrd", "{}", machine.initrd.native());
  if (!machine.append.empty()) command.add("-append", "{}", machine.append);
}

void add_gpu(Command& command, const Plan& plan) {
  command.add("-chardev", "socket,id=gpu,path={}", value(plan.gpu_socket().native()));
  command.add("-device",
              "vhost-user-test-device-pci,id=gpu,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,config_size=24");
}

void add_disks(Command& command, const Machine& machine) {
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    const Disk& disk = machine.disks[i];
    const bool device = disk.path.native().starts_with("/dev/");
    command.add("-blockdev", "driver={},node-name=disk{},discard=unmap{},file.driver={},file.filename={}",
                disk.format == Disk::Format::qcow2 ? "qcow2" : "raw", i, disk.read_only ? ",read-only=on" : "",
                device ? "host_device" : "file", value(disk.path.native()));
    command.add("-device", "virtio-blk-pci,drive=disk{}{}", i,
                machine.kernel.empty() ? fmt::format(",bootindex={}", i + 1) : "");
  }
}

void add_network(Command& command, const Machine& machine) {
  if (machine.network == Network::none) return;
  std::string backend = machine.network == Network::user ? "user,id=net" : "passt,id=net";
  std::size_t tcp = 0;
  std::size_t udp = 0;
  for (const Forward& forward : machine.forwards) {
    if (machine.network == Network::user) {
      backend += fmt::format(",hostfwd={}:{}:{}-:{}", forward.udp ? "udp" : "tcp", forward.address, forward.host,
                             forward.guest);
    } else {
      backend += fmt::format(",{}-ports.{}.str={}/{}:{}", forward.udp ? "udp" : "tcp", forward.udp ? udp++ : tcp++,
                             forward.address, forward.host, forward.guest);
    }
  }
  command.add("-netdev", "{}", backend);
  command.add("-device", "virtio-net-pci,netdev=net,romfile=");
}

void add_input(Command& command, const Plan& plan) {
  if (plan.machine.input == InputDevices::qemu) {
    for (const char* device : {"virtio-keyboard-pci", "virtio-tablet-pci"}) command.add("-device", "{}", device);
    return;
  }
  for (const input::Kind kind : input::kAllKinds) {
    command.add("-chardev", "socket,id={},path={}", name_of(kind), value(plan.input_socket(kind).native()));
    command.add("-device", "vhost-user-input-pci,id={0},chardev={0}", name_of(kind));
  }
}

void add_small_devices(Command& command, const Plan& plan) {
  for (const char* device : {"virtio-rng-pci", "virtio-balloon-pci,free-page-reporting=on"})
    command.add("-device", "{}", device);
  if (plan.machine.vsock) command.add("-device", "vhost-vsock-pci,guest-cid={}", *plan.machine.vsock);
  for (std::size_t i = 0; i < plan.machine.shares.size(); ++i) {
    command.add("-chardev", "socket,id=share{},path={}", i, value(plan.share_socket(i).native()));
    command.add("-device", "vhost-user-fs-pci,chardev=share{},tag={}", i, plan.machine.shares[i].tag);
  }
}

void add_lines(Command& command, const Plan& plan) {
  const bool by_hand = plan.connections == Connections::by_hand;
  switch (plan.machine.serial) {
    case Serial::none: break;
    case Serial::file: command.add("-serial", "file:{}", plan.machine.serial_file.native()); break;
    case Serial::terminal:
      if (by_hand) {
        command.add("-serial", "mon:stdio");
      } else {
        command.add("-chardev", "socket,id=console,path={}", value(plan.console_socket().native()));
        command.add("-serial", "chardev:console");
      }
  }
  command.add("-chardev", "socket,id=qmp,path={}{}", value(plan.qmp_socket().native()),
              by_hand ? ",server=on,wait=off" : "");
  command.add("-object", "monitor-qmp,id=qmp-monitor,chardev=qmp");
}

bool needs_quotes(char c) {
  constexpr std::string_view kPlain = "_@%+=:,./-";
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return !letter && !kPlain.contains(c);
}

}  // namespace

std::vector<std::string> qemu_command(const Plan& plan) {
  Command command(plan.qemu.native());
  add_board(command, plan);
  add_kernel(command, plan.machine);
  add_gpu(command, plan);
  add_disks(command, plan.machine);
  add_network(command, plan.machine);
  add_input(command, plan);
  add_small_devices(command, plan);
  add_lines(command, plan);
  for (const std::string& argument : plan.machine.qemu_arguments) command.add(argument);
  return std::move(command).take();
}

std::vector<std::string> gpu_command(const Plan& plan) {
  Command command(plan.hesper.native());
  command.add("gpu");
  command.add("--socket", "{}", plan.gpu_socket().native());
  command.add("--once");
  const auto& displays = plan.machine.displays;
  if (!displays.empty()) command.add("--displays", "{}", displays.size());
  for (const std::string& mode : displays) command.add("--mode", "{}", mode);
  for (const std::string& argument : plan.machine.gpu_arguments) command.add(argument);
  return std::move(command).take();
}

std::vector<std::string> view_command(const Plan& plan) {
  Command command((plan.hesper.parent_path() / "hesper-view").native());
  command.add("--socket", "{}", plan.gpu_socket().native());
  command.add("--state", "{}", plan.view_state().native());
  command.add("--report", "{}", plan.view_reports().native());
  command.add("--name", "{}", plan.machine.name);
  for (const std::string& argument : plan.machine.view_arguments) command.add(argument);
  return std::move(command).take();
}

std::vector<std::string> share_command(const Plan& plan, std::size_t index) {
  Command command(plan.virtiofsd.native());
  command.add("--socket-path", "{}", plan.share_socket(index).native());
  command.add("--shared-dir", "{}", plan.machine.shares[index].folder.native());
  return std::move(command).take();
}

std::string quoted_for_shell(std::span<const std::string> command) {
  std::string line;
  for (const std::string& word : command) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && std::ranges::none_of(word, needs_quotes)) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace hesper::vm
