// TOML files: what they say arrives, what is wrong has its line.
#include "vm/machine_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "support/temporary_directory.h"

namespace hesper::vm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kGpuOptions = {"--window", "--sandbox"};
const std::vector<std::string> kViewOptions = {"--web", "--vnc"};
const std::array kTables = {
    OptionTable{.table = "gpu", .command = "hesper gpu", .options = kGpuOptions, .arguments = &Machine::gpu_arguments},
    OptionTable{
        .table = "view", .command = "hesper view", .options = kViewOptions, .arguments = &Machine::view_arguments}};

Result<Machine> read(std::string_view text) {
  Machine machine;
  if (auto done = read_machine(text, "/vm/a.toml", kTables, machine); !done) return std::unexpected(done.error());
  return machine;
}

std::string error_of(std::string_view text) {
  const auto machine = read(text);
  return machine ? "" : machine.error().message;
}

TEST(MachineFile, SaysEverything) {
  const auto machine = read(R"(
name = "debian"
cpus = 4
memory = "4G"
disk = ["debian.qcow2", "/data.img,format=raw"]
display = ["1920x1080", "off"]
forward = "2222:22"
vsock = "auto"
qemu-arg = ["-device", "x,y=z"]
[gpu]
window = "8G"
sandbox = "basic"
[view]
web = true
vnc = "127.0.0.1:5900"
)");
  ASSERT_TRUE(machine) << machine.error().message;
  EXPECT_EQ(machine->name, "debian");
  EXPECT_EQ(machine->cpus, 4u);
  EXPECT_EQ(machine->memory, std::uint64_t{4} << 30);
  ASSERT_EQ(machine->disks.size(), 2u);
  EXPECT_EQ(machine->disks[0].path, "/vm/debian.qcow2");
  EXPECT_THAT(machine->displays, ElementsAre("1920x1080", "off"));
  EXPECT_EQ(machine->forwards.size(), 1u);
  EXPECT_EQ(machine->vsock, 0u);
  EXPECT_THAT(machine->qemu_arguments, ElementsAre("-device", "x,y=z"));
  EXPECT_THAT(machine->gpu_arguments, ElementsAre("--sandbox=basic", "--window=8G"));  // a table has no order
  EXPECT_THAT(machine->view_arguments, ElementsAre("--vnc=127.0.0.1:5900", "--web"));
}

TEST(MachineFile, TheExampleIsRead) {
  Machine machine;
  const std::vector<std::string> gpu_options = {"--host-memory"};
  const std::array tables = {OptionTable{
      .table = "gpu", .command = "hesper gpu", .options = gpu_options, .arguments = &Machine::gpu_arguments}};
  const auto done = read_machine_file(HESPER_DOCS "/examples/hesper.toml", tables, machine);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(machine.name, "debian");
  EXPECT_EQ(machine.disks[1].path, HESPER_DOCS "/examples/data.img");
  EXPECT_EQ(machine.forwards.size(), 2u);
}

TEST(MachineFile, ErrorsHaveFileAndLine) {
  EXPECT_THAT(error_of("cpus = 2\ncpu = 3\n"), AllOf(HasSubstr("/vm/a.toml, line 2"), HasSubstr("'cpu' is unknown")));
  EXPECT_THAT(error_of("\n\nmemory = \"x\""), AllOf(HasSubstr("line 3"), HasSubstr("'x' is no size")));
  EXPECT_THAT(error_of("disk = [\n'a',\n7.5]"), AllOf(HasSubstr("line 3"), HasSubstr("a text, a whole number")));
  EXPECT_THAT(error_of("name = ['a', 'b']"), AllOf(HasSubstr("line 1"), HasSubstr("only one 'name'")));
  EXPECT_THAT(error_of("a = 1\n= 2"), HasSubstr("line 2"));
  EXPECT_THAT(error_of("[gpu]\nwindow = '1G'\nsocket = 'x'"),
              AllOf(HasSubstr("line 3"), HasSubstr("no option '--socket'")));
  EXPECT_THAT(error_of("[view]\nwindow = '1G'"), HasSubstr("hesper view has no option '--window'"));
  EXPECT_THAT(error_of("[network]\nport = 3"), AllOf(HasSubstr("line 1"), HasSubstr("'network' is unknown")));
  EXPECT_THAT(error_of("gpu = 3"), HasSubstr("'gpu' is unknown"));
  EXPECT_THAT(error_of("cpus = {a = 1}"), HasSubstr("line 1"));
}

TEST(MachineFile, CannotBeReadOrIsTooLarge) {
  const test::TemporaryDirectory folder;
  Machine machine;
  const auto missing = read_machine_file(folder.path() / "none.toml", {}, machine);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("none.toml' cannot be read"));
  const auto large = read_machine_file(folder.write("large.toml", std::string((1 << 20) + 1, '\n')), {}, machine);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("larger than a mebibyte"));
  ASSERT_TRUE(read_machine_file(folder.write("good.toml", "cpus = 3"), {}, machine));
  EXPECT_EQ(machine.cpus, 3u);
}

}  // namespace
}  // namespace hesper::vm
