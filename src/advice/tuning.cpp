// The measures.
#include "advice/tuning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "advice/placement.h"

namespace hesper::advice {
namespace {

using host::Facts;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string said(std::uint64_t bytes) {
  if (bytes % (1024 * kMiB) == 0) return fmt::format("{}G", bytes >> 30);
  if (bytes % kMiB == 0) return fmt::format("{}M", bytes >> 20);
  return fmt::format("{}K", bytes >> 10);
}

Measure pinning(const Placement& placement, const TuningQuestion& question) {
  std::vector<std::string> pairs;
  for (std::size_t i = 0; i < placement.cpus.size(); ++i)
    pairs.push_back(fmt::format("{} on {}", i, placement.cpus[i]));
  Measure measure{.id = "pinning", .kind = Measure::Kind::apply};
  measure.step.title = "Give each of the guest's processors one of the host's";
  measure.step.reason = fmt::format("Guest on host: {}. QEMU's other threads, the GPU and its workers: {}.",
                                    fmt::join(pairs, ", "), as_list(placement.others));
  if (!question.machine.empty()) {
    measure.step.commands = {fmt::format("hesper tune {} --apply", question.machine)};
    measure.step.undo = {fmt::format("hesper tune {} --undo", question.machine)};
  }
  measure.effect =
      "The guest's processors are not moved between cores, caches and nodes, and what draws its pictures does not take "
      "their time: frames come more evenly. It helps most on hosts with several nodes or caches, or other work.";
  measure.cost =
      "While the guest is busy, these cores do nothing else well; two guests on the same cores are slower than "
      "without. "
      "Other programs of the host are not kept away (that is isolcpus= or a cpuset's).";
  measure.source =
      "libvirt, Domain XML format, CPU Tuning (vcpupin, emulatorpin); Red Hat, Virtualization Tuning and Optimization "
      "Guide, NUMA. Not measured with Hesper.";
  return measure;
}

std::optional<Measure> topology(const Placement& placement, const TuningQuestion& question) {
  const vm::CpuTopology& wanted = placement.topology;
  if (question.topology == wanted) return std::nullopt;
  // QEMU's own is a socket with single cores.
  if (!question.topology && wanted.threads == 1 && wanted.sockets == 1) return std::nullopt;
  Measure measure{.id = "topology", .kind = Measure::Kind::option};
  measure.options = {fmt::format("--cpu-topology {}:{}:{}", wanted.sockets, wanted.cores, wanted.threads)};
  measure.step.title = "Tell the guest which of its processors are siblings";
  measure.step.reason = "It is of use only together with the pinning, which must be applied after each start.";
  measure.effect =
      "The guest's scheduler fills whole cores before it shares one between two busy threads, as the host's would.";
  measure.source = "QEMU, Invocation, -smp; Linux, scheduler/sched-domains. Not measured with Hesper.";
  return measure;
}

// The smaller ones: of 1 GiB there are hardly ever enough free once a host has run for a while.
const host::HugePages* usual_huge_pages(const Facts& facts, std::uint64_t memory) {
  const host::HugePages* best = nullptr;
  for (const host::HugePages& pages : facts.memory.huge_pages)
    if (pages.size >= kMiB && memory % pages.size == 0 && (best == nullptr || pages.size < best->size)) best = &pages;
  return best;
}

std::optional<Measure> huge_pages(const Facts& facts, const TuningQuestion& question,
                                  const std::optional<Placement>& placement) {
  const host::HugePages* pages = usual_huge_pages(facts, question.memory);
  if (pages == nullptr || question.huge_pages != 0) return std::nullopt;
  const std::uint64_t needed = question.memory / pages->size;
  Measure measure{.id = "huge_pages", .kind = Measure::Kind::option};
  measure.options = {fmt::format("--huge-pages {}", said(pages->size))};
  measure.step.title = fmt::format("Hold the guest's memory in {} huge pages of {}", needed, said(pages->size));
  const auto& available = facts.memory.available;
  const std::uint64_t more = needed > pages->free ? needed - pages->free : 0;
  measure.step.reason = fmt::format("{} of {} are free.", pages->free, pages->total);
  const bool by_node = placement && placement->node;
  if (more > 0 || by_node) {
    // Of one node: those that are free may be on another one.
    const std::string file =
        by_node ? fmt::format("/sys/devices/system/node/node{}/hugepages/hugepages-{}kB/nr_hugepages", *placement->node,
                              pages->size >> 10)
                : fmt::format("/sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages", pages->size >> 10);
    const std::uint64_t change = by_node ? needed : more;
    measure.step.commands = {
        fmt::format("echo $(($(cat {0}) + {1})) | sudo tee {0}", file, change),
        fmt::format("cat {}  # fewer: the host has no more contiguous memory; try again after a boot", file)};
    measure.step.undo = {fmt::format("echo $(($(cat {0}) - {1})) | sudo tee {0}", file, change)};
    if (available.known() && *available.value < more * pages->size)
      measure.step.if_it_fails = fmt::format("The host has only {} MiB available now, and {} MiB are needed.",
                                             *available.value / kMiB, more * pages->size / kMiB);
  }
  measure.effect =
      "Fewer misses in the processor's translation caches, and shorter walks through page tables, which a guest's "
      "accesses make twice.";
  measure.cost =
      "The pages are the guest's as long as they are reserved, whether it runs or not; they cannot be swapped out, and "
      "the balloon gives none back. Hesper's GPU and its workers map the same file (memfd with hugetlb), in steps of "
      "these pages.";
  measure.source =
      "Linux, admin-guide/mm/hugetlbpage and transhuge; QEMU, memory-backend-memfd. Not measured with Hesper.";
  return measure;
}

std::optional<Measure> memory_node(const TuningQuestion& question, const std::optional<Placement>& placement) {
  if (!placement || !placement->node || question.memory_node == placement->node) return std::nullopt;
  Measure measure{.id = "memory_node", .kind = Measure::Kind::option};
  measure.options = {fmt::format("--memory-node {}", *placement->node)};
  measure.step.title =
      fmt::format("Take the guest's memory from NUMA node {}, as its processors are", *placement->node);
  measure.effect = "No access to it goes through the link between the nodes, which is slower and narrower.";
  measure.cost = "If the node has not enough, the guest does not start, or is ended for lack of memory later.";
  measure.source = "Linux, admin-guide/mm/numaperf; QEMU, host-nodes= and policy=. Not measured with Hesper.";
  return measure;
}

std::optional<Measure> lock_memory(const Facts& facts, const TuningQuestion& question) {
  if (question.lock_memory || question.huge_pages != 0) return std::nullopt;
  constexpr std::uint64_t kBesideTheGuest = 1024 * kMiB;  // QEMU's own, mapped libraries and devices' windows included
  constexpr std::uint64_t kAllBits = ~std::uint64_t{0};
  const std::uint64_t needed = question.memory + kBesideTheGuest;
  const auto& limit = facts.limits.memlock;
  Measure measure{.id = "lock_memory", .kind = Measure::Kind::option};
  measure.options = {"--lock-memory on"};
  measure.step.title = "Keep the guest's memory from being swapped out";
  if (limit.known() && *limit.value != kAllBits && *limit.value < needed) {
    measure.step.reason =
        fmt::format("The limit is {} KiB (ulimit -l); about {} KiB are needed.", *limit.value >> 10, needed >> 10);
    const std::string user = facts.user.name.empty() ? "USER" : facts.user.name;
    const std::string file = "/etc/security/limits.d/hesper.conf";
    measure.step.files = {
        {.path = file, .contents = fmt::format("{0} soft memlock {1}\n{0} hard memlock {1}\n", user, needed >> 10)}};
    measure.step.undo = {fmt::format("sudo rm {}", file)};
    measure.step.takes = Takes::new_login;
  }
  measure.effect =
      "The guest never waits for the host's swap. Without swap, or with enough memory for all, it changes nothing.";
  measure.cost = fmt::format(
      "All of its memory, {}, is taken at the start and not given back; the host's other programs are swapped out "
      "instead.",
      said(question.memory));
  measure.source = "QEMU, Invocation, -overcommit mem-lock; mlockall(2). Not measured with Hesper.";
  return measure;
}

std::optional<Measure> governor(const TuningQuestion& question) {
  if (!question.governor || *question.governor == "performance") return std::nullopt;
  Measure measure{.id = "governor", .kind = Measure::Kind::by_hand};
  const std::string file = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
  measure.step.title = "Run the host's processors fast at once";
  measure.step.reason = fmt::format("The governor of cpufreq is '{}'.", *question.governor);
  measure.step.commands = {fmt::format("echo performance | sudo tee {}", file)};
  measure.step.undo = {fmt::format("echo {} | sudo tee {}", *question.governor, file)};
  measure.effect =
      "A processor that was idle between two frames need not be sped up first. With intel_pstate and amd-pstate, "
      "'powersave' speeds up by itself, and there is less to gain.";
  measure.cost = "Power and heat; on a laptop's battery it is no good idea. It lasts until the host boots.";
  measure.source = "Linux, admin-guide/pm/cpufreq and intel_pstate. Not measured with Hesper.";
  return measure;
}

Measure scheduler() {
  Measure measure{.id = "scheduler", .kind = Measure::Kind::by_hand};
  measure.step.title = "Leave the scheduling class as it is";
  measure.step.reason =
      "Real-time classes (SCHED_FIFO, SCHED_RR) are dangerous for a guest's processors: one that spins, as a booting "
      "or "
      "hanging guest does, is interrupted by nothing of lower priority, so that the host's own kernel threads on that "
      "core starve, and the host may hang.";
  measure.effect = "None; a nice value below 0 for QEMU needs privileges, and does nothing where cores are not shared.";
  measure.source = "sched(7), Limiting the CPU usage of real-time and deadline processes";
  return measure;
}

}  // namespace

Tuning tuning(const Facts& facts, const TuningQuestion& question) {
  Tuning result;
  auto placement = place(facts, question);
  if (placement)
    result.placement = *std::move(placement);
  else
    result.why_not = std::move(placement.error());
  const auto add = [&](std::optional<Measure> measure) {
    if (measure) result.measures.push_back(*std::move(measure));
  };
  if (result.placement) {
    add(pinning(*result.placement, question));
    add(topology(*result.placement, question));
    add(memory_node(question, result.placement));
  }
  add(huge_pages(facts, question, result.placement));
  add(lock_memory(facts, question));
  add(governor(question));
  add(scheduler());
  return result;
}

}  // namespace hesper::advice
