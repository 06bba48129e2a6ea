// show: reads events, and the commands of each stream where they are executed.
#include "capture/show.h"

#include <fmt/format.h>

#include <utility>

#include "base/arena.h"
#include "wire/decoder.h"
#include "wire/names.h"
#include "wire/print.h"
#include "wire/venus_types_gen.h"

namespace hesper::capture {
namespace {

constexpr std::size_t kMaxWaiting = std::size_t{256} << 20;  // bytes that streams have and have not executed

// Printable, for a terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

std::string value(const Info& info, const std::string& name) {
  const auto at = info.find(name);
  return printable(at == info.end() ? "unknown" : at->second);
}

class Show {
 public:
  Show(Reader reader, const std::function<void(const Line&)>& line, Summary& summary)
      : reader_(std::move(reader)), line_(line), summary_(summary) {}

  Result<bool> run() {
    streams_[kContextStream] = {};
    summary_.info = reader_.info();
    event(fmt::format("capture of {}, {}, by Hesper {}", value(reader_.info(), "client"),
                      value(reader_.info(), "started"), value(reader_.info(), "hesper")));
    for (;;) {
      auto next = reader_.next();
      if (!next) return std::unexpected(std::move(next.error()));
      if (!*next) break;
      auto shown = std::visit([this](const auto& e) { return on(e); }, **next);
      if (!shown) return std::unexpected(std::move(shown.error()));
    }
    summary_.totals = reader_.totals();
    return summary_.totals.has_value();
  }

 private:
  struct Stream {
    std::vector<std::byte> waiting;
    std::size_t done = 0;
    std::vector<std::byte> nested;  // of the next vkExecuteCommandStreamsMESA
    bool unreadable = false;        // a malformed command: nobody knows where the next one begins
  };

  void event(std::string text, std::optional<std::uint32_t> stream = std::nullopt) {
    line_({.kind = Line::Kind::event, .number = number_, .stream = stream, .type = 0, .text = std::move(text)});
  }

  Stream* find(std::uint32_t number) {
    const auto at = streams_.find(number);
    return at == streams_.end() ? nullptr : &at->second;
  }

  static std::unexpected<Error> no_stream(std::uint32_t number) {
    return fail(fmt::format("The capture contradicts itself: stream {} is not there.", number));
  }

  Result<void> on(const DeviceFacts& e) {
    summary_.devices.push_back(e.facts);
    event(fmt::format("device {}: {}, Vulkan {}, memory {}", value(e.facts, "device"), value(e.facts, "driver"),
                      value(e.facts, "vulkan"), value(e.facts, "memory")));
    return {};
  }
  Result<void> on(const StreamBegin& e) {
    if (!streams_.try_emplace(e.stream).second) return no_stream(e.stream);
    ++summary_.streams;
    event(fmt::format("stream {} begins: ring {:#x}", e.stream, e.ring), e.stream);
    return {};
  }
  Result<void> on(const StreamEnd& e) {
    Stream* stream = find(e.stream);
    if (stream == nullptr || e.stream == kContextStream) return no_stream(e.stream);
    waiting_ -= stream->waiting.size() + stream->nested.size();
    streams_.erase(e.stream);
    event(fmt::format("stream {} ends", e.stream), e.stream);
    return {};
  }
  Result<void> on(const Data& e) {
    Stream* stream = find(e.stream);
    if (stream == nullptr) return no_stream(e.stream);
    summary_.command_bytes += e.bytes.size();
    if (stream->done != 0) {
      stream->waiting.erase(stream->waiting.begin(),
                            stream->waiting.begin() + static_cast<std::ptrdiff_t>(stream->done));
      waiting_ -= std::exchange(stream->done, 0);
    }
    return keep(stream->waiting, e.bytes);
  }
  Result<void> on(const Nested& e) {
    Stream* stream = find(e.stream);
    if (stream == nullptr) return no_stream(e.stream);
    summary_.command_bytes += e.bytes.size();
    return keep(stream->nested, e.bytes);
  }

  Result<void> keep(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    waiting_ += bytes.size();
    if (waiting_ > kMaxWaiting) return fail("The capture has more commands in advance than a recorder writes.");
    to.insert(to.end(), bytes.begin(), bytes.end());
    return {};
  }

  Result<void> on(const Execute& e) {
    Stream* stream = find(e.stream);
    if (stream == nullptr) return no_stream(e.stream);
    for (std::uint32_t i = 0; i < e.count && !stream->unreadable; ++i) {
      const auto rest = std::span(stream->waiting).subspan(stream->done);
      if (rest.empty()) return fail("The capture executes a command that it does not have.");
      ++number_;
      ++summary_.command_count;
      const auto used = command(e.stream, rest, Line::Kind::command);
      stream->unreadable = !used;
      if (!used) break;
      stream->done += used->size;
      if (used->type == std::to_underlying(wire::CommandType::vkExecuteCommandStreamsMESA)) nested(e.stream, *stream);
    }
    return {};
  }

  void nested(std::uint32_t number, Stream& stream) {
    std::span<const std::byte> rest = stream.nested;
    while (!rest.empty()) {
      ++summary_.nested_count;
      const auto used = command(number, rest, Line::Kind::nested);
      if (!used) break;
      rest = rest.subspan(used->size);
    }
    waiting_ -= stream.nested.size();
    stream.nested.clear();
  }

  struct Used {
    std::size_t size;
    std::uint32_t type;
  };

  // nullopt: it is malformed, which the line says.
  std::optional<Used> command(std::uint32_t stream, std::span<const std::byte> bytes, Line::Kind kind) {
    arena_.reset();
    wire::Decoder decoder(arena_, nullptr);
    decoder.reset(bytes);
    auto printed = wire::print_command(decoder);
    ++summary_.commands[printed.type];
    const bool ok = decoder.ok();
    if (!ok) {
      printed.text += fmt::format(" ... malformed: {} at byte {} (value {:#x})", wire::describe(decoder.error().code),
                                  decoder.error().offset, decoder.error().detail);
    }
    line_({.kind = kind,
           .number = number_,
           .stream = stream,
           .type = printed.type,
           .text = std::move(printed.text),
           .bytes = bytes.first(ok ? decoder.position() : 0)});
    if (!ok) return std::nullopt;
    return Used{.size = decoder.position(), .type = printed.type};
  }

  Result<void> on(const BlobMade& e) {
    ++summary_.blobs;
    summary_.blob_bytes += e.made ? e.size : 0;
    const std::string what = e.blob_id == 0 ? "shared memory" : fmt::format("VkDeviceMemory #{}", e.blob_id);
    event(fmt::format("blob {}: {} bytes, {}, flags {:#x}{}", e.resource, e.size, what, e.flags,
                      e.made ? "" : ": refused"));
    return {};
  }
  Result<void> on(const Unref& e) {
    event(fmt::format("blob {} is dropped", e.resource));
    return {};
  }
  Result<void> on(const Fence& e) {
    ++summary_.fences;
    event(fmt::format("fence on timeline {}", e.ring_idx));
    return {};
  }
  Result<void> on(const MemoryChange& e) {
    std::size_t bytes = 0;
    for (const MemoryRun& run : e.runs) bytes += run.bytes.size();
    ++summary_.memory_pages;
    summary_.memory_bytes += bytes;
    event(fmt::format("memory of blob {}: {} bytes change in the page at {:#x}", e.resource, bytes, e.offset));
    return {};
  }
  Result<void> on(const Reply& e) {
    ++summary_.replies;
    event(fmt::format("reply to {}: {} bytes, hash {:016x}", wire::command_name(e.command), e.size, e.hash), e.stream);
    return {};
  }
  Result<void> on(const Lost& e) {
    summary_.lost = printable(e.reason);
    event(fmt::format("the context is lost: {}", printable(e.reason)));
    return {};
  }

  Reader reader_;
  const std::function<void(const Line&)>& line_;
  Summary& summary_;
  Arena arena_{std::size_t{64} << 20};
  std::map<std::uint32_t, Stream> streams_;
  std::size_t waiting_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

Result<bool> show(std::span<const std::byte> file, const ShowOptions& options,
                  const std::function<void(const Line&)>& line) {
  auto reader = Reader::open(file);
  if (!reader) return std::unexpected(std::move(reader.error()));
  Summary ignored;
  const std::function<void(const Line&)> chosen = [&](const Line& each) {
    if (each.number < (each.kind == Line::Kind::event && options.first == 1 ? 0 : options.first)) return;
    if (each.number > options.last) return;
    if (options.stream && each.stream != options.stream) return;
    line(each);
  };
  return Show(std::move(*reader), chosen, ignored).run();
}

Result<Summary> summarize(std::span<const std::byte> file) {
  auto reader = Reader::open(file);
  if (!reader) return std::unexpected(std::move(reader.error()));
  Summary summary;
  const std::function<void(const Line&)> nothing = [](const Line&) {};
  auto read = Show(std::move(*reader), nothing, summary).run();
  if (!read) return std::unexpected(std::move(read.error()));
  return summary;
}

}  // namespace hesper::capture
