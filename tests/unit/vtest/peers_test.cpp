// Peers that are slow, that leave in the middle, and that go mad: one session with every kind of message, cut at each
// byte, fed byte by byte, and followed by junk.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "fake_context.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "vtest/connection.h"

namespace hesper::vtest {
namespace {

using Bytes = std::vector<std::byte>;

// As Mesa 26 talks, shortened: every message that it sends, and the others of the protocol. Ids are the server's first.
Bytes session() {
  const std::vector<std::uint32_t> words{
      8,   8,  0x75636b76, 0x00006562,                 // CREATE_RENDERER "vkcube"
      0,   10,                                         // PING_PROTOCOL_VERSION
      2,   7,  0,          0,                          // RESOURCE_BUSY_WAIT
      1,   11, 4,                                      // PROTOCOL_VERSION
      1,   15, 1,                                      // GET_PARAM
      2,   16, 4,          0,                          // GET_CAPSET
      1,   17, 4,                                      // CONTEXT_INIT
      6,   18, 2,          1,          4096, 0, 0, 0,  // RESOURCE_CREATE_BLOB: resource 1
      2,   19, 0,          0,                          // SYNC_CREATE: sync 1
      2,   19, 5,          0,                          // SYNC_CREATE: sync 2
      14,  24, 1,                                      // SUBMIT_CMD2, one batch:
      1,   9,  2,          11,         1,    0, 0, 0,  //   ring_idx 0, two words, one sync
      188, 0,                                          //   the commands
      1,   1,  0,                                      //   sync 1 := 1
      5,   23, 0,          1000,       1,    1, 0,     // SYNC_WAIT for sync 1 >= 1
      3,   22, 2,          7,          0,              // SYNC_WRITE sync 2 := 7
      1,   21, 2,                                      // SYNC_READ
      1,   20, 2,                                      // SYNC_UNREF
      1,   3,  1,                                      // RESOURCE_UNREF
  };
  const auto bytes = std::as_bytes(std::span(words));
  return {bytes.begin(), bytes.end()};
}

struct Outcome {
  Ending ending;
  std::size_t answered;  // bytes
};

// Sends `bytes` in pieces of `piece`, then hangs up.
Outcome serve(std::span<const std::byte> bytes, std::size_t piece = SIZE_MAX) {
  platform::ignore_broken_pipes();
  FakeContext::Log log;
  auto ends = std::move(*platform::create_socket_pair());
  auto connection = std::move(*Connection::create(
      std::move(ends.second), {.create_context = [&](const std::string&) -> Result<std::unique_ptr<render::Context>> {
        return std::make_unique<FakeContext>(log);
      }}));
  Outcome outcome{};
  {
    const std::jthread server([&] {
      outcome.ending = connection->serve();
      connection.reset();
    });
    while (!bytes.empty()) {
      const std::size_t size = std::min(piece, bytes.size());
      // Blocks when the server is slow; platform::send_all() would give up.
      if (::send(ends.first.get(), bytes.data(), size, 0) != static_cast<ssize_t>(size)) break;  // refused
      bytes = bytes.subspan(size);
    }
    ::shutdown(ends.first.get(), SHUT_WR);
    std::array<std::byte, 4096> buffer{};
    for (ssize_t got = 0; (got = ::recv(ends.first.get(), buffer.data(), buffer.size(), 0)) > 0;)
      outcome.answered += static_cast<std::size_t>(got);
  }
  return outcome;
}

TEST(Peers, ASessionIsServedToItsEnd) {
  const Outcome outcome = serve(session());
  EXPECT_EQ(outcome.ending, Ending::client_left);
  EXPECT_GT(outcome.answered, 200u);
}

TEST(Peers, ByteByByteItIsServedAlike) {
  const Outcome outcome = serve(session(), 1);
  EXPECT_EQ(outcome.ending, Ending::client_left);
  EXPECT_EQ(outcome.answered, serve(session()).answered);
}

TEST(Peers, LeavingAfterEachByteIsNobodysFault) {
  const Bytes bytes = session();
  for (std::size_t size = 0; size <= bytes.size(); ++size)
    EXPECT_EQ(serve(std::span(bytes).first(size)).ending, Ending::client_left) << "after byte " << size;
}

TEST(Peers, JunkAfterEachMessageEndsTheConnection) {
  const Bytes good = session();
  std::mt19937 random(20261121);
  for (std::size_t at = 0; at <= good.size(); at += 4) {
    Bytes bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at));
    for (int i = 0; i < 4096; ++i) bytes.push_back(static_cast<std::byte>(random()));
    EXPECT_NE(serve(bytes).ending, Ending::client_left) << "after byte " << at;
  }
}

// Some flips ask for another valid thing, some for a blob that the system refuses; each is answered or ends the
// session.
TEST(Peers, EachBitOfASessionMayFlip) {
  const Bytes good = session();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bytes = good;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    static_cast<void>(serve(bytes));
  }
  EXPECT_EQ(serve(session()).ending, Ending::client_left);
}

TEST(Peers, AClientThatNeverReadsIsGivenUp) {
  platform::ignore_broken_pipes();
  FakeContext::Log log;
  auto ends = std::move(*platform::create_socket_pair());
  auto connection = std::move(*Connection::create(
      std::move(ends.second), {.create_context = [&](const std::string&) -> Result<std::unique_ptr<render::Context>> {
        return std::make_unique<FakeContext>(log);
      }}));
  std::atomic<Ending> ending = Ending::client_left;
  std::jthread server([&] { ending = connection->serve(); });
  const std::array<std::uint32_t, 4> start{8, 8, 0x75636b76, 0x00006562};
  const std::array<std::uint32_t, 2> ping{0, 10};
  ASSERT_TRUE(platform::send_all(ends.first.get(), std::as_bytes(std::span(start))));
  // Its answers fill the socket; then it is not served any more, and this side's writes go nowhere.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    if (!platform::send_all(ends.first.get(), std::as_bytes(std::span(ping)))) {
      pollfd state{.fd = ends.first.get(), .events = POLLOUT, .revents = 0};
      if (::poll(&state, 1, 10) > 0 && (state.revents & POLLHUP) != 0) break;
      if (ending == Ending::client_at_fault) break;
    }
  }
  ends.first = UniqueFd();
  server.join();
  EXPECT_EQ(ending, Ending::client_at_fault);
}

}  // namespace
}  // namespace hesper::vtest
