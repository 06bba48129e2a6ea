// State: a line for the token, one for each port.
#include "screen/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <sstream>
#include <utility>

#include "base/log.h"
#include "base/unique_fd.h"

namespace hesper::screen {
namespace {

constexpr std::size_t kTokenDigits = 64;
constexpr std::size_t kMostBytes = 4096;

std::string make_token() {
  std::random_device random;
  std::string token;
  while (token.size() < kTokenDigits) token += fmt::format("{:08x}", random());
  return token;
}

bool is_token(std::string_view text) {
  return text.size() == kTokenDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

State::State(State&& from) noexcept
    : file_(std::move(from.file_)),
      known_(from.known_),
      token_(std::move(from.token_)),
      ports_(std::move(from.ports_)) {}

Result<State> State::open(std::filesystem::path file) {
  State state(std::move(file));
  if (!state.file_.empty()) {
    const UniqueFd fd(::open(state.file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno != ENOENT) return fail_errno(fmt::format("Reading '{}' fails", state.file_.native()), errno);
    if (fd) {
      std::array<char, kMostBytes> bytes;
      const ssize_t size = ::read(fd.get(), bytes.data(), bytes.size());
      std::istringstream lines(std::string(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))));
      lines >> state.token_;
      std::string output;
      std::uint16_t port = 0;
      while (lines >> output >> port) state.ports_[output] = port;
      if (!is_token(state.token_))
        return fail(fmt::format("'{}' is not what hesper-view has written there.", state.file_.native()), EINVAL);
      state.known_ = true;
      return state;
    }
  }
  state.token_ = make_token();
  if (auto written = state.write(); !written) return std::unexpected(std::move(written.error()));
  return state;
}

std::optional<std::uint16_t> State::port(std::string_view output) const {
  const std::scoped_lock lock(mutex_);
  const auto found = ports_.find(output);
  if (found == ports_.end()) return std::nullopt;
  return found->second;
}

void State::remember_port(std::string_view output, std::uint16_t port) {
  const std::scoped_lock lock(mutex_);
  ports_[std::string(output)] = port;
  if (const auto written = write(); !written) log::warn("{}", written.error().message);
}

// Through a second file, so that nobody ever reads half of one.
Result<void> State::write() const {
  if (file_.empty()) return {};
  std::string text = token_ + "\n";
  for (const auto& [output, port] : ports_) text += fmt::format("{} {}\n", output, port);
  const std::filesystem::path fresh = file_.native() + ".new";
  const auto failed = [&] { return fail_errno(fmt::format("Writing '{}' fails", fresh.native()), errno); };
  ::unlink(fresh.c_str());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return failed();
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return failed();
  if (::rename(fresh.c_str(), file_.c_str()) != 0) return failed();
  return {};
}

}  // namespace hesper::screen
