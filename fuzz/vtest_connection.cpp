// Fuzz target: bytes on a client's vtest socket, after a good start. The renderer behind it is a fake.
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vtest/connection.h"

namespace {

using hesper::render::Blob;
using hesper::render::BlobRequest;
using hesper::render::ResourceId;

// Agrees to everything. Fences on odd timelines complete at once, the others when the context ends.
class FakeContext final : public hesper::render::Context {
 public:
  ~FakeContext() override {
    for (auto& done : pending_) done();
  }

  bool submit(std::span<const std::byte> /*commands*/) override { return true; }

  hesper::Result<Blob> create_blob(const BlobRequest& request) override {
    constexpr std::uint64_t kLargest = 1 << 20;
    if (request.size == 0 || request.size > kLargest) return hesper::fail("No memory of this size.");
    auto fd = hesper::platform::create_shared_memory("fuzz", request.size);
    if (!fd) return std::unexpected(std::move(fd.error()));
    return Blob{.fd = std::move(*fd), .size = request.size, .mappable = true};
  }
  void destroy_resource(ResourceId /*resource*/) override {}

  hesper::Result<void> attach_resource(hesper::render::ResourceId /*resource*/,
                                       hesper::render::SharedRange /*range*/) override {
    return hesper::fail("This door has no ranges.");
  }
  hesper::Result<void> move_memory(std::uint64_t /*memory*/, hesper::render::ResourceId /*into*/) override {
    return hesper::fail("This door has no ranges.");
  }
  void detach_resource(hesper::render::ResourceId /*resource*/, std::function<void()> released) override { released(); }

  void submit_fence(std::uint32_t ring_idx, std::function<void()> done) override {
    if (ring_idx % 2 == 1) return done();
    pending_.push_back(std::move(done));
  }

  bool fatal() const noexcept override { return false; }

 private:
  std::vector<std::function<void()>> pending_;
};

// CREATE_RENDERER "fuzz", PROTOCOL_VERSION 3 or 4, CONTEXT_INIT Venus.
constexpr std::array<std::uint32_t, 9> start_sequence(std::uint32_t version) {
  return {4, 8, 0x7a7a7566, 1, 11, version, 1, 17, 4};
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  hesper::platform::ignore_broken_pipes();
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostBytes = 64 * 1024;  // what a socket holds, as nobody reads meanwhile
  if (size == 0 || size > kMostBytes) return 0;

  auto sockets = hesper::platform::create_socket_pair();
  if (!sockets) return 0;
  auto& [client, server] = *sockets;
  const auto start = start_sequence(data[0] % 2 == 0 ? 3 : 4);
  if (!hesper::platform::send_all(client.get(), std::as_bytes(std::span(start)))) return 0;
  if (!hesper::platform::send_all(client.get(), std::as_bytes(std::span(data + 1, size - 1)))) return 0;
  ::shutdown(client.get(), SHUT_WR);

  auto connection = hesper::vtest::Connection::create(
      std::move(server), {.create_context = [](const std::string&) { return std::make_unique<FakeContext>(); }});
  if (connection) static_cast<void>((*connection)->serve());
  return 0;
}
