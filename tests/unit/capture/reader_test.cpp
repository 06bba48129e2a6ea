// Writer and Reader: what one writes the other reads, and files that nobody wrote are refused.
#include "capture/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/hash.h"
#include "capture/bytes.h"
#include "capture_file.h"

namespace hesper::capture {
namespace {

using test::CaptureFile;
using test::read_back;
using ::testing::HasSubstr;

std::vector<std::byte> words(std::size_t count) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) put(bytes, static_cast<std::uint32_t>(i * 2654435761u));
  return bytes;
}

std::vector<std::byte> small_capture() {
  CaptureFile file;
  file.writer->append(EventKind::blob, {7, 1, 0, 0, 4096, 0, 1});
  file.writer->append(EventKind::data, {0}, words(100));
  file.writer->append_execution(0);
  file.writer->append_execution(0);
  file.writer->append(EventKind::unref, {7});
  return file.close(Totals{.commands = 2, .command_digest = 3, .replies = 4, .reply_digest = 5, .nanoseconds = 6});
}

TEST(Capture, ReadsWhatWasWritten) {
  const auto bytes = small_capture();
  auto reader = Reader::open(bytes);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_EQ(reader->info().at("client"), "nobody");
  auto event = reader->next();
  ASSERT_TRUE(event && *event);
  const auto& blob = std::get<BlobMade>(**event);
  EXPECT_EQ(blob.resource, 7u);
  EXPECT_EQ(blob.size, 4096u);
  EXPECT_TRUE(blob.made);
  event = reader->next();
  ASSERT_TRUE(event && *event);
  const auto expected = words(100);
  EXPECT_TRUE(std::ranges::equal(std::get<Data>(**event).bytes, expected));
  event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ(std::get<Execute>(**event).count, 2u) << "Executions in a row are one event.";
  event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ(std::get<Unref>(**event).resource, 7u);
  event = reader->next();
  ASSERT_TRUE(event);
  EXPECT_FALSE(*event);
  ASSERT_TRUE(reader->totals());
  EXPECT_EQ(*reader->totals(),
            (Totals{.commands = 2, .command_digest = 3, .replies = 4, .reply_digest = 5, .nanoseconds = 6}));
}

TEST(Capture, ManyChunksAreReadInOrder) {
  CaptureFile file;
  const auto piece = words(kMaxPiece / 4 - 1);
  for (std::uint32_t i = 0; i < 20; ++i) file.writer->append(EventKind::data, {i}, piece);
  const auto back = read_back(file.close());
  EXPECT_EQ(back.error, "");
  EXPECT_TRUE(back.complete);
  ASSERT_EQ(back.events.size(), 20u);
  for (std::uint32_t i = 0; i < 20; ++i) EXPECT_EQ(std::get<Data>(back.events[i]).stream, i);
}

TEST(Capture, WithoutEndIsReadAndCutOff) {
  CaptureFile file;
  file.writer->append(EventKind::fence, {1});
  const auto back = read_back(file.close(std::nullopt));
  EXPECT_EQ(back.error, "");
  EXPECT_EQ(back.events.size(), 1u);
  EXPECT_FALSE(back.complete);
}

TEST(Capture, CutAnywhereIsAPrefixOrAnErrorOfTheHeader) {
  const auto bytes = small_capture();
  const auto whole = read_back(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto back = read_back(std::span(bytes).first(size));
    EXPECT_FALSE(back.complete) << size;
    EXPECT_LE(back.events.size(), whole.events.size());
    EXPECT_EQ(back.error.contains("damaged"), false) << size << ": " << back.error;
  }
}

TEST(Capture, EachFlippedBitIsNoticed) {
  const auto bytes = small_capture();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at >= 12 && at < kFileHeaderSize) continue;  // a word that nobody reads yet
    for (const auto bit : {std::byte{1}, std::byte{0x80}}) {
      auto broken = bytes;
      broken[at] ^= bit;
      const auto back = read_back(broken);
      EXPECT_TRUE(!back.error.empty() || !back.complete) << "byte " << at;
    }
  }
}

TEST(Capture, OfANewerVersionIsRefusedWithBothVersions) {
  auto bytes = small_capture();
  set(std::span(bytes), kMagic.size(), std::uint32_t{kVersion + 1});
  EXPECT_THAT(read_back(bytes).error, HasSubstr("version 2 of the format; this Hesper reads versions 1 to 1"));
}

TEST(Capture, OtherFilesAreNotCaptures) {
  const std::string text = "#!/bin/sh\necho hello, I am a script\n";
  EXPECT_THAT(read_back(std::as_bytes(std::span(text))).error, HasSubstr("not a capture"));
  EXPECT_THAT(read_back({}).error, HasSubstr("not a capture"));
}

// A chunk of one event, with a right checksum: what a hostile author would write.
std::vector<std::byte> with_event(std::uint32_t kind, std::span<const std::byte> payload, std::uint32_t claimed_size) {
  CaptureFile file;
  auto bytes = file.close(std::nullopt);
  std::vector<std::byte> events;
  put(events, kind);
  put(events, claimed_size);
  events.insert(events.end(), payload.begin(), payload.end());
  std::vector<std::byte> header;
  put(header, std::to_underlying(ChunkType::events));
  put(header, std::to_underlying(Coding::raw));
  put(header, static_cast<std::uint32_t>(events.size()));
  put(header, static_cast<std::uint32_t>(events.size()));
  put(header, hash64(events, hash64(header)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), events.begin(), events.end());
  return bytes;
}

TEST(Capture, EventsOfWrongFormAreRefused) {
  const auto four = words(1);
  EXPECT_THAT(read_back(with_event(99, four, 4)).error, HasSubstr("unknown kind"));
  EXPECT_THAT(read_back(with_event(std::to_underlying(EventKind::unref), four, 8)).error, HasSubstr("cut off"));
  EXPECT_THAT(read_back(with_event(std::to_underlying(EventKind::unref), four, 0xffff'fff8u)).error,
              HasSubstr("cut off"));
  for (std::uint32_t kind = 1; kind <= 12; ++kind) {
    if (EventKind{kind} == EventKind::device || EventKind{kind} == EventKind::lost) continue;
    EXPECT_NE(read_back(with_event(kind, std::span(four).first(0), 0)).error, "") << kind;
  }
}

TEST(Capture, StreamNumbersAreBounded) {
  std::vector<std::byte> payload;
  put(payload, static_cast<std::uint32_t>(kMaxStreams));
  EXPECT_THAT(read_back(with_event(std::to_underlying(EventKind::stream_end), payload, 4)).error, HasSubstr("form"));
}

TEST(Capture, MemoryRunsStayInsideTheirPage) {
  const auto event = [](std::uint64_t offset, std::uint16_t first, std::uint16_t count, std::size_t words_there) {
    std::vector<std::byte> payload;
    put(payload, std::uint32_t{1});
    put(payload, std::uint32_t{0});
    put(payload, offset);
    put(payload, first);
    put(payload, count);
    payload.resize(payload.size() + words_there * 4);
    return read_back(
        with_event(std::to_underlying(EventKind::memory), payload, static_cast<std::uint32_t>(payload.size())));
  };
  EXPECT_EQ(event(4096, 1023, 1, 1).error, "");
  EXPECT_NE(event(4096, 1023, 2, 2).error, "") << "reaches into the next page";
  EXPECT_NE(event(4096, 0, 2, 1).error, "") << "has fewer words than it says";
  EXPECT_NE(event(4096, 0, 0, 0).error, "") << "is empty";
  EXPECT_NE(event(4, 0, 1, 1).error, "") << "does not begin at a page";
}

TEST(Capture, FullDiskEndsTheCaptureAndNotTheProcess) {
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  EXPECT_FALSE(Writer::create(std::move(full), {}));
}

}  // namespace
}  // namespace hesper::capture
