#include "screen/vnc/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "platform/signals.h"
#include "platform/socket.h"
#include "support/fake_screens.h"
#include "support/temporary_directory.h"

namespace hesper::screen::vnc {
namespace {

using namespace std::chrono_literals;

// A viewer that takes raw pixels.
class Client {
 public:
  explicit Client(const std::string& address)
      : socket_(std::move(platform::connect_to(address.substr(std::string_view("unix:").size())).value())) {}

  std::vector<std::byte> take(std::size_t size) {
    std::vector<std::byte> bytes(size);
    if (platform::receive_exactly(socket_.get(), bytes) != platform::Received::all) bytes.clear();
    return bytes;
  }
  void send(const std::vector<std::byte>& bytes) { (void)platform::wait_and_send(socket_.get(), bytes); }
  void send(std::initializer_list<int> numbers) {
    std::vector<std::byte> bytes;
    for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
    send(bytes);
  }
  void send(std::string_view text) {
    std::vector<std::byte> bytes;
    Writer(bytes).text(text);
    send(bytes);
  }
  // Up to ServerInit, without a password. The size.
  std::pair<int, int> enter() {
    take(12);
    send(kVersion);
    take(2);
    send({1});
    take(4);
    send({0});
    const auto init = take(24);
    if (init.empty()) return {0, 0};
    take(u32_at(init, 20));
    return {u16_at(init, 0), u16_at(init, 2)};
  }
  void set_encodings(std::initializer_list<Encoding> encodings) {
    std::vector<std::byte> bytes{std::byte{2}, std::byte{0}};
    Writer writer(bytes);
    writer.u16(static_cast<std::uint16_t>(encodings.size()));
    for (const Encoding encoding : encodings) writer.u32(static_cast<std::uint32_t>(encoding));
    send(bytes);
  }
  void ask(bool incremental, std::uint16_t width = 65535, std::uint16_t height = 65535) {
    std::vector<std::byte> bytes;
    Writer writer(bytes);
    writer.u8(3);
    writer.u8(incremental ? 1 : 0);
    writer.u32(0);
    writer.u16(width);
    writer.u16(height);
    send(bytes);
  }
  // The heads of an update's rectangles; raw pixels go to picture.
  struct Rectangle {
    int x, y, width, height, encoding;
    std::vector<std::byte> bytes;
  };
  std::vector<Rectangle> update() {
    const auto head = take(4);
    std::vector<Rectangle> rectangles;
    if (head.empty()) return rectangles;
    for (int count = u16_at(head, 2); count > 0; --count) {
      const auto bytes = take(12);
      Rectangle rectangle{.x = u16_at(bytes, 0),
                          .y = u16_at(bytes, 2),
                          .width = u16_at(bytes, 4),
                          .height = u16_at(bytes, 6),
                          .encoding = static_cast<int>(u32_at(bytes, 8)),
                          .bytes = {}};
      const auto area = static_cast<std::size_t>(rectangle.width * rectangle.height);
      switch (static_cast<Encoding>(rectangle.encoding)) {
        case Encoding::raw: rectangle.bytes = take(area * 4); break;
        case Encoding::extended_desktop_size: rectangle.bytes = take(20); break;
        case Encoding::cursor: rectangle.bytes = take(area * 4 + area / 8); break;
        case Encoding::cursor_with_alpha: rectangle.bytes = take(4 + area * 4); break;
        case Encoding::qemu_led_state: rectangle.bytes = take(1); break;
        default: break;
      }
      rectangles.push_back(std::move(rectangle));
    }
    return rectangles;
  }
  // True: nothing has come for a moment.
  bool quiet() {
    pollfd polled{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, 50) == 0;
  }
  // True: the server has hung up.
  bool hung_up() {
    std::array<std::byte, 4096> bytes;
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (got <= 0) return true;
    }
  }
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
};

class VncServer : public testing::Test {
 protected:
  void SetUp() override { platform::ignore_broken_pipes(); }
  void start(Options options = {}) {
    options.address = "unix:" + (directory_.path() / "vnc").native();
    auto server = Server::prepare(options, {.state = state_, .errands = errands_});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    const auto started = server_->start(shown_);
    ASSERT_TRUE(started) << started.error().message;
  }
  Client connect(std::size_t display = 0) { return Client(server_->addresses().at(display)); }
  template <class Condition>
  static bool soon(Condition&& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }

  test::TemporaryDirectory directory_;
  test::FakeSource source_;
  test::FakeInput input_;
  frame::Ledger ledger_;
  State state_ = std::move(State::open({}).value());
  platform::Errands errands_;
  const Shown shown_{.source = source_, .input = input_, .ledger = ledger_, .state = state_, .over = [] {}};
  std::unique_ptr<Server> server_;
};

std::uint32_t gradient(std::uint32_t x, std::uint32_t y) { return x << 16U | y << 8U | ((x * y) & 0xffU); }

TEST_F(VncServer, ShowsAPictureAndThenWhatChanges) {
  source_.show(0, test::make_frame(40, 30, gradient));
  start();
  Client client = connect();
  EXPECT_EQ(client.enter(), (std::pair{40, 30}));
  client.ask(false);
  auto update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].width, 40);
  ASSERT_EQ(update[0].bytes.size(), 40U * 30 * 4);
  for (std::uint32_t y = 0; y < 30; ++y)
    for (std::uint32_t x = 0; x < 40; ++x) {
      std::uint32_t pixel;
      std::memcpy(&pixel, &update[0].bytes[4 * (std::size_t{y} * 40 + x)], 4);
      ASSERT_EQ(pixel, gradient(x, y));
    }
  client.ask(true);
  EXPECT_TRUE(client.quiet());
  auto next = test::make_frame(40, 30, [](auto, auto) { return 0x010203U; });
  next.damage = {{.x = 3, .y = 4, .width = 5, .height = 6}};
  source_.show(0, next);
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].x, 3);
  EXPECT_EQ(update[0].height, 6);
  EXPECT_EQ(update[0].bytes.size(), 5U * 6 * 4);
  EXPECT_EQ(update[0].bytes[0], std::byte{3});
}

TEST_F(VncServer, OneThatDoesNotReadCostsNothingAndDelaysNobody) {
  source_.show(0, test::make_frame(1000, 1000, gradient));
  start();
  Client stalled = connect();
  stalled.enter();
  for (int i = 0; i < 20; ++i) stalled.ask(false);
  Client client = connect();
  client.enter();
  const std::size_t before = source_.taken();
  for (int i = 0; i < 20; ++i) {
    source_.show(0, test::make_frame(1000, 1000, gradient));
    client.ask(true);
    ASSERT_FALSE(client.update().empty());
  }
  // The stalled one may have taken one or two until its socket was full.
  EXPECT_LE(source_.taken() - before, 20U + 2);
}

TEST_F(VncServer, ADisplayThatShowsNothingIsBlackAndThenShowsWhatComes) {
  source_.set_info(0, {.connected = true, .width = 80, .height = 60});
  start();
  Client client = connect();
  EXPECT_EQ(client.enter(), (std::pair{80, 60}));
  client.set_encodings({Encoding::raw, Encoding::desktop_size});
  client.ask(false);
  auto update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_THAT(update[0].bytes, testing::Each(std::byte{0}));
  client.ask(true);
  source_.show(0, test::make_frame(20, 10, gradient));
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::desktop_size));
  EXPECT_EQ(update[0].width, 20);
  client.ask(true);
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].width, 20);
  EXPECT_EQ(update[0].height, 10);
  client.ask(true);
  source_.blank(0);
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_THAT(update[0].bytes, testing::Each(std::byte{0}));
}

TEST_F(VncServer, OneThatCannotResizeSeesWhatFits) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.ask(false);
  client.update();
  client.ask(true);
  source_.show(0, test::make_frame(30, 5, gradient));
  const auto update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].width, 20);
  EXPECT_EQ(update[0].height, 5);
}

TEST_F(VncServer, RequestsBeyondThePictureAreCut) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.ask(false);
  client.update();
  client.send({3, 0, 0, 19, 0, 9, 0xff, 0xff, 0xff, 0xff});
  const auto update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].width, 1);
  EXPECT_EQ(update[0].height, 1);
}

TEST_F(VncServer, AsksTheGuestForTheSizeThatAViewerWants) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.set_encodings({Encoding::raw, Encoding::extended_desktop_size});
  client.ask(false);
  auto update = client.update();  // that it may ask
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::extended_desktop_size));
  client.send({251, 0, 3, 0x20, 2, 0x58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x20, 2, 0x58, 0, 0, 0, 0});
  ASSERT_TRUE(soon([&] { return !source_.wishes().empty(); }));
  EXPECT_THAT(source_.wishes(), testing::ElementsAre("display 0: 800x600"));
  client.ask(true);
  EXPECT_EQ(client.update().at(0).width, 20);  // the picture
  client.ask(true);
  source_.show(0, test::make_frame(800, 600, gradient));
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::extended_desktop_size));
  EXPECT_EQ(update[0].width, 800);
}

TEST_F(VncServer, CursorsAreSentApart) {
  source_.show(0, test::make_frame(20, 10, gradient));
  auto shape = std::make_shared<gpu::Cursor>();
  shape->hot_x = 5;
  shape->hot_y = 7;
  shape->pixels.fill(std::byte{0});
  // Half transparent red, premultiplied, in the second pixel.
  shape->pixels[4 + 2] = std::byte{0x80};
  shape->pixels[4 + 3] = std::byte{0x80};
  source_.show_cursor(0, {.shape = shape, .position = {.x = 1, .y = 1}});
  start();
  Client client = connect();
  client.enter();
  client.set_encodings({Encoding::raw, Encoding::cursor});
  client.ask(false);
  auto update = client.update();
  ASSERT_EQ(update.size(), 2U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::cursor));
  EXPECT_EQ(update[0].x, 5);
  EXPECT_EQ(update[0].y, 7);
  EXPECT_EQ(update[0].bytes[4 + 2], std::byte{0xff});
  EXPECT_EQ(update[0].bytes[std::size_t{64} * 64 * 4], std::byte{0x40});
  client.set_encodings({Encoding::raw, Encoding::cursor, Encoding::cursor_with_alpha});
  client.ask(true);
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::cursor_with_alpha));
  EXPECT_EQ(update[0].bytes[4 + 4], std::byte{0x80});
  client.ask(true);
  source_.show_cursor(0, {});
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].width, 0);
}

TEST_F(VncServer, KeysGoInAndLedsComeOut) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.set_encodings({Encoding::raw, Encoding::qemu_extended_key_event, Encoding::qemu_led_state});
  client.ask(false);
  auto update = client.update();
  ASSERT_EQ(update.size(), 3U);
  EXPECT_EQ(update[0].encoding, static_cast<int>(Encoding::qemu_extended_key_event));
  EXPECT_EQ(update[1].bytes[0], std::byte{0});
  client.send({255, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x3a, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3a});
  client.send({4, 1, 0, 0, 0, 0, 0, 0x61});
  client.send({5, 1, 0, 10, 0, 5});
  ASSERT_TRUE(soon([&] { return input_.log().size() >= 5; }));
  EXPECT_THAT(input_.log(), testing::ElementsAre("key 58 down", "key 58 up", "key 30 down", "move to 0 34406 36044",
                                                 "button 0x110 down"));
  client.ask(true);
  input_.set_leds({.caps_lock = true});
  update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].bytes[0], std::byte{4});
}

TEST_F(VncServer, OneWhoOnlyWatchesTouchesNothing) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start({.view_only = true});
  Client client = connect();
  client.enter();
  client.set_encodings({Encoding::raw, Encoding::extended_desktop_size});
  client.send({4, 1, 0, 0, 0, 0, 0, 0x61});
  client.send({251, 0, 3, 0x20, 2, 0x58, 0, 0});
  client.ask(true);
  const auto update = client.update();
  ASSERT_EQ(update.size(), 1U);
  EXPECT_EQ(update[0].y, static_cast<int>(ResizeStatus::prohibited));
  EXPECT_TRUE(input_.log().empty());
  EXPECT_TRUE(source_.wishes().empty());
}

TEST_F(VncServer, NonsenseIsHungUpOnAndOthersGoOn) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client good = connect();
  good.enter();
  const std::vector<std::vector<std::byte>> nonsense = {{std::byte{0x99}},
                                                        {std::byte{2}, std::byte{0}, std::byte{0xff}, std::byte{0xff}},
                                                        {std::byte{255}, std::byte{9}}};
  for (const auto& bytes : nonsense) {
    Client bad = connect();
    bad.enter();
    bad.send(bytes);
    EXPECT_TRUE(bad.hung_up());
  }
  Client rude = connect();
  rude.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(rude.hung_up());
  good.ask(false);
  EXPECT_EQ(good.update().size(), 1U);
}

TEST_F(VncServer, SkipsCutTextHoweverItComes) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  std::vector<std::byte> text{std::byte{6}, {}, {}, {}};
  Writer(text).u32(100'000);
  Writer(text).zeros(100'000);
  client.send(text);
  client.ask(false);
  EXPECT_EQ(client.update().size(), 1U);
}

TEST_F(VncServer, ViewersAreBoundedAndTheOldestStrangerMakesRoom) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start({.most_viewers = 2});
  Client one = connect();
  one.enter();
  Client other = connect();
  other.enter();
  Client third = connect();
  EXPECT_TRUE(third.hung_up());
  server_.reset();
  start({.most_viewers = 100});
  std::vector<Client> strangers;
  for (int i = 0; i < 30; ++i) {
    strangers.push_back(connect());
    EXPECT_EQ(strangers.back().take(12).size(), 12U);
  }
  EXPECT_TRUE(strangers.front().hung_up());
  EXPECT_FALSE(strangers.back().take(0).size() != 0);
  Client client = connect();
  EXPECT_EQ(client.enter(), (std::pair{20, 10}));
}

TEST_F(VncServer, EachDisplayHasADoor) {
  source_.show(0, test::make_frame(20, 10, gradient));
  source_.show(2, test::make_frame(8, 9, gradient));
  start({.displays = {0, 2}});
  ASSERT_EQ(server_->addresses().size(), 2U);
  EXPECT_EQ(connect(0).enter(), (std::pair{20, 10}));
  EXPECT_EQ(connect(1).enter(), (std::pair{8, 9}));
}

TEST_F(VncServer, EndsWithTheDevice) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.ask(false);
  client.update();
  client.ask(true);
  source_.end();
  EXPECT_TRUE(client.hung_up());
}

TEST_F(VncServer, TellsWhatAFrameCost) {
  source_.show(0, test::make_frame(20, 10, gradient));
  start();
  Client client = connect();
  client.enter();
  client.ask(false);
  client.update();
  ASSERT_TRUE(soon([&] { return ledger_.report().at(0).frames == 1; }));
  const auto report = ledger_.report().at(0);
  EXPECT_EQ(report.copies, 1U);
  EXPECT_EQ(report.copied_bytes, 20U * 10 * 4);
  EXPECT_GT(report.bytes, 800U);
  EXPECT_EQ(report.stages[static_cast<std::size_t>(frame::Stage::sent)].count, 1U);
}

TEST_F(VncServer, ADisplayThatComesLaterGetsADoor) {
  start();
  ASSERT_EQ(server_->addresses().size(), 1U);
  const auto door = directory_.path() / "vnc.1";
  EXPECT_FALSE(std::filesystem::exists(door));
  source_.set_info(1, {.connected = true, .width = 20, .height = 10});
  ASSERT_TRUE(soon([&] { return std::filesystem::exists(door); }));
  Client client("unix:" + door.native());
  client.enter();
  // It keeps it.
  source_.set_info(1, {});
  EXPECT_TRUE(std::filesystem::exists(door));
}

TEST_F(VncServer, WhatCannotBeUsedIsASentence) {
  const auto refusal = [&](const Options& options) {
    const auto server = Server::prepare(options, {.state = state_, .errands = errands_});
    if (!server) return server.error().message;
    const auto started = (*server)->start(shown_);
    return started ? std::string("it started") : started.error().message;
  };
  EXPECT_THAT(refusal({.address = "0.0.0.0:0"}), testing::HasSubstr("--vnc-allow-remote"));
  EXPECT_THAT(refusal({.password_file = "/nowhere"}), testing::HasSubstr("/nowhere"));
  EXPECT_THAT(refusal({.certificate = "/nowhere"}), testing::HasSubstr("both"));
  EXPECT_THAT(refusal({.certificate = "/nowhere", .key = "/nowhere"}), testing::HasSubstr("certificate"));
  EXPECT_THAT(refusal({.address = "nonsense address", .allow_remote = true}), testing::HasSubstr("not an address"));
}

}  // namespace
}  // namespace hesper::screen::vnc
