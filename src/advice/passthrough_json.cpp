// Passthrough plans as JSON.
#include "advice/passthrough_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "advice/step_json.h"

namespace hesper::advice {
namespace {

using nlohmann::json;

json steps_json(const std::vector<Step>& steps) {
  json array = json::array();
  for (const Step& step : steps) array.push_back(to_json(step));
  return array;
}

}  // namespace

json to_json(const PassthroughPlan& plan) {
  json functions = json::array();
  for (const host::PciFunction& function : plan.functions) {
    functions.push_back({{"address", function.address},
                         {"id", fmt::format("{:04x}:{:04x}", function.vendor, function.device)},
                         {"name", function.name},
                         {"driver", function.driver ? json(*function.driver) : json()},
                         {"iommu_group", function.iommu_group ? json(*function.iommu_group) : json()}});
  }
  json refusals = json::array();
  for (const Refusal& refusal : plan.refusals)
    refusals.push_back({{"id", refusal.id}, {"sentence", refusal.sentence}, {"steps", steps_json(refusal.steps)}});
  return {{"address", plan.address},
          {"name", plan.name},
          {"functions", std::move(functions)},
          {"possible", plan.refusals.empty()},
          {"refusals", std::move(refusals)},
          {"warnings", plan.warnings},
          {"binding", to_json(plan.binding)},
          {"also", steps_json(plan.also)},
          {"qemu_arguments", qemu_arguments(plan.device)},
          {"libvirt_hostdevs", libvirt_hostdevs(plan.device)},
          {"libvirt_elsewhere", libvirt_elsewhere(plan.device)},
          {"if_it_goes_wrong", plan.recovery}};
}

}  // namespace hesper::advice
