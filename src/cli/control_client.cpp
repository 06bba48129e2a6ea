// A request, an answer.
#include "cli/control_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::cli {
namespace {

constexpr int kPatience = 10'000;  // milliseconds; hesper-gpu answers at once or is stuck

Result<UniqueFd> connect(const std::filesystem::path& socket) {
  platform::ignore_broken_pipes();
  auto connection = platform::connect_to(control_socket(socket));
  if (!connection)
    return fail(fmt::format("{} Is hesper gpu running with --socket {}?", connection.error().message, socket.native()),
                connection.error().code);
  return connection;
}

Result<GpuAnswer> ask(const UniqueFd& connection, const device::ControlRequest& request) {
  const auto gone = [] { return fail("hesper gpu does not answer.", ETIMEDOUT); };
  if (!platform::send_message(connection.get(), std::as_bytes(std::span(&request, 1)), -1)) return gone();
  pollfd waiting{.fd = connection.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, kPatience);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return gone();
  GpuAnswer answer;
  auto received = platform::receive_message(connection.get(), std::as_writable_bytes(std::span(&answer.reply, 1)));
  if (received.size != sizeof(answer.reply)) return gone();
  if (answer.reply.version != device::kControlVersion)
    return fail("hesper gpu is of another version than this program; use both from one build.", EPROTO);
  if (answer.reply.error != 0) {
    const auto end = std::ranges::find(answer.reply.message, '\0');
    return fail(std::string(answer.reply.message.begin(), end), static_cast<int>(answer.reply.error));
  }
  answer.fd = std::move(received.fd);
  return answer;
}

}  // namespace

std::filesystem::path control_socket(const std::filesystem::path& socket) {
  std::filesystem::path path = socket;
  path += ".control";
  return path;
}

Result<GpuAnswer> ask_gpu(const std::filesystem::path& socket, const device::ControlRequest& request) {
  const auto connection = connect(socket);
  if (!connection) return std::unexpected(connection.error());
  return ask(*connection, request);
}

Result<UniqueFd> open_channel(const std::filesystem::path& socket, device::ControlCommand command) {
  auto connection = connect(socket);
  if (!connection) return connection;
  if (auto answer = ask(*connection, {.command = command}); !answer) return std::unexpected(std::move(answer.error()));
  return connection;
}

Result<platform::Mapping> map_answer(const GpuAnswer& answer, std::size_t bytes) {
  struct stat file{};
  if (!answer.fd || ::fstat(answer.fd.get(), &file) != 0 || std::cmp_less(file.st_size, bytes) ||
      !platform::cannot_shrink(answer.fd.get()))
    return fail("hesper gpu sends a file that is not as large as it says.", EPROTO);
  return platform::Mapping::map(answer.fd.get(), bytes);
}

Result<DisplayPicture> ask_for_picture(const std::filesystem::path& socket, std::uint32_t display) {
  constexpr std::uint32_t kMostPixels = 16'384;  // of width and height
  constexpr std::size_t kPixel = 4;              // bytes
  constexpr std::size_t kCursor = kPixel * 64 * 64;
  const auto answer = ask_gpu(socket, {.command = device::ControlCommand::screenshot, .display = display});
  if (!answer) return std::unexpected(answer.error());
  const auto& reply = answer->reply;
  const auto possible = [](std::uint32_t size) { return size > 0 && size <= kMostPixels; };
  if (!possible(reply.width) || !possible(reply.height))
    return fail(fmt::format("hesper gpu sends a picture of {}x{} pixels.", reply.width, reply.height), EPROTO);
  const std::size_t size = std::size_t{reply.width} * reply.height * kPixel;
  const std::size_t cursor = reply.has_cursor != 0 ? kCursor : 0;
  const auto mapping = map_answer(*answer, size + cursor);
  if (!mapping) return std::unexpected(mapping.error());
  const auto bytes = mapping->bytes();
  const auto behind = bytes.begin() + static_cast<std::ptrdiff_t>(size);
  return DisplayPicture{.width = reply.width,
                        .height = reply.height,
                        .pixels = {bytes.begin(), behind},
                        .cursor = {behind, behind + static_cast<std::ptrdiff_t>(cursor)},
                        .cursor_x = reply.cursor_x,
                        .cursor_y = reply.cursor_y};
}

Result<device::DeviceReport> ask_for_report(const std::filesystem::path& socket) {
  const auto answer = ask_gpu(socket, {.command = device::ControlCommand::report});
  if (!answer) return std::unexpected(answer.error());
  const auto mapping = map_answer(*answer, sizeof(device::DeviceReport));
  if (!mapping) return std::unexpected(mapping.error());
  device::DeviceReport report;
  std::memcpy(&report, mapping->data(), sizeof(report));
  if (report.display_count > report.displays.size())
    return fail(fmt::format("hesper gpu tells of {} displays.", report.display_count), EPROTO);
  return report;
}

}  // namespace hesper::cli
