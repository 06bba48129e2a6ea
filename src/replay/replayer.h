// Replayer: executes a capture on the host's driver, on one thread, as fast as the driver goes.
//
// A capture is a file from a stranger: it may ask the driver for anything that a client may ask for, and a process that
// replays one is a worker like any other.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/format.h"
#include "capture/reader.h"
#include "render/context.h"

namespace hesper::replay {

// What the client could read of an image, as it was after a submission that changed it: see pictures.h.
struct Picture {
  std::string name;  // of the image, "image 17"; for people
  std::string format;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint64_t hash = 0;       // of the pixels in their own format, without what lies between rows
  std::vector<std::byte> rgba;  // 8 bits a channel, rows without gaps; empty if the format has no such form here
};

struct ReplayOptions {
  render::MemoryStrategy memory = render::MemoryStrategy::automatic;
  std::uint64_t memory_budget = render::ContextOptions{}.memory_budget;
  bool validate = false;  // see render::ContextOptions
  bool pixels = false;
  // Stops after so many commands, not counting those inside nested streams.
  std::uint64_t until = UINT64_MAX;
  std::function<void(const Picture&)> on_picture;  // with `pixels`
  // What the report's warnings will have, as soon as it is known: a driver may crash by it.
  std::function<void(const std::string&)> on_warning;
  // Tests bring a driver of their own; nullptr: the host's. host: as in render::ContextOptions.
  PFN_vkGetInstanceProcAddr driver = nullptr;
  std::shared_ptr<const render::PreparedHost> host;
};

struct ReplayReport {
  capture::Info recorded;                          // the capture's info
  std::vector<capture::Info> recorded_on;          // its devices
  std::vector<capture::Info> replayed_on;          // ours
  capture::Totals totals;                          // ours; nanoseconds: of this replay, files and drivers included
  std::optional<capture::Totals> recorded_totals;  // nullopt: the capture is cut off
  bool complete = false;                           // every event was replayed
  std::uint64_t different_replies = 0;
  std::string first_difference;  // a clause, if there is one
  std::uint64_t pictures = 0;
  std::uint64_t picture_digest = 0;
  std::vector<std::string> warnings;  // sentences
};

// `file`: the capture's bytes. Errors: it is damaged, or needs what this host does not have. A context that becomes
// fatal where it did when recorded is no error.
[[nodiscard]] Result<ReplayReport> replay(std::span<const std::byte> file, const ReplayOptions& options);

}  // namespace hesper::replay
