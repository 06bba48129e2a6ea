// Reports as JSON. docs/web.md has the members.
#include "screen/web/report_json.h"

#include <nlohmann/json.hpp>

namespace hesper::screen::web {
namespace {

nlohmann::json to_json(const frame::OutputReport::Percentiles& times) {
  return {{"count", times.count}, {"p50", times.p50}, {"p95", times.p95}, {"p99", times.p99}};
}

}  // namespace

nlohmann::json to_json(const frame::OutputReport& report) {
  nlohmann::json stages = nlohmann::json::array();
  for (std::size_t stage = 0; stage < frame::kStages; ++stage) {
    if (report.stages[stage].count == 0) continue;
    auto entry = to_json(report.stages[stage]);
    entry["stage"] = frame::name_of(static_cast<frame::Stage>(stage));
    stages.push_back(std::move(entry));
  }
  nlohmann::json sources = nlohmann::json::object();
  for (const auto copies : {frame::Copies::none, frame::Copies::transfer, frame::Copies::gathered})
    sources[frame::name_of(copies)] = report.sources[static_cast<std::size_t>(copies)];
  return {{"name", report.name},          {"display", report.display},
          {"frames", report.frames},      {"skipped", report.skipped},
          {"bytes", report.bytes},        {"fps", report.frames_per_second},
          {"copies", report.copies},      {"copied_bytes", report.copied_bytes},
          {"stages", std::move(stages)},  {"whole", to_json(report.whole)},
          {"sources", std::move(sources)}};
}

nlohmann::json to_json(const StreamReport& report) {
  return {{"coder", report.coder},           {"codec", report.codec},
          {"width", report.width},           {"height", report.height},
          {"bitrate", report.bitrate},       {"max_fps", report.max_fps},
          {"in_flight", report.in_flight},   {"round_trip_ms", report.round_trip_ms},
          {"key_frames", report.key_frames}, {"refinements", report.refinements}};
}

}  // namespace hesper::screen::web
