// Fuzz target: replaying captures, on the fake driver: what a capture can make of the context's state from a side that
// no door has, and what the search for pictures makes of commands that were never valid.
#include <spdlog/spdlog.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "capture_file.h"
#include "fake_host.h"
#include "replay/replayer.h"

namespace {

// Small, so that running out of memory is among what is tried.
constexpr std::uint64_t kBudget = std::uint64_t{64} << 20;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  spdlog::set_level(spdlog::level::off);  // most inputs are worth a line
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hesper;
  fuzz::FakeHost& host = fuzz::FakeHost::instance();
  static_cast<void>(replay::replay(
      std::as_bytes(std::span(data, size)),
      {.memory_budget = kBudget, .pixels = true, .driver = fake::FakeDriver::entry(), .host = host.plans}));
  host.check();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return hesper::fuzz::mutate_capture(data, size, most, seed);
}
