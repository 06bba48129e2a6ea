// Metrics: the ledger of every output of this process, the viewers' streams, and who was turned away.
#include "screen/web/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <utility>
#include <vector>

#include "screen/web/viewer.h"

namespace hesper::screen::web {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Families in the order in which they were begun.
class Families {
 public:
  // Begins a family; add() adds to the newest one.
  void begin(const char* name, const char* help, prometheus::MetricType type) {
    families_.push_back({.name = name, .help = help, .type = type, .metric = {}});
  }

  void add(const Labels& labels, double value) {
    prometheus::ClientMetric& metric = labelled(labels);
    if (families_.back().type == prometheus::MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
  }

  // Milliseconds in, seconds out, as Prometheus wants them.
  void add(const Labels& labels, const frame::OutputReport::Percentiles& times) {
    prometheus::ClientMetric& metric = labelled(labels);
    metric.summary.sample_count = times.count;
    metric.summary.quantile = {{.quantile = 0.5, .value = times.p50 / 1000},
                               {.quantile = 0.95, .value = times.p95 / 1000},
                               {.quantile = 0.99, .value = times.p99 / 1000}};
  }

  [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  prometheus::ClientMetric& labelled(const Labels& labels) {
    auto& metric = families_.back().metric.emplace_back();
    for (const auto& [name, value] : labels) metric.label.push_back({.name = name, .value = value});
    return metric;
  }

  std::vector<prometheus::MetricFamily> families_;
};

constexpr auto kCounter = prometheus::MetricType::Counter;
constexpr auto kGauge = prometheus::MetricType::Gauge;
constexpr auto kSummary = prometheus::MetricType::Summary;

Labels labels_of(const frame::OutputReport& report) {
  return {{"output", report.name}, {"display", std::to_string(report.display)}};
}

void add_outputs(Families& families, const std::vector<frame::OutputReport>& outputs) {
  const auto each = [&](const char* name, const char* help, prometheus::MetricType type, auto value) {
    families.begin(name, help, type);
    for (const auto& output : outputs) families.add(labels_of(output), static_cast<double>(value(output)));
  };
  using Report = frame::OutputReport;
  each("hesper_output_frames_total", "Frames that have gone all the way.", kCounter,
       [](const Report& output) { return output.frames; });
  each("hesper_output_skipped_total", "Flushes of the guest that never became a frame of this output.", kCounter,
       [](const Report& output) { return output.skipped; });
  each("hesper_output_bytes_total", "Bytes sent or written.", kCounter,
       [](const Report& output) { return output.bytes; });
  each("hesper_output_copies_total", "Copies of pictures or parts of them by the processor, conversions among them.",
       kCounter, [](const Report& output) { return output.copies; });
  each("hesper_output_copied_bytes_total", "Bytes of these copies.", kCounter,
       [](const Report& output) { return output.copied_bytes; });
  each("hesper_output_frames_per_second", "Of the last seconds.", kGauge,
       [](const Report& output) { return output.frames_per_second; });
  families.begin(
      "hesper_output_frames_by_copies_total",
      "Frames by what they had cost before this output took them: none, a transfer of the guest's driver, or "
      "gathered from the guest's memory.",
      kCounter);
  for (const auto& output : outputs) {
    for (const auto copies : {frame::Copies::none, frame::Copies::transfer, frame::Copies::gathered}) {
      Labels labels = labels_of(output);
      labels.emplace_back("copies", frame::name_of(copies));
      families.add(labels, static_cast<double>(output.sources[static_cast<std::size_t>(copies)]));
    }
  }
  families.begin("hesper_output_stage_seconds",
                 "From the stage before to this one, over the newest frames; docs/latency.md explains the stages.",
                 kSummary);
  for (const auto& output : outputs) {
    for (std::size_t stage = 0; stage < frame::kStages; ++stage) {
      if (output.stages[stage].count == 0) continue;
      Labels labels = labels_of(output);
      labels.emplace_back("stage", frame::name_of(static_cast<frame::Stage>(stage)));
      families.add(labels, output.stages[stage]);
    }
  }
  families.begin("hesper_output_latency_seconds", "From the guest's flush to the last stage, over the newest frames.",
                 kSummary);
  for (const auto& output : outputs)
    if (output.whole.count != 0) families.add(labels_of(output), output.whole);
}

void add_viewers(Families& families, const std::list<Viewer*>& viewers) {
  std::vector<Viewer::Report> reports;
  for (const Viewer* viewer : viewers) reports.push_back(viewer->report());
  families.begin("hesper_web_viewers", "Who looks now.", kGauge);
  families.add({}, static_cast<double>(reports.size()));
  const auto each = [&](const char* name, const char* help, prometheus::MetricType type, auto value) {
    families.begin(name, help, type);
    for (const auto& report : reports) {
      if (!report.stream) continue;
      families.add({{"viewer", std::to_string(report.number)}, {"encoder", report.stream->coder}},
                   static_cast<double>(value(*report.stream)));
    }
  };
  each("hesper_web_bitrate", "Bits a second that a viewer's encoder keeps to.", kGauge,
       [](const StreamReport& stream) { return stream.bitrate; });
  each("hesper_web_max_fps", "Frames a second that a viewer gets at most.", kGauge,
       [](const StreamReport& stream) { return stream.max_fps; });
  each("hesper_web_in_flight", "Pictures that a viewer has not acknowledged.", kGauge,
       [](const StreamReport& stream) { return stream.in_flight; });
  each("hesper_web_round_trip_seconds", "The shortest way of a picture and its acknowledgement.", kGauge,
       [](const StreamReport& stream) { return stream.round_trip_ms / 1000; });
  each("hesper_web_key_frames_total", "Pictures that need none before them.", kCounter,
       [](const StreamReport& stream) { return stream.key_frames; });
  each("hesper_web_refinements_total", "Pictures sent again, better, as they stood still.", kCounter,
       [](const StreamReport& stream) { return stream.refinements; });
}

}  // namespace

std::string metrics_text(Hall& hall) {
  Families families;
  add_outputs(families, hall.ledger.report());
  add_viewers(families, hall.viewers);
  families.begin("hesper_web_viewers_total", "Viewers that ever came.", kCounter);
  families.add({}, hall.viewers_ever);
  families.begin("hesper_web_connections", "TCP connections now, this one among them.", kGauge);
  families.add({}, static_cast<double>(hall.connections.size()));
  families.begin("hesper_web_connections_total", "TCP connections that ever came.", kCounter);
  families.add({}, static_cast<double>(hall.connections_ever));
  families.begin("hesper_web_refused_total", "Connections and requests that were turned away.", kCounter);
  for (std::size_t kind = 0; kind < kRefusals; ++kind) {
    const auto refusal = static_cast<Refusal>(kind);
    families.add({{"reason", std::string(name_of(refusal))}}, static_cast<double>(hall.refusals.total(refusal)));
  }
  return families.text();
}

}  // namespace hesper::screen::web
