// Virtqueue: messages in and out, every lie that a ring can tell, notifications, stop and start.
#include "vhost/virtqueue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "vhost/guest_driver.h"

namespace hesper::vhost {
namespace {

using ::testing::ElementsAre;
using testing::GuestDriver;
using testing::GuestRam;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Used;

constexpr std::uint16_t kNext = VIRTQ_DESC_F_NEXT;
constexpr std::uint16_t kWrite = VIRTQ_DESC_F_WRITE;
constexpr std::uint16_t kIndirect = VIRTQ_DESC_F_INDIRECT;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(const Message& message) {
  return {reinterpret_cast<const char*>(message.bytes().data()), message.bytes().size()};
}

class VirtqueueTest : public ::testing::Test, public Virtqueue::Listener {
 protected:
  void on_used() noexcept override { ++interrupts_; }
  void on_broken(const std::string& reason) noexcept override { broken_.push_back(reason); }

  [[nodiscard]] Virtqueue::Layout layout() const {
    return {.size = driver_.size(),
            .desc = driver_.desc_address(),
            .avail = driver_.avail_address(),
            .used = driver_.used_address()};
  }
  [[nodiscard]] std::uint64_t data(std::uint64_t offset) const { return ram_.base() + 0x4000 + offset; }

  void start(Virtqueue::Features features = {.indirect_desc = true, .event_idx = false}, std::uint16_t next = 0,
             Virtqueue::Options options = {}) {
    if (memory_.table()->regions().empty()) {
      ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
    }
    if (!queue_) queue_ = Virtqueue::create(std::move(options), *this);
    const auto started = queue_->start(layout(), features, next, memory_.table());
    ASSERT_TRUE(started) << started.error().message;
    queue_->set_enabled(true);
  }
  // A message of one readable and one writable descriptor, at `head` and `head` + 1.
  void offer(std::uint16_t head, std::string_view text, std::uint32_t room = 16) {
    ram_.write(data(head * 256U), text);
    driver_.describe_chain(
        head, {{.addr = data(head * 256U), .len = static_cast<std::uint32_t>(text.size()), .flags = 0, .next = 0},
               {.addr = data(head * 256U + 128), .len = room, .flags = kWrite, .next = 0}});
    driver_.offer(head);
  }
  // The ring takes nothing more, and says why.
  void expect_broken(const char* part) {
    EXPECT_FALSE(queue_->pop());
    EXPECT_TRUE(queue_->broken());
    ASSERT_EQ(broken_.size(), 1U);
    EXPECT_THAT(broken_[0], HasSubstr(part));
    EXPECT_FALSE(queue_->pop());
    EXPECT_FALSE(queue_->ask_for_kick());
    EXPECT_EQ(driver_.used_idx(), 0);
  }

  GuestRam ram_{1 << 20};
  GuestDriver driver_{ram_, ram_.base()};
  GuestMemory memory_;
  int interrupts_ = 0;
  std::vector<std::string> broken_;
  std::shared_ptr<Virtqueue> queue_;
};

TEST_F(VirtqueueTest, AMessageGoesThereAndItsResponseBack) {
  start();
  EXPECT_FALSE(queue_->pop());
  offer(0, "question");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "question");
  EXPECT_EQ(message->whole_size(), 8U);
  EXPECT_EQ(message->room(), 16U);
  EXPECT_FALSE(message->oversized());
  EXPECT_THAT(driver_.take_used(), IsEmpty());
  message->complete(bytes_of("answer"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 6}));
  EXPECT_EQ(ram_.read(data(128), 6), "answer");
  EXPECT_EQ(interrupts_, 1);
  EXPECT_FALSE(queue_->pop());
}

TEST_F(VirtqueueTest, TheMessageIsACopy) {
  start();
  offer(0, "before");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  ram_.write(data(0), "after!");
  EXPECT_EQ(text_of(*message), "before");
}

TEST_F(VirtqueueTest, HeadsCompleteInAnyOrder) {
  start();
  offer(0, "a");
  offer(2, "b");
  offer(4, "c");
  auto a = queue_->pop();
  auto b = queue_->pop();
  auto c = queue_->pop();
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(queue_->messages_out(), 3U);
  c->complete(bytes_of("3"));
  a->complete(bytes_of("1"));
  b->complete(bytes_of("2"));
  EXPECT_THAT(driver_.take_used(),
              ElementsAre(Used{.head = 4, .written = 1}, Used{.head = 0, .written = 1}, Used{.head = 2, .written = 1}));
  EXPECT_EQ(ram_.read(data(4 * 256 + 128), 1), "3");
  EXPECT_EQ(queue_->messages_out(), 0U);
}

TEST_F(VirtqueueTest, CompletingTwiceOrAfterAMoveDoesNothing) {
  start();
  offer(0, "a");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  Message moved = std::move(*message);
  message->complete(bytes_of("x"));
  EXPECT_THAT(driver_.take_used(), IsEmpty());
  moved.complete(bytes_of("yy"));
  moved.complete(bytes_of("zzz"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 2}));
}

TEST_F(VirtqueueTest, ADroppedMessageGivesItsDescriptorsBack) {
  start();
  offer(0, "a");
  {
    const auto message = queue_->pop();
  }
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 0}));
}

TEST_F(VirtqueueTest, AssigningOverAMessageCompletesIt) {
  start();
  offer(0, "a");
  offer(2, "b");
  auto message = queue_->pop();
  auto next = queue_->pop();
  ASSERT_TRUE(message && next);
  *message = std::move(*next);
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 0}));
  EXPECT_EQ(text_of(*message), "b");
  message->complete(bytes_of("r"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 2, .written = 1}));
}

TEST_F(VirtqueueTest, AMessageMayOutliveItsQueue) {
  start();
  offer(0, "a");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  queue_.reset();
  message->complete(bytes_of("late"));
  EXPECT_EQ(driver_.used_idx(), 0);
}

TEST_F(VirtqueueTest, BothPartsMayBeScattered) {
  start();
  ram_.write(data(0), "one");
  ram_.write(data(100), "two");
  driver_.describe_chain(0, {{.addr = data(0), .len = 3, .flags = 0, .next = 0},
                             {.addr = data(50), .len = 0, .flags = 0, .next = 0},  // odd but harmless
                             {.addr = data(100), .len = 3, .flags = 0, .next = 0},
                             {.addr = data(200), .len = 2, .flags = kWrite, .next = 0},
                             {.addr = data(300), .len = 0, .flags = kWrite, .next = 0},
                             {.addr = data(301), .len = 5, .flags = kWrite, .next = 0}});
  driver_.offer(0);
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "onetwo");
  EXPECT_EQ(message->room(), 7U);
  message->complete(bytes_of("1234"));
  EXPECT_EQ(ram_.read(data(200), 2), "12");
  EXPECT_EQ(ram_.read(data(301), 3), std::string_view("34\0", 3));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 4}));
}

TEST_F(VirtqueueTest, AResponseIsCutToTheRoom) {
  start();
  offer(0, "a", 3);
  queue_->pop()->complete(bytes_of("abcdef"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 3}));
  EXPECT_EQ(ram_.read(data(128), 4), std::string_view("abc\0", 4));
}

TEST_F(VirtqueueTest, AMessageWithoutRoomCompletesWithNothingWritten) {
  start();
  driver_.describe_chain(0, {{.addr = data(0), .len = 4, .flags = 0, .next = 0}});
  driver_.offer(0);
  queue_->pop()->complete(bytes_of("ignored"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 0}));
}

TEST_F(VirtqueueTest, AnEmptyMessageIsAMessage) {
  start();
  driver_.describe_chain(0, {{.addr = 0, .len = 0, .flags = 0, .next = 0}});
  driver_.offer(0);
  const auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->bytes().empty());
  EXPECT_EQ(message->room(), 0U);
}

TEST_F(VirtqueueTest, ADescriptorMaySpanRegions) {
  const GuestRam more(1 << 16, ram_.base() + ram_.size());
  ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
  ASSERT_TRUE(memory_.add(more.region(), more.duplicate()));
  start();
  ram_.write(more.base() - 2, "sp");
  more.write(more.base(), "an");
  driver_.describe_chain(0, {{.addr = more.base() - 2, .len = 4, .flags = 0, .next = 0},
                             {.addr = more.base() - 1, .len = 2, .flags = kWrite, .next = 0}});
  driver_.offer(0);
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "span");
  message->complete(bytes_of("<>"));
  EXPECT_EQ(ram_.read(more.base() - 1, 1), "<");
  EXPECT_EQ(more.read(more.base(), 1), ">");
}

// --- Indirect tables ---

TEST_F(VirtqueueTest, AnIndirectTableMayBeLongerThanTheRing) {
  start();
  std::vector<virtq_desc> chain;
  std::string expected;
  for (std::uint32_t i = 0; i < 2306; ++i) {  // what Linux sends for a submission of 9 MiB
    const std::string text = std::to_string(i % 10);
    ram_.write(data(0x10000 + 3 * i), text);
    expected += text;
    chain.push_back({.addr = data(0x10000 + 3 * i), .len = 1, .flags = 0, .next = 0});
  }
  chain.push_back({.addr = data(0x8000), .len = 8, .flags = kWrite, .next = 0});
  // Neither is a table's address aligned.
  driver_.describe(5, driver_.describe_table(data(0x40001), chain));
  driver_.offer(5);
  auto message = queue_->pop();
  ASSERT_TRUE(message) << broken_.at(0);
  EXPECT_EQ(text_of(*message), expected);
  message->complete(bytes_of("done"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 5, .written = 4}));
  EXPECT_EQ(ram_.read(data(0x8000), 4), "done");
}

TEST_F(VirtqueueTest, NormalDescriptorsMayComeBeforeATableWhoseWriteFlagIsIgnored) {
  start();
  ram_.write(data(0), "ab");
  const virtq_desc inside[] = {{.addr = data(1), .len = 1, .flags = 0, .next = 0},
                               {.addr = data(64), .len = 4, .flags = kWrite, .next = 0}};
  virtq_desc table = driver_.describe_table(data(0x1000), inside);
  table.flags |= kWrite;
  driver_.describe_chain(0, {{.addr = data(0), .len = 1, .flags = 0, .next = 0}, table});
  driver_.offer(0);
  const auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "ab");
  EXPECT_EQ(message->room(), 4U);
}

TEST_F(VirtqueueTest, ATableThatWasNotNegotiatedBreaksTheRing) {
  start({.indirect_desc = false, .event_idx = false});
  const virtq_desc inside[] = {{.addr = data(0), .len = 1, .flags = 0, .next = 0}};
  driver_.describe(0, driver_.describe_table(data(0x1000), inside));
  driver_.offer(0);
  expect_broken("without having said");
}

struct BadTable {
  const char* name;
  std::uint32_t bytes;  // of the table
  std::uint16_t flags;  // of the descriptor that refers to it
  std::vector<virtq_desc> entries;
  const char* reason;
};

TEST_F(VirtqueueTest, BadTablesBreakTheRing) {
  const std::uint64_t at = data(0);
  const BadTable bad[] = {
      {"empty", 0, kIndirect, {}, "whole number"},
      {"half a descriptor", 24, kIndirect, {}, "whole number"},
      {"goes on after the table", 16, kIndirect | kNext, {{at, 1, 0, 0}}, "after its indirect table"},
      {"too long", 16 * 65537, kIndirect, {}, "the limit is 65536"},
      {"table in a table", 16, kIndirect, {{at, 16, kIndirect, 0}}, "refers to another"},
      {"next outside", 32, kIndirect, {{at, 1, kNext, 2}, {at, 1, 0, 0}}, "has only 2"},
      {"loop of one", 16, kIndirect, {{at, 1, kNext, 0}}, "is a loop"},
      {"loop of two", 32, kIndirect, {{at, 1, kNext, 1}, {at, 1, kNext, 0}}, "is a loop"},
      {"readable after writable", 32, kIndirect, {{at, 1, kNext | kWrite, 1}, {at, 1, 0, 0}}, "follows a writable"},
      {"outside of memory", 16, kIndirect, {{1, 1, 0, 0}}, "not in memory"},
      {"past 2^64", 16, kIndirect, {{UINT64_MAX, 2, 0, 0}}, "not in memory"},
  };
  for (const BadTable& one : bad) {
    SCOPED_TRACE(one.name);
    queue_.reset();
    broken_.clear();
    driver_.reset();
    start();
    for (std::size_t i = 0; i < one.entries.size(); ++i)
      std::memcpy(ram_.at(data(0x1000) + 16 * i, 16), &one.entries[i], 16);
    driver_.describe(0, {.addr = data(0x1000), .len = one.bytes, .flags = one.flags, .next = 1});
    driver_.offer(0);
    expect_broken(one.reason);
  }
}

TEST_F(VirtqueueTest, ATableOutsideOfMemoryBreaksTheRing) {
  start();
  driver_.describe(0, {.addr = ram_.base() + ram_.size() - 16, .len = 32, .flags = kIndirect, .next = 0});
  driver_.offer(0);
  expect_broken("indirect table (32 bytes");
}

// --- Rings that lie ---

TEST_F(VirtqueueTest, AnIndexTooFarAheadBreaksTheRing) {
  start();
  driver_.set_avail_idx(9);
  expect_broken("9 ahead");
}

TEST_F(VirtqueueTest, AnIndexThatGoesBackBreaksTheRing) {
  start();
  driver_.set_avail_idx(0xffff);
  expect_broken("65535 ahead");
}

TEST_F(VirtqueueTest, AWholeRingAheadIsNotTooFar) {
  start();
  for (std::uint16_t i = 0; i < 8; ++i) {
    driver_.describe_chain(i, {{.addr = data(i), .len = 1, .flags = 0, .next = 0}});
    driver_.offer(i);
  }
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(queue_->pop()) << i;
  EXPECT_FALSE(queue_->broken());
}

TEST_F(VirtqueueTest, AHeadOutsideTheRingBreaksIt) {
  start();
  driver_.offer(8);
  expect_broken("offers descriptor 8");
}

TEST_F(VirtqueueTest, AHeadThatIsOutBreaksTheRing) {
  start();
  offer(0, "a");
  const auto message = queue_->pop();
  driver_.offer(0);
  expect_broken("not got back");
}

TEST_F(VirtqueueTest, LoopsBreakTheRing) {
  start();
  driver_.describe(0, {.addr = data(0), .len = 1, .flags = kNext, .next = 1});
  driver_.describe(1, {.addr = data(0), .len = 1, .flags = kNext, .next = 0});
  driver_.offer(0);
  expect_broken("is a loop");
}

TEST_F(VirtqueueTest, AChainOfTheWholeRingIsNoLoop) {
  start();
  for (std::uint16_t i = 0; i < 8; ++i)
    driver_.describe(i, {.addr = data(0),
                         .len = 1,
                         .flags = i < 7 ? kNext : std::uint16_t{0},
                         .next = static_cast<std::uint16_t>(i + 1)});
  driver_.offer(0);
  const auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->bytes().size(), 8U);
}

TEST_F(VirtqueueTest, NextOutsideTheRingBreaksIt) {
  start();
  driver_.describe(0, {.addr = data(0), .len = 1, .flags = kNext, .next = 8});
  driver_.offer(0);
  expect_broken("goes on at descriptor 8");
}

TEST_F(VirtqueueTest, AReadableDescriptorAfterAWritableOneBreaksTheRing) {
  start();
  driver_.describe_chain(
      0, {{.addr = data(0), .len = 1, .flags = kWrite, .next = 0}, {.addr = data(8), .len = 1, .flags = 0, .next = 0}});
  driver_.offer(0);
  expect_broken("follows a writable");
}

TEST_F(VirtqueueTest, DescriptorsOutsideOfMemoryBreakTheRing) {
  for (const virtq_desc desc : {virtq_desc{.addr = 0, .len = 1, .flags = 0, .next = 0},
                                virtq_desc{.addr = ram_.base() + ram_.size() - 1, .len = 2, .flags = 0, .next = 0},
                                virtq_desc{.addr = UINT64_MAX, .len = UINT32_MAX, .flags = 0, .next = 0},
                                virtq_desc{.addr = ram_.base(), .len = UINT32_MAX, .flags = kWrite, .next = 0}}) {
    queue_.reset();
    broken_.clear();
    driver_.reset();
    start();
    driver_.describe(0, desc);
    driver_.offer(0);
    expect_broken("not in memory");
  }
}

TEST_F(VirtqueueTest, ADescriptorInAWindowIsNotInMemory) {
  const GuestRam window(1 << 16, 0xff'0000'0000);
  memory_.add_window(*identity_of(window.fd()));
  ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
  ASSERT_TRUE(memory_.add(window.region(), window.duplicate()));
  start();
  driver_.describe(0, {.addr = window.base(), .len = 4, .flags = kWrite, .next = 0});
  driver_.offer(0);
  expect_broken("not in memory");
}

TEST_F(VirtqueueTest, AChainOfMoreThan4GiBBreaksTheRing) {
  start();
  // The same MiB, again and again.
  const auto size = static_cast<std::uint32_t>(ram_.size());
  std::vector<virtq_desc> chain(4096, {.addr = ram_.base(), .len = size, .flags = 0, .next = 0});
  chain.push_back({.addr = ram_.base(), .len = 1, .flags = 0, .next = 0});
  driver_.describe(0, driver_.describe_table(data(0x10000), chain));
  driver_.offer(0);
  expect_broken("2^32");
}

TEST_F(VirtqueueTest, TooManyWritableDescriptorsBreakTheRing) {
  start();
  const std::vector<virtq_desc> chain(1025, {.addr = data(0), .len = 1, .flags = kWrite, .next = 0});
  driver_.describe(0, driver_.describe_table(data(0x10000), chain));
  driver_.offer(0);
  expect_broken("1024 writable");
}

TEST_F(VirtqueueTest, AnOversizedMessageComesWithItsHeadOnly) {
  start({}, 0, {.max_message_bytes = 1000});
  ram_.write(data(0), "header");
  driver_.describe_chain(0, {{.addr = data(0), .len = 1001, .flags = 0, .next = 0},
                             {.addr = data(0x2000), .len = 8, .flags = kWrite, .next = 0}});
  driver_.offer(0);
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->oversized());
  EXPECT_EQ(message->whole_size(), 1001U);
  EXPECT_EQ(message->bytes().size(), Virtqueue::kKeptOfOversized);
  EXPECT_EQ(text_of(*message).substr(0, 6), "header");
  message->complete(bytes_of("too long"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 8}));
}

TEST_F(VirtqueueTest, MessagesShareABudgetAndGiveItBack) {
  auto budget = std::make_shared<Budget>(1000);
  start({}, 0, {.budget = budget});
  for (std::uint16_t i = 0; i < 3; ++i) {
    driver_.describe_chain(i, {{.addr = data(0), .len = 400, .flags = 0, .next = 0}});
    driver_.offer(i);
  }
  auto one = queue_->pop();
  auto two = queue_->pop();
  auto three = queue_->pop();
  ASSERT_TRUE(one && two && three);
  EXPECT_FALSE(two->oversized());
  EXPECT_TRUE(three->oversized());
  EXPECT_EQ(budget->used(), 800U);
  one->release_bytes();
  EXPECT_EQ(budget->used(), 400U);
  two->complete();
  EXPECT_EQ(budget->used(), 0U);
}

// --- Indices that wrap, rings that start in the middle ---

TEST_F(VirtqueueTest, IndicesWrapAround) {
  start({}, 0);
  for (int i = 0; i < 70'000; ++i) {
    driver_.describe_chain(static_cast<std::uint16_t>(i % 8), {{.addr = data(0), .len = 1, .flags = 0, .next = 0}});
    driver_.offer(static_cast<std::uint16_t>(i % 8));
    auto message = queue_->pop();
    ASSERT_TRUE(message) << i;
    message->complete();
    ASSERT_THAT(driver_.take_used(), ElementsAre(Used{.head = static_cast<std::uint32_t>(i % 8), .written = 0}));
  }
}

TEST_F(VirtqueueTest, TheUsedIndexIsReadFromTheRing) {
  driver_.set_avail_idx(100);
  driver_.set_used_idx(100);
  start({}, 100);
  offer(2, "a");
  queue_->pop()->complete();
  EXPECT_EQ(driver_.used_idx(), 101);
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 2, .written = 0}));
}

struct BadLayout {
  const char* name;
  std::function<void(Virtqueue::Layout&)> change;
};

TEST_F(VirtqueueTest, ImpossibleLayoutsAreRefused) {
  ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
  const std::uint64_t end = ram_.base() + ram_.size();
  const BadLayout bad[] = {
      {"size 0", [](auto& it) { it.size = 0; }},
      {"size 3", [](auto& it) { it.size = 3; }},
      {"size 65536", [](auto& it) { it.size = 65536; }},
      {"size 2^31", [](auto& it) { it.size = 1U << 31; }},
      {"descriptors not aligned", [](auto& it) { it.desc += 8; }},
      {"available ring not aligned", [](auto& it) { it.avail += 1; }},
      {"used ring not aligned", [](auto& it) { it.used += 2; }},
      {"descriptors outside", [](auto& it) { it.desc = 0; }},
      {"descriptors half outside", [=](auto& it) { it.desc = end - 16; }},
      {"available ring half outside", [=](auto& it) { it.avail = end - 20; }},
      {"used ring half outside", [=](auto& it) { it.used = end - 68; }},
      {"at the end of all addresses", [](auto& it) { it.used = UINT64_MAX - 3; }},
  };
  queue_ = Virtqueue::create({}, *this);
  for (const BadLayout& one : bad) {
    Virtqueue::Layout wrong = layout();
    one.change(wrong);
    EXPECT_FALSE(queue_->start(wrong, {}, 0, memory_.table())) << one.name;
    EXPECT_FALSE(queue_->started()) << one.name;
    queue_->set_enabled(true);
    EXPECT_FALSE(queue_->pop()) << one.name;
  }
  Virtqueue::Layout last = layout();
  last.avail = end - avail_ring_bytes(last.size);  // just inside
  EXPECT_TRUE(queue_->start(last, {}, 0, memory_.table()));
}

TEST_F(VirtqueueTest, RingsMayBeGivenInUserAddresses) {
  RegionDescription region = ram_.region();
  region.user_address = 0x7f00'0000'0000;
  ASSERT_TRUE(memory_.add(region, ram_.duplicate()));
  queue_ = Virtqueue::create({}, *this);
  Virtqueue::Layout in_user = layout();
  const std::uint64_t shift = region.user_address - region.guest_address;
  in_user.space = AddressSpace::user;
  in_user.desc += shift;
  in_user.avail += shift;
  in_user.used += shift;
  ASSERT_TRUE(queue_->start(in_user, {}, 0, memory_.table()));
  queue_->set_enabled(true);
  offer(0, "a");  // descriptors are in guest addresses all the same
  EXPECT_TRUE(queue_->pop());
}

// --- Notifications ---

TEST_F(VirtqueueTest, TheDriverIsToldUnlessItDoesNotWantTo) {
  start();
  offer(0, "a");
  offer(2, "b");
  offer(4, "c");
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 1);
  driver_.set_no_interrupt(true);
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 1);
  driver_.set_no_interrupt(false);
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 2);
}

TEST_F(VirtqueueTest, TheFirstTimeAfterTheStartTheDriverIsToldInAnyCase) {
  driver_.set_no_interrupt(true);
  driver_.set_used_event(100);
  for (const bool event_idx : {false, true}) {
    interrupts_ = 0;
    driver_.reset();
    driver_.set_no_interrupt(true);
    driver_.set_used_event(100);
    start({.indirect_desc = true, .event_idx = event_idx});
    offer(0, "a");
    offer(2, "b");
    queue_->pop()->complete();
    EXPECT_EQ(interrupts_, 1) << event_idx;
    queue_->pop()->complete();
    EXPECT_EQ(interrupts_, 1) << event_idx;
  }
}

TEST_F(VirtqueueTest, WithTheEventIndexTheDriverIsToldWhenItIsPassed) {
  start({.indirect_desc = true, .event_idx = true});
  for (std::uint16_t i = 0; i < 6; ++i) {
    driver_.describe_chain(i, {{.addr = data(0), .len = 1, .flags = 0, .next = 0}});
    driver_.offer(i);
  }
  queue_->pop()->complete();  // told: the first
  interrupts_ = 0;
  driver_.set_used_event(3);  // tell when index 4 is reached
  queue_->pop()->complete();
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 0);
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 1);
  queue_->pop()->complete();
  EXPECT_EQ(interrupts_, 1);
}

TEST_F(VirtqueueTest, TheEventIndexIsPassedByABatchToo) {
  start({.indirect_desc = true, .event_idx = true});
  for (std::uint16_t i = 0; i < 6; ++i) {
    driver_.describe_chain(i, {{.addr = data(0), .len = 1, .flags = 0, .next = 0}});
    driver_.offer(i);
  }
  queue_->pop()->complete();
  interrupts_ = 0;
  driver_.set_used_event(2);
  {
    const Virtqueue::Batch batch(*queue_);
    for (int i = 0; i < 5; ++i) queue_->pop()->complete();
    EXPECT_EQ(driver_.used_idx(), 6);  // the driver could see them already
    EXPECT_EQ(interrupts_, 0);
  }
  EXPECT_EQ(interrupts_, 1);
}

TEST_F(VirtqueueTest, TheEventIndexWrapsAround) {
  driver_.set_avail_idx(0xfffe);
  driver_.set_used_idx(0xfffe);
  start({.indirect_desc = true, .event_idx = true}, 0xfffe);
  for (std::uint16_t i = 0; i < 4; ++i) {
    driver_.describe_chain(i, {{.addr = data(0), .len = 1, .flags = 0, .next = 0}});
    driver_.offer(i);
  }
  queue_->pop()->complete();
  interrupts_ = 0;
  driver_.set_used_event(0);  // tell when index 1 is reached
  queue_->pop()->complete();  // 0
  EXPECT_EQ(interrupts_, 0);
  queue_->pop()->complete();  // 1
  EXPECT_EQ(interrupts_, 1);
}

TEST_F(VirtqueueTest, AnEmptyBatchTellsNobody) {
  start();
  {
    const Virtqueue::Batch batch(*queue_);
  }
  EXPECT_EQ(interrupts_, 0);
}

TEST_F(VirtqueueTest, BeforeSleepingItLooksAgain) {
  for (const bool event_idx : {false, true}) {
    driver_.reset();
    start({.indirect_desc = true, .event_idx = event_idx});
    EXPECT_FALSE(queue_->pop());
    offer(0, "a");  // between pop() and sleep
    EXPECT_TRUE(queue_->ask_for_kick());
    EXPECT_EQ(driver_.used_flags(), event_idx ? 0 : VIRTQ_USED_F_NO_NOTIFY);
    EXPECT_TRUE(queue_->pop());
    EXPECT_FALSE(queue_->ask_for_kick());
    EXPECT_EQ(driver_.used_flags(), 0);
    EXPECT_EQ(driver_.avail_event(), event_idx ? 1 : 0);
  }
}

// --- Memory that changes ---

TEST_F(VirtqueueTest, AResponseGoesToTheMemoryThatIsThereByThen) {
  const GuestRam before(1 << 16, 0x8000'0000);
  const GuestRam after(1 << 16, 0x8000'0000);
  ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
  ASSERT_TRUE(memory_.add(before.region(), before.duplicate()));
  start();
  driver_.describe_chain(0, {{.addr = before.base(), .len = 4, .flags = kWrite, .next = 0}});
  driver_.offer(0);
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  std::vector<UniqueFd> fds;
  fds.push_back(ram_.duplicate());
  fds.push_back(after.duplicate());
  ASSERT_TRUE(memory_.replace({{ram_.region(), after.region()}}, fds));
  queue_->set_memory(memory_.table());
  message->complete(bytes_of("here"));
  EXPECT_EQ(after.read(after.base(), 4), "here");
  EXPECT_EQ(before.read(before.base(), 4), std::string_view("\0\0\0\0", 4));
}

TEST_F(VirtqueueTest, AResponseWhosePlaceHasGoneBreaksTheRing) {
  const GuestRam more(1 << 16, 0x8000'0000);
  ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
  ASSERT_TRUE(memory_.add(more.region(), more.duplicate()));
  start();
  driver_.describe_chain(0, {{.addr = more.base(), .len = 4, .flags = kWrite, .next = 0}});
  driver_.offer(0);
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  ASSERT_TRUE(memory_.remove(more.region()));
  queue_->set_memory(memory_.table());
  message->complete(bytes_of("here"));
  expect_broken("not in memory any more");
}

TEST_F(VirtqueueTest, ARingWhoseMemoryGoesIsBroken) {
  start();
  offer(0, "a");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  queue_->set_memory(GuestMemory().table());
  message->complete(bytes_of("x"));
  expect_broken("descriptor table");
}

TEST_F(VirtqueueTest, ARingWhoseMemoryMovesGoesOn) {
  start();
  const GuestRam copy(ram_.size(), ram_.base());
  ASSERT_TRUE(memory_.remove(ram_.region()));
  ASSERT_TRUE(memory_.add(copy.region(), copy.duplicate()));
  queue_->set_memory(memory_.table());
  GuestDriver driver(copy, copy.base());
  driver.describe_chain(0, {{.addr = copy.base() + 0x4000, .len = 4, .flags = 0, .next = 0}});
  driver.offer(0);
  EXPECT_TRUE(queue_->pop());
}

// --- Stop and start ---

TEST_F(VirtqueueTest, NothingIsTakenWhileItIsNotEnabled) {
  start();
  queue_->set_enabled(false);
  offer(0, "a");
  EXPECT_FALSE(queue_->pop());
  EXPECT_FALSE(queue_->ask_for_kick());
  queue_->set_enabled(true);
  EXPECT_TRUE(queue_->pop());
}

TEST_F(VirtqueueTest, StopReturnsWhereToGoOn) {
  start();
  offer(0, "a");
  offer(2, "b");
  queue_->pop()->complete();
  EXPECT_EQ(queue_->stop(), 1);
  EXPECT_FALSE(queue_->started());
  EXPECT_FALSE(queue_->pop());
  start({}, 1);
  const auto message = queue_->pop();
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "b");
}

TEST_F(VirtqueueTest, WhatCompletesDuringAPauseIsWrittenAfterIt) {
  start();
  offer(0, "a");
  offer(2, "b");
  auto a = queue_->pop();
  auto b = queue_->pop();
  ASSERT_TRUE(a && b);
  queue_->set_enabled(false);
  b->complete(bytes_of("B"));
  const std::uint16_t next = queue_->stop();
  EXPECT_EQ(next, 2);
  a->complete(bytes_of("A"));
  EXPECT_EQ(driver_.used_idx(), 0);
  EXPECT_EQ(interrupts_, 0);

  ASSERT_TRUE(queue_->start(layout(), {}, next, memory_.table()));
  EXPECT_EQ(driver_.used_idx(), 0);  // not before it is enabled
  queue_->set_enabled(true);
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 2, .written = 1}, Used{.head = 0, .written = 1}));
  EXPECT_EQ(ram_.read(data(128), 1), "A");
  EXPECT_EQ(ram_.read(data(2 * 256 + 128), 1), "B");
  EXPECT_EQ(interrupts_, 1);
}

TEST_F(VirtqueueTest, WhatIsOutDuringAPauseCompletesAfterIt) {
  start();
  offer(0, "a");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  queue_->set_enabled(false);
  const std::uint16_t next = queue_->stop();
  start({}, next);
  message->complete(bytes_of("late"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 4}));
}

TEST_F(VirtqueueTest, AfterAResetNothingOldIsWritten) {
  start();
  offer(0, "a");
  offer(2, "b");
  auto a = queue_->pop();
  auto b = queue_->pop();
  ASSERT_TRUE(a && b);
  queue_->set_enabled(false);
  b->complete(bytes_of("B"));
  queue_->stop();
  queue_->forget_messages();
  driver_.reset();
  start();
  a->complete(bytes_of("A"));
  EXPECT_EQ(driver_.used_idx(), 0);
  offer(0, "new");  // the same head is free again
  queue_->pop()->complete(bytes_of("N"));
  EXPECT_THAT(driver_.take_used(), ElementsAre(Used{.head = 0, .written = 1}));
}

TEST_F(VirtqueueTest, ARingOfAnotherSizeForgetsTheOldOnesMessages) {
  start();
  offer(6, "a");
  auto message = queue_->pop();
  ASSERT_TRUE(message);
  queue_->stop();
  GuestDriver small(ram_, ram_.base() + 0x1000, 4);
  ASSERT_TRUE(queue_->start(
      {.size = 4, .desc = small.desc_address(), .avail = small.avail_address(), .used = small.used_address()}, {}, 0,
      memory_.table()));
  message->complete(bytes_of("x"));
  EXPECT_EQ(small.used_idx(), 0);
}

TEST_F(VirtqueueTest, ABrokenRingWorksAgainAfterAStart) {
  start();
  driver_.offer(8);
  EXPECT_FALSE(queue_->pop());
  EXPECT_TRUE(queue_->broken());
  queue_->stop();
  queue_->forget_messages();
  driver_.reset();
  start();
  offer(0, "a");
  EXPECT_TRUE(queue_->pop());
}

// A driver on a thread of its own, that sleeps unless it is told, and a device that sleeps unless it is kicked: nobody
// may sleep for ever. Each wake-up is an atomic flag, so that a lost one shows as a hang.
TEST_F(VirtqueueTest, NoWakeUpIsLost) {
  constexpr int kMessages = 20'000;
  class Bell final : public Virtqueue::Listener {
   public:
    void on_used() noexcept override { ring(); }
    void on_broken(const std::string& /*reason*/) noexcept override { std::abort(); }
    void ring() {
      rings.fetch_add(1);
      rings.notify_all();
    }
    std::atomic<int> rings{0};
  };
  for (const bool event_idx : {false, true}) {
    driver_.reset();
    Bell interrupt;
    Bell kick;
    if (memory_.table()->regions().empty()) {
      ASSERT_TRUE(memory_.add(ram_.region(), ram_.duplicate()));
    }
    const auto queue = Virtqueue::create({}, interrupt);
    ASSERT_TRUE(queue->start(layout(), {.indirect_desc = true, .event_idx = event_idx}, 0, memory_.table()));
    queue->set_enabled(true);

    std::jthread guest([&] {
      for (int sent = 0, done = 0; done < kMessages;) {
        const int heard = interrupt.rings.load();
        const std::uint16_t before = driver_.offered();
        while (sent < kMessages && sent - done < 8) {
          driver_.describe_chain(static_cast<std::uint16_t>(sent % 8),
                                 {{.addr = data(0), .len = 4, .flags = 0, .next = 0}});
          driver_.offer(static_cast<std::uint16_t>(sent++ % 8));
        }
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const std::uint16_t after = driver_.offered();
        const bool wanted = event_idx ? static_cast<std::uint16_t>(after - driver_.avail_event() - 1) <
                                            static_cast<std::uint16_t>(after - before)
                                      : driver_.used_flags() == 0;
        if (after != before && wanted) kick.ring();
        const auto used = driver_.take_used().size();
        done += static_cast<int>(used);
        if (used > 0) continue;
        driver_.set_used_event(driver_.taken());
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (driver_.used_idx() == driver_.taken()) interrupt.rings.wait(heard);
      }
    });
    for (int served = 0; served < kMessages;) {
      const int heard = kick.rings.load();
      {
        const Virtqueue::Batch batch(*queue);
        while (auto message = queue->pop()) {
          message->complete();
          ++served;
        }
      }
      if (!queue->ask_for_kick() && served < kMessages) kick.rings.wait(heard);
    }
  }
}

}  // namespace
}  // namespace hesper::vhost
