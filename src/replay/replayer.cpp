// Replayer: one function an event.
#include "replay/replayer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "platform/shared_memory.h"
#include "render/client_context.h"
#include "render/observer.h"
#include "render/probe.h"
#include "replay/digest.h"
#include "replay/pictures.h"
#include "wire/names.h"

namespace hesper::replay {
namespace {

using render::ResourceId;

// Of commands that wait in all streams together for their execution.
constexpr std::size_t kMaxWaiting = std::size_t{256} << 20;
// For the GPU to finish before memory changes under it. Work that waits for a later command never does: who has done
// so once will do so again. A software GPU that is merely slow uses processor time, and is waited for.
constexpr std::chrono::milliseconds kPatience{10'000};
constexpr std::chrono::milliseconds kLittlePatience{100};
constexpr std::chrono::milliseconds kLook{2'000};
constexpr std::clock_t kNothing = CLOCKS_PER_SEC / 200;  // of processor time, in the time of one look

// Counts what the context does, with the recorder's rules.
class Witness final : public render::ContextObserver {
 public:
  // on_address: called with each command that is about to answer with an address.
  Witness(Pictures* pictures, std::function<void(wire::CommandType)> on_address)
      : pictures_(pictures), on_address_(std::move(on_address)) {}

  void blob_requested(const render::BlobRequest&, const render::Blob*) override {}
  void resource_destroyed(ResourceId) override {}
  void fence_submitted(std::uint32_t) override {}
  void stream_begins(render::StreamNumber, std::uint64_t) override {}
  void stream_ends(render::StreamNumber) override {}
  void commands_arrive(render::StreamNumber, std::span<const std::byte>) override {}
  void nested_arrives(render::StreamNumber, ResourceId, std::uint64_t, std::span<const std::byte>) override {}
  void nested_begins(render::StreamNumber) override {}
  void command_begins(render::StreamNumber, wire::CommandType type, bool) override {
    if (replies_address(type)) on_address_(type);
  }
  void command_ends(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> bytes,
                    bool) override {
    digest.add_command(stream, bytes);
    if (pictures_ != nullptr) pictures_->command(type, bytes);
  }
  void replied(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> reply) override {
    const std::uint64_t hash = reply_hash(type, reply);
    digest.add_reply(stream, hash);
    replies[stream].push_back({.type = type, .hash = hash});
  }
  void physical_device_found(const std::map<std::string, std::string>& facts) override { devices.push_back(facts); }
  void context_lost(std::string_view reason) override { lost = reason; }

  struct Replied {
    wire::CommandType type;
    std::uint64_t hash;
  };
  Digest digest;
  std::map<std::uint32_t, std::vector<Replied>> replies;
  std::vector<capture::Info> devices;
  std::optional<std::string> lost;

 private:
  Pictures* pictures_;
  std::function<void(wire::CommandType)> on_address_;
};

// Waits until all queues of the context are idle. False: they are not, but patience ended.
bool wait_until_idle(render::ClientContext& context, std::chrono::milliseconds patience) {
  struct Open {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t count = 0;
  };
  // Shared: a queue that is done only later still counts down.
  const auto open = std::make_shared<Open>();
  if (context.instance() == nullptr) return true;
  for (const auto& device : context.instance()->devices) {
    for (const auto& queue : device->queues) {
      if (queue->id == 0) continue;
      {
        const std::scoped_lock lock(open->mutex);
        ++open->count;
      }
      queue->notify_when_idle([open] {
        const std::scoped_lock lock(open->mutex);
        --open->count;
        open->changed.notify_one();
      });
    }
  }
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(open->mutex);
  for (;;) {
    const std::clock_t before = std::clock();
    if (open->changed.wait_for(lock, kLook, [&] { return open->count == 0; })) return true;
    if (std::clock() - before < kNothing && std::chrono::steady_clock::now() - start >= patience) return false;
  }
}

class Replayer {
 public:
  Replayer(capture::Reader reader, const ReplayOptions& options)
      : reader_(std::move(reader)),
        options_(options),
        witness_(options.pixels ? &pictures_ : nullptr, [this](wire::CommandType type) { on_address(type); }) {}

  Result<ReplayReport> run() {
    const auto start = std::chrono::steady_clock::now();
    report_.recorded = reader_.info();
    const auto emulates = report_.recorded.find("emulate_dma_buf");
    // What the client saw follows from how its memory was made.
    render::MemoryStrategy memory = options_.memory;
    if (const auto at = report_.recorded.find("memory");
        at != report_.recorded.end() && memory == render::MemoryStrategy::automatic) {
      memory = render::parse_memory_strategy(at->second).value_or(memory);
    }
    auto loader = options_.driver == nullptr ? render::Loader::open() : render::Loader::with(options_.driver);
    if (!loader) return std::unexpected(std::move(loader.error()));
    context_ = std::make_unique<render::ClientContext>(
        render::ContextOptions{.name = "replay",
                               .memory = memory,
                               .memory_budget = options_.memory_budget,
                               .emulate_dma_buf = emulates != report_.recorded.end() && emulates->second == "1",
                               .validate = options_.validate,
                               .host = options_.host,
                               .observer = &witness_,
                               .replays = true},
        std::move(*loader));
    streams_[capture::kContextStream] = {};

    auto replayed = events();
    if (!replayed) return std::unexpected(std::move(replayed.error()));
    finish();
    const auto time = std::chrono::steady_clock::now() - start;
    report_.totals = witness_.digest.totals();
    report_.totals.nanoseconds =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
    return std::move(report_);
  }

 private:
  struct Stream {
    std::uint64_t ring = 0;  // not of the context stream
    std::vector<std::byte> waiting;
    std::size_t done = 0;  // bytes of `waiting`
  };
  Result<void> events() {
    while (executed_ < options_.until && !stopped_) {
      auto event = reader_.next();
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) {
        report_.complete = reader_.totals().has_value();
        return {};
      }
      auto done = std::visit([this](const auto& e) { return on(e); }, **event);
      if (!done) return done;
    }
    return {};
  }

  Result<void> on(const capture::DeviceFacts& event) {
    report_.recorded_on.push_back(event.facts);
    return {};
  }

  Result<void> on(const capture::StreamBegin& event) {
    if (context_->find_ring_stream(event.ring) == nullptr || streams_.contains(event.stream)) {
      return fail(fmt::format("The capture begins stream {} where no ring was made.", event.stream));
    }
    streams_[event.stream].ring = event.ring;
    return {};
  }

  Result<void> on(const capture::StreamEnd& event) {
    const auto at = streams_.find(event.stream);
    if (at == streams_.end() || event.stream == capture::kContextStream) {
      return fail(fmt::format("The capture ends stream {}, which is not there.", event.stream));
    }
    waiting_ -= at->second.waiting.size();
    streams_.erase(at);
    return {};
  }

  Result<void> on(const capture::Data& event) {
    const auto at = streams_.find(event.stream);
    if (at == streams_.end()) {
      return fail(fmt::format("The capture has commands for stream {}, which is not there.", event.stream));
    }
    Stream& stream = at->second;
    if (stream.done != 0) {
      stream.waiting.erase(stream.waiting.begin(), stream.waiting.begin() + static_cast<std::ptrdiff_t>(stream.done));
      waiting_ -= std::exchange(stream.done, 0);
    }
    waiting_ += event.bytes.size();
    if (waiting_ > kMaxWaiting) return fail("The capture has more commands in advance than a recorder writes.");
    stream.waiting.insert(stream.waiting.end(), event.bytes.begin(), event.bytes.end());
    return {};
  }

  Result<void> on(const capture::Execute& event) {
    const auto at = streams_.find(event.stream);
    if (at == streams_.end()) {
      return fail(fmt::format("The capture executes stream {}, which is not there.", event.stream));
    }
    std::uint64_t left = std::min<std::uint64_t>(event.count, options_.until - executed_);
    while (left > 0) {
      // One by one where pictures are taken in between.
      const auto now = static_cast<std::uint32_t>(options_.pixels ? 1 : left);
      Stream& stream = at->second;
      const auto rest = std::span(stream.waiting).subspan(stream.done);
      if (rest.empty()) return fail("The capture executes a command that it does not have.");
      // Looked up each time: a capture may destroy a ring and go on with its stream.
      render::CommandStream* executes = event.stream == capture::kContextStream
                                            ? &context_->context_stream()
                                            : context_->find_ring_stream(stream.ring);
      if (executes == nullptr) return fail("The capture executes commands of a ring that it has destroyed.");
      idle_ = false;
      const auto used = executes->execute_some(rest, now);
      executed_ += now;
      left -= now;
      if (!used) {
        stopped_ = true;
        return {};
      }
      stream.done += *used;
      if (options_.pixels && pictures_.changed()) take_pictures();
    }
    return {};
  }

  Result<void> on(const capture::Nested& event) {
    const auto resource = context_->resources().find(ResourceId{event.resource});
    if (resource == nullptr || !resource->holds_streams() || event.offset > resource->size ||
        event.bytes.size() > resource->size - event.offset) {
      return fail("The capture has commands for shared memory that is not there.");
    }
    const auto memory = resource->map();
    if (!memory) return std::unexpected(memory.error());
    std::memcpy(memory->data() + event.offset, event.bytes.data(), event.bytes.size());
    return {};
  }

  Result<void> on(const capture::BlobMade& event) {
    const auto blob = context_->create_blob({.resource = ResourceId{event.resource},
                                             .blob_flags = event.flags,
                                             .blob_id = event.blob_id,
                                             .size = event.size});
    if (blob || !event.made) return {};
    return fail(fmt::format("Memory that the capture needs cannot be made here. {}", blob.error().message));
  }

  Result<void> on(const capture::Unref& event) {
    context_->destroy_resource(ResourceId{event.resource});
    return {};
  }

  Result<void> on(const capture::Fence& event) {
    context_->submit_fence(event.ring_idx, [] {});
    return {};
  }

  Result<void> on(const capture::MemoryChange& event) {
    const auto resource = context_->resources().find(ResourceId{event.resource});
    if (resource == nullptr) return fail("The capture changes memory that is not there.");
    const auto memory = resource->map();
    if (!memory) return std::unexpected(memory.error());
    make_idle();
    const std::span<std::byte> bytes = *memory;
    for (const capture::MemoryRun& run : event.runs) {
      if (event.offset > bytes.size() || run.offset + run.bytes.size() > bytes.size() - event.offset) {
        return fail("The capture changes memory outside of its blob.");
      }
      std::memcpy(bytes.data() + event.offset + run.offset, run.bytes.data(), run.bytes.size());
    }
    return {};
  }

  Result<void> on(const capture::Reply& event) {
    expected_[event.stream].push_back(event);
    return {};
  }

  Result<void> on(const capture::Lost& event) {
    if (witness_.lost) return {};
    warn(fmt::format("When it was recorded, the context was lost here: {}", event.reason));
    return {};
  }

  void warn(std::string sentence) {
    if (options_.on_warning) options_.on_warning(sentence);
    report_.warnings.push_back(std::move(sentence));
  }

  void on_address(wire::CommandType type) {
    if (std::exchange(has_addresses_, true)) return;
    warn(
        fmt::format("The program takes addresses, by {}. Those of this replay may differ from the recorded ones, which "
                    "it has written "
                    "into memory: what the GPU does with these is wrong, and may end the worker.",
                    wire::command_name(std::to_underlying(type))));
  }

  // The GPU may still read what the client has rewritten since.
  void make_idle() {
    if (idle_) return;
    idle_ = true;
    if (wait_until_idle(*context_, impatient_ ? kLittlePatience : kPatience)) return;
    if (!std::exchange(impatient_, true)) {
      warn("Memory changes while the GPU works, as when it was recorded; what it reads is chance.");
    }
  }

  void take_pictures() {
    make_idle();
    for (const Picture& picture : pictures_.take(*context_)) {
      ++report_.pictures;
      report_.picture_digest = report_.picture_digest * 0x100000001b3u ^ picture.hash;
      if (options_.on_picture) options_.on_picture(picture);
    }
  }

  void finish() {
    report_.replayed_on = witness_.devices;
    report_.recorded_totals = reader_.totals();
    if (witness_.lost) warn(fmt::format("The context is lost: {}", *witness_.lost));
    for (const auto& [stream, replies] : expected_) {
      const auto& ours = witness_.replies[stream];
      for (std::size_t i = 0; i < replies.size() && i < ours.size(); ++i) {
        if (replies[i].hash == ours[i].hash) continue;
        if (report_.different_replies++ == 0) {
          report_.first_difference =
              fmt::format("reply {} of stream {}, {}", i, stream, wire::command_name(std::to_underlying(ours[i].type)));
        }
      }
    }
    // What is still there may wait for work that never completes: then there is nobody who could destroy it.
    wait_until_idle(*context_, kPatience) ? context_.reset() : static_cast<void>(context_.release());
  }

  capture::Reader reader_;
  const ReplayOptions& options_;
  ReplayReport report_;
  Pictures pictures_;
  Witness witness_;
  std::unique_ptr<render::ClientContext> context_;
  std::map<std::uint32_t, Stream> streams_;
  std::size_t waiting_ = 0;  // bytes in all streams
  std::map<std::uint32_t, std::vector<capture::Reply>> expected_;
  std::uint64_t executed_ = 0;
  bool idle_ = true;  // nothing was executed since the queues were idle
  bool stopped_ = false;
  bool impatient_ = false;
  bool has_addresses_ = false;
};

}  // namespace

Result<ReplayReport> replay(std::span<const std::byte> file, const ReplayOptions& options) {
  auto reader = capture::Reader::open(file);
  if (!reader) return std::unexpected(std::move(reader.error()));
  return Replayer(std::move(*reader), options).run();
}

}  // namespace hesper::replay
