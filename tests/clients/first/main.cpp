// first [--pause-ms N]: milliseconds until an instance exists and has listed its devices, and after a pause, of another
// client, until a device has done its first submission. Natively the driver is loaded anew for each. JSON on stdout.
#include <chrono>
#include <cstdio>
#include <thread>

#include "support/arguments.h"
#include "support/gpu.h"
#include "support/small_work.h"

namespace hesper::clients {
namespace {

void first(Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  using Milliseconds = std::chrono::duration<double, std::milli>;
  // Before each of the two, as between clients that come one by one.
  const std::chrono::milliseconds pause(arguments.number("pause-ms", 500));
  arguments.finish();

  std::this_thread::sleep_for(pause);
  auto start = Clock::now();
  VkInstance instance{};
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  check(vkCreateInstance(&info, nullptr, &instance));
  std::uint32_t devices = 0;
  check(vkEnumeratePhysicalDevices(instance, &devices, nullptr));
  const double instance_ms = Milliseconds(Clock::now() - start).count();
  vkDestroyInstance(instance, nullptr);

  std::this_thread::sleep_for(pause);
  start = Clock::now();
  const Gpu gpu;
  SmallWork(gpu).run_and_check(1);
  const double submission_ms = Milliseconds(Clock::now() - start).count();
  std::printf("{\"instance_ms\": %.2f, \"submission_ms\": %.2f}\n", instance_ms, submission_ms);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::first); }
