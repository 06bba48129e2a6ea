// Recorder: writes a capture of one context.
//
// The order of the events is one in which a single thread can execute everything again (docs/capture.md): a command
// stands where it began, one that waits for others where it ended.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "capture/writer.h"
#include "render/observer.h"
#include "replay/digest.h"
#include "replay/memory_watch.h"

namespace hesper::replay {

class Recorder final : public render::ContextObserver {
 public:
  // file: empty, open for writing. client: its name. version: Hesper's. options: the context's; those that change what
  // a client sees are recorded. Errors: the file cannot be written, or the context has memory_in_ranges, whose memory
  // an observer is not told of.
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> create(UniqueFd file, const std::string& client,
                                                                const std::string& version,
                                                                const render::ContextOptions& options);

  // Writes the end. What the context executes from now on is not recorded; a command that is being executed may still
  // end within a moment, otherwise the capture stays without its end.
  void finish();

  void blob_requested(const render::BlobRequest& request, const render::Blob* blob) override;
  void resource_destroyed(render::ResourceId resource) override;
  void fence_submitted(std::uint32_t ring_idx) override;
  void stream_begins(render::StreamNumber stream, std::uint64_t ring) override;
  void stream_ends(render::StreamNumber stream) override;
  void commands_arrive(render::StreamNumber stream, std::span<const std::byte> commands) override;
  void nested_arrives(render::StreamNumber stream, render::ResourceId resource, std::uint64_t offset,
                      std::span<const std::byte> commands) override;
  void nested_begins(render::StreamNumber stream) override;
  void command_begins(render::StreamNumber stream, wire::CommandType type, bool nested) override;
  void command_ends(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> bytes,
                    bool nested) override;
  void replied(render::StreamNumber stream, wire::CommandType type, std::span<const std::byte> reply) override;
  void physical_device_found(const std::map<std::string, std::string>& facts) override;
  void context_lost(std::string_view reason) override;

 private:
  explicit Recorder(std::unique_ptr<capture::Writer> writer) : writer_(std::move(writer)) {}
  void record_memory();
  [[nodiscard]] bool recording(render::StreamNumber stream) const noexcept {
    return stream < recording_.size() && recording_[stream];
  }

  std::unique_ptr<capture::Writer> writer_;
  MemoryWatch memory_;
  Digest digest_;
  std::atomic<bool> finished_{false};
  std::atomic<int> running_{0};  // commands that are being executed and recorded
  // Whether the stream's current command is recorded; each for its stream's thread.
  std::array<bool, capture::kMaxStreams> recording_{};
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hesper::replay
