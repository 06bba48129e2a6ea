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

#include "cli/gpu.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::cli {
namespace {

constexpr int kPatience = 10'000;  // milliseconds; hesper-gpu answers at once or is stuck

}  // namespace

Result<GpuAnswer> ask_gpu(const std::filesystem::path& socket, const device::ControlRequest& request) {
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
  GpuAnswer answer;
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

Result<platform::Mapping> map_answer(const GpuAnswer& answer, std::size_t bytes) {
  struct stat file{};
  if (!answer.fd || ::fstat(answer.fd.get(), &file) != 0 || std::cmp_less(file.st_size, bytes) ||
      !platform::cannot_shrink(answer.fd.get()))
    return fail("hesper gpu sends a file that is not as large as it says.", EPROTO);
  return platform::Mapping::map(answer.fd.get(), bytes);
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
