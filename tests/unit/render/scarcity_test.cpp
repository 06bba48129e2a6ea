// A worker that the system gives no more memory, shared memory or descriptors: the k-th request for it fails, for each
// k of a client's whole life. Memory: the process ends with its sentence. Everything else: the client gets an error,
// and neither it nor the driver is left with half of something.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <memory>
#include <new>
#include <system_error>
#include <thread>

#include "base/scarcity.h"
#include "fake_driver.h"
#include "render/client_context.h"
#include "test_client.h"

namespace {

// Counts requests while it is armed, and lets one fail.
class Ration {
 public:
  void arm(long failing) noexcept {
    asked_ = 0;
    failing_ = failing;
  }
  void disarm() noexcept { failing_ = kOff; }
  [[nodiscard]] long asked() const noexcept { return asked_; }
  // False: this request fails.
  [[nodiscard]] bool grant() noexcept { return failing_ == kOff || ++asked_ != failing_; }

 private:
  static constexpr long kOff = -1;
  std::atomic<long> asked_{0};
  std::atomic<long> failing_{kOff};
};

Ration memory;
Ration system_calls;

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (!memory.grant()) return nullptr;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size == 0 ? 1 : size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

// As the standard has it: the handler is asked until there is memory, or nobody to ask.
void* allocate_or_call(std::size_t size, std::size_t alignment) {
  while (true) {
    if (void* got = allocate(size, alignment)) return got;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) return nullptr;
    handler();
  }
}

void* allocate_or_throw(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
  void* got = allocate_or_call(size, alignment);
  if (got == nullptr) throw std::bad_alloc();
  return got;
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_call(size, alignof(std::max_align_t));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_call(size, alignof(std::max_align_t));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

// The linker's --wrap sends Hesper's own calls here.
extern "C" {
void* __real_mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap(void* at, std::size_t size, int protection, int flags, int fd, off_t offset) {
  if (system_calls.grant()) return __real_mmap(at, size, protection, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size) {
  if (system_calls.grant()) return __real_ftruncate(fd, size);
  errno = ENOSPC;
  return -1;
}
#ifdef __linux__
int __real_memfd_create(const char* name, unsigned flags);
int __wrap_memfd_create(const char* name, unsigned flags) {
  if (system_calls.grant()) return __real_memfd_create(name, flags);
  errno = EMFILE;
  return -1;
}
#endif
int __real_shm_open(const char* name, int flags, mode_t mode);
int __wrap_shm_open(const char* name, int flags, mode_t mode) {
  if (system_calls.grant()) return __real_shm_open(name, flags, mode);
  errno = EMFILE;
  return -1;
}
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, int argument) {
  if (command != F_DUPFD_CLOEXEC || system_calls.grant()) return __real_fcntl(fd, command, argument);
  errno = EMFILE;
  return -1;
}
}

namespace hesper::render {
namespace {

constexpr int kStatus = 5;
constexpr unsigned kSecondsForOne = 60;

// What a small program does: device, memory that it maps, a buffer in it, a ring, a submission that it waits for.
// well: whether nothing failed.
void live(fake::FakeDriver& driver, bool& well) {
  well = false;
  test::TestClient client(std::make_unique<ClientContext>(ContextOptions{}, driver.loader()));
  if (!client.start()) return;

  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = 65536};
  const wire::ObjectId id = client.new_id();
  VkDeviceMemory ignored{};
  wire::ObjectId memory_id = id;
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = client.device;
  allocate.pAllocateInfo = &info;
  allocate.pMemory = &ignored;
  allocate.pMemory_ids = &memory_id;
  const bool allocated = client.call(allocate) && allocate.ret == VK_SUCCESS;
  EXPECT_FALSE(client.context->fatal()) << "An allocation that fails is no reason to lose the context.";
  const bool exported =
      client.context->create_blob({.resource = ResourceId{7}, .blob_flags = 1, .blob_id = id, .size = 65536})
          .has_value();

  wire::VkRingCreateInfoMESA ring_info{.sType = wire::VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
                                       .resourceId = 8,
                                       .size = 8192,
                                       .idleTimeout = 1'000'000,
                                       .headOffset = 0,
                                       .tailOffset = 64,
                                       .statusOffset = 128,
                                       .bufferOffset = 192,
                                       .bufferSize = 4096,
                                       .extraOffset = 192 + 4096,
                                       .extraSize = 4};
  const bool shared =
      client.context->create_blob({.resource = ResourceId{8}, .blob_flags = 1, .size = 8192}).has_value();
  EXPECT_FALSE(client.context->fatal()) << "A blob that fails is no reason to lose the context.";
  wire::vkCreateRingMESA_args ring;
  ring.ring = 1;
  ring.pCreateInfo = &ring_info;
  const bool has_ring = shared && client.send(ring);

  std::atomic<bool> complete = false;
  client.context->submit_fence(1, [&] { complete = true; });
  if (allocated) {
    wire::vkFreeMemory_args free;
    free.device.id = client.device;
    free.memory.id = id;
    static_cast<void>(client.send(free));
  }
  client.context.reset();
  EXPECT_TRUE(complete) << "A fence is never told.";
  well = allocated && exported && has_ring;
}

// The same in the window of a door. Whatever fails, what is detached is released once.
void live_in_window(fake::FakeDriver& driver, bool& well) {
  static const test::TestWindow window = [] {
    system_calls.disarm();  // the test's own
    return test::TestWindow(std::size_t{1} << 20);
  }();
  well = false;
  test::TestClient client(std::make_unique<ClientContext>(ContextOptions{.memory_in_ranges = true}, driver.loader()),
                          window, 0, 65536);
  std::atomic<int> released = 0;
  const bool started = client.start();
  bool attached = client.context->attach_resource(ResourceId{7}, window.range(65536, 65536)).has_value();
  attached = client.context->attach_resource(ResourceId{8}, window.range(131072, 8192)).has_value() && attached;
  EXPECT_TRUE(attached) << "Nothing is asked of the system yet.";

  const wire::VkImportMemoryResourceInfoMESA import{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA, .pNext = nullptr, .resourceId = 7};
  const VkMemoryAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = &import, .allocationSize = 65536};
  wire::ObjectId memory_id = client.new_id();
  VkDeviceMemory ignored{};
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = client.device;
  allocate.pAllocateInfo = &info;
  allocate.pMemory = &ignored;
  allocate.pMemory_ids = &memory_id;
  const bool allocated = started && client.call(allocate) && allocate.ret == VK_SUCCESS;

  const wire::VkRingCreateInfoMESA ring_info{.sType = wire::VK_STRUCTURE_TYPE_RING_CREATE_INFO_MESA,
                                             .resourceId = 8,
                                             .size = 8192,
                                             .idleTimeout = 1'000'000,
                                             .headOffset = 0,
                                             .tailOffset = 64,
                                             .statusOffset = 128,
                                             .bufferOffset = 192,
                                             .bufferSize = 4096,
                                             .extraOffset = 192 + 4096,
                                             .extraSize = 4};
  wire::vkCreateRingMESA_args ring;
  ring.ring = 1;
  ring.pCreateInfo = &ring_info;
  const bool has_ring = client.send(ring);
  client.context->detach_resource(ResourceId{7}, [&] { ++released; });
  client.context->detach_resource(ResourceId{8}, [&] { ++released; });
  client.context.reset();
  EXPECT_EQ(released, 2);
  well = allocated && has_ring;
}

using Life = void (*)(fake::FakeDriver&, bool&);
class EachSystemCall : public testing::TestWithParam<Life> {};
INSTANTIATE_TEST_SUITE_P(Lives, EachSystemCall, testing::Values(live, live_in_window));

TEST_P(EachSystemCall, MayFail) {
  const Life live = GetParam();
  bool well = false;
  for (int i = 0; i < 2; ++i) {  // the first makes what is made once in a process
    fake::FakeDriver driver({.record = false});
    system_calls.arm(0);
    live(driver, well);
    ASSERT_TRUE(well);
  }
  const long calls = system_calls.asked();
  EXPECT_GT(calls, 5);
  for (long k = 1; k <= calls; ++k) {
    SCOPED_TRACE(std::format("system call {} of {}", k, calls));
    fake::FakeDriver driver({.record = false});
    system_calls.arm(k);
    try {
      live(driver, well);
    } catch (const std::runtime_error&) {  // the test's client itself got no memory for its replies
      well = false;
    } catch (const std::bad_alloc&) {  // of the object table's own mapping: a worker ends
      well = false;
    }
    system_calls.disarm();
    EXPECT_THAT(driver.violations(), testing::IsEmpty());
    EXPECT_EQ(driver.live_objects(), 0u);
  }
}

// In a process of its own: the status of its end.
template <class Do>
int status_of(Do run) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kSecondsForOne);
    run();
    std::_Exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Scarcity, AWorkerWithoutMemoryEndsWithItsStatus) {
  bool well = false;
  for (int i = 0; i < 2; ++i) {  // the first makes what is made once in a process, so the children will not
    fake::FakeDriver driver({.record = false});
    memory.arm(0);
    live(driver, well);
    ASSERT_TRUE(well);
  }
  const long allocations = memory.asked();
  memory.disarm();
  EXPECT_GT(allocations, 100);
  const long step = std::max(1L, allocations / 150) | 1;
  for (long k = 1; k <= allocations; k += step) {
    const int status = status_of([&] {
      end_on_scarcity("scarcity_test", kStatus);
      fake::FakeDriver driver({.record = false});
      memory.arm(k);
      live(driver, well);
    });
    EXPECT_EQ(status, kStatus) << "allocation " << k << " of " << allocations;
    if (HasFailure()) return;
  }
}

TEST(Scarcity, ThreadsThatDoNotStartAndOthersExceptionsEndItToo) {
  const auto ends_with = [](auto exception) {
    return status_of([&] {
      end_on_scarcity("scarcity_test", kStatus);
      std::thread([&] { throw exception; }).join();
    });
  };
  EXPECT_EQ(ends_with(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))), kStatus);
  EXPECT_EQ(ends_with(std::bad_alloc()), kStatus);
  EXPECT_EQ(ends_with(std::logic_error("a bug")), 128 + SIGABRT);
}

}  // namespace
}  // namespace hesper::render
