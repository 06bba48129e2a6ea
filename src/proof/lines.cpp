// Digits to numbers, and what problems of the device mean.
#include "proof/lines.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

namespace hesper::proof {
namespace {

constexpr std::size_t kQuoted = 60;                        // of a line that is wrong
constexpr std::size_t kMostBytes = std::size_t{64} << 10;  // in one line

struct Problem {
  std::string_view word;
  std::string_view sentence;
};
// Those of guest/gpu.cpp and guest/player.cpp.
constexpr std::array kProblems = {
    Problem{"absent", "There is no virtio-gpu device on the guest's PCI bus."},
    Problem{"not-modern", "The guest's virtio-gpu device lacks the registers of virtio 1."},
    Problem{"no-place", "The registers of the guest's virtio-gpu device have no addresses."},
    Problem{"no-place-for-window",
            "The window of host memory has no addresses in the guest: it is larger than what the "
            "virtual machine can address. A smaller one is chosen with --window, as 256M."},
    Problem{"features", "The guest's virtio-gpu device does not agree with its driver about features."},
    Problem{"needs-reset", "The guest's virtio-gpu device has failed while it was started."},
    Problem{"unknown-machine", "The virtual machine is not one that the guest knows: it has no PCI bus."},
};

std::unexpected<Error> unexpected_line(std::string_view line) {
  std::string quoted(line.substr(0, kQuoted));
  for (char& c : quoted)
    if (c < ' ' || c > '~') c = '?';
  return fail(fmt::format("The guest says '{}'{}, which is no answer.", quoted, line.size() > kQuoted ? "..." : ""),
              EPROTO);
}

// Takes text off the front of what is left of a line. After the first that is not there nothing else is.
class Reader {
 public:
  explicit Reader(std::string_view line) noexcept : rest_(line) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool ends() const noexcept { return ok_ && rest_.empty(); }

  void word(std::string_view expected) {
    if (!rest_.starts_with(expected)) ok_ = false;
    if (ok_) rest_.remove_prefix(expected.size());
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    const char* const end = rest_.data() + rest_.size();
    const auto [at, error] = std::from_chars(rest_.data(), end, value, 16);
    if (error != std::errc() || at == rest_.data() || *rest_.data() == '-') ok_ = false;
    if (!ok_) return 0;
    rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()));
    return value;
  }
  // All that is left.
  std::vector<std::byte> bytes() {
    std::vector<std::byte> result;
    while (ok_ && !rest_.empty()) {
      const bool zeros = rest_.front() == 'z';
      if (zeros) rest_.remove_prefix(1);
      const int high = rest_.size() < 2 ? -1 : digit(rest_[0]);
      const int low = rest_.size() < 2 ? -1 : digit(rest_[1]);
      if (high < 0 || low < 0 || result.size() > kMostBytes) ok_ = false;
      if (!ok_) break;
      const int value = high << 4 | low;
      result.insert(result.end(), zeros ? static_cast<std::size_t>(value) : 1,
                    zeros ? std::byte{0} : static_cast<std::byte>(value));
      rest_.remove_prefix(2);
    }
    rest_ = {};
    return result;
  }

 private:
  static int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string submit_line(std::span<const std::byte> request) {
  constexpr std::size_t kMostZeros = 0xff;
  std::string line = "submit ";
  std::size_t at = 0;
  while (at < request.size()) {
    std::size_t zeros = 0;
    while (zeros < kMostZeros && at + zeros < request.size() && request[at + zeros] == std::byte{0}) ++zeros;
    if (zeros > 1) {
      fmt::format_to(std::back_inserter(line), "z{:02x}", zeros);
      at += zeros;
    } else {
      fmt::format_to(std::back_inserter(line), "{:02x}", std::to_integer<unsigned>(request[at++]));
    }
  }
  return line;
}

Result<Start> parse_start(std::string_view line) {
  for (const Problem& problem : kProblems)
    if (line.starts_with("problem ") && line.substr(8) == problem.word)
      return fail(std::string(problem.sentence), ENODEV);
  Reader reader(line);
  Start start;
  reader.word("gpu ");
  start.features = reader.number();
  for (std::uint64_t* value : {&start.window_size, &start.canvas, &start.canvas_size}) {
    reader.word(" ");
    *value = reader.number();
  }
  if (!reader.ends()) return unexpected_line(line);
  return start;
}

Result<Answer> parse_answer(std::string_view line) {
  Reader reader(line);
  Answer answer;
  reader.word("answer ");
  answer.ticks = reader.number();
  reader.word(" ");
  answer.bytes = reader.bytes();
  if (!reader.ends()) return unexpected_line(line);
  return answer;
}

Result<Rounds> parse_rounds(std::string_view line, std::size_t rounds) {
  Reader reader(line);
  Rounds result;
  reader.word("took");
  for (std::size_t i = 0; i < rounds && reader.ok(); ++i) {
    reader.word(" ");
    result.ticks.push_back(reader.number());
  }
  reader.word(" type ");
  const std::uint64_t type = reader.number();
  if (!reader.ends() || type > ~std::uint32_t{0}) return unexpected_line(line);
  result.type = static_cast<std::uint32_t>(type);
  return result;
}

Result<std::vector<std::byte>> parse_bytes(std::string_view line, std::size_t size) {
  Reader reader(line);
  reader.word("bytes ");
  auto bytes = reader.bytes();
  if (!reader.ends() || bytes.size() != size) return unexpected_line(line);
  return bytes;
}

Result<std::uint64_t> parse_value(std::string_view line, std::string_view word) {
  Reader reader(line);
  reader.word(word);
  reader.word(" ");
  const std::uint64_t value = reader.number();
  if (!reader.ends()) return unexpected_line(line);
  return value;
}

Result<void> parse_done(std::string_view line) {
  if (line != "done") return unexpected_line(line);
  return {};
}

std::uint64_t hash_of(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0xcbf2'9ce4'8422'2325;
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    value = (value ^ word) * 0x100'0000'01b3;
  }
  return value;
}

}  // namespace hesper::proof
