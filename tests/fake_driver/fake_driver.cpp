// FakeDriver: recording, object lifetimes and scripted failures. What functions answer is in answers.cpp.
#include "fake_driver.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <format>
#include <utility>

#include "answers.h"
#include "base/check.h"
#include "dump.h"
#include "fake_functions.h"

namespace hesper::fake {
namespace {

std::atomic<FakeDriver*> current{nullptr};

constexpr std::uint64_t kHandleStep = 16;                   // as addresses would be
constexpr std::uint64_t kNoHandle = 0xbad0'bad0'bad0'bad0;  // in the place of an object that was not made
constexpr std::size_t kArena = std::size_t{64} << 20;
constexpr std::uint64_t kZeroSeed = 0;

std::uint64_t handle_at(const void* params, const Field& field) { return load<std::uint64_t>(at(params, field)); }

// What a command creates, and the pool it comes from if there is one.
const Field* created_field(const Command& command) {
  const auto it =
      std::ranges::find_if(command.params.fields, [](const Field& f) { return f.output && f.kind == Kind::handle; });
  return it == command.params.fields.end() ? nullptr : &*it;
}

std::uint64_t parent_of(const Command& command, const void* params) {
  const Field& first = command.params.fields.front();
  for (const Field& field : command.params.fields) {
    if (field.output || field.kind != Kind::structure || field.shape != Shape::pointer) continue;
    const auto* info = load<const std::byte*>(at(params, field));
    if (info == nullptr || !std::string_view(field.type->name).ends_with("AllocateInfo")) continue;
    for (const Field& member : field.type->fields) {
      if (member.kind == Kind::handle && std::string_view(member.name).ends_with("Pool"))
        return handle_at(info, member);
    }
  }
  return first.kind == Kind::handle ? handle_at(params, first) : 0;
}

}  // namespace

FakeDriver::FakeDriver(FakeDriverOptions options)
    : options_(options), random_(options.answers_seed), state_(std::make_unique<State>()) {
  HESPER_CHECK(current.exchange(this) == nullptr);
}

FakeDriver::~FakeDriver() { current = nullptr; }

// ---- Looking functions up ----

PFN_vkVoidFunction look_up(const char* name) {
  FakeDriver* driver = current;
  {
    const std::scoped_lock lock(driver->mutex_);
    if (driver->hidden_.contains(name)) return nullptr;
  }
  // Each device looks up all of them.
  static const auto by_name = [] {
    std::unordered_map<std::string_view, PFN_vkVoidFunction> map;
    for (const FakeFunction& each : fake_functions()) map.emplace(each.name, each.function);
    return map;
  }();
  const auto it = by_name.find(name);
  return it == by_name.end() ? nullptr : it->second;
}

namespace {

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc_addr(VkDevice /*device*/, const char* name) {
  return look_up(name);
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_instance_proc_addr(VkInstance /*instance*/, const char* name) {
  // SAFETY (both): the caller casts it back to the type that belongs to the name.
  if (std::string_view(name) == "vkGetDeviceProcAddr") {
    return reinterpret_cast<PFN_vkVoidFunction>(get_device_proc_addr);
  }
  if (std::string_view(name) == "vkGetInstanceProcAddr") {
    return reinterpret_cast<PFN_vkVoidFunction>(get_instance_proc_addr);
  }
  return look_up(name);
}

}  // namespace

PFN_vkGetInstanceProcAddr FakeDriver::entry() noexcept { return get_instance_proc_addr; }

std::unique_ptr<render::Loader> FakeDriver::loader() { return std::move(*render::Loader::with(entry())); }

// ---- Scripts and results ----

void FakeDriver::answer_with(VkResult result, std::string_view command, std::size_t k,
                             std::optional<std::size_t> made) {
  HESPER_CHECK(k > 0 && find_command(command) != nullptr && find_command(command)->returns_result);
  const std::scoped_lock lock(mutex_);
  scripts_[std::string(command)].push_back(
      {.calls_left = k, .result = result, .made = made.value_or(result < 0 ? 0 : SIZE_MAX)});
}

void FakeDriver::hide(std::string_view command) {
  const std::scoped_lock lock(mutex_);
  hidden_.emplace(command);
}

void FakeDriver::before_call(std::function<void(const Command&)> hook) { hook_ = std::move(hook); }

void FakeDriver::set_image_alignment(VkDeviceSize alignment) {
  const std::scoped_lock lock(mutex_);
  state_->image_alignment = alignment;
}

void FakeDriver::set_answers(std::uint64_t seed) {
  const std::scoped_lock lock(mutex_);
  options_.answers_seed = seed;
  random_ = Random(seed);
}

std::vector<Call> FakeDriver::take_calls() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(calls_, {});
}

std::size_t FakeDriver::count(std::string_view command) const {
  const std::scoped_lock lock(mutex_);
  const auto it = counts_.find(command);
  return it == counts_.end() ? 0 : it->second;
}

std::vector<std::string> FakeDriver::violations() const {
  const std::scoped_lock lock(mutex_);
  return violations_;
}

std::size_t FakeDriver::live_objects() const {
  const std::scoped_lock lock(mutex_);
  return objects_.size();
}

std::optional<FakeDriver::Script> FakeDriver::scripted(const Command& command) {
  const auto it = scripts_.find(std::string_view(command.name));
  if (it == scripts_.end()) return std::nullopt;
  std::optional<Script> now;
  for (Script& script : it->second) {
    if (--script.calls_left == 0) now = script;
  }
  std::erase_if(it->second, [](const Script& script) { return script.calls_left == 0; });
  return now;
}

// ---- Objects ----

std::uint64_t FakeDriver::make(VkObjectType type, std::uint64_t parent) {
  const std::scoped_lock lock(mutex_);
  last_handle_ += kHandleStep;
  objects_.emplace(last_handle_, Object{.type = type, .parent = parent});
  return last_handle_;
}

void FakeDriver::check_handles(const Command& command, const void* params) {
  static_cast<void>(dump_request(
      command, params,
      {.on_handle =
           [&](VkObjectType type, std::uint64_t handle) {
             const auto it = objects_.find(handle);
             if (it == objects_.end()) {
               violations_.push_back(std::format("{} gets the handle {:#x} (VkObjectType {}), which is not alive.",
                                                 command.name, handle, static_cast<int>(type)));
             } else if (it->second.type != type) {
               violations_.push_back(std::format("{} gets the handle {:#x} as VkObjectType {}, but it is a {}.",
                                                 command.name, handle, static_cast<int>(type),
                                                 static_cast<int>(it->second.type)));
             }
           },
       .text = false}));
}

void FakeDriver::create_objects(const Command& command, void* params, std::size_t most) {
  const Field* field = created_field(command);
  auto* out = field == nullptr || hands_out(command) ? nullptr : load<std::byte*>(at(params, *field));
  if (out == nullptr) return;
  const bool single = field->shape == Shape::pointer;
  const std::uint64_t count = single ? 1 : field->length(params);
  const std::uint64_t parent = parent_of(command, params);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t handle = i < most ? make(field->object_type, parent) : single ? kNoHandle : 0;
    store(out + i * sizeof(handle), handle);
  }
}

void FakeDriver::destroy(std::uint64_t handle, const Command& command) {
  const auto it = objects_.find(handle);
  if (it == objects_.end()) return;
  const VkObjectType type = it->second.type;
  objects_.erase(it);
  // Pools take with them what they hold, devices their queues, instances their physical devices.
  std::vector<std::uint64_t> children;
  for (const auto& [child, object] : objects_) {
    if (object.parent == handle) children.push_back(child);
  }
  for (const std::uint64_t child : children) {
    const VkObjectType kind = objects_.at(child).type;
    const bool dies_with_it = type == VK_OBJECT_TYPE_COMMAND_POOL || type == VK_OBJECT_TYPE_DESCRIPTOR_POOL ||
                              kind == VK_OBJECT_TYPE_QUEUE || kind == VK_OBJECT_TYPE_PHYSICAL_DEVICE;
    if (!dies_with_it) {
      violations_.push_back(std::format("{} leaves the handle {:#x} (VkObjectType {}) alive.", command.name, child,
                                        static_cast<int>(kind)));
    }
    objects_.erase(child);
  }
}

void FakeDriver::destroy_objects(const Command& command, const void* params) {
  const std::string_view name = command.name;
  const auto fields = command.params.fields;
  if (name == "vkDestroyInstance" || name == "vkDestroyDevice") {
    destroy(handle_at(params, fields[0]), command);
  } else if (name.starts_with("vkDestroy") || name == "vkFreeMemory") {
    destroy(handle_at(params, fields[1]), command);
  } else if (name == "vkFreeCommandBuffers" || name == "vkFreeDescriptorSets") {
    const Field& array = fields.back();
    const auto* first = load<const std::byte*>(at(params, array));
    const std::uint64_t count = first == nullptr ? 0 : array.length(params);
    for (std::uint64_t i = 0; i < count; ++i) destroy(load<std::uint64_t>(first + i * array.size), command);
  } else if (name == "vkResetDescriptorPool") {
    const std::uint64_t pool = handle_at(params, fields[1]);
    std::erase_if(objects_, [&](const auto& entry) { return entry.second.parent == pool; });
  }
}

// ---- A call ----

namespace {

// Vulkan's two calls, for lists that nothing else is known about: two elements.
void answer_counts(const Command& command, void* params) {
  constexpr std::uint64_t kHave = 2;
  for (const Field& field : command.params.fields) {
    const bool counts = field.in_out_count && field.shape == Shape::pointer;  // not dataSize, which is a value
    auto* count = counts ? load<std::byte*>(at(params, field)) : nullptr;
    if (count == nullptr) continue;
    const std::uint64_t room = load_number(count, field.size);
    bool has_array = false;
    for (const Field& other : command.params.fields) {
      has_array |= other.output && other.shape == Shape::array && load<void*>(at(params, other)) != nullptr;
    }
    store_number(count, field.size, has_array ? std::min(room, kHave) : kHave);
    if (has_array && room < kHave && command.returns_result) {
      store(static_cast<std::byte*>(params) + command.return_offset, VK_INCOMPLETE);
    }
  }
}

}  // namespace

void FakeDriver::call(const Command& command, void* params) {
  if (hook_) hook_(command);
  const std::scoped_lock lock(mutex_);
  ++counts_[command.name];
  check_handles(command, params);
  const auto script = scripted(command);
  const bool fails = script && script->result < 0;
  Call record{.command = &command, .arguments = {}, .answer = {}, .result = VK_SUCCESS};
  if (options_.record) record.arguments = dump_request(command, params);
  if (fails) {
    create_objects(command, params, script->made);
  } else {
    if (options_.answers_seed == kZeroSeed) {
      if (!has_answer(command)) answer_counts(command, params);
    } else {
      Arena arena(kArena);
      Filler(random_, arena, {}).fill_outputs(command, params);
    }
    create_objects(command, params, script ? script->made : SIZE_MAX);
    answer(*this, command, params);
    destroy_objects(command, params);
  }
  if (script) store(static_cast<std::byte*>(params) + command.return_offset, script->result);
  if (!options_.record) return;
  record.answer = dump_reply(command, params, false);
  if (command.returns_result) record.result = command.result(params);
  calls_.push_back(std::move(record));
}

void run(const Command& command, void* params) { current.load()->call(command, params); }

}  // namespace hesper::fake
