// What QEMU and its helpers are told.
#include "vm/command_lines.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace hesper::vm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Plan plan() {
  Plan plan;
  plan.machine.architecture = Architecture::x86_64;
  plan.machine.name = "test";
  plan.accelerator = Accelerator::kvm;
  plan.qemu = "/bin/qemu";
  plan.hesper = "/bin/hesper";
  plan.virtiofsd = "/bin/virtiofsd";
  plan.memory_backend = "memory-backend-memfd";
  plan.folder = "/run/test";
  return plan;
}

// "OPTION VALUE" each; a word that is followed by another option stands alone.
std::vector<std::string> options(const Plan& plan) {
  std::vector<std::string> result;
  for (const std::string& word : qemu_command(plan)) {
    if (word.starts_with('-') || result.empty()) {
      result.push_back(word);
    } else {
      result.back() += ' ' + word;
    }
  }
  return result;
}

TEST(QemuCommand, HasMemoryThatTheGpuSees) {
  Plan machine = plan();
  machine.machine.memory = std::uint64_t{3} << 30;
  const auto words = options(machine);
  EXPECT_THAT(words, Contains("-machine q35,memory-backend=mem"));
  EXPECT_THAT(words, Contains("-m 3072M"));
  EXPECT_THAT(words, Contains("-object memory-backend-memfd,id=mem,size=3072M,share=on"));
  EXPECT_THAT(words, Contains("-chardev socket,id=gpu,path=/run/test/gpu"));
  EXPECT_THAT(words, Contains("-device vhost-user-test-device-pci,id=gpu,chardev=gpu,virtio-id=16,num_vqs=2,"
                              "vq_size=256,config_size=24,bus=pcie.0,addr=0x1"));
}

TEST(QemuCommand, MemoryAndProcessorsAreTuned) {
  Plan machine = plan();
  machine.machine.cpus = 8;
  machine.machine.topology = CpuTopology{.sockets = 1, .cores = 4, .threads = 2};
  machine.machine.huge_pages = 2 << 20;
  machine.machine.memory_node = 1;
  machine.machine.lock_memory = true;
  const auto words = options(machine);
  EXPECT_THAT(words, Contains("-smp 8,sockets=1,cores=4,threads=2"));
  EXPECT_THAT(words, Contains("-object memory-backend-memfd,id=mem,size=2048M,share=on,hugetlb=on,hugetlbsize=2048K,"
                              "prealloc=on,host-nodes=1,policy=bind"));
  EXPECT_THAT(words, Contains("-overcommit mem-lock=on"));
}

TEST(QemuCommand, ForeignArgumentsAreTheDevicesOfTheGpuInSlotsOfTheirOwn) {
  Plan machine = plan();
  machine.machine.input = InputDevices::qemu;
  machine.machine.qemu_arguments = {"-x"};
  EXPECT_THAT(foreign_arguments(machine, 0x10, true),
              ElementsAre("-chardev", "socket,id=gpu,path=/run/test/gpu", "-device",
                          "vhost-user-test-device-pci,id=gpu,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,"
                          "config_size=24,bus=pcie.0,addr=0x10",
                          "-netdev", "user,id=net", "-device",
                          "virtio-net-pci,netdev=net,romfile=,bus=pcie.0,addr=0x11", "-x"));
}

TEST(QemuCommand, HasAPortForTheClipboardsAgentIfSomebodyWantsIt) {
  const auto has_port = [](std::vector<std::string> view) {
    Plan machine = plan();
    machine.machine.view_arguments = std::move(view);
    const bool has =
        std::ranges::contains(options(machine), "-device virtserialport,chardev=agent,name=com.redhat.spice.0");
    const auto words = view_command(machine);
    EXPECT_EQ(has, std::ranges::contains(words, "/run/test/agent"));
    EXPECT_EQ(has, std::ranges::contains(options(machine),
                                         "-chardev socket,id=agent,path=/run/test/agent,server=on,wait=off"));
    return has;
  };
  EXPECT_TRUE(has_port({"--web"}));
  EXPECT_TRUE(has_port({"--web", "--clipboard=from-guest"}));
  EXPECT_TRUE(has_port({"--web", "--clipboard=off", "--clipboard=both"}));
  EXPECT_FALSE(has_port({"--web", "--clipboard=off"}));
  EXPECT_FALSE(has_port({"--web", "--no-clipboard"}));
  EXPECT_FALSE(has_port({}));  // nobody sees the screens
}

TEST(QemuCommand, ProcessorFollowsAccelerator) {
  Plan machine = plan();
  EXPECT_THAT(options(machine), Contains("-accel kvm"));
  EXPECT_THAT(options(machine), Contains("-cpu host"));
  machine.accelerator = Accelerator::tcg;
  EXPECT_THAT(options(machine), Contains("-cpu max,la57=off"));
  machine.machine.architecture = Architecture::aarch64;
  EXPECT_THAT(options(machine), Contains("-machine virt,gic-version=max,memory-backend=mem"));
  EXPECT_THAT(options(machine), Contains("-cpu max,pauth-impdef=on"));
}

TEST(QemuCommand, CommasInNamesDoNotEndThem) {
  Plan machine = plan();
  machine.folder = "/run/a,b";
  machine.machine.disks = {{.path = "/disks/x,file.driver=nbd.img", .format = Disk::Format::raw, .read_only = true}};
  const auto words = options(machine);
  EXPECT_THAT(words, Contains("-chardev socket,id=gpu,path=/run/a,,b/gpu"));
  EXPECT_THAT(words, Contains("-blockdev driver=raw,node-name=disk0,discard=unmap,read-only=on,file.driver=file,"
                              "file.filename=/disks/x,,file.driver=nbd.img"));
}

TEST(QemuCommand, FirstDiskIsBootedUnlessThereIsAKernel) {
  Plan machine = plan();
  machine.machine.disks = {{.path = "/a", .format = Disk::Format::qcow2, .read_only = false},
                           {.path = "/dev/sdx", .format = Disk::Format::raw, .read_only = false}};
  EXPECT_THAT(options(machine), Contains("-device virtio-blk-pci,drive=disk0,bootindex=1"));
  EXPECT_THAT(options(machine), Contains("-blockdev driver=raw,node-name=disk1,discard=unmap,file.driver=host_device,"
                                         "file.filename=/dev/sdx"));
  machine.machine.kernel = "/k";
  machine.machine.initrd = "/i";
  machine.machine.append = "root=/dev/vda1 console=ttyS0";
  EXPECT_THAT(options(machine), Contains("-device virtio-blk-pci,drive=disk0"));
  EXPECT_THAT(options(machine), Contains("-append root=/dev/vda1 console=ttyS0"));
}

TEST(QemuCommand, EfiHasCodeAndVariables) {
  Plan machine = plan();
  machine.firmware = "/share/CODE.fd";
  machine.firmware_template = "/share/VARS.fd";
  EXPECT_THAT(options(machine), Contains("-machine q35,memory-backend=mem,pflash0=efi-code,pflash1=efi-variables"));
  EXPECT_THAT(options(machine), Contains(HasSubstr("read-only=on,file.driver=file,file.filename=/share/CODE.fd")));
  EXPECT_THAT(options(machine), Contains(HasSubstr("file.filename=/run/test/efi-variables")));
  machine.machine.efi_variables = "/mine.fd";
  EXPECT_THAT(options(machine), Contains(HasSubstr("file.filename=/mine.fd")));
  machine.firmware_template.clear();
  EXPECT_THAT(options(machine), Contains("-bios /share/CODE.fd"));
}

TEST(QemuCommand, NetworkForwardsPorts) {
  Plan machine = plan();
  machine.machine.forwards = {{.udp = false, .address = "127.0.0.1", .host = 2222, .guest = 22},
                              {.udp = true, .address = "0.0.0.0", .host = 53, .guest = 5353},
                              {.udp = false, .address = "127.0.0.1", .host = 8080, .guest = 80}};
  EXPECT_THAT(options(machine), Contains("-netdev user,id=net,hostfwd=tcp:127.0.0.1:2222-:22,"
                                         "hostfwd=udp:0.0.0.0:53-:5353,hostfwd=tcp:127.0.0.1:8080-:80"));
  machine.machine.network = Network::passt;
  machine.qemu_sandbox = true;
  EXPECT_THAT(options(machine), Contains("-netdev stream,id=net,server=off,reconnect-ms=1000,addr.type=unix,"
                                         "addr.path=/run/test/passt"));
  EXPECT_THAT(options(machine), Contains(HasSubstr("-sandbox on")));
  machine.passt = "/bin/passt";
  EXPECT_THAT(passt_command(machine), ElementsAre("/bin/passt", "--foreground", "--quiet", "--one-off", "--socket",
                                                  "/run/test/passt", "--tcp-ports", "127.0.0.1/2222:22", "--udp-ports",
                                                  "0.0.0.0/53:5353", "--tcp-ports", "127.0.0.1/8080:80"));
  machine.machine.network = Network::none;
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("net"))));
}

TEST(QemuCommand, SmallDevices) {
  Plan machine = plan();
  machine.machine.vsock = 7;
  machine.machine.shares = {{.folder = "/srv", .tag = "tag"}};
  const auto words = options(machine);
  for (const char* device : {"virtio-rng-pci", "virtio-balloon-pci,free-page-reporting=on",
                             "vhost-vsock-pci,guest-cid=7", "vhost-user-fs-pci,chardev=share0,tag=tag"})
    EXPECT_THAT(words, Contains(std::string("-device ") + device));
  EXPECT_THAT(words, Contains("-chardev socket,id=share0,path=/run/test/share-0"));
  EXPECT_THAT(share_command(machine, 0),
              ElementsAre("/bin/virtiofsd", "--socket-path", "/run/test/share-0", "--shared-dir", "/srv"));
}

TEST(QemuCommand, InputDevicesAreOursOrQemus) {
  Plan machine = plan();
  for (const char* kind : {"keyboard", "tablet", "mouse", "touch"}) {
    EXPECT_THAT(options(machine), Contains(fmt::format("-chardev socket,id={0},path=/run/test/gpu.{0}", kind)));
    EXPECT_THAT(options(machine), Contains(fmt::format("-device vhost-user-input-pci,id={0},chardev={0}", kind)));
  }
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("virtio-keyboard"))));
  machine.machine.input = InputDevices::qemu;
  EXPECT_THAT(options(machine), Contains("-device virtio-keyboard-pci"));
  EXPECT_THAT(options(machine), Contains("-device virtio-tablet-pci"));
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("vhost-user-input"))));
}

TEST(QemuCommand, FirmwareOfArm64HasAUsbKeyboard) {
  Plan machine = plan();
  machine.machine.architecture = Architecture::aarch64;
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("usb"))));
  machine.firmware = "/code";
  machine.firmware_template = "/variables";
  EXPECT_THAT(options(machine), Contains("-device usb-kbd"));
  EXPECT_THAT(options(machine), Contains("-device qemu-xhci"));
  machine.machine.architecture = Architecture::x86_64;
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("usb"))));
}

TEST(QemuCommand, LinesGoToTheLauncherOrTheTerminal) {
  Plan machine = plan();
  EXPECT_THAT(options(machine), Contains("-chardev socket,id=console,path=/run/test/console"));
  EXPECT_THAT(options(machine), Contains("-serial chardev:console"));
  EXPECT_THAT(options(machine), Contains("-chardev socket,id=qmp,path=/run/test/qmp"));
  machine.connections = Connections::by_hand;
  EXPECT_THAT(options(machine), Contains("-serial mon:stdio"));
  EXPECT_THAT(options(machine), Contains("-chardev socket,id=qmp,path=/run/test/qmp,server=on,wait=off"));
  machine.machine.serial = Serial::none;
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("-serial"))));
  machine.machine.serial = Serial::file;
  machine.machine.serial_file = "/log";
  EXPECT_THAT(options(machine), Contains("-serial file:/log"));
}

TEST(QemuCommand, ConfinesItself) {
  Plan machine = plan();
  EXPECT_THAT(options(machine), Not(Contains(HasSubstr("-sandbox"))));
  machine.qemu_sandbox = true;
  EXPECT_THAT(options(machine), Contains(HasSubstr("-sandbox on,")));
}

TEST(QemuCommand, OwnArgumentsComeLast) {
  Plan machine = plan();
  machine.machine.qemu_arguments = {"-device", "x"};
  const auto words = qemu_command(machine);
  EXPECT_EQ(std::vector(words.end() - 2, words.end()), machine.machine.qemu_arguments);
}

TEST(GpuCommand, HasScreensAndItsOwnOptions) {
  Plan machine = plan();
  machine.machine.displays = {"1920x1080@60", "off"};
  machine.machine.gpu_arguments = {"--window=8G"};
  EXPECT_THAT(gpu_command(machine),
              ElementsAre("/bin/hesper", "gpu", "--socket", "/run/test/gpu", "--once", "--displays", "2", "--mode",
                          "1920x1080@60", "--mode", "off", "--window=8G"));
}

TEST(ShellQuotes, OnlyWhereNeeded) {
  const std::vector<std::string> words = {"/bin/q", "a=b,c", "two words", "it's", "", "$x", "~"};
  EXPECT_EQ(quoted_for_shell(words), R"(/bin/q a=b,c 'two words' 'it'\''s' '' '$x' '~')");
}

}  // namespace
}  // namespace hesper::vm
