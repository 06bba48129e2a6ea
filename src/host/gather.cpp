// gather_facts: the areas, side by side.
#include "host/gather.h"

#include <functional>
#include <future>
#include <system_error>
#include <utility>
#include <vector>

#include "host/gpus.h"
#include "host/iommu.h"
#include "host/memory.h"
#include "host/operating_system.h"
#include "host/pci.h"
#include "host/processor.h"
#include "host/qemu.h"
#include "host/services.h"
#include "host/vulkan.h"

namespace hesper::host {
namespace {

// Each on a thread of its own, or here where there is none to be had.
void side_by_side(const std::vector<std::function<void()>>& tasks) {
  std::vector<std::future<void>> running;
  for (const auto& task : tasks) {
    try {
      running.push_back(std::async(std::launch::async, task));
    } catch (const std::system_error&) {
      task();
    }
  }
  for (std::future<void>& each : running) each.get();
}

}  // namespace

Facts gather_facts(const System& system, const GatherOptions& options) {
  Facts facts;
  facts.user = system.user();
  facts.system = look_at_operating_system(system);
  const OperatingSystem& os = facts.system;
  Fact<std::vector<VideoEncoder>> encoders;
  // Each task writes to what is its own.
  side_by_side({
      [&] { encoders = look_at_encoders(system, options.run_self_tests); },
      [&] { facts.vulkan = look_at_vulkan(system, os); },
      [&] {
        facts.qemus = look_at_qemus(system, os, facts.qemu_searched);
        facts.accelerators = look_at_accelerators(system, os, facts.qemus, options.run_self_tests);
      },
      [&] {
        const auto functions = pci_functions(system).value_or(std::vector<PciFunction>());
        facts.gpus = look_at_gpus(system, os, functions);
        facts.iommu = look_at_iommu(system, os, functions);
        facts.passthrough = look_at_passthrough(system, os);
      },
      [&] {
        facts.processor = look_at_processor(system, os);
        facts.memory = look_at_memory(system, os);
        facts.limits = look_at_limits(system, os);
        facts.services = look_at_services(system, os);
      },
  });
  facts.services.encoders = std::move(encoders);
  return facts;
}

}  // namespace hesper::host
