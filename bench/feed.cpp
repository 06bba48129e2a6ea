// bench_feed SOCKET SECONDS: subscribes to the displays of a hesper gpu, or what takes its place, looks at no pixel,
// and prints as JSON how long frames of display 0 take from the guest's flush to the answer, and to a reader in another
// process; and how many there were by the copies that they had cost by then.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cli/control_client.h"
#include "frame/ledger.h"
#include "frame/remote_source.h"
#include "platform/signals.h"

namespace {

using namespace hesper;

nlohmann::json percentiles(std::vector<std::uint64_t> nanoseconds) {
  if (nanoseconds.empty()) return nullptr;
  std::ranges::sort(nanoseconds);
  const auto at = [&](std::size_t percent) {
    return static_cast<double>(nanoseconds[(nanoseconds.size() - 1) * percent / 100]) / 1000;
  };
  return {{"p50", at(50)}, {"p99", at(99)}};
}

int fail(const Error& error) {
  fmt::print(stderr, "bench_feed: {}\n", error.message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  platform::ignore_broken_pipes();
  auto feed = cli::open_channel(argv[1], device::ControlCommand::subscribe);
  if (!feed) return fail(feed.error());
  auto source = frame::RemoteSource::create(std::move(*feed));
  if (!source) return fail(source.error());

  std::mutex mutex;
  std::unique_ptr<frame::Reader> reader;
  std::vector<std::uint64_t> published;
  std::vector<std::uint64_t> received;
  std::array<std::uint64_t, 3> copies{};
  // The reader's thread takes what comes, one thing after the other.
  std::condition_variable changed;
  bool news = false;
  reader = (*source)->subscribe(0, [&] {
    const std::scoped_lock lock(mutex);
    news = true;
    changed.notify_one();
  });
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::atof(argv[2]));
  bool first = true;
  for (;;) {
    {
      std::unique_lock lock(mutex);
      if (!changed.wait_until(lock, end, [&] { return news; })) break;
      news = false;
    }
    const auto now = reader->take();
    if (!now.frame || std::exchange(first, false)) continue;  // the first one was flushed before anybody asked
    published.push_back(now.frame->times.published - now.frame->times.flushed);
    received.push_back(frame::now_ns() - now.frame->times.flushed);
    ++copies[static_cast<std::size_t>(now.frame->copies)];
  }
  fmt::print("{}\n", nlohmann::json{{"frames", published.size()},
                                    {"published_us", percentiles(published)},
                                    {"taken_us", percentiles(received)},
                                    {"copies", {{"none", copies[0]}, {"transfer", copies[1]}, {"gathered", copies[2]}}}}
                         .dump());
  return 0;
}
