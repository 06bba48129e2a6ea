// BackEnd: the messages of stock QEMU in their order, every order and size that is wrong, reset and pause, the channel.
#include "vhost/back_end.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "platform/signals.h"
#include "support/captured_log.h"
#include "vhost/front_end.h"

namespace hesper::vhost {
namespace {

using ::testing::ElementsAre;
using testing::FrontEnd;
using testing::GuestDriver;
using testing::GuestRam;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::payload_of;
using testing::Received;
using testing::Used;

constexpr std::uint64_t kDeviceFeatures = 0x1f;
constexpr std::uint64_t kVersion1 = 1ULL << 32;
constexpr std::uint64_t kAllFeatures = kDeviceFeatures | kVersion1 | (1ULL << 28) | (1ULL << 29) | (1ULL << 30);
constexpr std::uint64_t kWindowSize = 1 << 20;
constexpr std::uint32_t kNeedReply = kVersion | kFlagNeedReply;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Says what happens to it. Echoes each message, unless told to keep them.
class FakeDevice final : public Device {
 public:
  std::uint64_t features() const override { return kDeviceFeatures; }
  void accept_features(std::uint64_t features) override { accepted = features; }
  unsigned queue_count() const override { return 2; }
  void read_config(std::size_t offset, std::span<std::byte> into) const override {
    for (std::size_t i = 0; i < into.size() && offset + i < config.size(); ++i) into[i] = config[offset + i];
  }
  void write_config(std::size_t offset, std::span<const std::byte> bytes) override {
    writes.emplace_back(offset, bytes.size());
  }
  std::uint64_t shared_memory_size(std::uint8_t id) const override { return id == 1 ? window : 0; }
  void on_start(Start start) override {
    starts.push_back(start);
    if (at_start) at_start();
  }
  void on_stop() override { ++stops; }
  void on_message(unsigned queue, Message message) override {
    seen.emplace_back(queue,
                      std::string(reinterpret_cast<const char*>(message.bytes().data()), message.bytes().size()));
    if (at_message) at_message();
    if (keep) return kept.push_back(std::move(message));
    const std::vector<std::byte> echo(message.bytes().begin(), message.bytes().end());
    message.complete(echo);
  }

  std::uint64_t window = kWindowSize;
  std::array<std::byte, 20> config{std::byte{1}, std::byte{2}, std::byte{3}};
  std::uint64_t accepted = 0;
  std::vector<std::pair<std::size_t, std::size_t>> writes;
  std::vector<Start> starts;
  int stops = 0;
  std::vector<std::pair<unsigned, std::string>> seen;
  bool keep = false;
  std::vector<Message> kept;
  std::function<void()> at_start;
  std::function<void()> at_message;
};

class BackEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    front_.emplace(std::move(pair->first));
    auto made = BackEnd::create(
        *loop_, std::move(pair->second), device_, options_,
        [this](BackEnd::Ending ending, const std::string& reason) { endings_.emplace_back(ending, reason); });
    ASSERT_TRUE(made) << made.error().message;
    back_ = std::move(*made);
  }

  // Until nothing is left to do.
  void pump() {
    for (int i = 0; i < 100; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  // What the front-end has been sent.
  std::vector<Received> replies() {
    pump();
    std::vector<Received> result;
    while (auto one = front_->take()) result.push_back(std::move(*one));
    return result;
  }
  // The only reply to what was just sent, if it is an acknowledgement.
  std::optional<std::uint64_t> acknowledgement() {
    auto all = replies();
    if (all.size() != 1 || all[0].payload.size() != 8 || all[0].header.flags != 5) return std::nullopt;
    return all[0].as<std::uint64_t>();
  }

  void connect(std::uint64_t protocol_features = BackEnd::kProtocolFeatures) {
    front_->connect(protocol_features);
    (void)replies();
  }
  void start(std::uint16_t base0 = 0, std::uint16_t base1 = 0, std::uint64_t features = kAllFeatures) {
    const std::uint16_t bases[] = {base0, base1};
    front_->start(features, ram_, drivers_, bases);
    (void)replies();
    (void)front_->calls(0);
    (void)front_->calls(1);
  }
  // Stops both rings; where they are.
  std::vector<std::uint32_t> stop() {
    front_->stop();
    std::vector<std::uint32_t> bases;
    for (const Received& reply : replies()) {
      if (reply.header.request == std::to_underlying(Request::get_vring_base))
        bases.push_back(reply.as<VringState>().num);
    }
    return bases;
  }
  void read_config() {
    const std::array<std::uint32_t, 9> query{0, 24, 0};
    front_->send(Request::get_config, payload_of(query));
    (void)replies();
  }
  void reset_drivers() {
    for (GuestDriver& driver : drivers_) driver.reset();
  }

  [[nodiscard]] std::uint64_t data(unsigned queue, std::uint64_t offset) const {
    return ram_.base() + 0x4000 + queue * 0x4000U + offset;
  }
  void offer(unsigned queue, std::uint16_t head, std::string_view text) {
    ram_.write(data(queue, head * 256U), text);
    drivers_[queue].describe_chain(
        head,
        {{.addr = data(queue, head * 256U), .len = static_cast<std::uint32_t>(text.size()), .flags = 0, .next = 0},
         {.addr = data(queue, head * 256U + 128), .len = 64, .flags = VIRTQ_DESC_F_WRITE, .next = 0}});
    drivers_[queue].offer(head);
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  GuestRam ram_{1 << 20};
  std::array<GuestDriver, 2> drivers_{GuestDriver(ram_, ram_.base()), GuestDriver(ram_, ram_.base() + 0x1000)};
  FakeDevice device_;
  BackEnd::Options options_;
  std::optional<FrontEnd> front_;
  std::vector<std::pair<BackEnd::Ending, std::string>> endings_;
  std::unique_ptr<BackEnd> back_;
};

// --- The good case ---

TEST_F(BackEndTest, ConnectingIsAnsweredAsQemuWantsIt) {
  front_->connect(BackEnd::kProtocolFeatures);
  const auto all = replies();
  std::vector<std::uint32_t> requests;
  for (const Received& reply : all) {
    EXPECT_EQ(reply.header.flags, 5U);
    requests.push_back(reply.header.request);
  }
  EXPECT_THAT(requests, ElementsAre(1, 15, 21, 1, 44));
  EXPECT_EQ(all[0].as<std::uint64_t>(), kAllFeatures);
  EXPECT_EQ(all[1].as<std::uint64_t>(),
            (1ULL << 3) | (1ULL << 5) | (1ULL << 9) | (1ULL << 10) | (1ULL << 21) | (1ULL << 22));
  EXPECT_EQ(all[2].as<std::uint64_t>(), 0U);
  ASSERT_EQ(all[4].payload.size(), 2056U);
  const auto shmem = all[4].as<ShmemConfig>();
  EXPECT_EQ(shmem.nregions, 1U);
  EXPECT_EQ(shmem.sizes[0], 0U);
  EXPECT_EQ(shmem.sizes[1], kWindowSize);
  EXPECT_THAT(device_.starts, IsEmpty());
}

TEST_F(BackEndTest, AMessageReachesTheDeviceAndItsResponseTheDriver) {
  connect();
  start();
  EXPECT_THAT(device_.starts, ElementsAre(Start::first));
  EXPECT_EQ(device_.accepted, kDeviceFeatures);
  offer(0, 0, "control");
  offer(1, 2, "cursor");
  front_->kick(0);
  front_->kick(1);
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "control"), std::pair(1U, "cursor")));
  EXPECT_THAT(drivers_[0].take_used(), ElementsAre(Used{.head = 0, .written = 7}));
  EXPECT_EQ(ram_.read(data(0, 128), 7), "control");
  EXPECT_EQ(front_->calls(0), 1);
  EXPECT_EQ(front_->calls(1), 1);
}

TEST_F(BackEndTest, WhatWasOfferedBeforeTheStartNeedsNoKick) {
  connect();
  offer(0, 0, "early");
  start();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "early")));
}

TEST_F(BackEndTest, AKickMayComeBeforeEnable) {
  connect();
  front_->send_u64(Request::set_features, kAllFeatures);
  front_->set_memory(ram_);
  front_->set_up_ring(0, drivers_[0], 0);
  front_->start_ring(0);
  offer(0, 0, "early");
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, IsEmpty());
  EXPECT_THAT(device_.starts, IsEmpty());
  front_->send_state(Request::set_vring_enable, 0, 1);
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "early")));
}

TEST_F(BackEndTest, EnableMayComeBeforeTheStart) {
  connect();
  front_->send_u64(Request::set_features, kAllFeatures);
  front_->send_state(Request::set_vring_enable, 0, 1);
  front_->set_memory(ram_);
  front_->set_up_ring(0, drivers_[0], 0);
  pump();
  EXPECT_THAT(device_.starts, IsEmpty());
  front_->start_ring(0);
  offer(0, 0, "now");
  pump();
  EXPECT_THAT(device_.starts, ElementsAre(Start::first));
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "now")));
}

TEST_F(BackEndTest, WithoutProtocolFeaturesRingsNeedNoEnable) {
  front_->send_u64(Request::set_features, kAllFeatures & ~(1ULL << 30));
  front_->set_memory(ram_);
  front_->set_up_ring(0, drivers_[0], 0);
  front_->start_ring(0);
  offer(0, 0, "old");
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "old")));
}

TEST_F(BackEndTest, WithoutGpaAddressesRingsAreAtUserAddresses) {
  connect(BackEnd::kProtocolFeatures & ~(1ULL << VHOST_USER_PROTOCOL_F_GPA_ADDRESSES));
  constexpr std::uint64_t kUser = 0x7f00'0000'0000;
  front_->send_u64(Request::set_features, kAllFeatures);
  const SingleMemoryRegion region{
      .padding = 0,
      .region = {
          .guest_phys_addr = ram_.base(), .memory_size = ram_.size(), .userspace_addr = kUser, .mmap_offset = 0}};
  front_->send(Request::add_mem_reg, payload_of(region), {ram_.fd()});
  front_->send_state(Request::set_vring_num, 0, 8);
  const std::uint64_t shift = kUser - ram_.base();
  const VringAddr address{.index = 0,
                          .flags = 0,
                          .desc_user_addr = drivers_[0].desc_address() + shift,
                          .used_user_addr = drivers_[0].used_address() + shift,
                          .avail_user_addr = drivers_[0].avail_address() + shift,
                          .log_guest_addr = 0};
  front_->send(Request::set_vring_addr, payload_of(address));
  front_->start_ring(0);
  front_->send_state(Request::set_vring_enable, 0, 1);
  offer(0, 0, "user");
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "user")));
}

TEST_F(BackEndTest, TheNewestCallFdIsUsed) {
  connect();
  start();
  const auto other = platform::create_pipe();
  ASSERT_TRUE(other);
  front_->send_u64(Request::set_vring_call, 0, {other->write_end.get()});
  offer(0, 0, "a");
  front_->kick(0);
  pump();
  EXPECT_EQ(front_->calls(0), 0);
  pollfd state{.fd = other->read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&state, 1, 0), 1);
}

TEST_F(BackEndTest, ADriverThatPollsGetsNoCalls) {
  connect();
  start();
  front_->send_u64(Request::set_vring_call, 0 | kVringNoFd);
  offer(0, 0, "a");
  front_->kick(0);
  pump();
  EXPECT_THAT(drivers_[0].take_used(), ElementsAre(Used{.head = 0, .written = 1}));
  EXPECT_EQ(front_->calls(0), 0);
}

TEST_F(BackEndTest, AnEndlessQueueLeavesTurnsToTheOther) {
  connect();
  start();
  // Control messages beget control messages; the cursor's comes while they do.
  int echoes = 0;
  device_.at_message = [&] {
    if (device_.seen.back().first == 1) {
      device_.at_message = nullptr;
      return;
    }
    const auto head = static_cast<std::uint16_t>(2 * (++echoes % 4));
    offer(0, head, "more");
    if (echoes == 3) {
      offer(1, 0, "cursor");
      front_->kick(1);
    }
  };
  offer(0, 0, "more");
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, ::testing::Contains(std::pair(1U, "cursor")));
}

// --- Config space ---

TEST_F(BackEndTest, TheConfigSpaceIsZeroBehindItsEnd) {
  connect();
  const std::array<std::uint32_t, 9> query{0,          24,         0,          0xffffffff, 0xffffffff,
                                           0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  front_->send(Request::get_config, payload_of(query));
  const auto all = replies();
  ASSERT_EQ(all.size(), 1U);
  const std::array<std::uint32_t, 9> expected{0, 24, 0, 0x00030201};
  EXPECT_EQ((all[0].as<std::array<std::uint32_t, 9>>()), expected);
}

TEST_F(BackEndTest, AConfigMessageThatLiesIsAnsweredWithNothing) {
  const std::array<std::uint32_t, 3> queries[] = {
      {0, 24, 0},          // no room came for them
      {0, 0xffffffff, 0},  // overflows with the header
      {0xffffffff, 0, 0},  // far behind
      {200, 100, 0},       // passes 256
  };
  for (const auto& query : queries) {
    front_->send(Request::get_config, payload_of(query));
    const auto all = replies();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_TRUE(all[0].payload.empty());
    front_->send(Request::set_config, payload_of(query), {}, kNeedReply);
    EXPECT_EQ(acknowledgement(), 1U);
  }
  EXPECT_THAT(device_.writes, IsEmpty());
  EXPECT_THAT(endings_, IsEmpty());
}

TEST_F(BackEndTest, AConfigWriteReachesTheDeviceAsAWhole) {
  const std::array<std::uint32_t, 9> write{0, 24, 0, 1, 1, 1, 1, 0, 0};
  front_->send(Request::set_config, payload_of(write), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  EXPECT_THAT(device_.writes, ElementsAre(std::pair(0U, 24U)));
  std::array<std::uint32_t, 9> migration = write;
  migration[2] = 1;
  front_->send(Request::set_config, payload_of(migration), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
}

// --- Memory ---

TEST_F(BackEndTest, MemoryMayChangeWhileRingsRun) {
  connect();
  start();
  const GuestRam more(1 << 16, 0x8000'0000);
  const SingleMemoryRegion region{
      .padding = 0,
      .region = {
          .guest_phys_addr = more.base(), .memory_size = more.size(), .userspace_addr = more.base(), .mmap_offset = 0}};
  front_->send(Request::add_mem_reg, payload_of(region), {more.fd()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  more.write(more.base(), "added");
  drivers_[0].describe_chain(0, {{.addr = more.base(), .len = 5, .flags = 0, .next = 0}});
  drivers_[0].offer(0);
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "added")));

  // A file that comes along is none of ours.
  front_->send(Request::rem_mem_reg, payload_of(region), {more.fd()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  front_->send(Request::rem_mem_reg, payload_of(region), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  drivers_[0].offer(0);
  front_->kick(0);
  pump();
  EXPECT_EQ(device_.seen.size(), 1U);
  EXPECT_EQ(front_->errors(0), 1);
}

TEST_F(BackEndTest, TheTableOutlivesAStop) {
  connect();
  start();
  (void)stop();
  EXPECT_TRUE(back_->memory().table()->contains(ram_.base(), ram_.size()));
}

TEST_F(BackEndTest, AMemoryTableThatLiesIsRefused) {
  struct {
    MemoryTableHeader header;
    MemoryRegion region;
  } table{.header = {.num_regions = 2, .padding = 0},
          .region = {.guest_phys_addr = 0, .memory_size = 4096, .userspace_addr = 0, .mmap_offset = 0}};
  front_->send(Request::set_mem_table, payload_of(table), {ram_.fd()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  table.header.num_regions = 1;
  front_->send(Request::set_mem_table, payload_of(table), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  table.region.memory_size = 1 << 30;
  front_->send(Request::set_mem_table, payload_of(table), {ram_.fd()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  table.header.num_regions = 0x08000001;  // * 32 is 32 in 32 bits
  front_->send(Request::set_mem_table, payload_of(table), {ram_.fd()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  EXPECT_THAT(endings_, IsEmpty());
}

// --- Acknowledgements, unknown requests ---

TEST_F(BackEndTest, TheFlagAloneDecidesAboutAcknowledgements) {
  front_->send(Request::set_owner);
  EXPECT_THAT(replies(), IsEmpty());
  front_->send(Request::set_owner, {}, {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  front_->send(Request::get_queue_num, {}, {}, kNeedReply);  // has an answer of its own, and only that
  EXPECT_EQ(acknowledgement(), 2U);
  front_->send(Request::get_max_mem_slots);
  EXPECT_EQ(acknowledgement(), 512U);
}

TEST_F(BackEndTest, UnknownRequestsAreRefusedOrIgnored) {
  const std::array<std::byte, 600> payload{};
  for (const std::uint32_t request : {0U, 6U, 7U, 22U, 26U, 28U, 32U, 41U, 43U, 99U, 0xffffffffU}) {
    front_->send(request, payload, {}, kNeedReply);
    EXPECT_EQ(acknowledgement(), 1U) << request;
    front_->send(request, payload);
    EXPECT_THAT(replies(), IsEmpty()) << request;
  }
  EXPECT_THAT(endings_, IsEmpty());
}

int open_fds() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) ++count;
  }
  return count;
}

TEST_F(BackEndTest, FdsThatNobodyAskedForAreClosed) {
  const int before = open_fds();
  const int fd = ram_.fd();
  front_->send(Request::get_features, {}, {fd, fd, fd, fd, fd, fd, fd, fd});
  front_->send(99U, {}, {fd, fd});
  front_->send_u64(Request::set_features, 0, {fd});
  front_->send_u64(Request::set_vring_call, 0 | kVringNoFd, {fd});
  front_->send_u64(Request::set_vring_call, 9, {fd});
  front_->send_u64(Request::set_vring_kick, 0, {fd, fd});
  front_->send(Request::set_backend_req_fd, {}, {fd, fd});
  (void)replies();
  EXPECT_EQ(open_fds(), before);
  EXPECT_THAT(endings_, IsEmpty());
}

// --- What cannot be understood ends the connection ---

struct BadMessage {
  const char* name;
  MessageHeader header;
  const char* reason;
};

TEST_F(BackEndTest, MessagesThatCannotBeUnderstoodEndTheConnection) {
  const BadMessage bad[] = {
      {"version 0", {.request = 1, .flags = 0, .size = 0}, "flags 0x0"},
      {"version 2", {.request = 1, .flags = 2, .size = 0}, "flags 0x2"},
      {"a reply", {.request = 1, .flags = 5, .size = 0}, "flags 0x5"},
      {"too long", {.request = 1, .flags = 1, .size = 8}, "GET_FEATURES has a payload of 8 bytes; it must have 0 to 0"},
      {"too short", {.request = 2, .flags = 1, .size = 4}, "SET_FEATURES has a payload of 4 bytes"},
      {"too short for a header", {.request = 24, .flags = 1, .size = 11}, "GET_CONFIG has a payload of 11"},
      {"absurd", {.request = 24, .flags = 1, .size = 0xffffffff}, "it must have 12 to 268"},
      {"too many regions", {.request = 5, .flags = 1, .size = 8 + 9 * 32}, "it must have 8 to 264"},
      {"unknown and absurd", {.request = 99, .flags = 1, .size = 4097}, "An unknown request"},
  };
  for (const BadMessage& one : bad) {
    SCOPED_TRACE(one.name);
    endings_.clear();
    SetUp();
    front_->send_raw(payload_of(one.header));
    pump();
    ASSERT_EQ(endings_.size(), 1U);
    EXPECT_EQ(endings_[0].first, BackEnd::Ending::front_end_at_fault);
    EXPECT_THAT(endings_[0].second, HasSubstr(one.reason));
    EXPECT_TRUE(back_->ended());
    EXPECT_FALSE(front_->take());
  }
}

TEST_F(BackEndTest, AMessageMayComeInPieces) {
  const MessageHeader header{.request = 2, .flags = kNeedReply, .size = 8};
  const std::uint64_t features = kVersion1;
  std::vector<std::byte> message(20);
  std::memcpy(message.data(), &header, 12);
  std::memcpy(message.data() + 12, &features, 8);
  for (const std::byte& one : message) {
    EXPECT_THAT(replies(), IsEmpty());
    front_->send_raw({&one, 1});
  }
  EXPECT_EQ(acknowledgement(), 0U);
}

TEST_F(BackEndTest, SeveralMessagesMayComeAtOnce) {
  std::vector<std::byte> all;
  for (int i = 0; i < 3; ++i) {
    const MessageHeader header{.request = 17, .flags = 1, .size = 0};
    const auto bytes = payload_of(header);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  front_->send_raw(all);
  EXPECT_EQ(replies().size(), 3U);
}

TEST_F(BackEndTest, AFrontEndThatLeavesBetweenMessagesIsNotAtFault) {
  connect();
  start();
  front_->close();
  pump();
  ASSERT_EQ(endings_.size(), 1U);
  EXPECT_EQ(endings_[0].first, BackEnd::Ending::front_end_left);
  EXPECT_EQ(device_.stops, 1);
}

TEST_F(BackEndTest, HalfAMessageIsNotWaitedForAndEndsWithItsSender) {
  const MessageHeader header{.request = 2, .flags = 1, .size = 8};
  front_->send_raw(payload_of(header));
  pump();
  EXPECT_THAT(endings_, IsEmpty());
  front_->close();
  pump();
  ASSERT_EQ(endings_.size(), 1U);
  EXPECT_EQ(endings_[0].first, BackEnd::Ending::front_end_at_fault);
  EXPECT_THAT(endings_[0].second, HasSubstr("middle"));
}

TEST_F(BackEndTest, MoreThanEightFdsEndTheConnection) {
  const MessageHeader header{.request = 1, .flags = 1, .size = 0};
  const int before = open_fds();
  const int fd = ram_.fd();
  front_->send_raw(payload_of(header), {fd, fd, fd, fd, fd, fd, fd, fd, fd});
  pump();
  ASSERT_EQ(endings_.size(), 1U);
  EXPECT_THAT(endings_[0].second, HasSubstr("file descriptors"));
  EXPECT_LT(open_fds(), before);  // the connection's own
}

TEST_F(BackEndTest, AnFdInTheMiddleOfAMessageEndsTheConnection) {
  const MessageHeader header{.request = 2, .flags = 1, .size = 8};
  front_->send_raw(payload_of(header));
  const std::uint64_t value = 0;
  front_->send_raw(payload_of(value), {ram_.fd()});
  pump();
  ASSERT_EQ(endings_.size(), 1U);
  EXPECT_THAT(endings_[0].second, HasSubstr("file descriptors"));
}

TEST_F(BackEndTest, AFrontEndThatReadsNoAnswersIsLeft) {
  for (int i = 0; i < 100'000 && endings_.empty(); ++i) {
    front_->send(Request::get_shmem_config);
    loop_->run_once(std::chrono::milliseconds(0));
  }
  ASSERT_EQ(endings_.size(), 1U);
  EXPECT_THAT(endings_[0].second, HasSubstr("does not read"));
}

TEST_F(BackEndTest, TheOwnerMayDestroyItAtItsEnd) {
  connect();
  start();
  auto pair = platform::create_socket_pair();
  ASSERT_TRUE(pair);
  std::unique_ptr<BackEnd> other;
  FakeDevice device;
  other = *BackEnd::create(*loop_, std::move(pair->second), device, {},
                           [&](BackEnd::Ending, const std::string&) { other.reset(); });
  pair->first = UniqueFd();
  pump();
  EXPECT_EQ(other, nullptr);
}

// --- Ring messages that come wrong ---

TEST_F(BackEndTest, RingMessagesForRingsThatDoNotExistAreRefused) {
  connect();
  for (const Request request : {Request::set_vring_num, Request::set_vring_base, Request::set_vring_enable}) {
    for (const std::uint32_t index : {2U, 256U, 0xffffffffU}) {
      front_->send_state(request, index, 1, kNeedReply);
      EXPECT_EQ(acknowledgement(), 1U);
    }
  }
  VringAddr address{};
  address.index = 2;
  front_->send(Request::set_vring_addr, payload_of(address), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  for (const Request request : {Request::set_vring_kick, Request::set_vring_call, Request::set_vring_err}) {
    front_->send_u64(request, 2, {ram_.fd()}, kNeedReply);
    EXPECT_EQ(acknowledgement(), 1U);
  }
  // This one has no way to say no, and the front-end waits.
  front_->send_state(Request::get_vring_base, 7, 0);
  const auto all = replies();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].as<VringState>().index, 7U);
}

TEST_F(BackEndTest, RingMessagesWithBadValuesAreRefused) {
  connect();
  for (const std::uint32_t size : {0U, 3U, 65536U, 0x80000000U}) {
    front_->send_state(Request::set_vring_num, 0, size, kNeedReply);
    EXPECT_EQ(acknowledgement(), 1U) << size;
  }
  front_->send_state(Request::set_vring_base, 0, 0x10000, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  front_->send_state(Request::set_vring_enable, 0, 2, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  for (const Request request : {Request::set_vring_kick, Request::set_vring_call, Request::set_vring_err}) {
    front_->send_u64(request, 0, {}, kNeedReply);  // says that there is an fd
    EXPECT_EQ(acknowledgement(), 1U);
  }
  front_->send_u64(Request::set_vring_kick, 0 | kVringNoFd, {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  front_->send(Request::set_backend_req_fd, {}, {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
}

TEST_F(BackEndTest, ARingThatIsNotDescribedDoesNotStart) {
  connect();
  front_->send_u64(Request::set_vring_kick, 0, {front_->kick_fd(0)}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  front_->send_state(Request::set_vring_num, 0, 8);
  front_->send_u64(Request::set_vring_kick, 0, {front_->kick_fd(0)}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  front_->set_up_ring(0, drivers_[0], 0);  // but no memory
  front_->send_u64(Request::set_vring_kick, 0, {front_->kick_fd(0)}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  EXPECT_EQ(front_->errors(0), 1);
  front_->send_state(Request::set_vring_enable, 0, 1);
  pump();
  EXPECT_THAT(device_.starts, IsEmpty());
  // With memory it does.
  front_->set_memory(ram_);
  front_->send_u64(Request::set_vring_kick, 0, {front_->kick_fd(0)}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first));
}

TEST_F(BackEndTest, AStartedRingCannotBeDescribedAnew) {
  connect();
  start();
  front_->send_state(Request::set_vring_num, 0, 16, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  front_->send_state(Request::set_vring_base, 0, 5, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  const VringAddr address{};
  front_->send(Request::set_vring_addr, payload_of(address), {}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 1U);
  offer(0, 0, "still");
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(0U, "still")));
}

TEST_F(BackEndTest, AnotherKickFdReplacesTheFirst) {
  connect();
  start();
  const auto other = platform::create_pipe();
  ASSERT_TRUE(other);
  front_->send_u64(Request::set_vring_kick, 0, {other->read_end.get()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  EXPECT_EQ(device_.starts.size(), 1U);
  offer(0, 0, "a");
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(other->write_end.get(), &one, sizeof(one)), 8);
  pump();
  EXPECT_EQ(device_.seen.size(), 1U);
}

TEST_F(BackEndTest, AKickFdThatEndsIsNotPolledForEver) {
  connect();
  start();
  {
    const auto other = platform::create_pipe();
    ASSERT_TRUE(other);
    front_->send_u64(Request::set_vring_kick, 0, {other->read_end.get()});
    pump();
  }
  pump();
  // Were it polled still, it would count as kicked, for ever.
  offer(0, 0, "not kicked");
  pump();
  EXPECT_THAT(device_.seen, IsEmpty());
}

TEST_F(BackEndTest, ABrokenRingTellsTheFrontEndAndLeavesTheOtherAlone) {
  connect();
  start();
  drivers_[0].offer(99);
  front_->kick(0);
  pump();
  EXPECT_EQ(front_->errors(0), 1);
  EXPECT_EQ(front_->errors(1), 0);
  offer(1, 0, "cursor");
  front_->kick(1);
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, ElementsAre(std::pair(1U, "cursor")));
  EXPECT_THAT(endings_, IsEmpty());
}

TEST_F(BackEndTest, GetVringBaseIsAnsweredForRingsThatNeverStarted) {
  connect();
  front_->send_state(Request::set_vring_base, 1, 77);
  EXPECT_THAT(stop(), ElementsAre(0, 77));
}

// --- Reset and pause ---

TEST_F(BackEndTest, RingsThatGoOnWhereTheyWereWerePaused) {
  connect();
  start();
  device_.keep = true;
  offer(0, 0, "long");
  front_->kick(0);
  pump();
  ASSERT_EQ(device_.kept.size(), 1U);
  EXPECT_THAT(stop(), ElementsAre(1, 0));
  EXPECT_EQ(device_.stops, 1);
  device_.kept[0].complete(bytes_of("done"));
  pump();
  EXPECT_EQ(drivers_[0].used_idx(), 0);  // no guest memory is written, no call raised while stopped
  EXPECT_EQ(front_->calls(0), 0);
  const std::uint16_t bases[] = {1, 0};
  front_->start(kAllFeatures, ram_, drivers_, bases);
  pump();
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_pause));
  EXPECT_THAT(drivers_[0].take_used(), ElementsAre(Used{.head = 0, .written = 4}));
  EXPECT_GE(front_->calls(0), 1);
}

TEST_F(BackEndTest, RingsThatStartAnewWereReset) {
  connect();
  start();
  device_.keep = true;
  offer(0, 0, "long");
  front_->kick(0);
  pump();
  ASSERT_EQ(device_.kept.size(), 1U);
  EXPECT_THAT(stop(), ElementsAre(1, 0));
  reset_drivers();
  start(0, 0);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_reset));
  device_.kept.clear();  // completes into nothing
  EXPECT_EQ(drivers_[0].used_idx(), 0);
  device_.keep = false;
  offer(0, 0, "new");
  front_->kick(0);
  pump();
  EXPECT_THAT(drivers_[0].take_used(), ElementsAre(Used{.head = 0, .written = 3}));
}

TEST_F(BackEndTest, OnlyOneRingMayTellAReset) {
  connect();
  start();
  offer(1, 0, "cursor");
  front_->kick(1);
  pump();
  EXPECT_THAT(stop(), ElementsAre(0, 1));
  reset_drivers();
  start(0, 0);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_reset));
}

TEST_F(BackEndTest, UnusedRingsAreToldApartByTheConfigSpace) {
  connect();
  read_config();  // before the first start it means nothing
  start();
  EXPECT_THAT(stop(), ElementsAre(0, 0));
  start(0, 0);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_pause));
  (void)stop();
  read_config();
  start(0, 0);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_pause, Start::after_reset));
  // And a config space that is read while the rings run means nothing either.
  read_config();
  (void)stop();
  start(0, 0);
  EXPECT_EQ(device_.starts.back(), Start::after_pause);
}

TEST_F(BackEndTest, AConfigSpaceThatIsReadDuringAPauseOfUsedRingsDoesNotCount) {
  connect();
  start();
  offer(0, 0, "a");
  front_->kick(0);
  pump();
  EXPECT_THAT(stop(), ElementsAre(1, 0));
  read_config();
  start(1, 0);
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_pause));
}

TEST_F(BackEndTest, DisablingAndEnablingIsAPause) {
  connect();
  start();
  for (unsigned i = 0; i < 2; ++i) front_->send_state(Request::set_vring_enable, i, 0);
  pump();
  EXPECT_FALSE(back_->running());
  offer(0, 0, "later");
  front_->kick(0);
  pump();
  EXPECT_THAT(device_.seen, IsEmpty());
  for (unsigned i = 0; i < 2; ++i) front_->send_state(Request::set_vring_enable, i, 1);
  pump();
  EXPECT_THAT(device_.starts, ElementsAre(Start::first, Start::after_pause));
  EXPECT_EQ(device_.seen.size(), 1U);
}

TEST_F(BackEndTest, FeaturesMayDifferAfterAReset) {
  connect();
  start();
  (void)stop();
  reset_drivers();
  start(0, 0, kVersion1 | (1ULL << 30) | 1 | (1ULL << 40));  // and one that was never offered
  EXPECT_EQ(device_.accepted, 1U);
  const virtq_desc inside[] = {{.addr = data(0, 0), .len = 1, .flags = 0, .next = 0}};
  drivers_[0].describe(0, drivers_[0].describe_table(data(0, 0x100), inside));
  drivers_[0].offer(0);
  front_->kick(0);
  pump();
  EXPECT_EQ(front_->errors(0), 1);  // indirect tables are not negotiated now
}

// --- The back-end channel ---

class ChannelTest : public BackEndTest {
 protected:
  // What the front-end finds on the channel: the request's number, or 0.
  std::uint32_t next_request() {
    pump();
    last_ = front_->take_request();
    return last_ ? last_->header.request : 0;
  }
  Channel::Done note(const char* name) {
    return [this, name](Result<void> result) {
      done_.push_back(std::string(name) + (result ? " ok" : " " + std::to_string(result.error().code)));
    };
  }
  [[nodiscard]] Result<void> map(const char* name = "map") {
    return back_->map({.region = 1, .offset = 0, .length = kWindowSize}, window_.fd(), note(name));
  }
  std::string failure(int error) const { return "map " + std::to_string(error); }

  GuestRam window_{kWindowSize, 0xff'0000'0000};
  std::optional<Received> last_;
  std::vector<std::string> done_;
};

constexpr std::uint32_t kConfigChange = 2;
constexpr std::uint32_t kMap = 9;
constexpr std::uint32_t kUnmap = 10;

TEST_F(ChannelTest, NothingIsSentBeforeTheRingsRun) {
  connect();
  back_->config_changed();
  ASSERT_TRUE(map());
  EXPECT_EQ(next_request(), 0U);
  start();
  EXPECT_EQ(next_request(), kConfigChange);
}

TEST_F(ChannelTest, NothingIsSentWhileOneRingIsNotEnabledYet) {
  connect();
  back_->config_changed();
  front_->send_u64(Request::set_features, kAllFeatures);
  front_->set_memory(ram_);
  for (unsigned i = 0; i < 2; ++i) {
    front_->set_up_ring(i, drivers_[i], 0);
    front_->start_ring(i);
  }
  front_->send_state(Request::set_vring_enable, 0, 1);
  EXPECT_EQ(next_request(), 0U);
  front_->send_state(Request::set_vring_enable, 1, 1);
  EXPECT_EQ(next_request(), kConfigChange);
}

TEST_F(ChannelTest, AMappingHasTheSpecifiedLayoutAndAnFd) {
  connect();
  start();
  ASSERT_TRUE(back_->map({.region = 1, .offset = 0x1000, .length = 0x2000, .file_offset = 0x3000, .writable = false},
                         window_.fd(), note("map")));
  ASSERT_EQ(next_request(), kMap);
  EXPECT_EQ(last_->header.flags, kNeedReply);
  ASSERT_EQ(last_->payload.size(), 40U);
  EXPECT_EQ((last_->as<std::array<std::uint64_t, 5>>()), (std::array<std::uint64_t, 5>{1, 0x3000, 0x1000, 0x2000, 0}));
  ASSERT_EQ(last_->fds.size(), 1U);
  EXPECT_EQ(identity_of(last_->fds[0].get()), identity_of(window_.fd()));
  EXPECT_THAT(done_, IsEmpty());
  front_->answer(BackEndRequest::shmem_map, 0);
  pump();
  EXPECT_THAT(done_, ElementsAre("map ok"));
}

TEST_F(ChannelTest, OneRequestIsOnItsWayAtATime) {
  connect();
  start();
  ASSERT_TRUE(map("one"));
  ASSERT_TRUE(back_->unmap({.region = 1, .offset = 0, .length = kWindowSize}, note("two")));
  ASSERT_EQ(next_request(), kMap);
  EXPECT_EQ(next_request(), 0U);
  front_->answer(BackEndRequest::shmem_map, 1);
  ASSERT_EQ(next_request(), kUnmap);
  EXPECT_TRUE(last_->fds.empty());
  front_->answer(BackEndRequest::shmem_unmap, 0);
  pump();
  EXPECT_THAT(done_, ElementsAre("one " + std::to_string(EIO), "two ok"));
}

TEST_F(ChannelTest, ChangesThatWaitBecomeOne) {
  connect();
  start();
  for (int i = 0; i < 10; ++i) back_->config_changed();
  EXPECT_EQ(next_request(), kConfigChange);
  EXPECT_TRUE(last_->payload.empty());
  front_->answer(BackEndRequest::config_change_msg, 0);
  EXPECT_EQ(next_request(), kConfigChange);  // those after the first was sent
  front_->answer(BackEndRequest::config_change_msg, 0);
  EXPECT_EQ(next_request(), 0U);
}

TEST_F(ChannelTest, TheFrontEndIsServedWhileARequestWaitsForItsAnswer) {
  connect();
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  // As QEMU does: it sends the new table before its answer, and waits for the acknowledgement.
  front_->set_memory(ram_, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  front_->answer(BackEndRequest::shmem_map, 0);
  pump();
  EXPECT_THAT(done_, ElementsAre("map ok"));
}

TEST_F(ChannelTest, NothingIsSentAfterAStopThatIsStillUnread) {
  connect();
  start();
  front_->send_state(Request::set_vring_enable, 0, 0);
  // Not read yet, but it lies there.
  back_->config_changed();
  EXPECT_FALSE(front_->take_request());
  EXPECT_EQ(next_request(), 0U);
  front_->send_state(Request::set_vring_enable, 0, 1);
  EXPECT_EQ(next_request(), kConfigChange);
}

TEST_F(ChannelTest, AWindowThatComesBackIsNotMemory) {
  connect();
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  const SingleMemoryRegion region{.padding = 0,
                                  .region = {.guest_phys_addr = window_.base(),
                                             .memory_size = kWindowSize,
                                             .userspace_addr = window_.base(),
                                             .mmap_offset = 0}};
  front_->send(Request::add_mem_reg, payload_of(region), {last_->fds[0].get()}, kNeedReply);
  EXPECT_EQ(acknowledgement(), 0U);
  EXPECT_FALSE(back_->memory().table()->contains(window_.base(), 1));
  EXPECT_EQ(back_->memory().table()->regions().size(), 2U);
}

TEST_F(ChannelTest, AWindowThatWasRefusedIsForgotten) {
  connect();
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  front_->answer(BackEndRequest::shmem_map, 1);
  pump();
  const SingleMemoryRegion region{.padding = 0,
                                  .region = {.guest_phys_addr = window_.base(),
                                             .memory_size = kWindowSize,
                                             .userspace_addr = window_.base(),
                                             .mmap_offset = 0}};
  front_->send(Request::add_mem_reg, payload_of(region), {window_.fd()});
  pump();
  EXPECT_TRUE(back_->memory().table()->contains(window_.base(), 1));
}

TEST_F(ChannelTest, AResetCancelsWhatWaitsAndTheDeviceMapsAgain) {
  connect();
  start();
  offer(0, 0, "a");
  front_->kick(0);
  ASSERT_TRUE(map("sent"));
  ASSERT_EQ(next_request(), kMap);
  ASSERT_TRUE(map("waiting"));
  (void)stop();
  reset_drivers();
  device_.at_start = [this] { ASSERT_TRUE(map("again")); };
  start(0, 0);
  EXPECT_EQ(device_.starts.back(), Start::after_reset);
  pump();
  EXPECT_THAT(done_, ElementsAre("sent " + std::to_string(ECANCELED), "waiting " + std::to_string(ECANCELED)));
  EXPECT_EQ(next_request(), 0U);  // the first one's answer is still out
  front_->answer(BackEndRequest::shmem_map, 0);
  EXPECT_EQ(next_request(), kMap);
  front_->answer(BackEndRequest::shmem_map, 0);
  pump();
  EXPECT_EQ(done_.back(), "again ok");
}

TEST_F(ChannelTest, WhatWaitsAtAPauseIsSentAfterIt) {
  connect();
  start();
  offer(0, 0, "a");
  front_->kick(0);
  pump();
  (void)stop();
  ASSERT_TRUE(map());
  EXPECT_EQ(next_request(), 0U);
  start(1, 0);
  EXPECT_EQ(device_.starts.back(), Start::after_pause);
  EXPECT_EQ(next_request(), kMap);
}

TEST_F(ChannelTest, AnswersThatLieEndTheChannelOnly) {
  const MessageHeader bad[] = {
      {.request = kUnmap, .flags = kReplyFlags, .size = 8},
      {.request = kMap, .flags = 1, .size = 8},
      {.request = kMap, .flags = 0xd, .size = 8},
      {.request = kMap, .flags = kReplyFlags, .size = 0xffffffff},
  };
  for (const MessageHeader& header : bad) {
    done_.clear();
    SetUp();
    connect();
    start();
    ASSERT_TRUE(map());
    ASSERT_EQ(next_request(), kMap);
    std::array<std::byte, 20> answer{};
    std::memcpy(answer.data(), &header, sizeof(header));
    testing::send_with_fds(front_->channel(), answer, {});
    pump();
    EXPECT_THAT(done_, ElementsAre(failure(EPIPE)));
    EXPECT_FALSE(map());
    EXPECT_THAT(endings_, IsEmpty());
    front_->send(Request::get_queue_num);
    EXPECT_EQ(acknowledgement(), 2U);
  }
}

TEST_F(ChannelTest, AnAnswerThatNobodyAskedForEndsTheChannel) {
  connect();
  start();
  front_->answer(BackEndRequest::shmem_map, 0);
  pump();
  EXPECT_FALSE(map());
  back_->config_changed();
  pump();
}

TEST_F(ChannelTest, AChannelThatClosesFailsWhatWaits) {
  connect();
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  ASSERT_TRUE(map());
  last_.reset();
  front_->close_channel();
  front_.reset();
  pump();
  EXPECT_THAT(done_, ElementsAre(failure(EPIPE), failure(EPIPE)));
}

// QEMU closes both, as it likes; killed, at the same moment.
TEST_F(ChannelTest, ThatItEndsWithTheConnectionIsNoError) {
  for (const bool stops : {true, false}) {
    const hesper::test::CapturedLog log;
    SetUp();
    connect();
    start();
    if (stops) (void)stop();
    last_.reset();
    front_->close_channel();
    pump();
    front_.reset();
    pump();
    EXPECT_EQ(endings_.size(), 1U);
    endings_.clear();
    EXPECT_THAT(log.text(), Not(HasSubstr("error"))) << stops;
  }
}

TEST_F(ChannelTest, ThatItEndsAloneIsAnError) {
  options_.end_takes = std::chrono::milliseconds(1);
  const hesper::test::CapturedLog log;
  SetUp();
  connect();
  start();
  front_->close_channel();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!log.text().contains("error") && std::chrono::steady_clock::now() < end)
    loop_->run_once(std::chrono::milliseconds(1));
  EXPECT_THAT(log.text(), HasSubstr("The front-end has closed it. The guest hears no more"));
}

TEST_F(ChannelTest, ADeviceThatStartsWithoutTheOneItHadIsAnError) {
  connect();
  start();
  const auto bases = stop();
  front_->close_channel();
  pump();
  const hesper::test::CapturedLog log;
  start(static_cast<std::uint16_t>(bases[0]), static_cast<std::uint16_t>(bases[1]));
  EXPECT_THAT(log.text(), HasSubstr("The front-end has closed it. The guest hears no more"));
}

TEST_F(ChannelTest, ANewChannelTakesOverWhatWaits) {
  connect();
  start();
  ASSERT_TRUE(map("sent"));
  ASSERT_EQ(next_request(), kMap);
  ASSERT_TRUE(map("waiting"));
  auto other = platform::create_socket_pair();
  ASSERT_TRUE(other);
  front_->send(Request::set_backend_req_fd, {}, {other->second.get()});
  pump();
  EXPECT_THAT(done_, ElementsAre("sent " + std::to_string(EPIPE)));
  EXPECT_EQ(next_request(), 0U);
  const auto request = testing::take_message(other->first.get());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.request, kMap);
}

TEST_F(ChannelTest, AChannelThatIsNoSocketIsGivenUp) {
  connect();
  front_->send(Request::set_backend_req_fd, {}, {ram_.fd()});
  start();
  pump();
  EXPECT_FALSE(map());
  EXPECT_THAT(endings_, IsEmpty());
}

TEST_F(ChannelTest, AnAnswerMayComeInPieces) {
  connect();
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  std::array<std::byte, 20> answer{};
  const MessageHeader header{.request = kMap, .flags = kReplyFlags, .size = 8};
  std::memcpy(answer.data(), &header, sizeof(header));
  for (const std::byte& one : answer) {
    EXPECT_THAT(done_, IsEmpty());
    testing::send_with_fds(front_->channel(), {&one, 1}, {});
    pump();
  }
  EXPECT_THAT(done_, ElementsAre("map ok"));
}

TEST_F(ChannelTest, WithoutReplyAckNothingIsWaitedFor) {
  connect(BackEnd::kProtocolFeatures & ~(1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK));
  start();
  ASSERT_TRUE(map());
  ASSERT_EQ(next_request(), kMap);
  EXPECT_EQ(last_->header.flags, kVersion);
  EXPECT_THAT(done_, ElementsAre("map ok"));
}

TEST_F(ChannelTest, WithoutTheProtocolFeatureThereAreNoWindows) {
  connect(BackEnd::kProtocolFeatures & ~(1ULL << VHOST_USER_PROTOCOL_F_SHMEM_MAP));
  start();
  const auto result = map();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ENOTSUP);
}

TEST_F(ChannelTest, ImpossibleMappingsAreRefusedHere) {
  connect();
  start();
  const WindowMapping bad[] = {
      {.region = 0, .offset = 0, .length = 0x1000},
      {.region = 1, .offset = 0, .length = 0},
      {.region = 1, .offset = 0, .length = 2 * kWindowSize},
      {.region = 1, .offset = kWindowSize, .length = 0x1000},
      {.region = 1, .offset = ~0xfffULL, .length = 0x1000},
      {.region = 1, .offset = 0x800, .length = 0x1000},  // QEMU accepts this one
      {.region = 1, .offset = 0, .length = 0x1800},
      {.region = 1, .offset = 0, .length = 0x1000, .file_offset = 0x800},
      {.region = 1, .offset = 0, .length = 0x1000, .file_offset = kWindowSize},
      {.region = 1, .offset = 0, .length = 0x1000, .file_offset = ~0xfffULL},
  };
  for (const WindowMapping& one : bad) EXPECT_FALSE(back_->map(one, window_.fd(), note("map")));
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(back_->map({.region = 1, .offset = 0, .length = 0x1000}, null.get(), note("map")));
  EXPECT_FALSE(back_->map({.region = 1, .offset = 0, .length = 0x1000}, -1, note("map")));
  EXPECT_EQ(next_request(), 0U);
  EXPECT_THAT(done_, IsEmpty());
}

TEST(BackEnd, WindowsThatQemuCannotTakeAreRefusedAtOnce) {
  const auto loop = *platform::EventLoop::create();
  for (const std::uint64_t size : {std::uint64_t{3} << 20, std::uint64_t{2048}}) {
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    FakeDevice device;
    device.window = size;
    EXPECT_FALSE(BackEnd::create(*loop, std::move(pair->second), device, {}, nullptr)) << size;
  }
}

}  // namespace
}  // namespace hesper::vhost
