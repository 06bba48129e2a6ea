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
  Command() = default;
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

std::string topology(const Machine& machine) {
  if (!machine.topology) return {};
  return fmt::format(",sockets={},cores={},threads={}", machine.topology->sockets, machine.topology->cores,
                     machine.topology->threads);
}

// Of which pages the memory consists, and where they come from.
std::string pages(const Machine& machine) {
  std::string text;
  // All of them at once: a guest that touches one that cannot be had any more is killed.
  if (machine.huge_pages != 0) text += fmt::format(",hugetlb=on,hugetlbsize={}K,prealloc=on", machine.huge_pages >> 10);
  if (machine.memory_node) text += fmt::format(",host-nodes={},policy=bind", *machine.memory_node);
  return text;
}

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
  command.add("-smp", "{}{}", machine.cpus, topology(machine));
  command.add("-m", "{}M", machine.memory >> 20);
  // Shared, or the GPU would see nothing of it.
  command.add("-object", "{},id=mem,size={}M,share=on{}", plan.memory_backend, machine.memory >> 20, pages(machine));
  if (machine.lock_memory) command.add("-overcommit", "mem-lock=on");
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

// Where PCI devices go: wherever QEMU puts them, or into one slot after the other.
class Slots {
 public:
  explicit Slots(std::optional<unsigned> first) : next_(first) {}
  // To be appended to a device.
  std::string take() { return next_ ? at((*next_)++) : std::string(); }
  // Likewise, of a device that has its slot where QEMU would choose.
  std::string take_or(unsigned slot) { return next_ ? take() : at(slot); }

 private:
  static std::string at(unsigned slot) { return fmt::format(",bus=pcie.0,addr={:#x}", slot); }

  std::optional<unsigned> next_;
};

void add_gpu(Command& command, const Plan& plan, Slots& slots) {
  command.add("-chardev", "socket,id=gpu,path={}", value(plan.gpu_socket().native()));
  command.add("-device",
              "vhost-user-test-device-pci,id=gpu,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,config_size=24{}",
              slots.take_or(kGpuSlot));
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

void add_network(Command& command, const Plan& plan, Slots& slots) {
  const Machine& machine = plan.machine;
  if (machine.network == Network::none) return;
  // QEMU can start passt itself, but 11.1.3 then hands vhost-user devices another file than the guest's memory.
  std::string backend = "user,id=net";
  if (machine.network == Network::passt)
    backend = fmt::format("stream,id=net,server=off,reconnect-ms=1000,addr.type=unix,addr.path={}",
                          value(plan.passt_socket().native()));
  else
    for (const Forward& forward : machine.forwards)
      backend += fmt::format(",hostfwd={}:{}:{}-:{}", forward.udp ? "udp" : "tcp", forward.address, forward.host,
                             forward.guest);
  command.add("-netdev", "{}", backend);
  command.add("-device", "virtio-net-pci,netdev=net,romfile={}", slots.take());
}

void add_hesper_input(Command& command, const Plan& plan, Slots& slots) {
  for (const input::Kind kind : input::kAllKinds) {
    command.add("-chardev", "socket,id={},path={}", name_of(kind), value(plan.input_socket(kind).native()));
    command.add("-device", "vhost-user-input-pci,id={0},chardev={0}{1}", name_of(kind), slots.take());
  }
}

void add_input(Command& command, const Plan& plan, Slots& slots) {
  // AAVMF has no driver for virtio keyboards, and this board no other one. It gets what is typed until a driver of ours
  // runs, see qemu_input.h.
  if (plan.machine.architecture == Architecture::aarch64 && !plan.firmware_template.empty())
    for (const char* device : {"qemu-xhci", "usb-kbd"}) command.add("-device", "{}", device);
  if (plan.machine.input == InputDevices::hesper) return add_hesper_input(command, plan, slots);
  for (const char* device : {"virtio-keyboard-pci", "virtio-tablet-pci"}) command.add("-device", "{}", device);
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

// QEMU listens, so that a hesper-view that is started anew finds it again.
void add_agent_port(Command& command, const Plan& plan) {
  if (!plan.has_agent_port()) return;
  command.add("-chardev", "socket,id=agent,path={},server=on,wait=off", value(plan.agent_socket().native()));
  command.add("-device", "virtio-serial-pci,max_ports=2");
  command.add("-device", "virtserialport,chardev=agent,name=com.redhat.spice.0");
}

void add_lines(Command& command, const Plan& plan) {
  // Whoever has no launcher finds QEMU listening.
  const char* const listening = plan.connections == Connections::launcher ? "" : ",server=on,wait=off";
  switch (plan.machine.serial) {
    case Serial::none: break;
    case Serial::file: command.add("-serial", "file:{}", plan.machine.serial_file.native()); break;
    case Serial::terminal:
      if (plan.connections == Connections::by_hand) {
        command.add("-serial", "mon:stdio");
      } else {
        command.add("-chardev", "socket,id=console,path={}{}", value(plan.console_socket().native()), listening);
        command.add("-serial", "chardev:console");
      }
  }
  command.add("-chardev", "socket,id=qmp,path={}{}", value(plan.qmp_socket().native()), listening);
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
  Slots anywhere(std::nullopt);
  add_board(command, plan);
  add_kernel(command, plan.machine);
  add_gpu(command, plan, anywhere);
  add_disks(command, plan.machine);
  add_network(command, plan, anywhere);
  add_input(command, plan, anywhere);
  add_small_devices(command, plan);
  add_agent_port(command, plan);
  add_lines(command, plan);
  for (const std::string& argument : plan.machine.qemu_arguments) command.add(argument);
  return std::move(command).take();
}

std::vector<std::string> foreign_arguments(const Plan& plan, unsigned slot, bool network) {
  Command command;
  Slots slots(slot);
  add_gpu(command, plan, slots);
  if (plan.machine.input == InputDevices::hesper) add_hesper_input(command, plan, slots);
  if (network) add_network(command, plan, slots);
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

std::vector<std::string> variables_command(const Plan& plan) {
  Command command(plan.hesper.native());
  command.add("efi-variables");
  command.add("--gpu-slot", "{}", kGpuSlot);
  command.add(plan.firmware_template.native());
  command.add(plan.variables().native());
  return std::move(command).take();
}

std::vector<std::string> view_command(const Plan& plan) {
  Command command((plan.hesper.parent_path() / "hesper-view").native());
  command.add("--socket", "{}", plan.gpu_socket().native());
  command.add("--state", "{}", plan.view_state().native());
  command.add("--report", "{}", plan.view_reports().native());
  command.add("--name", "{}", plan.machine.name);
  if (plan.has_agent_port()) command.add("--agent", "{}", plan.agent_socket().native());
  for (const std::string& argument : plan.machine.view_arguments) command.add(argument);
  return std::move(command).take();
}

std::vector<std::string> share_command(const Plan& plan, std::size_t index) {
  Command command(plan.virtiofsd.native());
  command.add("--socket-path", "{}", plan.share_socket(index).native());
  command.add("--shared-dir", "{}", plan.machine.shares[index].folder.native());
  return std::move(command).take();
}

std::vector<std::string> passt_command(const Plan& plan) {
  Command command(plan.passt.native());
  for (const char* option : {"--foreground", "--quiet", "--one-off"}) command.add(option);
  command.add("--socket", "{}", plan.passt_socket().native());
  for (const Forward& forward : plan.machine.forwards)
    command.add(forward.udp ? "--udp-ports" : "--tcp-ports", "{}/{}:{}", forward.address, forward.host, forward.guest);
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
