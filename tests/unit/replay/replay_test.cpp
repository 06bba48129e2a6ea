// Recorder and replayer together, on the host's driver: what was recorded is executed again, and files that are wrong
// end with a sentence. Real programs are in tests/e2e/test_capture.py.
#include "replay/replayer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

#include <fstream>

#include "capture_file.h"
#include "fake_driver.h"
#include "render/client_context.h"
#include "replay/recorder.h"
#include "support/temporary_directory.h"
#include "test_client.h"

namespace hesper::replay {
namespace {

using capture::EventKind;
using capture::test::CaptureFile;
using ::testing::HasSubstr;

// A client that makes a device, submits nothing to its queue and goes.
std::vector<std::byte> record() {
  hesper::test::TemporaryDirectory directory;
  const auto path = directory.path() / "capture";
  {
    auto recorder = Recorder::create(UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT, 0600)), "test", "0", {});
    if (!recorder) throw std::runtime_error(recorder.error().message);
    render::test::TestClient client({.observer = recorder->get()});
    EXPECT_TRUE(client.start());
    wire::vkQueueSubmit_args submit;
    submit.queue.id = client.queue;
    EXPECT_TRUE(client.send(submit));
    (*recorder)->finish();
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Replay, HasTheDigestsOfTheRecording) {
  const auto file = record();
  for (int round = 0; round < 2; ++round) {
    const auto report = replay(file, {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(report->complete);
    ASSERT_TRUE(report->recorded_totals);
    EXPECT_GT(report->totals.commands, 5u);
    EXPECT_EQ(report->totals.commands, report->recorded_totals->commands);
    EXPECT_EQ(report->totals.command_digest, report->recorded_totals->command_digest);
    EXPECT_EQ(report->totals.replies, report->recorded_totals->replies);
    EXPECT_EQ(report->totals.reply_digest, report->recorded_totals->reply_digest);
    EXPECT_EQ(report->different_replies, 0u) << report->first_difference;
    EXPECT_EQ(report->recorded_on, report->replayed_on);
  }
}

TEST(Recording, ContextsOfVirtualMachinesAreRefused) {
  EXPECT_FALSE(Recorder::create(UniqueFd(::open("/dev/null", O_RDWR)), "test", "0", {.memory_in_ranges = true}));
}

TEST(Replay, StopsWhereItIsTold) {
  const auto report = replay(record(), {.until = 3});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->totals.commands, 3u);
  EXPECT_FALSE(report->complete);
}

TEST(Replay, LostContextEndsTheReplayAsItEndedTheClient) {
  CaptureFile file;
  file.writer->append(EventKind::data, {0}, std::vector<std::byte>(16, std::byte{0xff}));
  file.writer->append_execution(0);
  const auto report = replay(file.close(), {});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_THAT(report->warnings[0], HasSubstr("The context is lost"));
}

TEST(Replay, WarnsBeforeTheProgramsFirstAddress) {
  hesper::test::TemporaryDirectory directory;
  const fake::FakeDriver driver;
  const auto path = directory.path() / "capture";
  {
    auto recorder = Recorder::create(UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT, 0600)), "test", "0", {});
    ASSERT_TRUE(recorder);
    auto loader = render::Loader::with(fake::FakeDriver::entry());
    ASSERT_TRUE(loader);
    render::test::TestClient client(std::make_unique<render::ClientContext>(
        render::ContextOptions{.observer = recorder->get()}, std::move(*loader)));
    ASSERT_TRUE(client.start());
    const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = 64};
    wire::ObjectId id = client.new_id();
    VkBuffer made{};
    wire::vkCreateBuffer_args create;
    create.device.id = client.device;
    create.pCreateInfo = &info;
    create.pBuffer = &made;
    create.pBuffer_ids = &id;
    ASSERT_TRUE(client.call(create));
    const VkBufferDeviceAddressInfo of{.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO,
                                       .buffer = render::test::as_handle<VkBuffer>(id)};
    wire::vkGetBufferDeviceAddress_args get;
    get.device.id = client.device;
    get.pInfo = &of;
    ASSERT_TRUE(client.call(get));
    ASSERT_TRUE(client.call(get));
    (*recorder)->finish();
  }
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::string> told;
  const auto report = replay(std::as_bytes(std::span(text)),
                             {.on_warning = [&](const std::string& warning) { told.push_back(warning); },
                              .driver = fake::FakeDriver::entry()});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(told.size(), 1u) << "once is enough";
  EXPECT_THAT(told[0], HasSubstr("vkGetBufferDeviceAddress"));
  EXPECT_EQ(report->warnings, told);
}

TEST(Replay, ContradictionsAreErrors) {
  const auto error_of = [](auto&& append) {
    CaptureFile file;
    append(*file.writer);
    const auto report = replay(file.close(), {});
    return report ? std::string() : report.error().message;
  };
  using capture::Writer;
  const std::vector<std::byte> word(4);
  EXPECT_NE(error_of([](Writer& w) { w.append_execution(0); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append_execution(3); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append(EventKind::stream_begin, {1, 0, 5, 0}); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append(EventKind::stream_end, {0}); }), "");
  EXPECT_NE(error_of([&](Writer& w) { w.append(EventKind::data, {2}, word); }), "");
  EXPECT_NE(error_of([&](Writer& w) { w.append(EventKind::nested, {0, 9, 0, 0}, word); }), "");
  EXPECT_NE(error_of([&](Writer& w) { w.append(EventKind::memory, {9, 0, 0, 0, 0x10000, 0}); }), "");
  // Outside of what it names.
  EXPECT_NE(error_of([&](Writer& w) {
              w.append(EventKind::blob, {9, 1, 0, 0, 4096, 0, 1});
              w.append(EventKind::nested, {0, 9, 4096, 0}, word);
            }),
            "");
  EXPECT_NE(error_of([&](Writer& w) {
              w.append(EventKind::blob, {9, 1, 0, 0, 4096, 0, 1});
              w.append(EventKind::memory, {9, 0, 4096, 0, 0x10000, 0});
            }),
            "");
}

}  // namespace
}  // namespace hesper::replay
