// A plan comes back as it was, and what is none is refused with the name of what is wrong.
#include "vm/plan_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "vm/command_lines.h"

namespace hesper::vm {
namespace {

using testing::HasSubstr;

Plan full_plan() {
  Plan plan;
  Machine& machine = plan.machine;
  machine.name = "test";
  machine.architecture = Architecture::x86_64;
  machine.cpus = 8;
  machine.topology = CpuTopology{.sockets = 2, .cores = 2, .threads = 2};
  machine.memory = std::uint64_t{5} << 30;
  machine.huge_pages = 1 << 30;
  machine.memory_node = 3;
  machine.lock_memory = true;
  machine.disks = {{.path = "/a\xff\x80 b.img", .format = Disk::Format::qcow2, .read_only = true}};
  machine.kernel = "/k";
  machine.initrd = "/i";
  machine.append = "root=\u00e9";
  machine.displays = {"1920x1080", "off"};
  machine.network = Network::passt;
  machine.forwards = {{.udp = true, .address = "0.0.0.0", .host = 65535, .guest = 1}};
  machine.shares = {{.folder = "/srv", .tag = "tag"}};
  machine.vsock = 0x7fff'ffff;
  machine.serial = Serial::file;
  machine.serial_file = "/log";
  machine.qemu_arguments = {"-x", ""};
  machine.gpu_arguments = {"--window=1G"};
  machine.view_arguments = {"--web"};
  plan.accelerator = Accelerator::tcg;
  plan.qemu = "/bin/qemu";
  plan.hesper = "/bin/hesper";
  plan.virtiofsd = "/bin/virtiofsd";
  plan.passt = "/bin/passt";
  plan.qemu_sandbox = true;
  plan.memory_backend = "memory-backend-memfd";
  plan.firmware = "/code";
  plan.firmware_template = "/vars";
  return plan;
}

TEST(PlanJson, ComesBackAsItWas) {
  const Plan before = full_plan();
  const std::string text = to_json(before).dump();  // throws for what is not UTF-8
  const auto after = plan_from_json(nlohmann::json::parse(text));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(qemu_command(*after), qemu_command(before));
  EXPECT_EQ(gpu_command(*after), gpu_command(before));
  EXPECT_EQ(view_command(*after), view_command(before));
  EXPECT_EQ(share_command(*after, 0), share_command(before, 0));
  EXPECT_EQ(passt_command(*after), passt_command(before));
  EXPECT_EQ(after->firmware_template, before.firmware_template);
  EXPECT_EQ(to_json(*after), to_json(before));
}

TEST(PlanJson, SaysWhatIsWrong) {
  const auto refuses = [](const char* pointer, const nlohmann::json& value) {
    auto json = to_json(full_plan());
    json[nlohmann::json::json_pointer(pointer)] = value;
    const auto plan = plan_from_json(json);
    return plan ? "" : plan.error().message;
  };
  EXPECT_THAT(refuses("/machine/cpus", -1), HasSubstr("its cpus as expected"));
  EXPECT_THAT(refuses("/machine/cpus", 1ull << 32), HasSubstr("cpus"));
  EXPECT_THAT(refuses("/machine/network", 9), HasSubstr("network"));
  EXPECT_THAT(refuses("/machine/disks", "x"), HasSubstr("disks"));
  EXPECT_THAT(refuses("/machine/disks/0/path", "\u0100"), HasSubstr("path"));
  EXPECT_THAT(refuses("/machine/lock_memory", 1), HasSubstr("lock_memory"));
  EXPECT_THAT(refuses("/machine", 1), HasSubstr("machine"));
  EXPECT_THAT(refuses("/qemu", nullptr), HasSubstr("qemu"));
  EXPECT_FALSE(plan_from_json(nlohmann::json()));
  EXPECT_FALSE(plan_from_json(nlohmann::json::array()));
}

}  // namespace
}  // namespace hesper::vm
