// CaptureFile: a capture in memory, made by the real writer.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "capture/writer.h"
#include "support/temporary_directory.h"

namespace hesper::capture::test {

class CaptureFile {
 public:
  CaptureFile() {
    UniqueFd file(::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    auto made = Writer::create(std::move(file), {{"hesper", "test"}, {"client", "nobody"}});
    if (!made) throw std::runtime_error(made.error().message);
    writer = std::move(*made);
  }

  // Ends the file; nullopt: as a crash would.
  std::vector<std::byte> close(const std::optional<Totals>& totals = Totals{}) {
    writer->finish(totals);
    writer.reset();
    std::ifstream in(path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }

  std::unique_ptr<Writer> writer;

 private:
  [[nodiscard]] std::filesystem::path path() const { return directory_.path() / "capture"; }

  hesper::test::TemporaryDirectory directory_;
};

// All events of a capture, as their kinds; the error's message at the end if there is one, "cut off" if it has no end.
struct ReadBack {
  std::vector<Event> events;
  std::string error;
  bool complete = false;
};
inline ReadBack read_back(std::span<const std::byte> file) {
  ReadBack result;
  auto reader = Reader::open(file);
  if (!reader) {
    result.error = reader.error().message;
    return result;
  }
  for (;;) {
    auto event = reader->next();
    if (!event) {
      result.error = event.error().message;
      return result;
    }
    if (!*event) break;
    result.events.push_back(std::move(**event));
  }
  result.complete = reader->totals().has_value();
  return result;
}

}  // namespace hesper::capture::test
