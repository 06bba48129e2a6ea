// Options as JSON.
#include "advice/option_json.h"

#include <nlohmann/json.hpp>

#include "advice/step_json.h"

namespace hesper::advice {
namespace {

using nlohmann::json;

template <class T>
json array_of(const std::vector<T>& items) {
  json array = json::array();
  for (const T& item : items) array.push_back(to_json(item));
  return array;
}

}  // namespace

json to_json(const Sourced& sourced) { return {{"sentence", sourced.sentence}, {"source", sourced.source}}; }

json to_json(const Option& option) {
  return {{"id", option.id},
          {"title", option.title},
          {"summary", option.summary},
          {"viability", name_of(option.viability)},
          {"because", option.because},
          {"gpu", option.gpu.empty() ? json() : json(option.gpu)},
          {"accelerates", option.accelerates},
          {"darkens_host", option.darkens_host},
          {"rests_on", array_of(option.rests_on)},
          {"gains", option.gains},
          {"losses", option.losses},
          {"effects", array_of(option.effects)},
          {"steps", array_of(option.steps)},
          {"if_it_goes_wrong", option.if_it_goes_wrong}};
}

}  // namespace hesper::advice
