// replay_capture: the report, for people and for programs.
#include "cli/worker_replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/read_file.h"
#include "replay/replayer.h"
#include "supervisor/picture_pipe.h"

namespace hesper::cli {
namespace {

constexpr std::size_t kMaxCapture = std::size_t{8} << 30;

std::string value(const capture::Info& info, const std::string& name) {
  const auto at = info.find(name);
  return at == info.end() ? "unknown" : at->second;
}

std::string device_text(const std::vector<capture::Info>& devices) {
  if (devices.empty()) return "no device";
  return fmt::format("{} ({}, memory {})", value(devices[0], "device"), value(devices[0], "driver"),
                     value(devices[0], "memory"));
}

double seconds(const capture::Totals& totals) { return static_cast<double>(totals.nanoseconds) / 1e9; }
double rate(const capture::Totals& totals) {
  return totals.nanoseconds == 0 ? 0.0 : static_cast<double>(totals.commands) / seconds(totals);
}

bool write_all(int fd, const std::byte* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

void send_picture(int fd, const replay::Picture& picture) {
  const std::array<std::uint32_t, 2> header{picture.rgba.empty() ? 0 : picture.width, picture.height};
  static_assert(sizeof(header) == supervisor::kPictureHeaderSize);
  if (picture.rgba.empty()) return;
  if (!write_all(fd, reinterpret_cast<const std::byte*>(header.data()), sizeof(header)) ||
      !write_all(fd, picture.rgba.data(), picture.rgba.size())) {
    log::warn("A picture cannot be handed over.");
  }
}

// The commands were executed as they were recorded; what the driver answers may differ, on another driver.
bool same_commands(const replay::ReplayReport& report) {
  return !report.complete || (report.totals.commands == report.recorded_totals->commands &&
                              report.totals.command_digest == report.recorded_totals->command_digest);
}

std::string reply_text(const replay::ReplayReport& report) {
  if (report.different_replies == 0) return "as recorded";
  return fmt::format("{} differ from the recorded, first {}", report.different_replies, report.first_difference);
}

void print_text(const replay::ReplayReport& report, const std::vector<replay::Picture>& pictures, bool pixels) {
  const char* commands = !report.complete        ? "not compared, the replay is not complete"
                         : same_commands(report) ? "as recorded"
                                                 : "not as recorded";
  fmt::print("capture   {}, of {}, by Hesper {}\n", value(report.recorded, "client"), value(report.recorded, "started"),
             value(report.recorded, "hesper"));
  fmt::print("recorded  {}\n", device_text(report.recorded_on));
  fmt::print("replayed  {}\n", device_text(report.replayed_on));
  fmt::print("commands  {}, digest {:016x}: {}\n", report.totals.commands, report.totals.command_digest, commands);
  fmt::print("replies   {}, digest {:016x}: {}\n", report.totals.replies, report.totals.reply_digest,
             reply_text(report));
  if (pixels) fmt::print("pictures  {}, digest {:016x}\n", report.pictures, report.picture_digest);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const replay::Picture& picture = pictures[i];
    fmt::print("  {:6}  {:016x}  {}x{} {}, {}\n", i + 1, picture.hash, picture.width, picture.height, picture.format,
               picture.name);
  }
}

nlohmann::json to_json(const replay::ReplayReport& report, const std::vector<replay::Picture>& pictures) {
  nlohmann::json result{{"recorded", report.recorded},
                        {"recordedOn", report.recorded_on},
                        {"replayedOn", report.replayed_on},
                        {"complete", report.complete},
                        {"commands", report.totals.commands},
                        {"commandDigest", fmt::format("{:016x}", report.totals.command_digest)},
                        {"commandsAsRecorded", same_commands(report)},
                        {"replies", report.totals.replies},
                        {"replyDigest", fmt::format("{:016x}", report.totals.reply_digest)},
                        {"differentReplies", report.different_replies},
                        {"warnings", report.warnings}};
  if (!report.first_difference.empty()) result["firstDifference"] = report.first_difference;
  result["pictureCount"] = report.pictures;
  result["pictureDigest"] = fmt::format("{:016x}", report.picture_digest);
  result["pictures"] = nlohmann::json::array();
  for (const replay::Picture& picture : pictures) {
    result["pictures"].push_back({{"hash", fmt::format("{:016x}", picture.hash)},
                                  {"width", picture.width},
                                  {"height", picture.height},
                                  {"format", picture.format},
                                  {"image", picture.name}});
  }
  return result;
}

}  // namespace

int replay_capture(UniqueFd capture, const WorkerReplayOptions& options) {
  const auto bytes = read_file(capture.get(), kMaxCapture);
  if (!bytes) {
    log::error("{}", bytes.error().message);
    return 1;
  }
  bool well = true;
  double total_seconds = 0;
  std::vector<double> rates;
  nlohmann::json json;
  for (std::size_t round = 0; round < options.repeat; ++round) {
    std::vector<replay::Picture> pictures;
    const auto report = replay::replay(*bytes, {.memory = options.memory,
                                                .memory_budget = options.memory_budget,
                                                .validate = options.validate,
                                                .pixels = options.pixels,
                                                .until = options.until,
                                                .on_picture =
                                                    [&](const replay::Picture& picture) {
                                                      if (round == 0 && options.pictures >= 0)
                                                        send_picture(options.pictures, picture);
                                                      pictures.push_back(picture);
                                                      pictures.back().rgba = {};
                                                    },
                                                .on_warning =
                                                    [&](const std::string& warning) {
                                                      if (round == 0) log::warn("{}", warning);
                                                    }});
    if (!report) {
      log::error("{}", report.error().message);
      return 1;
    }
    total_seconds += seconds(report->totals);
    rates.push_back(rate(report->totals));
    well = well && same_commands(*report);
    if (round != 0) continue;
    if (!report->complete && options.until == UINT64_MAX) {
      log::error("The capture ends early, as if its recorder had been killed: there is no more to replay.");
      well = false;
    }
    if (options.json) {
      json = to_json(*report, pictures);
    } else {
      print_text(*report, pictures, options.pixels);
    }
  }
  std::ranges::sort(rates);
  const double median = rates.empty() ? 0 : rates[rates.size() / 2];
  if (options.json) {
    json["rounds"] = options.repeat;
    json["seconds"] = total_seconds;
    json["commandsPerSecond"] = median;
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("speed     {:.0f} commands/s{}, {:.3f} s in all\n", median,
               options.repeat > 1 ? fmt::format(" (median of {} rounds)", options.repeat) : "", total_seconds);
  }
  return well ? 0 : 1;
}

}  // namespace hesper::cli
