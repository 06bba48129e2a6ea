// Findings as JSON.
#include "advice/finding_json.h"

#include <nlohmann/json.hpp>

#include "advice/step_json.h"

namespace hesper::advice {

nlohmann::json to_json(const Finding& finding) {
  nlohmann::json steps = nlohmann::json::array();
  for (const Step& step : finding.steps) steps.push_back(to_json(step));
  return {{"id", finding.id},
          {"subject", finding.subject},
          {"area", name_of(finding.area)},
          {"severity", name_of(finding.severity)},
          {"leaves", name_of(finding.leaves)},
          {"open", finding.open},
          {"sentence", finding.sentence},
          {"effect", finding.effect},
          {"note", finding.note},
          {"sources", finding.sources},
          {"steps", std::move(steps)}};
}

nlohmann::json to_json(const Verdict& verdict) {
  return {{"acceleration", name_of(verdict.acceleration)}, {"reason", verdict.reason}, {"certain", verdict.certain}};
}

}  // namespace hesper::advice
