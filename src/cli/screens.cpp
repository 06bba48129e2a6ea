// hesper screenshot and hesper display.
#include "cli/screens.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/display_mode.h"
#include "cli/gpu.h"
#include "cli/png.h"
#include "device/control.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::cli {
namespace {

constexpr std::uint32_t kMostPixels = 16'384;  // of width and height
constexpr std::uint32_t kCursorSize = 64;      // pixels, both ways
constexpr int kPatience = 10'000;              // milliseconds; hesper-gpu answers at once or is stuck
constexpr std::size_t kPixel = 4;              // bytes

struct Answer {
  device::ControlReply reply;
  UniqueFd fd = UniqueFd();
};

Result<Answer> ask(const std::filesystem::path& socket, const device::ControlRequest& request) {
  platform::ignore_broken_pipes();
  const auto connection = platform::connect_to(control_socket(socket));
  if (!connection)
    return fail(fmt::format("{} Is hesper gpu running with --socket {}?", connection.error().message, socket.native()),
                connection.error().code);
  const auto gone = [] { return fail("hesper gpu does not answer.", ETIMEDOUT); };
  if (!platform::send_message(connection->get(), std::as_bytes(std::span(&request, 1)), -1)) return gone();
  pollfd waiting{.fd = connection->get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, kPatience);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return gone();
  Answer answer;
  auto received = platform::receive_message(connection->get(), std::as_writable_bytes(std::span(&answer.reply, 1)));
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

// Over what is there; the cursor's colours are premultiplied.
void draw_cursor(std::span<std::byte> picture, std::uint32_t width, std::uint32_t height,
                 std::span<const std::byte> cursor, std::int32_t left, std::int32_t top) {
  for (std::uint32_t row = 0; row < kCursorSize; ++row) {
    for (std::uint32_t column = 0; column < kCursorSize; ++column) {
      const std::int64_t x = std::int64_t{left} + column;
      const std::int64_t y = std::int64_t{top} + row;
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const auto over = cursor.subspan((std::size_t{row} * kCursorSize + column) * kPixel, kPixel);
      const auto pixel =
          picture.subspan((static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)) * kPixel, kPixel);
      const unsigned rest = 255 - std::to_integer<unsigned>(over[3]);
      for (std::size_t i = 0; i < 3; ++i) {
        const unsigned sum =
            std::to_integer<unsigned>(over[i]) + (std::to_integer<unsigned>(pixel[i]) * rest + 127) / 255;
        pixel[i] = static_cast<std::byte>(std::min(sum, 255u));
      }
    }
  }
}

Result<void> screenshot(const ScreenshotOptions& options) {
  const auto answer = ask(options.socket, {.command = device::ControlCommand::screenshot, .display = options.display});
  if (!answer) return std::unexpected(answer.error());
  const auto& reply = answer->reply;
  const auto possible = [](std::uint32_t size) { return size > 0 && size <= kMostPixels; };
  const std::size_t picture = std::size_t{reply.width} * reply.height * kPixel;
  const std::size_t cursor = reply.has_cursor != 0 ? std::size_t{kCursorSize} * kCursorSize * kPixel : 0;
  struct stat file{};
  if (!possible(reply.width) || !possible(reply.height) || !answer->fd || ::fstat(answer->fd.get(), &file) != 0 ||
      std::cmp_less(file.st_size, picture + cursor) || !platform::cannot_shrink(answer->fd.get()))
    return fail("hesper gpu sends a picture that is not as large as it says.", EPROTO);
  const auto mapping = platform::Mapping::map(answer->fd.get(), picture + cursor);
  if (!mapping) return std::unexpected(mapping.error());
  const auto bytes = mapping->bytes();
  std::vector<std::byte> pixels(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(picture));
  if (options.cursor && cursor != 0)
    draw_cursor(pixels, reply.width, reply.height, bytes.subspan(picture), reply.cursor_x, reply.cursor_y);
  for (std::size_t at = 0; at < pixels.size(); at += kPixel) {
    std::swap(pixels[at], pixels[at + 2]);  // PNG's order
    pixels[at + 3] = std::byte{0xff};       // nothing lies behind a screen
  }
  return write_png(options.output, reply.width, reply.height, pixels);
}

int status_of(const Result<void>& result) {
  if (result) return 0;
  log::error("{}", result.error().message);
  return 1;
}

}  // namespace

int take_screenshot(const ScreenshotOptions& options) { return status_of(screenshot(options)); }

int set_display(const DisplayOptions& options) {
  const auto mode = parse_display_mode(options.mode);
  if (!mode) return status_of(std::unexpected(mode.error()));
  const auto answer = ask(options.socket, {.command = device::ControlCommand::set_display,
                                           .display = options.display,
                                           .connected = mode->connected ? 1u : 0u,
                                           .width = mode->width,
                                           .height = mode->height,
                                           .refresh_mhz = mode->refresh_mhz});
  return status_of(answer ? Result<void>() : std::unexpected(answer.error()));
}

}  // namespace hesper::cli
