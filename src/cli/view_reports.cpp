// ViewReports: one report a connection, in one piece.
#include "cli/view_reports.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

namespace hesper::cli {
namespace {

using nlohmann::json;

constexpr int kPatience = 2'000;              // milliseconds
constexpr std::size_t kMostBytes = 1u << 20;  // of a report that is read

json to_json(const frame::OutputReport::Percentiles& percentiles) {
  return {{"count", percentiles.count}, {"p50", percentiles.p50}, {"p95", percentiles.p95}, {"p99", percentiles.p99}};
}

}  // namespace

std::string to_json(const std::vector<frame::OutputReport>& reports) {
  json outputs = json::array();
  for (const frame::OutputReport& report : reports) {
    json stages = json::object();
    for (std::size_t stage = 0; stage < frame::kStages; ++stage)
      if (report.stages[stage].count != 0)
        stages[name_of(static_cast<frame::Stage>(stage))] = to_json(report.stages[stage]);
    json sources = json::object();
    for (const auto copies : {frame::Copies::none, frame::Copies::transfer, frame::Copies::gathered})
      sources[name_of(copies)] = report.sources[static_cast<std::size_t>(copies)];
    json output{{"name", report.name},
                {"display", report.display},
                {"frames", report.frames},
                {"skipped", report.skipped},
                {"bytes", report.bytes},
                {"frames_per_second", report.frames_per_second},
                {"copies", report.copies},
                {"copied_bytes", report.copied_bytes},
                {"sources", std::move(sources)},
                {"stages_ms", std::move(stages)},
                {"whole_ms", nullptr}};
    if (report.whole.count != 0) output["whole_ms"] = to_json(report.whole);
    outputs.push_back(std::move(output));
  }
  return json{{"process", ::getpid()}, {"outputs", std::move(outputs)}}.dump(-1, ' ', false,
                                                                             json::error_handler_t::replace);
}

ViewReports::ViewReports(platform::EventLoop& loop, frame::Ledger& ledger, platform::Listener listener)
    : listener_(std::move(listener)),
      ledger_(ledger),
      watch_(loop.when_readable(listener_.fd(), [this] { report(); })) {}

void ViewReports::report() {
  const auto client = listener_.accept();
  if (!client) return;
  const std::string text = to_json(ledger_.report()) + '\n';
  // A report is smaller than a socket's buffer, or this client gets half of one.
  static_cast<void>(platform::send_all(client->get(), std::as_bytes(std::span(text))));
}

std::filesystem::path view_reports(const std::filesystem::path& gpu_socket) { return gpu_socket.native() + ".view"; }

Result<std::string> ask_view(const std::filesystem::path& socket) {
  const auto connection = platform::connect_to(socket);
  if (!connection) return std::unexpected(connection.error());
  std::string text;
  std::array<std::byte, 16384> bytes;
  while (text.size() < kMostBytes) {
    pollfd waiting{.fd = connection->get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatience) <= 0) return fail("hesper-view does not answer.", ETIMEDOUT);
    const auto part = platform::receive_part(connection->get(), bytes, 0);
    text.append(reinterpret_cast<const char*>(bytes.data()), part.size);
    if (text.ends_with('\n')) {
      text.pop_back();
      return text;
    }
    if (part.closed) break;
  }
  return fail("hesper-view ends its report in the middle.", EPROTO);
}

}  // namespace hesper::cli
