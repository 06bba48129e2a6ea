// The control socket: list and stop, and callers that are not ours.
#include "vm/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "platform/signals.h"
#include "support/temporary_directory.h"
#include "vm/runtime_folder.h"

namespace hesper::vm {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    platform::ignore_broken_pipes();
    serve();
  }
  void TearDown() override { end(); }

  // A launcher in a thread, until end().
  void serve() {
    auto claimed = RuntimeFolder::claim(folder_.path(), "vm", true);
    ASSERT_TRUE(claimed);
    launcher_ = std::thread([this, machine = std::move(*claimed)] {
      auto loop = *platform::EventLoop::create();
      const ControlServer server(*loop, *machine.control(),
                                 {.describe = [] { return json{{"name", "vm"}}; },
                                  .stop =
                                      [this](bool force) {
                                        forced_ = force;
                                        stop_ = obedient_.load();
                                      }});
      while (!stop_) loop->run_once(5ms);
    });
  }
  void end() {
    stop_ = true;
    if (launcher_.joinable()) launcher_.join();
  }
  [[nodiscard]] std::filesystem::path machine() const { return folder_.path() / "vm"; }
  // What is answered to these bytes, until the connection closes or nothing comes.
  [[nodiscard]] std::string send(std::string_view bytes) const {
    const auto connection = platform::connect_to(control_socket(machine()));
    EXPECT_TRUE(connection);
    EXPECT_TRUE(platform::send_all(connection->get(), std::as_bytes(std::span(bytes))));
    std::array<char, 4096> answer;
    const ssize_t size = ::read(connection->get(), answer.data(), answer.size());
    return {answer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

  const test::TemporaryDirectory folder_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> obedient_ = true;
  std::atomic<bool> forced_ = false;
  std::thread launcher_;
};

TEST_F(ControlTest, Describes) {
  const auto description = describe_machine(machine());
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ((*description)["name"], "vm");
}

TEST_F(ControlTest, StopWaitsForTheEnd) {
  const auto stopped = stop_machine(machine(), true, 20s);
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_TRUE(forced_);
  EXPECT_TRUE(stop_);
}

TEST_F(ControlTest, StopGivesUp) {
  obedient_ = false;
  const auto stopped = stop_machine(machine(), false, 50ms);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ETIMEDOUT);
  EXPECT_THAT(stopped.error().message, HasSubstr("--force vm"));
  EXPECT_FALSE(forced_);
}

TEST_F(ControlTest, NonsenseClosesTheConnection) {
  for (const char* request : {"x\n", "[]\n", "{}\n", "{\"command\": 3}\n", "{\"command\": \"dance\"}\n", "\n"})
    EXPECT_EQ(send(request), "") << request;
  EXPECT_EQ(send(std::string(10'000, ' ')), "");
  EXPECT_EQ(send("{\"command\": \"describe\"}\n"), "{\"name\":\"vm\"}\n");
}

TEST_F(ControlTest, NobodyThere) {
  end();
  EXPECT_FALSE(describe_machine(machine()));
  EXPECT_FALSE(stop_machine(machine(), false, 1s));
}

}  // namespace
}  // namespace hesper::vm
