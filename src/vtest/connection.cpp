// Connection: the command table, and a handler a command. Every length is checked before anything is allocated or read.
#include "vtest/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "platform/shared_memory.h"
#include "platform/socket.h"
#include "vtest/submission.h"

namespace hesper::vtest {
namespace {

// The protocol's 64-bit values: low word first.
std::uint64_t join(std::uint32_t low, std::uint32_t high) noexcept { return (std::uint64_t{high} << 32) | low; }
std::uint32_t low_word(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value); }
std::uint32_t high_word(std::uint64_t value) noexcept { return static_cast<std::uint32_t>(value >> 32); }

// What a client calls itself, made fit for a log line.
std::string printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 64;
  std::string result(text.substr(0, std::min(text.find('\0'), kMaxShown)));
  std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result.empty() ? "client" : result;
}

}  // namespace

// `min` and `max` bound the length word: counted in words, for create_renderer in bytes.
struct Connection::Entry {
  Command command;
  const char* name;
  std::size_t min;
  std::size_t max;
  Step (Connection::*handle)(Words payload);
};

// A table, one row a line. NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr Connection::Entry Connection::kCommands[] = {
    {Command::resource_unref, "RESOURCE_UNREF", 1, 1, &Connection::resource_unref},
    {Command::resource_busy_wait, "RESOURCE_BUSY_WAIT", 2, 2, &Connection::resource_busy_wait},
    {Command::create_renderer, "CREATE_RENDERER", 0, kMaxNameBytes, &Connection::create_renderer},
    {Command::ping_protocol_version, "PING_PROTOCOL_VERSION", 0, 0, &Connection::ping_protocol_version},
    {Command::protocol_version, "PROTOCOL_VERSION", 1, 1, &Connection::protocol_version},
    {Command::get_param, "GET_PARAM", 1, 1, &Connection::get_param},
    {Command::get_capset, "GET_CAPSET", 2, 2, &Connection::get_capset},
    {Command::context_init, "CONTEXT_INIT", 1, 1, &Connection::context_init},
    {Command::resource_create_blob, "RESOURCE_CREATE_BLOB", 6, 6, &Connection::resource_create_blob},
    {Command::sync_create, "SYNC_CREATE", 2, 2, &Connection::sync_create},
    {Command::sync_unref, "SYNC_UNREF", 1, 1, &Connection::sync_unref},
    {Command::sync_read, "SYNC_READ", 1, 1, &Connection::sync_read},
    {Command::sync_write, "SYNC_WRITE", 3, 3, &Connection::sync_write},
    {Command::sync_wait, "SYNC_WAIT", 2, 2 + 3 * kMaxWaitPoints, &Connection::sync_wait},
    {Command::submit_cmd2, "SUBMIT_CMD2", 1, kMaxSubmissionWords, &Connection::submit_cmd2},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)

Result<std::unique_ptr<Connection>> Connection::create(UniqueFd socket, ConnectionOptions options) {
  auto syncs = SyncTable::create();
  if (!syncs) return std::unexpected(std::move(syncs.error()));
  return std::unique_ptr<Connection>(new Connection(std::move(socket), std::move(options), std::move(*syncs)));
}

const Connection::Entry* Connection::find_command(std::uint32_t number) noexcept {
  const auto* found = std::ranges::find(kCommands, Command{number}, &Entry::command);
  return found == std::end(kCommands) ? nullptr : found;
}

Ending Connection::serve() {
  for (;;) {
    const Step step = serve_message();
    if (step) continue;
    const auto& [ending, reason] = step.error();
    // A program that was killed is not worth more than a note.
    const auto level = ending == Ending::client_left ? spdlog::level::info : spdlog::level::err;
    if (!reason.empty()) spdlog::log(level, "{}: the connection ends: {}", name_, reason);
    return ending;
  }
}

std::unexpected<Connection::Stop> Connection::at_fault(std::string reason) {
  return std::unexpected(Stop{.ending = Ending::client_at_fault, .reason = std::move(reason)});
}

Connection::Step Connection::serve_message() {
  std::array<std::uint32_t, 2> header{};
  switch (platform::receive_exactly(socket_.get(), std::as_writable_bytes(std::span(header)))) {
    case platform::Received::all: break;
    case platform::Received::end: return std::unexpected(Stop{.ending = Ending::client_left, .reason = {}});
    case platform::Received::broken: return left_in_the_middle();
  }
  const auto [length, number] = header;

  const Entry* entry = find_command(number);
  if (entry == nullptr) return at_fault(fmt::format("Command {} is unknown.", number));
  const bool is_first = entry->command == Command::create_renderer;
  if (is_first == has_renderer_)
    return at_fault(fmt::format("{} must {} the first command.", entry->name, is_first ? "be only" : "not be"));
  if (length < entry->min || length > entry->max)
    return at_fault(
        fmt::format("The length of {} is {}; it must be {} to {}.", entry->name, length, entry->min, entry->max));

  constexpr std::size_t kWord = sizeof(std::uint32_t);
  if (auto step = receive_payload(is_first ? length : length * kWord); !step) return step;

  Step step = (this->*entry->handle)(payload_);
  if (!step && !step.error().reason.empty()) step.error().reason.insert(0, fmt::format("{}: ", entry->name));
  if (step && context_ && context_->fatal())
    step = std::unexpected(
        Stop{.ending = Ending::renderer_failed, .reason = fmt::format("After {}, the context is lost.", entry->name)});
  return step;
}

Connection::Step Connection::receive_payload(std::size_t bytes) {
  // One huge submission must not cost its memory for ever.
  constexpr std::size_t kKeepWords = std::size_t{1} << 20;
  const std::size_t words = (bytes + sizeof(std::uint32_t) - 1) / sizeof(std::uint32_t);
  if (payload_.capacity() > kKeepWords && words <= kKeepWords) payload_ = {};
  payload_.resize(words);
  if (words > 0) payload_.back() = 0;  // a length in bytes may end inside the last word
  const auto into = std::as_writable_bytes(std::span(payload_)).first(bytes);
  if (platform::receive_exactly(socket_.get(), into) != platform::Received::all) return left_in_the_middle();
  return {};
}

std::unexpected<Connection::Stop> Connection::left_in_the_middle() {
  return std::unexpected(
      Stop{.ending = Ending::client_left, .reason = "The client goes away in the middle of a message."});
}

Connection::Step Connection::reply(Command command, Words words) {
  // The longest reply is the capset's: a header, "valid" and the capset itself.
  std::array<std::uint32_t, 3 + wire::kCapsetSize / sizeof(std::uint32_t)> message{};
  message[0] = static_cast<std::uint32_t>(words.size());
  message[1] = std::to_underlying(command);
  std::ranges::copy(words, message.begin() + 2);
  if (!platform::send_all(socket_.get(), std::as_bytes(std::span(message).first(2 + words.size()))))
    return at_fault("The client does not read its replies.");
  return {};
}

Connection::Step Connection::reply_fd(const UniqueFd& fd) {
  // Never in one message with the words: the client takes those with read(), which would drop the fd.
  if (!platform::send_fd(socket_.get(), fd.get())) return at_fault("The client does not read its replies.");
  return {};
}

Connection::Step Connection::create_renderer(Words name) {
  has_renderer_ = true;
  const auto bytes = std::as_bytes(name);
  name_ = printable({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {};
}

Connection::Step Connection::ping_protocol_version(Words) { return reply(Command::ping_protocol_version, {}); }

Connection::Step Connection::protocol_version(Words payload) {
  client_version_ = payload[0];
  return reply(Command::protocol_version, {{std::min(client_version_, kProtocolVersion)}});
}

Connection::Step Connection::get_param(Words payload) {
  if (payload[0] == kParamMaxTimelineCount) return reply(Command::get_param, {{1, render::kTimelineCount}});
  return reply(Command::get_param, {{0, 0}});
}

Connection::Step Connection::get_capset(Words payload) {
  // Without a context there is no point in going on, and this is the last question that can be answered with "no".
  if (payload[0] != kCapsetVenus || payload[1] != 0 || !ensure_context()) return reply(Command::get_capset, {{0}});
  std::array<std::uint32_t, 1 + wire::kCapsetSize / sizeof(std::uint32_t)> answer{1};
  std::memcpy(&answer[1], options_.capset.data(), options_.capset.size());
  return reply(Command::get_capset, answer);
}

Connection::Step Connection::context_init(Words payload) {
  if (payload[0] != kCapsetVenus) return at_fault(fmt::format("Capset {} is not offered.", payload[0]));
  if (has_context_) return at_fault("The context exists already.");
  if (!ensure_context()) return std::unexpected(Stop{.ending = Ending::renderer_failed, .reason = "There is none."});
  has_context_ = true;
  return {};
}

bool Connection::ensure_context() {
  if (context_ || context_failed_) return !context_failed_;
  auto made = options_.create_context(name_);
  if (made) {
    context_ = std::move(*made);
  } else {
    log::error("{}: {}", name_, made.error().message);
    context_failed_ = true;
  }
  return !context_failed_;
}

Connection::Step Connection::resource_create_blob(Words payload) {
  if (!has_context_) return at_fault("The context is not initialised.");
  const auto [type, flags] = std::pair(payload[0], payload[1]);
  render::BlobRequest request{
      .blob_flags = flags, .blob_id = join(payload[4], payload[5]), .size = join(payload[2], payload[3])};
  if (type != kBlobTypeHost3d) return at_fault(fmt::format("Blob type {} is not offered.", type));
  if ((flags & ~kBlobFlagsAll) != 0) return at_fault(fmt::format("Blob flags {:#x} are unknown.", flags));
  if (request.size == 0) return at_fault("The blob's size is 0.");
  if (resources_.size() >= kMaxBlobs) return at_fault(fmt::format("{} blobs exist, the limit.", kMaxBlobs));
  do {
    ++last_resource_;
  } while (last_resource_ == 0 || resources_.contains(last_resource_));
  request.resource = render::ResourceId{last_resource_};

  auto fd = create_blob(request);
  if (!fd) return std::unexpected(Stop{.ending = Ending::renderer_failed, .reason = std::move(fd.error().message)});
  resources_.insert(last_resource_);
  ++statistics_.blobs;
  statistics_.blob_bytes += request.size;
  if (auto step = reply(Command::resource_create_blob, {{last_resource_}}); !step) return step;
  return reply_fd(*fd);
}

Result<UniqueFd> Connection::create_blob(const render::BlobRequest& request) {
  auto blob = context_->create_blob(request);
  if (blob) return std::move(blob->fd);
  // The protocol cannot say "no": a client without an fd aborts. It gets memory that nobody else sees; the renderer
  // fails the Venus commands that name this resource.
  log::warn("{}: RESOURCE_CREATE_BLOB: The blob of {} bytes is only a stand-in: {}", name_, request.size,
            blob.error().message);
  return platform::create_shared_memory("hesper-stand-in", request.size);
}

Connection::Step Connection::resource_unref(Words payload) {
  if (resources_.erase(payload[0]) == 0) return at_fault(fmt::format("Resource {} does not exist.", payload[0]));
  context_->destroy_resource(render::ResourceId{payload[0]});
  return {};
}

Connection::Step Connection::resource_busy_wait(Words) {
  // Clients send it along with the ping, for servers that do not know the ping. Venus has no other use for it.
  return reply(Command::resource_busy_wait, {{0}});
}

Connection::Step Connection::sync_create(Words payload) {
  const auto id = syncs_->add(join(payload[0], payload[1]));
  if (!id) return at_fault(id.error().message);
  return reply(Command::sync_create, {{*id}});
}

Connection::Step Connection::sync_unref(Words payload) {
  if (!syncs_->remove(payload[0])) return at_fault(fmt::format("Sync {} does not exist.", payload[0]));
  return {};
}

Connection::Step Connection::sync_read(Words payload) {
  const auto sync = syncs_->find(payload[0]);
  if (!sync) return at_fault(fmt::format("Sync {} does not exist.", payload[0]));
  const std::uint64_t value = syncs_->read(*sync);
  return reply(Command::sync_read, {{low_word(value), high_word(value)}});
}

Connection::Step Connection::sync_write(Words payload) {
  const auto points = known_points(payload);
  if (!points) return std::unexpected(points.error());
  syncs_->write(*points);
  return {};
}

Connection::Step Connection::sync_wait(Words payload) {
  const auto [flags, timeout] = std::pair(payload[0], payload[1]);
  if ((flags & ~kSyncWaitAny) != 0) return at_fault(fmt::format("Wait flags {:#x} are unknown.", flags));
  if ((payload.size() - 2) % kSyncPointWords != 0) return at_fault("The last sync is cut off.");
  auto points = known_points(payload.subspan(2));
  if (!points) return std::unexpected(std::move(points.error()));
  const auto fd = syncs_->wait(std::move(*points), (flags & kSyncWaitAny) != 0 ? WaitFor::any : WaitFor::all,
                               timeout == kForever ? std::nullopt : std::optional(std::chrono::milliseconds(timeout)));
  if (!fd) return at_fault(fd.error().message);
  if (auto step = reply(Command::sync_wait, {}); !step) return step;
  return reply_fd(*fd);
}

std::expected<std::vector<SyncPoint>, Connection::Stop> Connection::known_points(Words triples) const {
  std::vector<SyncPoint> points;
  points.reserve(triples.size() / kSyncPointWords);
  for (; !triples.empty(); triples = triples.subspan(kSyncPointWords)) {
    auto sync = syncs_->find(triples[0]);
    if (!sync) return at_fault(fmt::format("Sync {} does not exist.", triples[0]));
    points.push_back({.sync = std::move(sync), .value = join(triples[1], triples[2])});
  }
  return points;
}

Connection::Step Connection::submit_cmd2(Words payload) {
  if (!has_context_) return at_fault("The context is not initialised.");
  if (client_version_ == 0) return at_fault("The client did not tell its protocol version.");
  auto batches = parse_submission(payload, batch_words(client_version_));
  if (!batches) return at_fault(std::move(batches.error().message));
  // All names are looked up before anything runs.
  std::vector<std::vector<SyncPoint>> points;
  points.reserve(batches->size());
  for (const Batch& batch : *batches) {
    auto known = known_points(batch.syncs);
    if (!known) return std::unexpected(std::move(known.error()));
    points.push_back(std::move(*known));
  }

  for (std::size_t i = 0; i < batches->size(); ++i) {
    const Batch& batch = (*batches)[i];
    if (!batch.commands.empty() && !context_->submit(std::as_bytes(batch.commands)))
      return std::unexpected(Stop{.ending = Ending::renderer_failed, .reason = "The context is lost."});
    if (points[i].empty()) continue;
    if (!batch.ring_idx) {
      syncs_->write(points[i]);
    } else {
      const std::size_t count = points[i].size();
      if (pending_points_.fetch_add(count, std::memory_order_relaxed) + count > kMaxPendingPoints)
        return at_fault(fmt::format("More than {} syncs wait for fences.", kMaxPendingPoints));
      // This outlives the context, and so every fence.
      context_->submit_fence(*batch.ring_idx, [this, count, due = std::move(points[i])] {
        syncs_->write(due);
        pending_points_.fetch_sub(count, std::memory_order_relaxed);
      });
    }
  }
  ++statistics_.submissions;
  return {};
}

}  // namespace hesper::vtest
