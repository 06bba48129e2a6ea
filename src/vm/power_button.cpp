// A short-lived QMP client.
#include "vm/power_button.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "platform/event_loop.h"
#include "platform/socket.h"
#include "vm/qmp.h"

namespace hesper::vm {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kPeriod = 5s;  // a guest that has just begun to boot does not notice the first time

}  // namespace

Result<void> shut_down_at(const std::filesystem::path& qmp_socket, bool force, std::chrono::milliseconds patience) {
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto socket = platform::connect_to(qmp_socket);
  if (!socket) return std::unexpected(std::move(socket.error()));
  bool ready = false;
  bool closed = false;
  std::string reason;
  Qmp qmp(**loop, std::move(*socket),
          {.ready = [&](const QmpGreeting&) { ready = true; },
           .event = [](const QmpEvent&) {},
           .closed =
               [&](const std::string& why) {
                 closed = true;
                 reason = why;
               }});
  const auto until = Clock::now() + patience;
  auto next = Clock::now();
  while (!closed) {
    const auto now = Clock::now();
    if (now >= until)
      return fail(fmt::format("The guest has not shut down within {} s: it may not listen to its power button.",
                              std::chrono::duration_cast<std::chrono::seconds>(patience).count()),
                  ETIMEDOUT);
    if (ready && now >= next) {
      next = now + kPeriod;
      if (force) {
        qmp.execute("quit");
      } else {
        // A guest that boots again instead would look for a GPU that may be gone.
        qmp.execute("set-action", {{"reboot", "shutdown"}});
        qmp.execute("cont");  // it may stand still
        qmp.execute("system_powerdown");
      }
    }
    const auto wait = std::min(until, ready ? next : until) - now;
    (*loop)->run_once(std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), 0ms));
  }
  if (reason.empty()) return {};
  return fail(std::move(reason), EPROTO);
}

}  // namespace hesper::vm
