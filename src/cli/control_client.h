// What a command asks a running hesper gpu over its control connection (device/control.h). Knows no command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "device/control.h"
#include "device/report.h"
#include "platform/shared_memory.h"

namespace hesper::cli {

struct GpuAnswer {
  device::ControlReply reply;  // without an error
  UniqueFd fd = UniqueFd();    // if one came along
};

// Where a hesper gpu at this socket answers.
[[nodiscard]] std::filesystem::path control_socket(const std::filesystem::path& socket);

// One request over a connection of its own. socket: that of hesper gpu, not the one beside it for control.
// Errors: nobody listens there, no answer within 10 s, another version, and what the reply says.
[[nodiscard]] Result<GpuAnswer> ask_gpu(const std::filesystem::path& socket, const device::ControlRequest& request);

// A connection that this request has turned into something else: `subscribe` into a feed of the displays, for one.
// Errors: likewise.
[[nodiscard]] Result<UniqueFd> open_channel(const std::filesystem::path& socket, device::ControlCommand command);

// The file that came with an answer. Errors: it has fewer bytes, may lose some, or there is none.
[[nodiscard]] Result<platform::Mapping> map_answer(const GpuAnswer& answer, std::size_t bytes);

// What a display shows now.
struct DisplayPicture {
  std::uint32_t width = 0;  // pixels, at least 1
  std::uint32_t height = 0;
  std::vector<std::byte> pixels;  // B, G, R and a byte that does not count; rows without gaps
  std::vector<std::byte> cursor;  // 64x64, premultiplied B, G, R, A; empty: there is none
  std::int32_t cursor_x = 0;      // of its top left corner, which may lie outside
  std::int32_t cursor_y = 0;
};
[[nodiscard]] Result<DisplayPicture> ask_for_picture(const std::filesystem::path& socket, std::uint32_t display);

[[nodiscard]] Result<device::DeviceReport> ask_for_report(const std::filesystem::path& socket);

}  // namespace hesper::cli
