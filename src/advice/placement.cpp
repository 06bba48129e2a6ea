// Choosing cores.
#include "advice/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace hesper::advice {
namespace {

using host::LogicalCpu;

struct Core {
  std::vector<unsigned> cpus;  // rising
  unsigned socket = 0;
  unsigned node = 0;
  std::optional<unsigned> cache;
  std::uint64_t speed = 0;  // to be compared; 0: unknown
  bool fast = true;
};
using Cores = std::vector<Core>;

// Favoured cores of one kind differ by a few percent, efficient cores from others by a fifth at least.
constexpr std::uint64_t kFastPercent = 85;

Cores cores_of(const host::Processor& processor, const std::optional<std::vector<unsigned>>& allowed) {
  const bool by_capacity = std::ranges::any_of(processor.cpus, [](const LogicalCpu& cpu) { return cpu.capacity != 0; });
  std::map<unsigned, Core> cores;
  for (const LogicalCpu& cpu : processor.cpus) {
    if (!cpu.online || (allowed && !std::ranges::contains(*allowed, cpu.number))) continue;
    Core& core = cores[cpu.core];
    core.cpus.push_back(cpu.number);
    core.socket = cpu.socket;
    core.node = cpu.node;
    core.cache = cpu.last_cache;
    core.speed = std::max(core.speed, by_capacity ? cpu.capacity : cpu.most_khz);
  }
  Cores result;
  std::uint64_t most = 0;
  for (auto& [number, core] : cores) {
    std::ranges::sort(core.cpus);
    most = std::max(most, core.speed);
    result.push_back(std::move(core));
  }
  for (Core& core : result) core.fast = core.speed == 0 || core.speed * 100 >= most * kFastPercent;
  std::ranges::sort(result, {}, [](const Core& core) { return core.cpus.front(); });
  return result;
}

std::size_t threads_of(const Cores& cores) {
  std::size_t threads = 0;
  for (const Core& core : cores) threads += core.cpus.size();
  return threads;
}

// The first of them that have `wanted` threads together. Nothing: they are too few.
std::optional<Cores> first_of(const Cores& cores, std::size_t wanted) {
  Cores taken;
  std::size_t threads = 0;
  for (const Core& core : cores) {
    if (threads >= wanted) break;
    taken.push_back(core);
    threads += core.cpus.size();
  }
  return threads >= wanted ? std::optional(std::move(taken)) : std::nullopt;
}

// The last cache that holds the fewest cores but enough of them, or as few caches as possible.
std::optional<Cores> by_cache(const Cores& cores, std::size_t wanted, unsigned first_cpu) {
  const auto is_first = [first_cpu](const Core& core) { return core.cpus.front() == first_cpu; };
  std::map<std::optional<unsigned>, Cores> groups;
  for (const Core& core : cores) groups[core.cache].push_back(core);
  std::vector<Cores> ordered;
  for (auto& [cache, group] : groups) {
    std::ranges::stable_sort(group, {}, [&](const Core& core) { return std::pair(!core.fast, is_first(core)); });
    ordered.push_back(std::move(group));
  }
  // Those that are enough before those that are not; then the smallest of the first, the largest of the others; and the
  // first core's later than its equals.
  std::ranges::stable_sort(ordered, {}, [&](const Cores& group) {
    const std::size_t size = threads_of(group);
    const bool enough = size >= wanted;
    return std::tuple(!enough, enough ? size : SIZE_MAX - size, std::ranges::any_of(group, is_first));
  });
  Cores all;
  for (const Cores& group : ordered) all.insert(all.end(), group.begin(), group.end());
  return first_of(all, wanted);
}

// The node that counts: of what was passed through, or of the first GPU that tells its own.
std::optional<unsigned> preferred_node(const host::Facts& facts, const TuningQuestion& question) {
  const auto node_of = [](const host::PciFunction& function) {
    return function.numa_node && *function.numa_node >= 0 ? std::optional(static_cast<unsigned>(*function.numa_node))
                                                          : std::nullopt;
  };
  const auto is_passed = [&](const host::PciFunction& function) {
    return std::ranges::contains(question.passed_through, function.address);
  };
  for (const host::Gpu& gpu : facts.gpus)
    if (gpu.pci && is_passed(*gpu.pci) && node_of(*gpu.pci)) return node_of(*gpu.pci);
  for (const host::IommuGroup& group : facts.iommu.groups)
    for (const host::PciFunction& function : group.functions)
      if (is_passed(function) && node_of(function)) return node_of(function);
  for (const host::Gpu& gpu : facts.gpus)
    if (gpu.pci && node_of(*gpu.pci)) return node_of(*gpu.pci);
  return std::nullopt;
}

class Chooser {
 public:
  Chooser(const host::Facts& facts, const TuningQuestion& question)
      : facts_(facts), question_(question), cores_(cores_of(facts.processor, question.allowed)) {
    for (const Core& core : cores_) nodes_.insert(core.node);
    reserve_ = cores_.size() > kManyCores ? 2 : 1;
  }

  std::expected<Placement, std::string> choose() {
    if (facts_.processor.cpus.empty())
      return std::unexpected("The host's processors are not known, so there is nothing to choose from.");
    if (cores_.empty()) return std::unexpected("None of the host's processors may be used.");
    if (question_.cpus > threads_of(cores_))
      return std::unexpected(fmt::format(
          "The guest has {} processors, but may use only {} of this host's: they have to take turns, and pinning would "
          "fix which ones wait for which. Give it fewer with --cpus.",
          question_.cpus, threads_of(cores_)));
    auto chosen = search();
    if (!chosen)
      return std::unexpected(fmt::format(
          "Pinning would do harm here: {} core{} for the guest's {} processor{} leave none for QEMU's own threads, the "
          "GPU "
          "and the workers that draw the guest's pictures: they would wait for a guest that waits for them. The "
          "kernel's scheduler shares so few cores better.",
          cores_.size(), cores_.size() == 1 ? "" : "s", question_.cpus, question_.cpus == 1 ? "" : "s"));
    return placement(*std::move(chosen));
  }

 private:
  static constexpr std::size_t kManyCores = 8;

  std::optional<Cores> search() const {
    const auto all_or_fast = [](bool only_fast, std::optional<unsigned> node) {
      return [=](const Core& core) { return (!only_fast || core.fast) && (!node || core.node == *node); };
    };
    std::vector<std::optional<unsigned>> places;
    if (nodes_.size() > 1)
      for (const unsigned node : nodes_in_order()) places.emplace_back(node);
    places.emplace_back(std::nullopt);
    // One node with slow cores is better than two, but there are no hosts with both.
    for (const auto& place : places)
      for (const bool only_fast : {true, false})
        if (auto taken = take(all_or_fast(only_fast, place))) return taken;
    return std::nullopt;
  }

  template <class Filter>
  std::optional<Cores> take(Filter filter) const {
    Cores candidates;
    std::ranges::copy_if(cores_, std::back_inserter(candidates), filter);
    auto taken = by_cache(candidates, question_.cpus, cores_.front().cpus.front());
    if (!taken || taken->size() + reserve_ > cores_.size()) return std::nullopt;
    return taken;
  }

  // Those that have the guest's memory, too: the preferred one, then those with the most processors.
  std::vector<unsigned> nodes_in_order() const {
    const auto preferred = preferred_node(facts_, question_);
    std::vector<unsigned> nodes;
    for (const unsigned node : nodes_) {
      const auto known = std::ranges::find(facts_.processor.nodes, node, &host::NumaNode::number);
      const bool has_memory =
          known == facts_.processor.nodes.end() || known->memory == 0 || known->memory > question_.memory;
      if (has_memory) nodes.push_back(node);
    }
    std::ranges::stable_sort(nodes, {}, [&](unsigned node) {
      Cores its;
      std::ranges::copy_if(cores_, std::back_inserter(its), [node](const Core& core) { return core.node == node; });
      return std::pair(node != preferred, SIZE_MAX - threads_of(its));
    });
    return nodes;
  }

  Placement placement(Cores chosen) const {
    std::ranges::sort(chosen, {}, [](const Core& core) { return std::pair(core.node, core.cpus.front()); });
    Placement result;
    std::set<unsigned> taken;
    for (const Core& core : chosen) {
      for (const unsigned cpu : core.cpus) {
        taken.insert(cpu);
        (result.cpus.size() < question_.cpus ? result.cpus : result.idle).push_back(cpu);
      }
    }
    for (const Core& core : cores_)
      for (const unsigned cpu : core.cpus)
        if (!taken.contains(cpu)) result.others.push_back(cpu);
    std::ranges::sort(result.others);
    result.topology = topology_of(chosen);
    const bool one_node =
        std::ranges::all_of(chosen, [&](const Core& core) { return core.node == chosen.front().node; });
    if (nodes_.size() > 1 && one_node) result.node = chosen.front().node;
    remark(result, chosen, one_node);
    return result;
  }

  // Siblings are told only where all cores have as many, and the guest has all of them.
  vm::CpuTopology topology_of(const Cores& chosen) const {
    const std::size_t threads = chosen.front().cpus.size();
    const bool alike = std::ranges::all_of(chosen, [threads](const Core& core) { return core.cpus.size() == threads; });
    if (!alike || question_.cpus != threads * chosen.size())
      return {.sockets = 1, .cores = question_.cpus, .threads = 1};
    std::map<unsigned, std::size_t> of_socket;
    for (const Core& core : chosen) ++of_socket[core.socket];
    const bool even =
        std::ranges::all_of(of_socket, [&](const auto& socket) { return socket.second == of_socket.begin()->second; });
    const std::size_t sockets = even ? of_socket.size() : 1;
    return {.sockets = static_cast<unsigned>(sockets),
            .cores = static_cast<unsigned>(chosen.size() / sockets),
            .threads = static_cast<unsigned>(threads)};
  }

  void remark(Placement& result, const Cores& chosen, bool one_node) const {
    if (result.node) {
      const bool gpus = preferred_node(facts_, question_) == result.node;
      result.remarks.push_back(
          fmt::format("All of them are of NUMA node {}{}.", *result.node, gpus ? ", which is the GPU's" : ""));
    }
    if (!one_node)
      result.remarks.emplace_back(
          "They are of several NUMA nodes, as no single one has enough processors and memory: memory of another node "
          "is "
          "slower, and the guest is not told which is which. A smaller guest would fit into one.");
    std::set<std::optional<unsigned>> caches;
    for (const Core& core : chosen) caches.insert(core.cache);
    if (caches.size() == 1 && caches.begin()->has_value()) result.remarks.emplace_back("They share their last cache.");
    if (caches.size() > 1)
      result.remarks.push_back(
          fmt::format("They have {} last caches, as no single one has so many cores.", caches.size()));
    const auto fast = [](const Core& core) { return core.fast; };
    if (!std::ranges::all_of(cores_, fast)) {
      if (std::ranges::all_of(chosen, fast))
        result.remarks.emplace_back("All of them are fast cores.");
      else if (std::ranges::any_of(chosen, fast))
        result.remarks.emplace_back(
            "They are fast and slow cores, as there are too few fast ones; the guest cannot tell them apart. With "
            "fewer "
            "processors it would have fast ones only.");
      Cores rest;
      std::ranges::copy_if(cores_, std::back_inserter(rest),
                           [&](const Core& core) { return std::ranges::contains(result.others, core.cpus.front()); });
      if (std::ranges::none_of(rest, fast))
        result.remarks.emplace_back(
            "The GPU's workers, which draw the guest's pictures, are left with slow cores: with fewer processors for "
            "the guest they would have a fast one.");
    }
    if (!result.idle.empty())
      result.remarks.push_back(fmt::format(
          "{} stays idle, as its core's other thread is the guest's; with an even number of processors none would.",
          result.idle.size() == 1 ? fmt::format("Processor {}", result.idle.front())
                                  : fmt::format("Processors {}", as_list(result.idle))));
  }

  const host::Facts& facts_;
  const TuningQuestion& question_;
  Cores cores_;
  std::set<unsigned> nodes_;
  std::size_t reserve_ = 1;  // cores that are not the guest's
};

}  // namespace

std::expected<Placement, std::string> place(const host::Facts& facts, const TuningQuestion& question) {
  return Chooser(facts, question).choose();
}

std::string as_list(const std::vector<unsigned>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (end - i > 1) text += fmt::format("-{}", numbers[end - 1]);
    i = end;
  }
  return text;
}

}  // namespace hesper::advice
