// bench_front_end SOCKET [SECONDS]: how fast a hesper gpu answers a guest, measured in the guest's place (and QEMU's)
// without a virtual machine, so that no emulation takes part. Prints JSON; bench/vm turns it into a table.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "platform/signals.h"
#include "raw_machine.h"

namespace {

using namespace hesper;
using namespace hesper::gpu;
using namespace hesper::gpu::testing;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kWidth = 1920;
constexpr std::uint32_t kHeight = 1080;
constexpr std::size_t kPicture = std::size_t{kWidth} * kHeight * 4;
constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kPages = (kPicture + kPage - 1) / kPage;
constexpr std::uint64_t kPixels = 0x40'0000;  // from the start of guest memory

double microseconds(Clock::duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

// Microseconds of each call until the time is up.
std::vector<double> repeat(double seconds, const std::function<void()>& call) {
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (times.size() < 10 || Clock::now() < end) {
    const auto before = Clock::now();
    call();
    times.push_back(microseconds(Clock::now() - before));
  }
  std::ranges::sort(times);
  return times;
}

nlohmann::json percentiles(const std::vector<double>& sorted) {
  const auto at = [&](std::size_t percent) { return sorted[(sorted.size() - 1) * percent / 100]; };
  return {{"count", sorted.size()}, {"p50", at(50)}, {"p95", at(95)}, {"p99", at(99)}};
}

// Where the picture's page `index` lies, from the start of its pixels: in any order, as a guest's memory is. 1031 is a
// prime that does not divide kPages.
constexpr std::uint64_t place_of(std::uint32_t index) { return std::uint64_t{index} * 1031 % kPages * kPage; }

std::vector<std::byte> scattered_backing(RawMachine& machine) {
  const virtio_gpu_resource_attach_backing command{
      .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, .resource_id = 1, .nr_entries = kPages};
  std::vector<std::byte> bytes(sizeof(command) + kPages * sizeof(virtio_gpu_mem_entry));
  std::memcpy(bytes.data(), &command, sizeof(command));
  for (std::uint32_t i = 0; i < kPages; ++i) {
    const virtio_gpu_mem_entry entry{
        .addr = machine.ram().base() + kPixels + place_of(i), .length = kPage, .padding = 0};
    std::memcpy(bytes.data() + sizeof(command) + i * sizeof(entry), &entry, sizeof(entry));
  }
  return bytes;
}

nlohmann::json measure(const std::string& socket, double seconds) {
  RawMachine machine(socket);
  machine.boot();
  machine.expect_alive();
  const virtio_gpu_rect all{.x = 0, .y = 0, .width = kWidth, .height = kHeight};
  machine.expect(machine.create_2d(1, kWidth, kHeight), VIRTIO_GPU_RESP_OK_NODATA, "A picture");
  machine.expect(machine.command(scattered_backing(machine)), VIRTIO_GPU_RESP_OK_NODATA, "Its memory");
  machine.expect(machine.scanout(0, 1, all), VIRTIO_GPU_RESP_OK_NODATA, "Showing it");

  nlohmann::json result;
  result["command_us"] = percentiles(repeat(seconds, [&] { machine.expect_alive(); }));
  const virtio_gpu_resource_flush flush{
      .hdr = {.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH}, .r = all, .resource_id = 1, .padding = 0};
  result["flush_us"] =
      percentiles(repeat(seconds, [&] { machine.expect(machine.send(flush), VIRTIO_GPU_RESP_OK_NODATA, "A flush"); }));
  const auto transfers = percentiles(
      repeat(seconds, [&] { machine.expect(machine.transfer(1, all, 0), VIRTIO_GPU_RESP_OK_NODATA, "A transfer"); }));
  // The same bytes from the same pages, in this process.
  std::vector<std::byte> copy(std::size_t{kPages} * kPage);
  const std::byte* from = machine.ram().at(machine.ram().base() + kPixels, copy.size());
  const auto copies = percentiles(repeat(seconds, [&] {
    for (std::uint32_t i = 0; i < kPages; ++i) {
      std::memcpy(copy.data() + std::size_t{i} * kPage, from + place_of(i), kPage);
      asm volatile("" : : "r"(copy.data()) : "memory");
    }
  }));
  const auto bandwidth = [](const nlohmann::json& times) { return kPicture / times["p50"].get<double>() / 1e3; };
  result["transfer_us"] = transfers;
  result["transfer_gb_per_s"] = bandwidth(transfers);
  result["memcpy_gb_per_s"] = bandwidth(copies);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  platform::ignore_broken_pipes();
  if (argc < 2) {
    std::fputs("Usage: bench_front_end SOCKET [SECONDS]\n", stderr);
    return 2;
  }
  try {
    std::puts(measure(argv[1], argc > 2 ? std::atof(argv[2]) : 1.0).dump(2).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_front_end: %s\n", error.what());
    return 1;
  }
}
