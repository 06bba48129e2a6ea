// Recorder: one event a call, but for memory.
#include "replay/recorder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <thread>
#include <utility>

#include "base/log.h"
#include "render/probe.h"

namespace hesper::replay {
namespace {

using capture::EventKind;
using capture::high;
using capture::low;

// Commands that wait for what other streams do, or for their end: they stand where they ended.
bool waits(wire::CommandType type) noexcept {
  using enum wire::CommandType;
  switch (type) {
    case vkWaitForFences:
    case vkWaitSemaphores:
    case vkQueueWaitIdle:
    case vkDeviceWaitIdle:
    case vkGetQueryPoolResults:
    case vkWaitRingSeqnoMESA:
    case vkWaitVirtqueueSeqnoMESA:
    case vkDestroyRingMESA: return true;
    default: return false;
  }
}

// Commands that let the GPU read what the client wrote before.
bool releases_work(wire::CommandType type) noexcept {
  using enum wire::CommandType;
  switch (type) {
    case vkQueueSubmit:
    case vkQueueSubmit2:
    case vkSignalSemaphore:
    case vkSetEvent: return true;
    default: return false;
  }
}

constexpr bool stands_at_nested_begin(wire::CommandType type) noexcept {
  return type == wire::CommandType::vkExecuteCommandStreamsMESA;
}

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::create(UniqueFd file, const std::string& client, const std::string& version,
                                                   const render::ContextOptions& options) {
  if (options.memory_in_ranges) return fail("Contexts of virtual machines cannot be recorded yet.");
  auto writer = capture::Writer::create(
      std::move(file), {{"hesper", version},
                        {"client", client},
                        {"started", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
                        {"memory", render::name_of(options.memory)},
                        {"emulate_dma_buf", options.emulate_dma_buf ? "1" : "0"}});
  if (!writer) return std::unexpected(std::move(writer.error()));
  return std::unique_ptr<Recorder>(new Recorder(std::move(*writer)));
}

void Recorder::finish() {
  // A command that begins later sees finished_; one that began before is counted in running_.
  finished_.store(true);
  for (int patience = 100; running_.load() != 0; --patience) {
    if (patience == 0) return writer_->finish(std::nullopt);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  capture::Totals totals = digest_.totals();
  totals.nanoseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start_).count());
  writer_->finish(totals);
}

// ---- The door ----

void Recorder::blob_requested(const render::BlobRequest& request, const render::Blob* blob) {
  const auto resource = std::to_underlying(request.resource);
  writer_->append(EventKind::blob, {resource, request.blob_flags, low(request.blob_id), high(request.blob_id),
                                    low(request.size), high(request.size), blob != nullptr ? 1u : 0u});
  // Plain shared memory holds rings and streams, which are recorded as commands.
  if (blob == nullptr || !blob->mappable || request.blob_id == 0) return;
  if (auto added = memory_.add(resource, blob->fd.get(), blob->size); !added) {
    writer_->give_up(fmt::format("Memory of the client cannot be watched. {}", added.error().message));
  }
}

void Recorder::resource_destroyed(render::ResourceId resource) {
  memory_.remove(std::to_underlying(resource));
  writer_->append(EventKind::unref, {std::to_underlying(resource)});
}

void Recorder::fence_submitted(std::uint32_t ring_idx) { writer_->append(EventKind::fence, {ring_idx}); }

// ---- Streams ----

void Recorder::stream_begins(render::StreamNumber stream, std::uint64_t ring) {
  if (stream >= capture::kMaxStreams) {
    return writer_->give_up(fmt::format("The client makes more than {} rings.", capture::kMaxStreams - 1));
  }
  writer_->append(EventKind::stream_begin, {stream, 0, low(ring), high(ring)});
}

void Recorder::stream_ends(render::StreamNumber stream) { writer_->append(EventKind::stream_end, {stream}); }

void Recorder::commands_arrive(render::StreamNumber stream, std::span<const std::byte> commands) {
  while (!commands.empty()) {
    const auto piece = commands.first(std::min(commands.size(), capture::kMaxPiece));
    writer_->append(EventKind::data, {stream}, piece);
    commands = commands.subspan(piece.size());
  }
}

void Recorder::nested_arrives(render::StreamNumber stream, render::ResourceId resource, std::uint64_t offset,
                              std::span<const std::byte> commands) {
  while (!commands.empty()) {
    const auto piece = commands.first(std::min(commands.size(), capture::kMaxPiece));
    writer_->append(EventKind::nested, {stream, std::to_underlying(resource), low(offset), high(offset)}, piece);
    commands = commands.subspan(piece.size());
    offset += piece.size();
  }
}

void Recorder::nested_begins(render::StreamNumber stream) {
  if (recording(stream)) writer_->append_execution(stream);
}

// ---- Commands ----

void Recorder::command_begins(render::StreamNumber stream, wire::CommandType type, bool nested) {
  if (!nested) {
    recording_[stream % recording_.size()] = false;
    running_.fetch_add(1);
    if (finished_.load()) {
      running_.fetch_sub(1);
      return;
    }
    recording_[stream % recording_.size()] = stream < recording_.size();
  }
  if (!recording(stream)) return;
  if (releases_work(type)) record_memory();
  if (!nested && !waits(type) && !stands_at_nested_begin(type)) writer_->append_execution(stream);
}

void Recorder::command_ends(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> bytes,
                            bool nested) {
  if (!recording(stream)) return;
  if (!nested && waits(type)) writer_->append_execution(stream);
  digest_.add_command(stream, bytes);
  if (!nested) running_.fetch_sub(1);
}

void Recorder::replied(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> reply) {
  if (!recording(stream)) return;
  const std::uint64_t hash = reply_hash(type, reply);
  digest_.add_reply(stream, hash);
  writer_->append(EventKind::reply, {stream, std::to_underlying(type), static_cast<std::uint32_t>(reply.size()), 0,
                                     low(hash), high(hash)});
}

void Recorder::record_memory() {
  memory_.scan([this](std::uint32_t resource, std::uint64_t offset, std::span<const std::byte> runs) {
    writer_->append(EventKind::memory, {resource, 0, low(offset), high(offset)}, runs);
  });
}

// ---- Facts ----

void Recorder::physical_device_found(const std::map<std::string, std::string>& facts) {
  writer_->append(EventKind::device, {}, capture::info_text(facts));
}

void Recorder::context_lost(std::string_view reason) {
  writer_->append(EventKind::lost, {}, std::as_bytes(std::span(reason.substr(0, capture::kMaxText))));
}

}  // namespace hesper::replay
