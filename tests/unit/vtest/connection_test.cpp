// Connection: the protocol word by word, as recorded from Mesa, and what a hostile client can send instead.
#include "vtest/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <initializer_list>
#include <optional>
#include <thread>

#include "fake_context.h"
#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::vtest {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::uint32_t>;

constexpr std::uint32_t kNone = 0xdeadbeef;  // what read_words() shows for words that never came

// A connection served on a thread, and the client's end of it.
class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    platform::ignore_broken_pipes();
    auto ends = platform::create_socket_pair();
    client_ = std::move(ends->first);
    // A reply that never comes should fail a test, not hang it.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(client_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ConnectionOptions options{
        .create_context = [this](const std::string& name) -> Result<std::unique_ptr<render::Context>> {
          context_name_ = name;
          if (context_fails_) return fail("There is no Vulkan loader.");
          return std::make_unique<FakeContext>(log_);
        }};
    options.capset[0] = std::byte{1};
    options.capset.back() = std::byte{0xab};
    server_ = std::thread([this, socket = std::move(ends->second), options = std::move(options)]() mutable {
      auto connection = Connection::create(std::move(socket), std::move(options));
      ending_ = (*connection)->serve();
      name_ = (*connection)->client_name();
    });
  }

  ~ConnectionTest() override {
    client_ = UniqueFd();
    if (server_.joinable()) server_.join();
  }

  void send(std::initializer_list<std::uint32_t> words) { send(Words(words)); }
  void send(const Words& words) { (void)platform::send_all(client_.get(), std::as_bytes(std::span(words))); }
  Words read_words(std::size_t count) {
    Words words(count, kNone);
    (void)platform::receive_exactly(client_.get(), std::as_writable_bytes(std::span(words)));
    return words;
  }
  std::optional<UniqueFd> read_fd() {
    auto fd = platform::receive_fd(client_.get());
    return fd ? std::optional(std::move(*fd)) : std::nullopt;
  }

  void create_renderer() { send({8, 8, 0x75636b76, 0x00006562}); }  // "vkcu" "be\0\0"
  void start(std::uint32_t version = 4) {
    create_renderer();
    send({1, 11, version});
    EXPECT_THAT(read_words(3), ElementsAre(1, 11, std::min(version, 4u)));
    send({1, 17, 4});
  }
  std::uint32_t create_sync(std::uint32_t value = 0) {
    send({2, 19, value, 0});
    return read_words(3)[2];
  }
  std::uint64_t read_sync(std::uint32_t id) {
    send({1, 21, id});
    const Words reply = read_words(4);
    return (std::uint64_t{reply[3]} << 32) | reply[2];
  }

  // Hangs up, and tells how serving ended.
  Ending hang_up() {
    ::shutdown(client_.get(), SHUT_WR);
    server_.join();
    return ending_.load();
  }
  // Waits until the server ends the connection by itself.
  Ending ending() {
    server_.join();
    return ending_.load();
  }

  FakeContext::Log log_;
  std::atomic<bool> context_fails_ = false;
  std::string context_name_;
  std::string name_;  // after the end
  std::atomic<Ending> ending_ = Ending::client_left;
  UniqueFd client_;
  std::thread server_;
};

TEST_F(ConnectionTest, AnswersMesasStartSequence) {
  create_renderer();
  send({0, 10, 2, 7, 0, 0});  // ping and busy wait, before anything is read
  EXPECT_THAT(read_words(2), ElementsAre(0, 10));
  EXPECT_THAT(read_words(3), ElementsAre(1, 7, 0));
  send({1, 11, 4});
  EXPECT_THAT(read_words(3), ElementsAre(1, 11, 4));
  send({1, 15, 1});
  EXPECT_THAT(read_words(4), ElementsAre(2, 15, 1, 64));
  send({2, 16, 4, 0});
  const Words capset = read_words(43);
  EXPECT_EQ(capset[0], 41u);
  EXPECT_EQ(capset[1], 16u);
  EXPECT_EQ(capset[2], 1u);
  EXPECT_EQ(capset[3], 1u);
  EXPECT_EQ(capset[42], 0xab000000u);
  send({1, 17, 4});
  EXPECT_EQ(hang_up(), Ending::client_left);
  EXPECT_EQ(context_name_, "vkcube");
}

TEST_F(ConnectionTest, NegotiatesTheLowerVersion) {
  create_renderer();
  send({1, 11, 3});
  EXPECT_THAT(read_words(3), ElementsAre(1, 11, 3));
  send({1, 11, 9});
  EXPECT_THAT(read_words(3), ElementsAre(1, 11, 4));
}

TEST_F(ConnectionTest, UnknownParametersAndCapsetsAreAnsweredNo) {
  create_renderer();
  send({1, 15, 2});
  EXPECT_THAT(read_words(4), ElementsAre(2, 15, 0, 0));
  send({2, 16, 1, 0});
  EXPECT_THAT(read_words(3), ElementsAre(1, 16, 0));
}

TEST_F(ConnectionTest, WithoutARendererTheCapsetIsAnsweredNo) {
  context_fails_ = true;
  create_renderer();
  send({2, 16, 4, 0});
  EXPECT_THAT(read_words(3), ElementsAre(1, 16, 0));
  EXPECT_EQ(hang_up(), Ending::client_left);
}

TEST_F(ConnectionTest, MessagesMayComeByteForByte) {
  create_renderer();
  const Words message = {1, 11, 4};
  for (const std::byte& byte : std::as_bytes(std::span(message)))
    ASSERT_TRUE(platform::send_all(client_.get(), {&byte, 1}));
  EXPECT_THAT(read_words(3), ElementsAre(1, 11, 4));
}

TEST_F(ConnectionTest, TheNameIsCutAtItsEndAndMadePrintable) {
  send({7, 8, 0x0a1b4141});  // "AA\x1b\n", then "C\0B"
  ASSERT_TRUE(platform::send_all(client_.get(), std::as_bytes(std::span("C\0B", 3))));
  EXPECT_EQ(hang_up(), Ending::client_left);
  EXPECT_EQ(name_, "AA??C");
}

TEST_F(ConnectionTest, ABlobComesAsWordsThenAByteWithItsFd) {
  start();
  send({6, 18, 2, 1, 131268, 0, 0, 0});
  const Words reply = read_words(3);
  EXPECT_EQ(reply[0], 1u);
  EXPECT_EQ(reply[1], 18u);
  EXPECT_GT(reply[2], 0u);
  const auto fd = read_fd();
  ASSERT_TRUE(fd);
  struct stat info{};
  ASSERT_EQ(::fstat(fd->get(), &info), 0);
  EXPECT_EQ(info.st_size, 131268);
  send({1, 3, reply[2]});
  EXPECT_EQ(hang_up(), Ending::client_left);
  ASSERT_EQ(log_.blobs.size(), 1u);
  EXPECT_EQ(log_.blobs[0].blob_flags, 1u);
  EXPECT_THAT(log_.destroyed, ElementsAre(render::ResourceId{reply[2]}));
}

TEST_F(ConnectionTest, ABlobOfDeviceMemoryCarriesItsId) {
  start();
  send({6, 18, 2, 7, 4096, 1, 0x11, 0x22});
  (void)read_words(3);
  ASSERT_TRUE(read_fd());
  EXPECT_EQ(hang_up(), Ending::client_left);
  EXPECT_EQ(log_.blobs[0].size, 0x1'0000'1000u);
  EXPECT_EQ(log_.blobs[0].blob_id, 0x22'0000'0011u);
}

TEST_F(ConnectionTest, ARefusedBlobIsStoodInForByMemory) {
  log_.blobs_succeed = false;
  start();
  send({6, 18, 2, 1, 5000, 0, 9, 0});
  EXPECT_GT(read_words(3)[2], 0u);
  const auto fd = read_fd();
  ASSERT_TRUE(fd);
  EXPECT_TRUE(platform::Mapping::map(fd->get(), 5000));
  EXPECT_EQ(hang_up(), Ending::client_left);
}

TEST_F(ConnectionTest, SyncsAreReadAndWritten) {
  start();
  const std::uint32_t id = create_sync(7);
  EXPECT_EQ(read_sync(id), 7u);
  send({3, 22, id, 1, 2});
  EXPECT_EQ(read_sync(id), 0x2'0000'0001u);
  send({1, 20, id});
  send({1, 21, id});
  EXPECT_EQ(ending(), Ending::client_at_fault);
}

TEST_F(ConnectionTest, AWaitReturnsItsFdAtOnce) {
  start();
  const std::uint32_t id = create_sync();
  send({5, 23, 0, kForever, id, 1, 0});
  EXPECT_THAT(read_words(2), ElementsAre(0, 23));
  const auto fd = read_fd();
  ASSERT_TRUE(fd);
  pollfd state{.fd = fd->get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&state, 1, 0), 0);
  send({3, 22, id, 1, 0});
  EXPECT_EQ(::poll(&state, 1, 10'000), 1);
  EXPECT_NE(state.revents & POLLIN, 0);
}

TEST_F(ConnectionTest, CommandsReachTheContextUnderBothHeaderSizes) {
  for (const std::uint32_t version : {3u, 4u}) {
    SCOPED_TRACE(version);
    if (version == 3) {
      start(3);
      send({9, 24, 1, 1, 7, 2, 0, 0, 0, 100, 101});
      EXPECT_EQ(read_sync(create_sync(1)), 1u);
      const std::lock_guard lock(log_.mutex);
      ASSERT_EQ(log_.submissions.size(), 1u);
      EXPECT_EQ(log_.submissions[0].size(), 8u);
    } else {
      send({1, 11, 4});
      EXPECT_THAT(read_words(3), ElementsAre(1, 11, 4));
      send({10, 24, 1, 1, 9, 1, 0, 0, 0, 0, 0, 200});
      EXPECT_EQ(read_sync(create_sync(1)), 1u);
      const std::lock_guard lock(log_.mutex);
      ASSERT_EQ(log_.submissions.size(), 2u);
      EXPECT_EQ(log_.submissions[1][0], std::byte{200});
    }
  }
}

TEST_F(ConnectionTest, SyncsOfATimelineAreDueWhenItsFenceIs) {
  start(3);
  const std::uint32_t cpu = create_sync();
  const std::uint32_t gpu = create_sync();
  send({10, 24, 1, 1, 0, 0, 7, 1, 0, cpu, 5, 0});  // the CPU timeline: at once
  EXPECT_EQ(read_sync(cpu), 5u);
  send({10, 24, 1, 1, 0, 0, 7, 1, 63, gpu, 6, 0});
  EXPECT_EQ(read_sync(gpu), 0u);
  std::function<void()> done;
  {
    const std::lock_guard lock(log_.mutex);
    ASSERT_EQ(log_.fences[63].size(), 1u);
    done = std::move(log_.fences[63][0]);
    log_.fences.clear();
  }
  std::thread(done).join();
  EXPECT_EQ(read_sync(gpu), 6u);
}

TEST_F(ConnectionTest, WithoutATimelineSyncsAreDueAtOnce) {
  start(3);
  const std::uint32_t id = create_sync();
  send({10, 24, 1, 0, 0, 0, 7, 1, 0, id, 5, 0});
  EXPECT_EQ(read_sync(id), 5u);
}

TEST_F(ConnectionTest, NothingRunsWhenALaterSyncIsUnknown) {
  start(3);
  send({11, 24, 1, 1, 7, 1, 8, 1, 0, 100, 99, 1, 0});
  EXPECT_EQ(ending(), Ending::client_at_fault);
  EXPECT_TRUE(log_.submissions.empty());
}

TEST_F(ConnectionTest, SyncsDoNotPileUpBehindAFence) {
  start(3);
  const std::uint32_t id = create_sync();
  const auto submission = [&](std::uint32_t points) {
    Words words{7 + 3 * points, 24, 1, 1, 0, 0, 7, points, 63};
    for (std::uint32_t i = 0; i < points; ++i) words.insert(words.end(), {id, 1, 0});
    return words;
  };
  constexpr std::uint32_t kPoints = 1024;  // what fits into the socket at once
  for (std::size_t pending = 0; pending < Connection::kMaxPendingPoints; pending += kPoints) {
    send(submission(kPoints));
    ASSERT_EQ(read_sync(id), 0u) << "As many as allowed wait.";
  }
  send(submission(1));
  EXPECT_EQ(ending(), Ending::client_at_fault);
}

TEST_F(ConnectionTest, AFailingSubmissionEndsTheConnection) {
  log_.submit_succeeds = false;
  start(3);
  send({8, 24, 1, 1, 7, 1, 0, 0, 0, 100});
  EXPECT_EQ(ending(), Ending::renderer_failed);
}

TEST_F(ConnectionTest, AContextThatARingMadeFatalEndsTheConnection) {
  start(3);
  {
    const std::lock_guard lock(log_.mutex);
    log_.fatal = true;
  }
  send({0, 10});
  EXPECT_EQ(ending(), Ending::renderer_failed);
}

TEST_F(ConnectionTest, AClientThatDiesInTheMiddleIsNotAtFault) {
  start();
  send({6, 18, 2});
  EXPECT_EQ(hang_up(), Ending::client_left);
}

struct Case {
  const char* name;
  Words message;
};

class HostileMessage : public ConnectionTest, public testing::WithParamInterface<Case> {};

TEST_P(HostileMessage, EndsTheConnection) {
  start(3);
  send(GetParam().message);
  EXPECT_EQ(ending(), Ending::client_at_fault);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, HostileMessage,
    testing::Values(Case{"unknown_command", {0, 99}}, Case{"virgl_command", {0, 1}}, Case{"drm_sync", {0, 25}},
                    Case{"second_renderer", {4, 8, 0}}, Case{"length_too_short", {0, 11}},
                    Case{"length_too_long", {2, 11, 4, 4}}, Case{"length_of_4_GiB", {0xffffffff, 24}},
                    Case{"submission_above_the_limit", {(16u << 20) + 1, 24}}, Case{"second_context", {1, 17, 4}},
                    Case{"context_of_virgl", {1, 17, 1}}, Case{"blob_of_guest_memory", {6, 18, 1, 1, 4096, 0, 0, 0}},
                    Case{"blob_flags", {6, 18, 2, 8, 4096, 0, 0, 0}}, Case{"blob_of_size_0", {6, 18, 2, 1, 0, 0, 0, 0}},
                    Case{"unref_of_nothing", {1, 3, 1}}, Case{"sync_of_nothing", {1, 21, 1}},
                    Case{"unref_of_no_sync", {1, 20, 1}}, Case{"write_to_no_sync", {3, 22, 1, 0, 0}},
                    Case{"wait_for_no_sync", {5, 23, 0, 0, 1, 0, 0}}, Case{"wait_cut_off", {4, 23, 0, 0, 1, 0}},
                    Case{"wait_flags", {2, 23, 2, 0}}, Case{"wait_too_long", {2 + 3 * 4097, 23}},
                    Case{"submission_beyond_the_payload", {7, 24, 1, 1, 7, 1, 0, 0, 0}}),
    [](const auto& each) { return each.param.name; });

class EarlyMessage : public ConnectionTest, public testing::WithParamInterface<Case> {};

TEST_P(EarlyMessage, EndsTheConnection) {
  send(GetParam().message);
  EXPECT_EQ(ending(), Ending::client_at_fault);
}

INSTANTIATE_TEST_SUITE_P(Rules, EarlyMessage,
                         testing::Values(Case{"ping_before_the_renderer", {0, 10}},
                                         Case{"name_of_4_GiB", {0xffffffff, 8}}, Case{"name_too_long", {4097, 8}},
                                         Case{"blob_without_context", {4, 8, 0, 6, 18, 2, 1, 4096, 0, 0, 0}},
                                         Case{"submission_without_context", {4, 8, 0, 1, 24, 0}},
                                         Case{"submission_without_version", {4, 8, 0, 1, 17, 4, 1, 24, 0}}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace hesper::vtest
