// FakeDriver: a Vulkan driver without a GPU behind the renderer's function tables. Every host function exists; each
// call is recorded with its arguments, checked for handles that are not alive, and answered: with success and fresh
// handles, or as the test says. Memory that is imported can be filled (vkCmdFillBuffer, at once), so that the
// renderer's probing finds a usable device.
//
// At most one lives in a process at a time, as Vulkan's global functions have no object. Any thread may call.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "fill.h"
#include "reflection.h"
#include "render/loader.h"

namespace hesper::fake {

struct FakeDriverOptions {
  bool record = true;         // keep calls() with their arguments
  std::uint32_t devices = 1;  // physical devices
  std::uint64_t answers_seed =
      0;  // 0: outputs are zero or plausible; otherwise random, where the renderer does not care
};

struct Call {
  const Command* command;
  std::string arguments;  // dump_request(), as the driver saw them
  std::string answer;     // dump_reply(), without created handles
  VkResult result;        // VK_SUCCESS if the function returns none
};

class FakeDriver {
 public:
  explicit FakeDriver(FakeDriverOptions options = {});
  ~FakeDriver();
  FakeDriver(const FakeDriver&) = delete;
  FakeDriver& operator=(const FakeDriver&) = delete;

  // For render::ClientContext, which must end before the driver does.
  [[nodiscard]] std::unique_ptr<render::Loader> loader();
  [[nodiscard]] static PFN_vkGetInstanceProcAddr entry() noexcept;

  // ---- Scripts ----
  // The k-th call from now on (1 is the next one) of a function that returns a VkResult returns `result`. With an error
  // it does nothing else; with a success code, what it always does. made: of the objects that it should make, so many
  // are made, as vkCreateGraphicsPipelines and its kind may do. Where one is missing there is VK_NULL_HANDLE in an
  // array, as Vulkan demands it, and elsewhere a number that is no handle.
  void answer_with(VkResult result, std::string_view command, std::size_t k = 1, std::optional<std::size_t> made = {});
  void fail(std::string_view command, std::size_t k, VkResult result) { answer_with(result, command, k); }
  // As if the host had no such function: looked up after this, it is NULL.
  void hide(std::string_view command);
  // Runs before every call, on the caller's thread, without a lock. Set it before the driver is used.
  void before_call(std::function<void(const Command&)> hook);
  // Of images from now on, in bytes; 0: that of buffers. Sparse blocks of images have 128 x 128 pixels and so many
  // bytes.
  void set_image_alignment(VkDeviceSize alignment);
  // From now on outputs are random (seed) or plausible (0).
  void set_answers(std::uint64_t seed);

  // ---- What happened ----
  [[nodiscard]] std::vector<Call> take_calls();
  [[nodiscard]] std::size_t count(std::string_view command) const;
  // Sentences about what no correct application does: handles that are not alive or of another type, parents destroyed
  // before their children.
  [[nodiscard]] std::vector<std::string> violations() const;
  [[nodiscard]] std::size_t live_objects() const;

  // ---- For the answers in answers.cpp, under the lock, and for tests that need objects of their own ----
  // A handle of this type; parent: 0 or the object with which it dies.
  std::uint64_t make(VkObjectType type, std::uint64_t parent);
  template <class Handle>
  Handle make_handle(VkObjectType type, std::uint64_t parent = 0) {
    return std::bit_cast<Handle>(make(type, parent));
  }

  struct State;  // of answers.cpp
  [[nodiscard]] State& state() noexcept { return *state_; }
  [[nodiscard]] const FakeDriverOptions& options() const noexcept { return options_; }

 private:
  friend void run(const Command& command, void* params);
  friend PFN_vkVoidFunction look_up(const char* name);

  struct Object {
    VkObjectType type;
    std::uint64_t parent;
  };
  struct Script {
    std::size_t calls_left;
    VkResult result;
    std::size_t made;  // at most
  };

  void call(const Command& command, void* params);
  [[nodiscard]] std::optional<Script> scripted(const Command& command);
  void check_handles(const Command& command, const void* params);
  // The first `most` of them.
  void create_objects(const Command& command, void* params, std::size_t most = SIZE_MAX);
  void destroy_objects(const Command& command, const void* params);
  void destroy(std::uint64_t handle, const Command& command);

  FakeDriverOptions options_;
  std::function<void(const Command&)> hook_;
  mutable std::recursive_mutex mutex_;  // answers make objects
  std::unordered_map<std::uint64_t, Object> objects_;
  std::uint64_t last_handle_ = 0x1000;
  std::map<std::string, std::vector<Script>, std::less<>> scripts_;
  std::set<std::string, std::less<>> hidden_;
  std::map<std::string_view, std::size_t> counts_;
  std::vector<Call> calls_;
  std::vector<std::string> violations_;
  Random random_;
  std::unique_ptr<State> state_;
};

}  // namespace hesper::fake
