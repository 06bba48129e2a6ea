// Options of recordings.
#include "cli/record_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace hesper::cli {
namespace {

void add_options(CLI::App& command, const std::string& prefix, screen::RecordOptions& options) {
  command.add_option(prefix + "display", options.display, "Which screen, counted from 0")
      ->capture_default_str()
      ->type_name("N");
  command.add_option(prefix + "duration", options.duration, "End after so long (default: when it is interrupted)")
      ->check(CLI::Range(0.1, 1e8))
      ->type_name("SECONDS");
  command
      .add_option(prefix + "codec", options.codec,
                  "h264, hevc, av1, vp9, or the name of an encoder of FFmpeg (default: h264; vp9 in WebM)")
      ->type_name("NAME");
  command
      .add_option(prefix + "quality", options.quality,
                  "The codec's constant rate factor: of H.264 0 to 51, less is better (default: 22)")
      ->check(CLI::Range(0, 63))
      ->type_name("N");
  command
      .add_option(prefix + "bitrate", options.bitrate, "Bits a second at most, as 8M (default: what the quality takes)")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("RATE");
  command.add_option(prefix + "fps", options.most_frames_per_second, "Frames a second at most")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  command.add_flag(prefix + "cursor,!" + prefix + "no-cursor", options.cursor, "Whether the cursor is in the picture")
      ->default_str("cursor");
  command.add_flag(prefix + "json", options.json, "Print a line of JSON in the end");
  command.add_flag(prefix + "quiet", options.quiet, "Show no progress");
}

}  // namespace

void add_record_command_options(CLI::App& command, screen::RecordOptions& options) {
  command
      .add_option("-o,--output", options.file,
                  "The file, whose name ends in .mp4, .mkv or .webm; one that exists is replaced")
      ->required()
      ->type_name("FILE");
  add_options(command, "--", options);
}

void add_record_options(CLI::App& command, std::optional<screen::RecordOptions>& options) {
  // Where options are put before it is known whether there is a recording; the last that is parsed is --record.
  auto* group = command.add_option_group("record");
  auto recording = std::make_shared<screen::RecordOptions>();
  group->add_option("--record", recording->file, "Write a display to this file")->type_name("FILE");
  add_options(*group, "--record-", *recording);
  command.parse_complete_callback([&options, recording] {
    if (!recording->file.empty()) options = *recording;
  });
}

std::vector<std::string> arguments_of(const screen::RecordOptions& options) {
  std::vector<std::string> arguments = {"--record=" + options.file.native(),
                                        fmt::format("--record-display={}", options.display),
                                        fmt::format("--record-fps={}", options.most_frames_per_second)};
  if (options.duration) arguments.push_back(fmt::format("--record-duration={}", *options.duration));
  if (!options.codec.empty()) arguments.push_back("--record-codec=" + options.codec);
  if (options.quality >= 0) arguments.push_back(fmt::format("--record-quality={}", options.quality));
  if (options.bitrate > 0) arguments.push_back(fmt::format("--record-bitrate={}", options.bitrate));
  if (!options.cursor) arguments.emplace_back("--record-no-cursor");
  if (options.json) arguments.emplace_back("--record-json");
  if (options.quiet) arguments.emplace_back("--record-quiet");
  return arguments;
}

}  // namespace hesper::cli
