// show: commands appear where they were executed, and nothing in a file makes it fail otherwise than with a sentence.
#include "capture/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "capture_file.h"
#include "wire/commands_gen.h"

namespace hesper::capture {
namespace {

using test::CaptureFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Args>
std::vector<std::byte> encoded(const Args& args) {
  std::vector<std::byte> bytes(4096);
  wire::Encoder encoder(bytes);
  wire::encode_request(encoder, 0, args);
  bytes.resize(encoder.position());
  return bytes;
}

// A command that is its object and nothing else.
std::vector<std::byte> end(wire::ObjectId command_buffer) {
  wire::vkEndCommandBuffer_args args;
  args.commandBuffer.id = command_buffer;
  return encoded(args);
}

std::vector<std::string> commands(std::span<const std::byte> file, const ShowOptions& options = {}) {
  std::vector<std::string> lines;
  const auto shown = show(file, options, [&](const Line& line) {
    if (line.kind == Line::Kind::event) return;
    lines.push_back((line.kind == Line::Kind::nested ? "| " : "") + line.text);
  });
  if (!shown) lines.push_back(shown.error().message);
  return lines;
}

TEST(Show, CommandsStandInTheOrderOfExecution) {
  CaptureFile file;
  file.writer->append(EventKind::stream_begin, {1, 0, 5, 0});
  file.writer->append(EventKind::data, {0}, end(1));
  file.writer->append(EventKind::data, {1}, end(2));
  file.writer->append(EventKind::data, {1}, end(3));
  file.writer->append_execution(1);
  file.writer->append_execution(0);
  file.writer->append_execution(1);
  const auto bytes = file.close();
  EXPECT_THAT(commands(bytes),
              ElementsAre("vkEndCommandBuffer(commandBuffer=#2)", "vkEndCommandBuffer(commandBuffer=#1)",
                          "vkEndCommandBuffer(commandBuffer=#3)"));
  EXPECT_THAT(commands(bytes, {.first = 2, .last = 2}), ElementsAre("vkEndCommandBuffer(commandBuffer=#1)"));
  EXPECT_THAT(commands(bytes, {.stream = 1}),
              ElementsAre("vkEndCommandBuffer(commandBuffer=#2)", "vkEndCommandBuffer(commandBuffer=#3)"));
}

TEST(Show, CommandMayLieInSeveralPieces) {
  CaptureFile file;
  const auto whole = end(9);
  file.writer->append(EventKind::data, {0}, std::span(whole).first(8));
  file.writer->append(EventKind::data, {0}, std::span(whole).subspan(8));
  file.writer->append_execution(0);
  EXPECT_THAT(commands(file.close()), ElementsAre("vkEndCommandBuffer(commandBuffer=#9)"));
}

TEST(Show, NestedStreamsFollowTheirCommand) {
  CaptureFile file;
  const wire::VkCommandStreamDescriptionMESA where{.resourceId = 4, .offset = 0, .size = 16};
  wire::vkExecuteCommandStreamsMESA_args args;
  args.streamCount = 1;
  args.pStreams = &where;
  file.writer->append(EventKind::data, {0}, encoded(args));
  file.writer->append(EventKind::nested, {0, 4, 0, 0}, end(6));
  file.writer->append_execution(0);
  const auto lines = commands(file.close());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("vkExecuteCommandStreamsMESA(streamCount=1, pStreams=[{resourceId=4, offset=0"));
  EXPECT_EQ(lines[1], "| vkEndCommandBuffer(commandBuffer=#6)");
}

TEST(Show, MalformedCommandIsShownAsSuch) {
  CaptureFile file;
  std::vector<std::byte> nonsense(16, std::byte{0xff});
  file.writer->append(EventKind::data, {0}, nonsense);
  file.writer->append_execution(0);
  const auto lines = commands(file.close());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("malformed"));
}

TEST(Show, ContradictionsAreErrors) {
  const auto error_of = [](auto&& append) {
    CaptureFile file;
    append(*file.writer);
    const auto shown = show(file.close(), {}, [](const Line&) {});
    return shown ? std::string() : shown.error().message;
  };
  EXPECT_NE(error_of([](Writer& w) { w.append_execution(0); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append_execution(3); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append(EventKind::stream_begin, {0, 0, 1, 0}); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append(EventKind::stream_end, {0}); }), "");
  EXPECT_NE(error_of([](Writer& w) { w.append(EventKind::data, {2}, end(1)); }), "");
}

TEST(Show, SummaryCounts) {
  CaptureFile file;
  for (int i = 0; i < 3; ++i) {
    file.writer->append(EventKind::data, {0}, end(1));
    file.writer->append_execution(0);
  }
  file.writer->append(EventKind::blob, {7, 1, 0, 0, 4096, 0, 1});
  const auto summary = summarize(file.close());
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->command_count, 3u);
  EXPECT_EQ(summary->commands.at(std::to_underlying(wire::CommandType::vkEndCommandBuffer)), 3u);
  EXPECT_EQ(summary->blob_bytes, 4096u);
}

}  // namespace
}  // namespace hesper::capture
