// QMP by nlohmann-json, without its exceptions.
#include "vm/qmp.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "platform/socket.h"

namespace hesper::vm {
namespace {

using nlohmann::json;

// The member of an object, or null.
const json& member(const json& object, const char* name) {
  static const json kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

int number(const json& value) { return value.is_number_unsigned() && value <= 1'000'000 ? value.get<int>() : 0; }

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

std::unexpected<Error> not_qmp(std::string_view line) {
  constexpr std::size_t kShown = 100;
  return fail(fmt::format("QEMU sends what is no QMP message: {}", line.substr(0, kShown)), EPROTO);
}

// Deep nesting costs stack where values are destroyed or printed; QMP itself has a few levels.
bool is_deep(std::string_view line) {
  constexpr int kDeepest = 64;
  int depth = 0;
  for (const char c : line) {
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

}  // namespace

Result<QmpMessage> parse_qmp(std::string_view line) {
  if (is_deep(line)) return not_qmp(line);
  const json message = json::parse(line, nullptr, false);
  if (!message.is_object()) return not_qmp(line);
  if (message.contains("QMP")) {
    const json& greeting = member(message, "QMP");
    if (!greeting.is_object() || !member(greeting, "version").is_object()) return not_qmp(line);
    const json& version = member(member(greeting, "version"), "qemu");
    if (!version.is_object()) return not_qmp(line);
    return QmpGreeting{.major = number(member(version, "major")), .minor = number(member(version, "minor"))};
  }
  if (message.contains("event")) {
    QmpEvent event{.name = text(member(message, "event")), .data = member(message, "data")};
    if (event.name.empty() || !(event.data.is_object() || event.data.is_null())) return not_qmp(line);
    if (event.data.is_null()) event.data = json::object();
    return event;
  }
  const json& id = member(message, "id");
  if (!id.is_number_unsigned()) return not_qmp(line);
  if (message.contains("return")) return QmpAnswer{.id = id.get<std::uint64_t>(), .result = member(message, "return")};
  const json& error = member(message, "error");
  if (!error.is_object()) return not_qmp(line);
  return QmpAnswer{.id = id.get<std::uint64_t>(),
                   .result = fail(fmt::format("QEMU: {}", text(member(error, "desc"))), EREMOTEIO)};
}

Qmp::Qmp(platform::EventLoop& loop, UniqueFd socket, Handlers handlers)
    : socket_(std::move(socket)), handlers_(std::move(handlers)) {
  watch_ = loop.when_readable(socket_.get(), [this] { read(); });
}

void Qmp::execute(std::string_view command, json arguments, Answer answer) {
  if (!socket_) return;
  const json message = {{"execute", command}, {"arguments", std::move(arguments)}, {"id", ++last_id_}};
  const std::string line = message.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  waiting_[last_id_] = std::move(answer);
  if (!platform::send_all(socket_.get(), std::as_bytes(std::span(line)))) close("QEMU does not read its QMP socket.");
}

void Qmp::read() {
  std::array<std::byte, 16'384> bytes;
  const auto part = platform::receive_part(socket_.get(), bytes, 0);
  if (part.closed) return close("");
  unread_.append(reinterpret_cast<const char*>(bytes.data()), part.size);
  std::size_t begin = 0;
  for (std::size_t end = 0; socket_ && (end = unread_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(unread_).substr(begin, end - begin);
    const auto message = parse_qmp(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    if (!message) return close(message.error().message);
    take(*message);
  }
  unread_.erase(0, begin);
  if (unread_.size() > kLongestLine) close("QEMU sends a QMP message of more than 4 MiB.");
}

void Qmp::take(const QmpMessage& message) {
  if (const auto* greeting = std::get_if<QmpGreeting>(&message))
    return execute("qmp_capabilities", json::object(), [this, version = *greeting](const Result<json>& answer) {
      answer ? handlers_.ready(version) : close(answer.error().message);
    });
  if (const auto* event = std::get_if<QmpEvent>(&message)) return handlers_.event(*event);
  const auto& answer = std::get<QmpAnswer>(message);
  const auto waiting = waiting_.extract(answer.id);
  if (waiting.empty()) return close(fmt::format("QEMU answers a command {} that was not given.", answer.id));
  if (waiting.mapped()) waiting.mapped()(answer.result);
}

void Qmp::close(const std::string& reason) {
  if (!socket_) return;
  watch_ = {};
  socket_ = UniqueFd();
  waiting_.clear();
  handlers_.closed(reason);
}

}  // namespace hesper::vm
