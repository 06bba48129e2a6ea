// Cores, threads, caches, NUMA; memory and limits.
#include "host/processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"
#include "host/memory.h"

namespace hesper::host {
namespace {

using testing::Optional;

std::string cpu(unsigned number, const std::string& siblings, unsigned socket, const std::string& shared) {
  const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(number);
  return "@ file " + folder + "/topology/thread_siblings_list\n" + siblings + "\n@ file " + folder +
         "/topology/physical_package_id\n" + std::to_string(socket) + "\n@ file " + folder +
         "/cache/index3/level\n3\n@ file " + folder + "/cache/index3/shared_cpu_list\n" + shared + "\n";
}

OperatingSystem linux_system() {
  OperatingSystem os;
  os.architecture = {.value = "x86_64", .source = "", .why = ""};
  return os;
}

TEST(Processor, CoresOfTwoSocketsAreCountedOnce) {
  const auto host =
      test::described(cpu(0, "0,4", 0, "0-1,4-5") + cpu(1, "1,5", 0, "0-1,4-5") + cpu(2, "2,6", 1, "2-3,6-7") +
                      cpu(3, "3,7", 1, "2-3,6-7") + cpu(4, "0,4", 0, "0-1,4-5") + cpu(5, "1,5", 0, "0-1,4-5") +
                      cpu(6, "2,6", 1, "2-3,6-7") + cpu(7, "3,7", 1, "2-3,6-7") +
                      "@ file /sys/devices/system/cpu/online\n0-6\n"
                      "@ file /sys/devices/system/node/node1/cpulist\n2-3,6-7\n"
                      "@ file /sys/devices/system/node/node1/meminfo\nNode 1 MemTotal:  1024 kB\n");
  const Processor processor = look_at_processor(*host, linux_system());
  EXPECT_TRUE(processor.threads.is(7));
  EXPECT_TRUE(processor.cores.is(4));
  ASSERT_EQ(processor.cpus.size(), 8u);
  EXPECT_EQ(processor.cpus[4].core, processor.cpus[0].core);
  EXPECT_NE(processor.cpus[1].core, processor.cpus[0].core);
  EXPECT_EQ(processor.cpus[1].last_cache, processor.cpus[0].last_cache);
  EXPECT_NE(processor.cpus[2].last_cache, processor.cpus[0].last_cache);
  EXPECT_EQ(processor.cpus[2].socket, 1u);
  EXPECT_EQ(processor.cpus[2].node, 1u);
  EXPECT_FALSE(processor.cpus[7].online);
  ASSERT_EQ(processor.nodes.size(), 1u);
  EXPECT_EQ(processor.nodes[0].memory, 1024u * 1024);
}

TEST(Processor, FlagsTellWhetherItVirtualizes) {
  const auto look = [](const char* flags) {
    return look_at_processor(*test::described(std::string("@ file /proc/cpuinfo\nflags : ") + flags + "\n"),
                             linux_system());
  };
  EXPECT_TRUE(look("fpu vmx").virtualization.is("vmx"));
  EXPECT_TRUE(look("fpu svm sse").virtualization.is("svm"));
  EXPECT_TRUE(look("fpu svm_lock xvmx").virtualization.is(""));
  EXPECT_FALSE(look_at_processor(*test::described(""), linux_system()).virtualization.known());
}

TEST(Processor, ArmIsToldByItsNumbers) {
  OperatingSystem os = linux_system();
  os.architecture.value = "aarch64";
  const auto host = test::described("@ file /proc/cpuinfo\nprocessor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n");
  const Processor processor = look_at_processor(*host, os);
  EXPECT_TRUE(processor.vendor.is("ARM"));
  EXPECT_TRUE(processor.model.is("ARM Neoverse-N1"));
  EXPECT_FALSE(processor.virtualization.known());
}

TEST(Memory, MeminfoIsInBytes) {
  EXPECT_THAT(meminfo_value("MemTotal:  2 kB\nHugePages_Total: 3\n", "MemTotal"), Optional(2048u));
  EXPECT_THAT(meminfo_value("HugePages_Total:       3\n", "HugePages_Total"), Optional(3u));
  EXPECT_FALSE(meminfo_value("MemTotal: x kB\n", "MemTotal"));
  EXPECT_FALSE(meminfo_value("MemTotal: 18446744073709551615 kB\n", "MemTotal"));
}

TEST(Memory, LimitsHaveTwoNumbers) {
  constexpr std::string_view kText =
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max open files            1024                 524288               files     \n"
      "Max locked memory         unlimited            unlimited            bytes     \n";
  EXPECT_THAT(limit_in(kText, "Max open files"), Optional(SoftAndHard{.soft = 1024, .hard = 524'288}));
  EXPECT_THAT(limit_in(kText, "Max locked memory"), Optional(SoftAndHard{.soft = ~0ull, .hard = ~0ull}));
  EXPECT_FALSE(limit_in(kText, "Max nothing"));
}

TEST(Memory, ChoicesStandInBrackets) {
  EXPECT_EQ(bracketed("always [madvise] never"), "madvise");
  EXPECT_EQ(bracketed("]["), "");
  EXPECT_EQ(bracketed(""), "");
}

TEST(Memory, HugePagesAreSortedBySize) {
  const auto host = test::described(
      "@ file /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages\n2\n"
      "@ file /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n512\n"
      "@ file /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages\n500\n"
      "@ file /sys/kernel/mm/hugepages/hugepages-xkB/nr_hugepages\n1\n@ command 0 getconf PAGESIZE\n4096\n"
      "@ command 0 df -Pk /dev/shm\nFilesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 10 2 8 20% "
      "/dev/shm\n");
  const Memory memory = look_at_memory(*host, linux_system());
  ASSERT_EQ(memory.huge_pages.size(), 2u);
  EXPECT_EQ(memory.huge_pages[0].size, 2u << 20);
  EXPECT_EQ(memory.huge_pages[0].free, 500u);
  EXPECT_EQ(memory.huge_pages[1].total, 2u);
  EXPECT_TRUE(memory.page_size.is(4096));
  EXPECT_TRUE(look_at_limits(*host, linux_system()).shared_memory.is(8192));
}

}  // namespace
}  // namespace hesper::host
