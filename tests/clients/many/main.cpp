// many [--count N] [--at-once N] [--hold-ms N]: instance, device, small work and their end, N times in a row or several
// at once. Each instance is a client of its own to the server.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <thread>
#include <vector>

#include "support/arguments.h"
#include "support/gpu.h"
#include "support/small_work.h"

namespace hesper::clients {
namespace {

void one_client(std::uint32_t word, std::chrono::milliseconds hold) {
  const Gpu gpu;
  const SmallWork work(gpu);
  work.run_and_check(word);
  std::this_thread::sleep_for(hold);
  work.run_and_check(~word);
}

void several_at_once(std::uint32_t count, std::uint32_t at_once, std::chrono::milliseconds hold) {
  // With its last instance the loader unloads the driver, and Mesa's Venus leaves a destructor behind in every thread
  // that used it: the thread's end would then run code that is gone. An instance of our own keeps the driver loaded.
  const Gpu keeps_the_driver_loaded;
  for (std::uint32_t started = 0; started < count;) {
    std::vector<std::future<void>> batch;
    for (; batch.size() < at_once && started < count; ++started) {
      batch.push_back(std::async(std::launch::async, one_client, started, hold));
    }
    for (auto& client : batch) client.get();
  }
}

void many(Arguments& arguments) {
  const std::uint32_t count = arguments.number("count", 20);
  const std::uint32_t at_once = std::max(1U, arguments.number("at-once", 1));
  const std::chrono::milliseconds hold(arguments.number("hold-ms", 0));
  arguments.finish();

  if (at_once == 1) {
    for (std::uint32_t i = 0; i < count; ++i) one_client(i, hold);
  } else {
    several_at_once(count, at_once, hold);
  }
  std::printf("%u clients ok\n", count);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::many); }
