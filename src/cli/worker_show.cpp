// show_capture, summarize_capture: lines and tables.
#include "cli/worker_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/read_file.h"
#include "cli/standard_output.h"
#include "wire/names.h"

namespace hesper::cli {
namespace {

constexpr std::size_t kMaxCapture = std::size_t{8} << 30;

// Strings of a capture may be anything; JSON is UTF-8.
std::string dump(const nlohmann::json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_line(const capture::Line& line) {
  const std::string stream = line.stream ? std::to_string(*line.stream) : "";
  switch (line.kind) {
    case capture::Line::Kind::command: return fmt::print("{:>7} {:>2}  {}\n", line.number, stream, line.text);
    case capture::Line::Kind::nested: return fmt::print("{:>7} {:>2}  | {}\n", "", stream, line.text);
    case capture::Line::Kind::event: return fmt::print("{:>7} {:>2}  # {}\n", "", stream, line.text);
  }
}

void print_json(const capture::Line& line) {
  nlohmann::json json{{"text", line.text}};
  if (line.stream) json["stream"] = *line.stream;
  if (line.kind == capture::Line::Kind::event) {
    json["kind"] = "event";
  } else {
    json["kind"] = line.kind == capture::Line::Kind::nested ? "nested" : "command";
    json["number"] = line.number;
    json["name"] = wire::command_name(line.type);
  }
  fmt::print("{}\n", dump(json, -1));
}

int cut_off() {
  log::error("The capture ends early, as if its recorder had been killed.");
  return 1;
}

template <class T>
T value(const std::map<std::string, T>& info, const std::string& name, T otherwise) {
  const auto at = info.find(name);
  return at == info.end() ? otherwise : at->second;
}

std::vector<std::pair<std::string, std::uint64_t>> by_frequency(const capture::Summary& summary) {
  std::vector<std::pair<std::string, std::uint64_t>> commands;
  for (const auto& [type, count] : summary.commands) commands.emplace_back(wire::command_name(type), count);
  std::ranges::stable_sort(commands, std::greater{}, &std::pair<std::string, std::uint64_t>::second);
  return commands;
}

void print_summary(const capture::Summary& summary, std::size_t file_size) {
  using namespace std::string_literals;
  fmt::print("client    {}, {}, recorded by Hesper {}\n", value(summary.info, "client", "unknown"s),
             value(summary.info, "started", "unknown"s), value(summary.info, "hesper", "unknown"s));
  for (const capture::Info& device : summary.devices) {
    fmt::print("device    {}: {}, Vulkan {}, memory {}\n", value(device, "device", "unknown"s),
               value(device, "driver", "unknown"s), value(device, "vulkan", "unknown"s),
               value(device, "memory", "unknown"s));
  }
  if (summary.totals) fmt::print("duration  {:.3f} s\n", static_cast<double>(summary.totals->nanoseconds) / 1e9);
  fmt::print("file      {} bytes\n", file_size);
  fmt::print("commands  {} in {} streams, and {} nested; {} bytes; {} replies; {} fences\n", summary.command_count,
             summary.streams, summary.nested_count, summary.command_bytes, summary.replies, summary.fences);
  fmt::print("memory    {} blobs, {} bytes; {} changed pages with {} bytes\n", summary.blobs, summary.blob_bytes,
             summary.memory_pages, summary.memory_bytes);
  if (summary.totals) {
    fmt::print("digests   commands {:016x}, replies {:016x}\n", summary.totals->command_digest,
               summary.totals->reply_digest);
  }
  if (summary.lost) fmt::print("lost      {}\n", *summary.lost);
  for (const auto& [name, count] : by_frequency(summary)) fmt::print("{:>9}  {}\n", count, name);
}

nlohmann::json to_json(const capture::Summary& summary, std::size_t file_size) {
  nlohmann::json json{{"info", summary.info},
                      {"devices", summary.devices},
                      {"fileBytes", file_size},
                      {"commands", summary.command_count},
                      {"nestedCommands", summary.nested_count},
                      {"streams", summary.streams},
                      {"commandBytes", summary.command_bytes},
                      {"blobs", summary.blobs},
                      {"blobBytes", summary.blob_bytes},
                      {"memoryPages", summary.memory_pages},
                      {"memoryBytes", summary.memory_bytes},
                      {"fences", summary.fences},
                      {"replies", summary.replies},
                      {"complete", summary.totals.has_value()}};
  for (const auto& [name, count] : by_frequency(summary)) json["counts"][name] = count;
  if (summary.lost) json["lost"] = *summary.lost;
  if (summary.totals) {
    json["nanoseconds"] = summary.totals->nanoseconds;
    json["commandDigest"] = fmt::format("{:016x}", summary.totals->command_digest);
    json["replyDigest"] = fmt::format("{:016x}", summary.totals->reply_digest);
  }
  return json;
}

}  // namespace

int show_capture(UniqueFd capture, const capture::ShowOptions& options, bool json) {
  const auto bytes = read_file(capture.get(), kMaxCapture);
  if (!bytes) {
    log::error("{}", bytes.error().message);
    return 1;
  }
  const auto complete = capture::show(*bytes, options, json ? print_json : print_line);
  flush_standard_output();
  if (complete) return *complete ? 0 : cut_off();
  log::error("{}", complete.error().message);
  return 1;
}

int summarize_capture(UniqueFd capture, bool json) {
  const auto bytes = read_file(capture.get(), kMaxCapture);
  if (!bytes) {
    log::error("{}", bytes.error().message);
    return 1;
  }
  const auto summary = capture::summarize(*bytes);
  if (!summary) {
    log::error("{}", summary.error().message);
    return 1;
  }
  if (json) {
    fmt::print("{}\n", dump(to_json(*summary, bytes->size()), 2));
  } else {
    print_summary(*summary, bytes->size());
  }
  flush_standard_output();
  return summary->totals ? 0 : cut_off();
}

}  // namespace hesper::cli
