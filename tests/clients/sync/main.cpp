// sync [--rounds N]: fences, semaphores, events, idle waits and several submitting threads, each checked.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <future>
#include <mutex>
#include <optional>
#include <vector>

#include "support/arguments.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kMillisecond = 1'000'000;          // ns
constexpr std::uint64_t kForever = 20'000 * kMillisecond;  // long enough for any machine, short enough for a test

[[nodiscard]] Fence make_fence(const Gpu& gpu, VkFenceCreateFlags flags = 0, const void* next = nullptr) {
  return create<Fence>(gpu.device(), vkCreateFence,
                       {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .pNext = next, .flags = flags});
}

[[nodiscard]] Semaphore make_semaphore(const Gpu& gpu, const void* next = nullptr) {
  return create<Semaphore>(gpu.device(), vkCreateSemaphore,
                           {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = next});
}

[[nodiscard]] Semaphore make_timeline(const Gpu& gpu, std::uint64_t start) {
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
                                       .initialValue = start};
  return make_semaphore(gpu, &type);
}

struct Point {
  VkSemaphore semaphore{};
  std::uint64_t value = 0;  // ignored by binary semaphores
};

struct Submission {
  VkCommandBuffer commands{};
  std::vector<Point> waits{};
  std::vector<Point> signals{};
  VkFence fence{};
};

void submit(VkQueue queue, const Submission& what) {
  std::vector<VkSemaphore> waits, signals;
  std::vector<std::uint64_t> wait_values, signal_values;
  for (const Point& point : what.waits) waits.push_back(point.semaphore), wait_values.push_back(point.value);
  for (const Point& point : what.signals) signals.push_back(point.semaphore), signal_values.push_back(point.value);
  const std::vector<VkPipelineStageFlags> stages(waits.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
  const VkTimelineSemaphoreSubmitInfo values{
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = static_cast<std::uint32_t>(wait_values.size()),
      .pWaitSemaphoreValues = wait_values.data(),
      .signalSemaphoreValueCount = static_cast<std::uint32_t>(signal_values.size()),
      .pSignalSemaphoreValues = signal_values.data()};
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &values,
                          .waitSemaphoreCount = static_cast<std::uint32_t>(waits.size()),
                          .pWaitSemaphores = waits.data(),
                          .pWaitDstStageMask = stages.data(),
                          .commandBufferCount = what.commands ? 1U : 0U,
                          .pCommandBuffers = &what.commands,
                          .signalSemaphoreCount = static_cast<std::uint32_t>(signals.size()),
                          .pSignalSemaphores = signals.data()};
  check(vkQueueSubmit(queue, 1, &info, what.fence));
}

void wait_for(const Gpu& gpu, const Fence& fence) {
  check(vkWaitForFences(gpu.device(), 1, fence.address(), VK_TRUE, kForever));
}

[[nodiscard]] VkResult wait_for_value(const Gpu& gpu, VkSemaphore semaphore, std::uint64_t value,
                                      std::uint64_t timeout) {
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &semaphore,
                                 .pValues = &value};
  return vkWaitSemaphores(gpu.device(), &info, timeout);
}

[[nodiscard]] std::uint64_t value_of(const Gpu& gpu, VkSemaphore semaphore) {
  std::uint64_t value = 0;
  check(vkGetSemaphoreCounterValue(gpu.device(), semaphore, &value));
  return value;
}

void signal_from_host(const Gpu& gpu, VkSemaphore semaphore, std::uint64_t value) {
  const VkSemaphoreSignalInfo info{
      .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO, .semaphore = semaphore, .value = value};
  check(vkSignalSemaphore(gpu.device(), &info));
}

void fences(const Gpu& gpu, std::uint32_t rounds) {
  const Fence born_signaled = make_fence(gpu, VK_FENCE_CREATE_SIGNALED_BIT);
  check(vkGetFenceStatus(gpu.device(), born_signaled.get()));
  check(vkResetFences(gpu.device(), 1, born_signaled.address()));
  expect(vkGetFenceStatus(gpu.device(), born_signaled.get()) == VK_NOT_READY, "A fence stayed signaled after a reset.");

  const auto start = Clock::now();
  constexpr std::uint64_t kShort = 50 * kMillisecond;
  expect(vkWaitForFences(gpu.device(), 1, born_signaled.address(), VK_TRUE, kShort) == VK_TIMEOUT,
         "A wait for a fence that nothing signals did not time out.");
  expect(Clock::now() - start >= std::chrono::milliseconds(49), "A wait for a fence ended before its time-out.");

  const Fence fence = make_fence(gpu);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    submit(gpu.queue(), {.fence = fence.get()});
    if (i % 2 == 0) {
      wait_for(gpu, fence);
    } else {
      const auto limit = Clock::now() + std::chrono::nanoseconds(kForever);
      while (vkGetFenceStatus(gpu.device(), fence.get()) == VK_NOT_READY) {
        expect(Clock::now() < limit, "vkGetFenceStatus never saw the fence signaled.");
      }
    }
    check(vkResetFences(gpu.device(), 1, fence.address()));
  }

  // Of two fences one is enough, unless all are asked for.
  submit(gpu.queue(), {.fence = fence.get()});
  const std::array both{born_signaled.get(), fence.get()};
  check(vkWaitForFences(gpu.device(), both.size(), both.data(), VK_FALSE, kForever));
  expect(vkWaitForFences(gpu.device(), both.size(), both.data(), VK_TRUE, kMillisecond) == VK_TIMEOUT,
         "A wait for all fences ended with one of them unsignaled.");
  wait_for(gpu, fence);
}

void binary_semaphores(const Gpu& gpu, std::uint32_t rounds) {
  const Semaphore semaphore = make_semaphore(gpu);
  const Fence fence = make_fence(gpu);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    submit(gpu.queue(0), {.signals = {{semaphore.get()}}});
    submit(gpu.queue(1), {.waits = {{semaphore.get()}}, .fence = fence.get()});
    wait_for(gpu, fence);
    check(vkResetFences(gpu.device(), 1, fence.address()));
  }
}

void timeline_semaphores(const Gpu& gpu, std::uint32_t rounds) {
  const Semaphore semaphore = make_timeline(gpu, 5);
  expect(value_of(gpu, semaphore.get()) == 5, "A timeline semaphore does not start at its initial value.");
  expect(wait_for_value(gpu, semaphore.get(), 6, 20 * kMillisecond) == VK_TIMEOUT,
         "A wait for a future timeline value did not time out.");
  signal_from_host(gpu, semaphore.get(), 6);
  check(wait_for_value(gpu, semaphore.get(), 6, kForever));
  for (std::uint64_t value = 7; value < 7 + rounds; ++value) {
    submit(gpu.queue(), {.signals = {{semaphore.get(), value}}});
    check(wait_for_value(gpu, semaphore.get(), value, kForever));
    expect(value_of(gpu, semaphore.get()) == value, "A timeline semaphore has not the value that was waited for.");
  }
}

// The queue waits for a value that the host signals only later, from another thread.
void wait_before_signal(const Gpu& gpu) {
  const Semaphore gate = make_timeline(gpu, 0);
  const Semaphore passed = make_timeline(gpu, 0);
  submit(gpu.queue(), {.waits = {{gate.get(), 1}}, .signals = {{passed.get(), 1}}});
  expect(wait_for_value(gpu, passed.get(), 1, 20 * kMillisecond) == VK_TIMEOUT,
         "Work ran before the value that it waits for was signaled.");
  auto waiter = std::async(std::launch::async, [&] { return wait_for_value(gpu, passed.get(), 1, kForever); });
  signal_from_host(gpu, gate.get(), 1);
  check(waiter.get());
}

void events(const Gpu& gpu) {
  const auto event = create<Event>(gpu.device(), vkCreateEvent, {.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO});
  const auto expect_status = [&](VkResult status) {
    expect(vkGetEventStatus(gpu.device(), event.get()) == status, "An event has not the status that it was given.");
  };
  expect_status(VK_EVENT_RESET);
  check(vkSetEvent(gpu.device(), event.get()));
  expect_status(VK_EVENT_SET);
  check(vkResetEvent(gpu.device(), event.get()));
  expect_status(VK_EVENT_RESET);
  const Commands commands(gpu);
  commands.now([&](VkCommandBuffer recording) {
    vkCmdSetEvent(recording, event.get(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
    const VkEvent waited = event.get();
    vkCmdWaitEvents(recording, 1, &waited, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0,
                    nullptr, 0, nullptr, 0, nullptr);
  });
  expect_status(VK_EVENT_SET);
  commands.now(
      [&](VkCommandBuffer recording) { vkCmdResetEvent(recording, event.get(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT); });
  expect_status(VK_EVENT_RESET);
}

// After an idle wait the results of all earlier submissions are there.
void idle_waits(const Gpu& gpu, std::uint32_t rounds) {
  const Buffer buffer(gpu, 4, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  const Commands commands(gpu);
  std::vector<VkCommandBuffer> recorded;
  for (std::uint32_t i = 0; i < std::min(rounds, 64U); ++i) {
    VkCommandBuffer recording = commands.begin(VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    vkCmdFillBuffer(recording, buffer.get(), 0, 4, i);
    full_barrier(recording);
    check(vkEndCommandBuffer(recording));
    recorded.push_back(recording);
  }
  for (std::uint32_t i = 0; i < recorded.size(); ++i) {
    submit(gpu.queue(), {.commands = recorded[i]});
    check(i % 2 == 0 ? vkQueueWaitIdle(gpu.queue()) : vkDeviceWaitIdle(gpu.device()));
    expect(buffer.as<std::uint32_t>()[0] == i, "An idle wait returned before the work was done.");
  }
}

// Threads share queues under a lock, as Vulkan demands, but record, wait and read alone.
void threads(const Gpu& gpu, std::uint32_t rounds) {
  constexpr std::uint32_t kThreads = 6;
  std::array<std::mutex, 2> queue_locks;
  std::vector<std::future<void>> running;
  for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
    running.push_back(std::async(std::launch::async, [&, thread] {
      const std::size_t lane = thread % std::min<std::size_t>(gpu.queue_count(), queue_locks.size());
      const Commands commands(gpu);
      const Buffer buffer(gpu, 4096, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
      const Fence fence = make_fence(gpu);
      for (std::uint32_t i = 0; i < rounds; ++i) {
        VkCommandBuffer recording = commands.begin();
        const std::uint32_t word = thread << 24U | i;
        vkCmdFillBuffer(recording, buffer.get(), 0, VK_WHOLE_SIZE, word);
        full_barrier(recording);
        check(vkEndCommandBuffer(recording));
        {
          const std::scoped_lock lock(queue_locks[lane]);
          submit(gpu.queue(lane), {.commands = recording, .fence = fence.get()});
        }
        wait_for(gpu, fence);
        check(vkResetFences(gpu.device(), 1, fence.address()));
        expect(std::ranges::all_of(buffer.as<std::uint32_t>(), [&](std::uint32_t each) { return each == word; }),
               "A thread read another value than it had its buffer filled with.");
      }
    }));
  }
  for (auto& thread : running) thread.get();
}

[[nodiscard]] bool semaphore_can(const Gpu& gpu, VkExternalSemaphoreFeatureFlags features) {
  if (!gpu.has_device_extension(VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) return false;
  const VkPhysicalDeviceExternalSemaphoreInfo info{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
                                                   .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
  VkExternalSemaphoreProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
  vkGetPhysicalDeviceExternalSemaphoreProperties(gpu.physical(), &info, &answer);
  return (answer.externalSemaphoreFeatures & features) == features;
}

// A signaled semaphore travels as a sync file into another one. Returns false where the driver does not offer it.
[[nodiscard]] bool sync_files(std::uint32_t rounds) {
  std::optional<Gpu> gpu(std::in_place);
  if (!semaphore_can(*gpu,
                     VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT)) {
    return false;
  }
  gpu.emplace(GpuOptions{.device_extensions = {VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME}});
  const auto get_fd = gpu->entry_point<PFN_vkGetSemaphoreFdKHR>("vkGetSemaphoreFdKHR");
  const auto import_fd = gpu->entry_point<PFN_vkImportSemaphoreFdKHR>("vkImportSemaphoreFdKHR");
  const VkExportSemaphoreCreateInfo exportable{.sType = VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO,
                                               .handleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
  const Semaphore from = make_semaphore(*gpu, &exportable);
  const Semaphore to = make_semaphore(*gpu);
  const Fence fence = make_fence(*gpu);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    submit(gpu->queue(), {.signals = {{from.get()}}});
    const VkSemaphoreGetFdInfoKHR get{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_GET_FD_INFO_KHR,
                                      .semaphore = from.get(),
                                      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
    int fd = -1;
    check(get_fd(gpu->device(), &get, &fd));
    const VkImportSemaphoreFdInfoKHR import{.sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
                                            .semaphore = to.get(),
                                            .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
                                            .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
                                            .fd = fd};  // taken over by the driver
    check(import_fd(gpu->device(), &import));
    submit(gpu->queue(), {.waits = {{to.get()}}, .fence = fence.get()});
    wait_for(*gpu, fence);
    check(vkResetFences(gpu->device(), 1, fence.address()));
  }
  return true;
}

void sync(Arguments& arguments) {
  const std::uint32_t rounds = arguments.number("rounds", 300);
  arguments.finish();
  {
    const VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
    const Gpu gpu({.features = &timeline, .queues = 2});
    fences(gpu, rounds);
    std::puts("fences ok");
    binary_semaphores(gpu, rounds);
    std::puts("binary semaphores ok");
    timeline_semaphores(gpu, rounds);
    std::puts("timeline semaphores ok");
    wait_before_signal(gpu);
    std::puts("wait before signal ok");
    events(gpu);
    std::puts("events ok");
    idle_waits(gpu, rounds);
    std::puts("idle waits ok");
    threads(gpu, rounds);
    std::puts("threads ok");
  }
  std::puts(sync_files(rounds) ? "sync files ok" : "sync files not offered");
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::sync); }
