// Steps as JSON.
#include "advice/step_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

namespace hesper::advice {
namespace {

std::string_view name_of(Takes takes) {
  switch (takes) {
    case Takes::effect_at_once: return "effect_at_once";
    case Takes::new_login: return "new_login";
    case Takes::reboot: return "reboot";
  }
  return "effect_at_once";
}

}  // namespace

nlohmann::json to_json(const Step& step) {
  nlohmann::json files = nlohmann::json::array();
  for (const WrittenFile& file : step.files)
    files.push_back(
        {{"path", file.path.native()}, {"contents", file.contents}, {"mode", fmt::format("{:o}", file.mode)}});
  return {{"title", step.title},
          {"reason", step.reason},
          {"files", std::move(files)},
          {"commands", step.commands},
          {"undo", step.undo},
          {"takes", name_of(step.takes)},
          {"if_it_fails", step.if_it_fails}};
}

}  // namespace hesper::advice
