// What users write for parts of a machine, and what they get told when it is wrong.
#include "vm/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vm/settings.h"

namespace hesper::vm {
namespace {

using testing::HasSubstr;

TEST(MachineParsing, DiskHasFileAndWords) {
  EXPECT_EQ(parse_disk("a.qcow2")->path, "a.qcow2");
  EXPECT_EQ(parse_disk("a.qcow2")->format, Disk::Format::automatic);
  const auto disk = parse_disk("with,comma.img,format=raw,readonly");
  ASSERT_TRUE(disk);
  EXPECT_EQ(disk->path, "with,comma.img");
  EXPECT_EQ(disk->format, Disk::Format::raw);
  EXPECT_TRUE(disk->read_only);
  EXPECT_FALSE(parse_disk(""));
  EXPECT_FALSE(parse_disk(",readonly"));
}

TEST(MachineParsing, ForwardHasPortsAndPerhapsMore) {
  const auto plain = parse_forward("2222:22");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->address, "127.0.0.1");
  EXPECT_EQ(plain->host, 2222);
  EXPECT_EQ(plain->guest, 22);
  EXPECT_FALSE(plain->udp);
  const auto full = parse_forward("udp:0.0.0.0:53:5353");
  ASSERT_TRUE(full);
  EXPECT_TRUE(full->udp);
  EXPECT_EQ(full->address, "0.0.0.0");
  for (const char* wrong : {"", "22", ":22", "22:", "0:22", "65536:22", "a:22", "host:22:22", "22:22x", "sctp:22:22",
                            "127.0.0.1,x:22:22", "1:2:3:4"})
    EXPECT_FALSE(parse_forward(wrong)) << wrong;
}

TEST(MachineParsing, ShareHasFolderAndTag) {
  const auto share = parse_share("/srv/a:b:tag");
  ASSERT_TRUE(share);
  EXPECT_EQ(share->folder, "/srv/a:b");
  EXPECT_EQ(share->tag, "tag");
  for (const char* wrong : {"", "/srv", "/srv:", ":tag", "/srv:t,g", "/srv:tag with blank"})
    EXPECT_FALSE(parse_share(wrong)) << wrong;
  EXPECT_FALSE(parse_share("/srv:" + std::string(37, 'x')));
}

TEST(MachineParsing, SizesHaveUnits) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("4g"), std::uint64_t{4} << 30);
  EXPECT_EQ(parse_size("4GiB"), std::uint64_t{4} << 30);
  EXPECT_EQ(parse_size("4GB"), std::uint64_t{4} << 30);
  EXPECT_EQ(parse_size("1T"), std::uint64_t{1} << 40);
  for (const char* wrong : {"", "G", "-1", "4X", "4GG", "1.5G", "4 G", "99999999999G", "18446744073709551616"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

TEST(MachineNames, AreShortAndPlain) {
  for (const char* good : {"a", "debian-13", "A.b_c", "0"}) EXPECT_TRUE(is_name(good)) << good;
  for (const char* bad : {"", ".", "..", "-a", "a/b", "a b", "a\n", "ä"}) EXPECT_FALSE(is_name(bad)) << bad;
  EXPECT_TRUE(is_name(std::string(32, 'a')));
  EXPECT_FALSE(is_name(std::string(33, 'a')));
}

TEST(MachineNames, ComeFromFiles) {
  EXPECT_EQ(name_after("/images/Debian 13.qcow2"), "Debian-13");
  EXPECT_EQ(name_after("vmlinuz"), "vmlinuz");
  EXPECT_EQ(name_after("..."), "vm");
  EXPECT_EQ(name_after("/"), "vm");
  EXPECT_TRUE(is_name(name_after(std::string(300, 'x'))));
  EXPECT_TRUE(is_name(name_after("-_-a.img")));
}

TEST(Settings, RefuseWhatTheyCannotRead) {
  const std::pair<const char*, const char*> wrong[] = {{"name", "a/b"},    {"arch", "sparc"},     {"cpus", "0"},
                                                       {"cpus", "1025"},   {"memory", "1M"},      {"memory", "2049K"},
                                                       {"accel", "magic"}, {"net", "carrier"},    {"vsock", "2"},
                                                       {"vsock", "x"},     {"shutdown-time", "0"}};
  for (const auto& [name, value] : wrong) {
    const auto setting = std::ranges::find(settings(), std::string_view(name), &Setting::name);
    ASSERT_NE(setting, settings().end()) << name;
    Machine machine;
    EXPECT_FALSE(setting->set(machine, value, {})) << name << " = " << value;
  }
}

TEST(Settings, RelativePathsStartAtTheBase) {
  Machine machine;
  const auto set = [&](std::string_view name, const char* value) {
    const auto setting = std::ranges::find(settings(), name, &Setting::name);
    ASSERT_TRUE(setting->set(machine, value, "/base"));
  };
  set("disk", "a.img,readonly");
  set("disk", "/b.img");
  set("kernel", "k");
  set("share", "folder:tag");
  set("firmware", "efi");
  set("qemu", "./qemu");
  EXPECT_EQ(machine.disks[0].path, "/base/a.img");
  EXPECT_EQ(machine.disks[1].path, "/b.img");
  EXPECT_EQ(machine.kernel, "/base/k");
  EXPECT_EQ(machine.shares[0].folder, "/base/folder");
  EXPECT_EQ(machine.firmware, Firmware::efi);
  EXPECT_EQ(machine.qemu, "/base/./qemu");
  set("qemu", "qemu-system-x86_64");  // found by PATH
  EXPECT_EQ(machine.qemu, "qemu-system-x86_64");
  set("firmware", "own.fd");
  EXPECT_EQ(machine.firmware, Firmware::file);
  EXPECT_EQ(machine.firmware_file, "/base/own.fd");
}

TEST(Topology, HasThreeNumbers) {
  EXPECT_EQ(parse_topology("2:16:2"), (CpuTopology{.sockets = 2, .cores = 16, .threads = 2}));
  for (const char* wrong : {"", "4", "1:4", "1:4:", "1:4:0", "1:4:2:1", "1:4:x", "-1:4:2", "1:4:2000", ":4:2", "1::2"})
    EXPECT_FALSE(parse_topology(wrong)) << wrong;
}

}  // namespace
}  // namespace hesper::vm
