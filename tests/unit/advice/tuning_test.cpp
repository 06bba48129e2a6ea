// Placements by topologies made by hand; what is advised beside them.
#include "advice/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace hesper::advice {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

struct Kind {
  unsigned cores = 0;
  unsigned threads = 1;
  unsigned node = 0;
  unsigned socket = 0;
  unsigned cores_of_cache = 0;  // 0: one last cache for all of them
  std::uint64_t khz = 0;
  unsigned capacity = 0;
};

// Processors are numbered as Intel does it: siblings next to each other.
host::Facts host_of(const std::vector<Kind>& kinds) {
  host::Facts facts;
  unsigned number = 0;
  unsigned core_number = 0;
  unsigned caches = 0;
  std::set<unsigned> nodes;
  for (const Kind& kind : kinds) {
    for (unsigned core = 0; core < kind.cores; ++core, ++core_number) {
      for (unsigned thread = 0; thread < kind.threads; ++thread, ++number)
        facts.processor.cpus.push_back({.number = number,
                                        .core = core_number,
                                        .socket = kind.socket,
                                        .node = kind.node,
                                        .last_cache = caches + (kind.cores_of_cache ? core / kind.cores_of_cache : 0),
                                        .most_khz = kind.khz,
                                        .capacity = kind.capacity});
    }
    caches += kind.cores_of_cache ? kind.cores / kind.cores_of_cache : 1;
    nodes.insert(kind.node);
  }
  for (const unsigned node : nodes) facts.processor.nodes.push_back({.number = node, .memory = 64 * kGiB, .cpus = {}});
  return facts;
}

Placement placed(const host::Facts& facts, const TuningQuestion& question) {
  const Tuning result = tuning(facts, question);
  EXPECT_TRUE(result.placement) << result.why_not;
  return result.placement.value_or(Placement());
}

std::vector<unsigned> range(unsigned first, unsigned last) {
  std::vector<unsigned> numbers;
  for (unsigned i = first; i <= last; ++i) numbers.push_back(i);
  return numbers;
}

TEST(Placement, DesktopHasWholeCoresAndLeavesTheFirst) {
  const auto facts = host_of({{.cores = 8, .threads = 2}});
  const Placement eight = placed(facts, {.cpus = 8});
  EXPECT_THAT(eight.cpus, ElementsAreArray(range(2, 9)));
  EXPECT_THAT(eight.others, ElementsAre(0, 1, 10, 11, 12, 13, 14, 15));
  EXPECT_EQ(eight.topology, (vm::CpuTopology{.sockets = 1, .cores = 4, .threads = 2}));
  EXPECT_EQ(eight.node, std::nullopt);
  EXPECT_THAT(placed(facts, {.cpus = 14}).others, ElementsAre(0, 1));
  EXPECT_FALSE(tuning(facts, {.cpus = 15}).placement);
  EXPECT_FALSE(tuning(facts, {.cpus = 16}).placement);
}

TEST(Placement, SiblingsMayBeNumberedFarApart) {
  auto facts = host_of({{.cores = 4, .threads = 2}});
  for (host::LogicalCpu& cpu : facts.processor.cpus) cpu.number = cpu.number / 2 + (cpu.number % 2) * 4;
  std::ranges::sort(facts.processor.cpus, {}, &host::LogicalCpu::number);
  const Placement four = placed(facts, {.cpus = 4});
  EXPECT_THAT(four.cpus, ElementsAre(1, 5, 2, 6));
  EXPECT_THAT(four.others, ElementsAre(0, 3, 4, 7));
}

TEST(Placement, OddGuestLeavesASiblingIdle) {
  const Placement three = placed(host_of({{.cores = 4, .threads = 2}}), {.cpus = 3});
  EXPECT_THAT(three.cpus, ElementsAre(2, 3, 4));
  EXPECT_THAT(three.idle, ElementsAre(5));
  EXPECT_THAT(three.others, ElementsAre(0, 1, 6, 7));
  EXPECT_EQ(three.topology, (vm::CpuTopology{.sockets = 1, .cores = 3, .threads = 1}));
  EXPECT_THAT(three.remarks, testing::Contains(HasSubstr("Processor 5 stays idle")));
}

TEST(Placement, WithoutSmtACoreIsAProcessor) {
  const Placement two = placed(host_of({{.cores = 4}}), {.cpus = 2});
  EXPECT_THAT(two.cpus, ElementsAre(1, 2));
  EXPECT_EQ(two.topology, (vm::CpuTopology{.sockets = 1, .cores = 2, .threads = 1}));
}

TEST(Placement, HybridGivesFastCoresFirst) {
  for (const bool by_capacity : {false, true}) {
    const auto facts =
        host_of({{.cores = 8, .threads = 2, .khz = by_capacity ? 0u : 5'500'000u, .capacity = by_capacity ? 1024u : 0u},
                 {.cores = 16, .khz = by_capacity ? 0u : 4'300'000u, .capacity = by_capacity ? 640u : 0u}});
    const Placement eight = placed(facts, {.cpus = 8});
    EXPECT_THAT(eight.cpus, ElementsAreArray(range(2, 9)));
    EXPECT_THAT(eight.remarks, testing::Contains("All of them are fast cores."));
    // All fast ones, before any slow one.
    const Placement sixteen = placed(facts, {.cpus = 16});
    EXPECT_THAT(sixteen.cpus, ElementsAreArray(range(0, 15)));
    EXPECT_THAT(sixteen.others, ElementsAreArray(range(16, 31)));
    EXPECT_THAT(sixteen.remarks, testing::Contains(HasSubstr("left with slow cores")));
    const Placement twenty = placed(facts, {.cpus = 20});
    EXPECT_THAT(twenty.cpus, SizeIs(20));
    EXPECT_THAT(twenty.remarks, testing::Contains(HasSubstr("fast and slow cores")));
    EXPECT_EQ(twenty.topology, (vm::CpuTopology{.sockets = 1, .cores = 20, .threads = 1}));
  }
}

TEST(Placement, FavouredCoresAreNoKindOfTheirOwn) {
  auto facts = host_of({{.cores = 2, .threads = 2, .khz = 5'800'000}, {.cores = 6, .threads = 2, .khz = 5'400'000}});
  for (host::LogicalCpu& cpu : facts.processor.cpus) cpu.last_cache = 0;
  EXPECT_THAT(placed(facts, {.cpus = 8}).cpus, ElementsAreArray(range(2, 9)));
}

std::vector<Kind> two_sockets() {
  return {{.cores = 16, .threads = 2, .node = 0, .socket = 0}, {.cores = 16, .threads = 2, .node = 1, .socket = 1}};
}

void put_gpu(host::Facts& facts, const char* address, int node) {
  facts.gpus.push_back({.pci = host::PciFunction{.address = address, .numa_node = node}});
}

TEST(Placement, StaysOnOneNodeTheGpusFirst) {
  auto facts = host_of(two_sockets());
  EXPECT_EQ(placed(facts, {.cpus = 8}).node, 0u);
  put_gpu(facts, "0000:01:00.0", 1);
  put_gpu(facts, "0000:02:00.0", 0);
  const Placement eight = placed(facts, {.cpus = 8});
  EXPECT_EQ(eight.node, 1u);
  EXPECT_THAT(eight.cpus, ElementsAreArray(range(32, 39)));
  EXPECT_THAT(eight.remarks, testing::Contains("All of them are of NUMA node 1, which is the GPU's."));
  const Placement passed = placed(facts, {.cpus = 8, .passed_through = {"0000:02:00.0"}});
  EXPECT_EQ(passed.node, 0u);
  EXPECT_THAT(passed.cpus, ElementsAreArray(range(2, 9)));
  // A whole node is fine as long as the other one is left.
  EXPECT_THAT(placed(facts, {.cpus = 32}).cpus, ElementsAreArray(range(32, 63)));
}

TEST(Placement, NodeMustHaveTheMemory) {
  auto facts = host_of(two_sockets());
  facts.processor.nodes[0].memory = 8 * kGiB;
  EXPECT_EQ(placed(facts, {.cpus = 4, .memory = 16 * kGiB}).node, 1u);
  const Placement large = placed(facts, {.cpus = 4, .memory = 100 * kGiB});
  EXPECT_THAT(large.cpus, SizeIs(4));
}

TEST(Placement, LargeGuestSpansNodesAndIsToldSockets) {
  const Placement large = placed(host_of(two_sockets()), {.cpus = 56});
  EXPECT_THAT(large.cpus, SizeIs(56));
  EXPECT_EQ(large.node, std::nullopt);
  EXPECT_THAT(large.remarks, testing::Contains(HasSubstr("several NUMA nodes")));
  EXPECT_THAT(large.others, SizeIs(8));
  // Two cores of 32 are the host's at least.
  EXPECT_TRUE(tuning(host_of(two_sockets()), {.cpus = 60}).placement);
  EXPECT_FALSE(tuning(host_of(two_sockets()), {.cpus = 61}).placement);
}

TEST(Placement, SharesAsFewCachesAsPossible) {
  // Two halves with a cache each, as AMD's have: the one without the first core.
  const auto facts = host_of({{.cores = 16, .threads = 2, .cores_of_cache = 8}});
  EXPECT_THAT(placed(facts, {.cpus = 16}).cpus, ElementsAreArray(range(16, 31)));
  EXPECT_THAT(placed(facts, {.cpus = 8}).cpus, ElementsAreArray(range(16, 23)));
  EXPECT_THAT(placed(facts, {.cpus = 20}).remarks, testing::Contains(HasSubstr("They have 2 last caches")));
  // The smallest that is enough.
  auto uneven = host_of({{.cores = 6, .threads = 2}, {.cores = 2, .threads = 2}});
  EXPECT_THAT(placed(uneven, {.cpus = 4}).cpus, ElementsAre(12, 13, 14, 15));
}

TEST(Placement, KeepsToWhatIsOnlineAndAllowed) {
  auto facts = host_of({{.cores = 8}});
  facts.processor.cpus[1].online = false;
  facts.processor.cpus[2].online = false;
  EXPECT_THAT(placed(facts, {.cpus = 2}).cpus, ElementsAre(3, 4));
  const Placement limited = placed(facts, {.cpus = 2, .allowed = {{1, 5, 6, 7}}});
  EXPECT_THAT(limited.cpus, ElementsAre(6, 7));
  EXPECT_THAT(limited.others, ElementsAre(5));
  EXPECT_FALSE(tuning(facts, {.cpus = 3, .allowed = {{1, 5, 6, 7}}}).placement);
  EXPECT_FALSE(tuning(facts, {.cpus = 1, .allowed = std::vector<unsigned>{}}).placement);
}

TEST(Placement, SmallHostsAreLeftAlone) {
  EXPECT_THAT(tuning(host_of({{.cores = 2}}), {.cpus = 2}).why_not,
              HasSubstr("Pinning would do harm here: 2 cores for"));
  EXPECT_THAT(placed(host_of({{.cores = 2}}), {.cpus = 1}).cpus, ElementsAre(1));
  EXPECT_THAT(tuning(host_of({{.cores = 1, .threads = 2}}), {.cpus = 1}).why_not,
              HasSubstr("1 core for the guest's 1 "));
  EXPECT_THAT(tuning(host_of({{.cores = 2}}), {.cpus = 4}).why_not, HasSubstr("take turns"));
  EXPECT_THAT(tuning(host::Facts(), {.cpus = 1}).why_not, HasSubstr("not known"));
}

TEST(Placement, NoProcessorIsGivenTwice) {
  const std::vector<std::vector<Kind>> hosts = {{{.cores = 8, .threads = 2}},
                                                {{.cores = 6, .threads = 2, .khz = 50}, {.cores = 8, .khz = 30}},
                                                two_sockets(),
                                                {{.cores = 7, .threads = 4, .cores_of_cache = 3}}};
  for (const auto& kinds : hosts) {
    const auto facts = host_of(kinds);
    for (unsigned cpus = 1; cpus <= facts.processor.cpus.size() + 1; ++cpus) {
      const auto placement = tuning(facts, {.cpus = cpus}).placement;
      if (!placement) continue;
      std::vector<unsigned> all = placement->cpus;
      all.insert(all.end(), placement->others.begin(), placement->others.end());
      all.insert(all.end(), placement->idle.begin(), placement->idle.end());
      std::ranges::sort(all);
      EXPECT_THAT(all, ElementsAreArray(range(0, static_cast<unsigned>(facts.processor.cpus.size()) - 1))) << cpus;
      EXPECT_THAT(placement->cpus, SizeIs(cpus));
      EXPECT_FALSE(placement->others.empty());
      EXPECT_EQ(placement->topology.sockets * placement->topology.cores * placement->topology.threads, cpus);
    }
  }
}

const Measure* find(const Tuning& tuning, std::string_view id) {
  const auto found = std::ranges::find(tuning.measures, id, &Measure::id);
  return found == tuning.measures.end() ? nullptr : &*found;
}

TEST(Tuning, EveryMeasureSaysWhatItDoesAndWhoSaysSo) {
  auto facts = host_of(two_sockets());
  facts.memory.huge_pages = {{.size = 2 << 20, .total = 0, .free = 0}};
  facts.limits.memlock = {.value = 8 << 20, .source = "/proc/self/limits", .why = {}};
  facts.user.name = "alice";
  const Tuning result = tuning(facts, {.machine = "debian", .cpus = 8, .memory = 4 * kGiB, .governor = "powersave"});
  for (const Measure& measure : result.measures) {
    EXPECT_FALSE(measure.effect.empty()) << measure.id;
    EXPECT_FALSE(measure.source.empty()) << measure.id;
    EXPECT_FALSE(measure.step.title.empty()) << measure.id;
    const bool changes_something = !measure.step.commands.empty() || !measure.step.files.empty();
    EXPECT_EQ(measure.step.undo.empty(), !changes_something) << measure.id;
  }
  ASSERT_NE(find(result, "pinning"), nullptr);
  EXPECT_THAT(find(result, "pinning")->step.commands, ElementsAre("hesper tune debian --apply"));
  EXPECT_THAT(find(result, "topology")->options, ElementsAre("--cpu-topology 1:4:2"));
  EXPECT_THAT(find(result, "memory_node")->options, ElementsAre("--memory-node 0"));
  ASSERT_NE(find(result, "huge_pages"), nullptr);
  EXPECT_THAT(find(result, "huge_pages")->options, ElementsAre("--huge-pages 2M"));
  EXPECT_THAT(find(result, "huge_pages")->step.commands.front(), HasSubstr("node0/hugepages/hugepages-2048kB"));
  EXPECT_THAT(find(result, "huge_pages")->step.commands.front(), HasSubstr("+ 2048"));
  ASSERT_NE(find(result, "lock_memory"), nullptr);
  ASSERT_THAT(find(result, "lock_memory")->step.files, SizeIs(1));
  EXPECT_EQ(find(result, "lock_memory")->step.files[0].contents,
            "alice soft memlock 5242880\nalice hard memlock 5242880\n");
  EXPECT_THAT(find(result, "governor")->step.undo.front(), HasSubstr("echo powersave"));
  EXPECT_THAT(find(result, "scheduler")->step.reason, HasSubstr("SCHED_FIFO"));
}

TEST(Tuning, WhatTheMachineHasIsNotAdvised) {
  auto facts = host_of({{.cores = 8, .threads = 2}});
  facts.memory.huge_pages = {{.size = 2 << 20, .total = 4096, .free = 0}};
  const Tuning result = tuning(facts, {.cpus = 8,
                                       .governor = "performance",
                                       .topology = vm::CpuTopology{.sockets = 1, .cores = 4, .threads = 2},
                                       .huge_pages = 2 << 20});
  for (const char* id : {"topology", "memory_node", "huge_pages", "lock_memory", "governor"})
    EXPECT_EQ(find(result, id), nullptr) << id;
  EXPECT_THAT(find(result, "pinning")->step.commands, IsEmpty());  // nothing runs
}

TEST(Tuning, EnoughHugePagesNeedNoCommand) {
  auto facts = host_of({{.cores = 8}});
  facts.memory.huge_pages = {{.size = std::uint64_t{1} << 30, .total = 0, .free = 0},
                             {.size = 2 << 20, .total = 2048, .free = 1500}};
  const Tuning enough = tuning(facts, {.cpus = 2, .memory = 2 * kGiB});
  ASSERT_NE(find(enough, "huge_pages"), nullptr);
  EXPECT_THAT(find(enough, "huge_pages")->step.commands, IsEmpty());
  const Tuning more = tuning(facts, {.cpus = 2, .memory = 4 * kGiB});
  EXPECT_THAT(find(more, "huge_pages")->step.commands.front(), HasSubstr("+ 548"));
  EXPECT_THAT(find(more, "huge_pages")->step.undo.front(), HasSubstr("- 548"));
}

TEST(Lists, AreAsLinuxWritesThem) {
  EXPECT_EQ(as_list({}), "");
  EXPECT_EQ(as_list({3}), "3");
  EXPECT_EQ(as_list({0, 1, 2, 4, 6, 7}), "0-2,4,6-7");
}

}  // namespace
}  // namespace hesper::advice
