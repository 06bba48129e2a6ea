// What no other program has to be asked about: names, quotes, what is refused, and the order of things. That shells,
// libvirt and systemd take the rest is in tests/e2e/test_export.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vm/export_file.h"
#include "vm/export_libvirt.h"
#include "vm/export_shell.h"
#include "vm/export_systemd.h"

namespace hesper::vm {
namespace {

using testing::AllOf;
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
  plan.folder = "/run/user/7/hesper-test";
  return plan;
}

std::vector<std::string> names(const Result<std::vector<ExportedFile>>& files) {
  std::vector<std::string> result;
  if (files)
    for (const ExportedFile& file : *files) result.push_back(file.name);
  return result;
}

const std::string& contents(const std::vector<ExportedFile>& files, std::string_view name) {
  static const std::string kNone;
  for (const ExportedFile& file : files)
    if (file.name == name) return file.contents;
  return kNone;
}

TEST(PlainText, IsUtf8WithoutControlCharacters) {
  for (const char* good : {"", "a b", "\t\n", "\u00e9", "\u20ac", "\U0001f600", "\u00a0"})
    EXPECT_TRUE(is_plain_text(good)) << good;
  for (const std::string_view bad :
       {std::string_view("\0", 1), std::string_view("\x1b"), std::string_view("\x7f"), std::string_view("\xc2\x85"),
        std::string_view("\x80"), std::string_view("\xc3"), std::string_view("\xc0\x80"),
        std::string_view("\xe0\x80\x80"), std::string_view("\xed\xa0\x80"), std::string_view("\xef\xbf\xbe"),
        std::string_view("\xf4\x90\x80\x80"), std::string_view("\xf8\x88\x80\x80\x80"), std::string_view("\r")})
    EXPECT_FALSE(is_plain_text(bad)) << bad;
}

TEST(ExportedFolder, IsNoMachinesOfHesperRun) {
  EXPECT_EQ(exported_folder("/run/hesper", "debian"), "/run/hesper/_debian");
  EXPECT_FALSE(is_name("_debian"));
}

TEST(ShellScript, NamesItsFolderOnce) {
  Plan machine = plan();
  machine.folder = "/run/user/7/it's";
  const auto script = shell_script(machine);
  ASSERT_TRUE(script);
  EXPECT_THAT(*script, HasSubstr("folder='/run/user/7/it'\\''s'"));
  EXPECT_THAT(*script, HasSubstr("-chardev socket,id=gpu,path=\"$folder\"/gpu \\\n"));
  EXPECT_THAT(*script, HasSubstr("await $! \"$folder\"/gpu.control 'hesper gpu'"));
}

TEST(ShellScript, NeedsANumberForVsock) {
  Plan machine = plan();
  machine.machine.vsock = 0;
  EXPECT_FALSE(shell_script(machine));
  EXPECT_FALSE(systemd_units(machine, {}));
  const auto xml = domain_xml(machine);
  ASSERT_TRUE(xml);
  EXPECT_THAT(*xml, HasSubstr("<cid auto='yes'/>"));
}

TEST(Domain, EscapesWhatXmlHasAMeaningFor) {
  Plan machine = plan();
  machine.machine.disks = {{.path = "/<a>&'b'\"\n.img", .format = Disk::Format::raw, .read_only = true}};
  const auto xml = domain_xml(machine);
  ASSERT_TRUE(xml);
  EXPECT_THAT(*xml, HasSubstr("<source file='/&lt;a&gt;&amp;&apos;b&apos;&quot;&#10;.img'/>"));
  EXPECT_THAT(*xml, HasSubstr("<readonly/>"));
  machine.machine.append = "\x1b";
  machine.machine.kernel = "/k";
  EXPECT_FALSE(domain_xml(machine));
}

TEST(Domain, NamesManyDisks) {
  Plan machine = plan();
  for (int i = 0; i < 28; ++i)
    machine.machine.disks.push_back({.path = "/dev/x", .format = Disk::Format::raw, .read_only = false});
  const auto xml = domain_xml(machine);
  ASSERT_TRUE(xml);
  for (const char* name : {"'vda'", "'vdz'", "'vdaa'", "'vdab'"}) EXPECT_THAT(*xml, HasSubstr(name));
  EXPECT_THAT(*xml, HasSubstr("<disk type='block' device='disk'>"));
}

TEST(Domain, FilesAreTheDomainTheUnitsBesideItAndNotes) {
  Plan machine = plan();
  machine.machine.view_arguments = {"--web"};
  machine.machine.shares = {{.folder = "/srv", .tag = "tag"}};
  const auto files = libvirt_files(machine, {.system_wide = true, .user = "qemu"});
  EXPECT_THAT(names(files), ElementsAre("test.xml", "hesper-gpu@test.service", "hesper-view@test.service", "test.txt"));
  ASSERT_TRUE(files);
  EXPECT_THAT(contents(*files, "hesper-gpu@test.service"), AllOf(HasSubstr("User=qemu\n"), Not(HasSubstr("--once"))));
  EXPECT_THAT(contents(*files, "test.txt"), AllOf(HasSubstr("qemu:///system"), HasSubstr("AppArmor")));
}

TEST(Units, QuoteByTheRulesOfSystemd) {
  Plan machine = plan();
  machine.machine.qemu_arguments = {"a b", "100%", "$HOME", "\"q\"", "back\\slash", "new\nline", ";", "#x", ""};
  const auto files = systemd_units(machine, {});
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(contents(*files, "hesper-vm@test.service"),
              HasSubstr("\"a b\" 100%% \"$HOME\" \"\\\"q\\\"\" \"back\\\\slash\" \"new\\nline\" \";\" \"#x\" \"\"\n"));
  machine.machine.qemu_arguments = {"\a"};
  EXPECT_FALSE(systemd_units(machine, {}));
}

TEST(Units, HaveTheirSocketsInTheManagersFolder) {
  Plan machine = plan();
  machine.folder = "/run/user/7/hesper-test";
  machine.machine.shares = {{.folder = "/srv", .tag = "tag"}};
  machine.firmware = "/code.fd";
  machine.firmware_template = "/vars.fd";
  const auto files = systemd_units(machine, {});
  EXPECT_THAT(names(files),
              ElementsAre("hesper-gpu@test.service", "hesper-share-0@test.service", "hesper-vm@test.service"));
  ASSERT_TRUE(files);
  for (const ExportedFile& file : *files) {
    EXPECT_THAT(file.contents, HasSubstr("%t/hesper-test/"));
    EXPECT_THAT(file.contents, Not(HasSubstr("/run/user/7")));
  }
  EXPECT_THAT(contents(*files, "hesper-vm@test.service"),
              AllOf(HasSubstr("/vars.fd %t/hesper-test/efi-variables\n"),
                    HasSubstr("-chardev socket,id=console,path=%t/hesper-test/console,server=on,wait=off"),
                    HasSubstr("BindsTo=hesper-gpu@test.service hesper-share-0@test.service\n")));
}

}  // namespace
}  // namespace hesper::vm
