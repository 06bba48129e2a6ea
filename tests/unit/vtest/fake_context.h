// FakeContext: a renderer without Vulkan that notes what the door asks of it and does what a test tells it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "platform/shared_memory.h"
#include "render/context.h"

namespace hesper::vtest {

class FakeContext final : public render::Context {
 public:
  // What a test looks at, and what it sets; outlives the context. Behind a lock, as the door has a thread of its own.
  struct Log {
    std::mutex mutex;
    std::vector<std::vector<std::byte>> submissions;
    std::vector<render::BlobRequest> blobs;
    std::vector<render::ResourceId> destroyed;
    std::map<std::uint32_t, std::vector<std::function<void()>>> fences;  // by ring_idx, until the test calls them
    bool submit_succeeds = true;
    bool blobs_succeed = true;
    bool fatal = false;
  };

  explicit FakeContext(Log& log) : log_(log) {}
  ~FakeContext() override {
    // As the contract says, every fence completes.
    for (auto& [ring, fences] : log_.fences)
      for (auto& done : fences) done();
    log_.fences.clear();
  }

  bool submit(std::span<const std::byte> commands) override {
    const std::lock_guard lock(log_.mutex);
    log_.submissions.emplace_back(commands.begin(), commands.end());
    return log_.submit_succeeds;
  }

  Result<render::Blob> create_blob(const render::BlobRequest& request) override {
    const std::lock_guard lock(log_.mutex);
    log_.blobs.push_back(request);
    if (!log_.blobs_succeed) return fail("The fake has no such memory.");
    auto fd = platform::create_shared_memory("fake", request.size);
    if (!fd) return std::unexpected(std::move(fd.error()));
    return render::Blob{.fd = std::move(*fd), .size = request.size, .mappable = true};
  }

  void destroy_resource(render::ResourceId resource) override {
    const std::lock_guard lock(log_.mutex);
    log_.destroyed.push_back(resource);
  }

  Result<void> attach_resource(render::ResourceId /*resource*/, render::SharedRange /*range*/) override {
    return fail("This door has no ranges.");
  }
  Result<void> move_memory(std::uint64_t /*memory*/, render::ResourceId /*into*/) override {
    return fail("This door has no ranges.");
  }
  void detach_resource(render::ResourceId /*resource*/, std::function<void()> released) override { released(); }

  void submit_fence(std::uint32_t ring_idx, std::function<void()> done) override {
    if (ring_idx == 0) return done();
    const std::lock_guard lock(log_.mutex);
    log_.fences[ring_idx].push_back(std::move(done));
  }

  bool fatal() const noexcept override {
    const std::lock_guard lock(log_.mutex);
    return log_.fatal;
  }

 private:
  Log& log_;
};

}  // namespace hesper::vtest
