// QMP: messages, also of a QEMU that has lost its senses, and a conversation.
#include "vm/qmp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "platform/signals.h"
#include "platform/socket.h"

namespace hesper::vm {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(QmpMessages, AreRead) {
  const auto greeting =
      parse_qmp(R"({"QMP": {"version": {"qemu": {"micro": 3, "minor": 1, "major": 11}}, "capabilities": []}})");
  ASSERT_TRUE(greeting);
  EXPECT_EQ(std::get<QmpGreeting>(*greeting).major, 11);
  EXPECT_EQ(std::get<QmpGreeting>(*greeting).minor, 1);

  const auto answer = parse_qmp(R"({"return": {"status": "running"}, "id": 7})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<QmpAnswer>(*answer).id, 7u);
  EXPECT_EQ((*std::get<QmpAnswer>(*answer).result)["status"], "running");

  const auto error = parse_qmp(R"({"id": 8, "error": {"class": "GenericError", "desc": "No."}})");
  ASSERT_TRUE(error);
  ASSERT_FALSE(std::get<QmpAnswer>(*error).result);
  EXPECT_EQ(std::get<QmpAnswer>(*error).result.error().message, "QEMU: No.");

  const auto event = parse_qmp(R"({"event": "STOP", "timestamp": {"seconds": 1}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<QmpEvent>(*event).name, "STOP");
  EXPECT_TRUE(std::get<QmpEvent>(*event).data.is_object());
}

TEST(QmpMessages, NonsenseIsRefused) {
  for (const std::string& line :
       {std::string(), std::string("x"), std::string("[]"), std::string("{}"), std::string("null"),
        std::string("{\"return\": {}}"), std::string("{\"return\": {}, \"id\": -1}"),
        std::string("{\"return\": {}, \"id\": \"7\"}"), std::string("{\"id\": 1}"),
        std::string("{\"id\": 1, \"error\": 3}"), std::string("{\"event\": 3}"),
        std::string("{\"event\": \"A\", \"data\": 3}"), std::string("{\"QMP\": 3}"),
        std::string("{\"QMP\": {\"version\": {}}}"),
        std::string("{\"id\": 1, \"return\": ") + std::string(100'000, '['), std::string("\xff\xfe\0{", 4)})
    EXPECT_FALSE(parse_qmp(line)) << line.substr(0, 100);
  // Versions that no QEMU has count as 0.
  const auto greeting = parse_qmp(R"({"QMP": {"version": {"qemu": {"major": 99999999999, "minor": "1"}}}})");
  ASSERT_TRUE(greeting);
  EXPECT_EQ(std::get<QmpGreeting>(*greeting).major, 0);
  EXPECT_EQ(std::get<QmpGreeting>(*greeting).minor, 0);
}

class QmpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    auto pair = platform::create_socket_pair();
    ASSERT_TRUE(pair);
    qemu_ = std::move(pair->first);
    qmp_ = std::make_unique<Qmp>(
        *loop_, std::move(pair->second),
        Qmp::Handlers{.ready = [this](const QmpGreeting&) { ++ready_; },
                      .event = [this](const QmpEvent& event) { events_.push_back(event.name); },
                      .closed = [this](const std::string& reason) { closed_.push_back(reason); }});
  }
  void say(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t size = ::write(qemu_.get(), text.data() + done, std::min<std::size_t>(text.size() - done, 65'536));
      if (size <= 0) break;
      done += static_cast<std::size_t>(size);
      pump();
    }
    pump();
  }
  void pump() {
    for (int i = 0; i < 20; ++i) loop_->run_once(std::chrono::milliseconds(0));
  }
  json heard() {
    std::string text(65'536, '\0');
    const ssize_t size = ::read(qemu_.get(), text.data(), text.size());
    return json::parse(text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0))), nullptr, false);
  }
  void greet() {
    say("{\"QMP\": {\"version\": {\"qemu\": {\"major\": 11, \"minor\": 1}}}}\r\n");
    const json negotiation = heard();
    EXPECT_EQ(negotiation["execute"], "qmp_capabilities");
    say("{\"return\": {}, \"id\": " + negotiation["id"].dump() + "}\r\n");
  }

  std::unique_ptr<platform::EventLoop> loop_ = *platform::EventLoop::create();
  UniqueFd qemu_;
  int ready_ = 0;
  std::vector<std::string> events_;
  std::vector<std::string> closed_;
  std::unique_ptr<Qmp> qmp_;
};

TEST_F(QmpTest, NegotiatesThenExecutes) {
  greet();
  EXPECT_EQ(ready_, 1);
  std::string status;
  qmp_->execute("query-status", json::object(), [&](const Result<json>& answer) { status = (*answer)["status"]; });
  const json command = heard();
  EXPECT_EQ(command["execute"], "query-status");
  // An event may come before the answer, and messages in parts.
  say("{\"event\": \"RESET\"}\n{\"return\": {\"sta");
  say("tus\": \"running\"}, \"id\": " + command["id"].dump() + "}\n");
  EXPECT_EQ(status, "running");
  EXPECT_EQ(events_, std::vector<std::string>{"RESET"});
  EXPECT_TRUE(closed_.empty());
}

TEST_F(QmpTest, EndsWithQemu) {
  greet();
  qemu_ = UniqueFd();
  pump();
  EXPECT_EQ(closed_, std::vector<std::string>{""});
  qmp_->execute("quit");  // nobody hears it
}

TEST_F(QmpTest, NonsenseEndsIt) {
  say("hello\n{\"event\": \"STOP\"}\n");
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_THAT(closed_[0], HasSubstr("no QMP message: hello"));
  EXPECT_TRUE(events_.empty());
}

TEST_F(QmpTest, AnswerToNothingEndsIt) {
  greet();
  say("{\"return\": {}, \"id\": 99}\n");
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_THAT(closed_[0], HasSubstr("99 that was not given"));
}

TEST_F(QmpTest, EndlessLineEndsIt) {
  say(std::string(Qmp::kLongestLine + 100'000, ' '));
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_THAT(closed_[0], HasSubstr("more than 4 MiB"));
}

TEST_F(QmpTest, QemuThatDoesNotReadIsGivenUp) {
  greet();
  for (int i = 0; i < 100'000 && closed_.empty(); ++i) qmp_->execute("system_powerdown");
  ASSERT_EQ(closed_.size(), 1u);
  EXPECT_THAT(closed_[0], HasSubstr("does not read"));
}

}  // namespace
}  // namespace hesper::vm
