// Both sides of the control socket.
#include "vm/control.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "platform/signals.h"
#include "vm/runtime_folder.h"

namespace hesper::vm {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestRequest = 4096;  // bytes
constexpr std::size_t kLongestAnswer = std::size_t{1} << 20;
constexpr std::size_t kMostConnections = 64;

std::string line_of(const json& message) { return message.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'; }

bool send(int socket, const json& message) {
  const std::string line = line_of(message);
  return platform::send_all(socket, std::as_bytes(std::span(line)));
}

// Adds what comes until there is a line, or with an empty `end` until the end. False: too late, or ended before.
bool receive_until(int socket, std::string_view end, Clock::time_point until, std::string& received) {
  for (;;) {
    if (!end.empty() && received.contains(end)) return true;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    std::array<std::byte, 4096> bytes;
    const auto part = platform::receive_part(socket, bytes, 0);
    received.append(reinterpret_cast<const char*>(bytes.data()), part.size);
    if (part.closed) return end.empty();
    if (received.size() > kLongestAnswer) return false;
  }
}

struct Asked {
  UniqueFd connection;
  json answer;
};

Result<Asked> ask(const std::filesystem::path& folder, const json& request) {
  constexpr std::chrono::seconds kPatience{10};
  platform::ignore_broken_pipes();
  auto connection = platform::connect_to(control_socket(folder));
  if (!connection) return std::unexpected(std::move(connection.error()));
  std::string received;
  if (!send(connection->get(), request) || !receive_until(connection->get(), "\n", Clock::now() + kPatience, received))
    return fail(fmt::format("The virtual machine '{}' does not answer.", folder.filename().native()), ETIMEDOUT);
  json answer = json::parse(received.substr(0, received.find('\n')), nullptr, false);
  if (!answer.is_object())
    return fail(
        fmt::format("The virtual machine '{}' does not answer as expected. Was it started by another version of "
                    "Hesper?",
                    folder.filename().native()),
        EPROTO);
  return Asked{.connection = std::move(*connection), .answer = std::move(answer)};
}

}  // namespace

ControlServer::ControlServer(platform::EventLoop& loop, const platform::Listener& listener, Handlers handlers)
    : loop_(loop), listener_(listener), handlers_(std::move(handlers)) {
  watch_ = loop_.when_readable(listener_.fd(), [this] { accept(); });
}

void ControlServer::accept() {
  auto socket = listener_.accept();
  std::erase_if(connections_, [](const Connection& connection) { return !connection.socket; });
  if (!socket || connections_.size() >= kMostConnections) return;
  Connection& connection = connections_.emplace_back();
  connection.socket = std::move(*socket);
  connection.watch = loop_.when_readable(connection.socket.get(), [this, &connection] { read(connection); });
}

void ControlServer::read(Connection& connection) {
  std::array<std::byte, kLongestRequest> bytes;
  const auto part = platform::receive_part(connection.socket.get(), bytes, 0);
  connection.unread.append(reinterpret_cast<const char*>(bytes.data()), part.size);
  const std::size_t end = connection.unread.find('\n');
  bool good = !part.closed && connection.unread.size() <= kLongestRequest;
  if (good && end != std::string::npos) {
    const auto message = answer(std::string_view(connection.unread).substr(0, end));
    connection.unread.erase(0, end + 1);
    good = message && send(connection.socket.get(), *message);
  }
  if (good) return;
  connection.watch = {};
  connection.socket = UniqueFd();  // the rest goes with the next accept()
}

std::optional<json> ControlServer::answer(std::string_view request) {
  const json message = json::parse(request, nullptr, false);
  if (!message.is_object()) return std::nullopt;
  const auto command = message.find("command");
  if (command == message.end() || !command->is_string()) return std::nullopt;
  if (*command == "describe") return handlers_.describe();
  if (*command == "plan") return json{{"plan", handlers_.plan()}};
  if (*command != "stop") return std::nullopt;
  const auto force = message.find("force");
  handlers_.stop(force != message.end() && force->is_boolean() && force->get<bool>());
  return json::object();
}

Result<json> describe_machine(const std::filesystem::path& folder) {
  auto asked = ask(folder, {{"command", "describe"}});
  if (!asked) return std::unexpected(std::move(asked.error()));
  return std::move(asked->answer);
}

Result<json> plan_of_machine(const std::filesystem::path& folder) {
  auto asked = ask(folder, {{"command", "plan"}});
  if (!asked) return std::unexpected(std::move(asked.error()));
  return std::move(asked->answer["plan"]);
}

Result<void> stop_machine(const std::filesystem::path& folder, bool force, std::chrono::milliseconds patience) {
  const auto until = Clock::now() + patience;
  const auto asked = ask(folder, {{"command", "stop"}, {"force", force}});
  if (!asked) return std::unexpected(asked.error());
  std::string nothing;
  if (receive_until(asked->connection.get(), {}, until, nothing)) return {};
  return fail(
      fmt::format("The virtual machine '{0}' still runs after {1} s: its guest may not listen to the power button. "
                  "hesper stop --force {0} ends it, as pulling the plug would.",
                  folder.filename().native(), std::chrono::duration_cast<std::chrono::seconds>(patience).count()),
      ETIMEDOUT);
}

}  // namespace hesper::vm
