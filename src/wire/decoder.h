// Decoder: walks one private copy of a Venus command stream. Knows scalars, markers, counts and object ids;
// the structs are in the generated code that calls it.
//
// Errors are sticky: the first one is kept with its offset, every later read yields zero, and the caller looks at
// ok() once per command. That keeps generated code free of branches per field; nothing that was decoded may be used
// before ok() was asked. Format: docs/wire.md.
#pragma once

#include <vulkan/vulkan_core.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "base/arena.h"
#include "wire/decode_error.h"
#include "wire/object_table.h"

namespace hesper::wire {

// A handle parameter of a command: what the host calls it, what the client calls it, and the table owner's word.
template <class H>
struct Ref {
  H handle{};
  ObjectId id = 0;
  void* state = nullptr;
};

template <class T>
concept Scalar = std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);

class Decoder {
 public:
  // Borrows both. objects == nullptr leaves ids as they are (clients and tools); otherwise ids become host handles.
  Decoder(Arena& arena, const ObjectTable* objects) noexcept : arena_(&arena), objects_(objects) {}

  // Starts on `stream`: private memory, at least 4-byte aligned, that outlives the use of what is decoded from it.
  void reset(std::span<const std::byte> stream) noexcept {
    begin_ = at_ = stream.data();
    end_ = begin_ + stream.size();
    error_ = {};
    begin_command();
  }
  // Forgets what the ids of the last command named.
  void begin_command() noexcept {
    tombstone_ = false;
    owner_ = 0;
  }

  [[nodiscard]] bool ok() const noexcept { return error_.code == DecodeErrc::none; }
  [[nodiscard]] const DecodeError& error() const noexcept { return error_; }
  // True if an id named an object whose creation had failed. The command must not reach the driver.
  [[nodiscard]] bool tombstone() const noexcept { return tombstone_; }
  [[nodiscard]] std::size_t position() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  // Records the error unless there is one already; all further reads fail.
  void fail(DecodeErrc code, std::uint64_t detail = 0) noexcept {
    if (ok()) error_ = {.code = code, .offset = position(), .detail = detail};
    at_ = end_;
  }

  // One 4- or 8-byte scalar (size_t travels as 8 bytes). No alignment is required.
  template <Scalar T>
  [[nodiscard]] T take() noexcept {
    T value{};
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail(DecodeErrc::truncated);
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  // Several scalars in a row, with one check. Writes nothing on error.
  template <Scalar... T>
  void take_all(T&... out) noexcept {
    constexpr std::size_t size = (sizeof(T) + ...);
    if (remaining() < size) [[unlikely]]
      return fail(DecodeErrc::truncated);
    const std::byte* from = at_;  // a local, which the writes below cannot alias
    at_ += size;
    ((std::memcpy(&out, from, sizeof(T)), from += sizeof(T)), ...);
  }
  // A scalar of 1 or 2 bytes, which travels in the low bytes of a word.
  template <class T>
  [[nodiscard]] T take_narrow() noexcept {
    return static_cast<T>(take<std::uint32_t>());
  }

  // Pointer marker: any nonzero word means "present".
  [[nodiscard]] bool marker() noexcept { return take<std::uint64_t>() != 0; }
  // Marker of a pointer that Vulkan requires; false only on error.
  bool required_marker() noexcept {
    const bool present = marker();
    if (!present && ok()) [[unlikely]]
      fail(DecodeErrc::null_pointer);
    return present;
  }
  // Marker of a pointer that must be NULL, since what it points to has no encoding.
  void expect_null() noexcept {
    if (marker()) [[unlikely]]
      fail(DecodeErrc::unsupported);
  }
  void expect_stype(VkStructureType expected) noexcept {
    const auto stype = take<std::uint32_t>();
    if (stype != static_cast<std::uint32_t>(expected)) [[unlikely]]
      fail(DecodeErrc::wrong_stype, stype);
  }
  // A union's tag, which repeats the selector that was read before it.
  [[nodiscard]] bool expect_tag(std::uint64_t selector) noexcept {
    const auto tag = take<std::uint32_t>();
    if (tag != selector) [[unlikely]]
      fail(DecodeErrc::bad_union_tag, tag);
    return ok();
  }
  // A length in a unit smaller than its array's elements.
  void multiple_of(std::uint64_t length, std::uint64_t unit) noexcept {
    if (length % unit != 0) [[unlikely]]
      fail(DecodeErrc::count_mismatch, length);
  }

  // Array length; must equal `expected`.
  [[nodiscard]] std::size_t array_count(std::uint64_t expected) noexcept {
    const auto count = take<std::uint64_t>();
    if (count != expected) [[unlikely]] {
      fail(count == 0 ? DecodeErrc::null_pointer : DecodeErrc::count_mismatch, count);
      return 0;
    }
    return static_cast<std::size_t>(count);
  }
  // The same for an array that may be NULL: 0 is fine whatever is expected, and means NULL.
  [[nodiscard]] std::size_t optional_array_count(std::uint64_t expected) noexcept {
    const auto count = take<std::uint64_t>();
    if (count != 0 && count != expected) [[unlikely]] {
      fail(DecodeErrc::count_mismatch, count);
      return 0;
    }
    return static_cast<std::size_t>(count);
  }
  // Length of an array whose length only the wire tells (blobs and strings); bounded by the stream.
  [[nodiscard]] std::size_t byte_count() noexcept {
    const auto count = take<std::uint64_t>();
    if (count > remaining()) [[unlikely]] {
      fail(DecodeErrc::truncated, count);
      return 0;
    }
    return static_cast<std::size_t>(count);
  }

  // `count` elements of 1, 2, 4 or 8 bytes, padded to 4. Points into the stream where alignment allows, else into the
  // arena. nullptr if count is 0 or on error.
  template <class T>
    requires std::is_trivially_copyable_v<T> && (sizeof(T) <= 8)
  [[nodiscard]] const T* array(std::size_t count) noexcept {
    if (count == 0) return nullptr;
    if (count > remaining() / sizeof(T)) [[unlikely]] {
      fail(DecodeErrc::truncated, count);
      return nullptr;
    }
    const std::size_t bytes = count * sizeof(T);
    const std::size_t padded = (bytes + 3) & ~std::size_t{3};
    if (padded > remaining()) [[unlikely]] {
      fail(DecodeErrc::truncated, count);
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += padded;
    if constexpr (alignof(T) > 4) {
      if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) {
        void* copy = arena_->allocate(bytes, alignof(T));
        if (copy == nullptr) [[unlikely]] {
          fail(DecodeErrc::budget, bytes);
          return nullptr;
        }
        std::memcpy(copy, from, bytes);
        return static_cast<const T*>(copy);
      }
    }
    // SAFETY: implicit-lifetime elements inside the stream's bytes; alignment was checked above or is at most 4.
    return reinterpret_cast<const T*>(from);
  }

  // The same, always in the arena, where the caller may write.
  template <class T>
  [[nodiscard]] T* copied_array(std::size_t count) noexcept {
    const T* from = array<T>(count);
    T* copy = allocate<T>(count);
    if (from == nullptr || copy == nullptr) return nullptr;
    std::memcpy(copy, from, count * sizeof(T));
    return copy;
  }

  // Copies `count` elements of a fixed-size array into `out`.
  template <class T>
  void array_into(T* out, std::size_t count) noexcept {
    const T* from = array<T>(count);
    if (from != nullptr) std::memcpy(out, from, count * sizeof(T));
  }

  // Zeroed room in the arena for `count` Ts that will be decoded or written by the driver. wire_size: the fewest
  // bytes that one element takes in this stream (0 for outputs); bounds `count` before anything is allocated.
  template <class T>
  [[nodiscard]] T* allocate(std::size_t count, std::size_t wire_size = 0) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count == 0 || !ok()) return nullptr;
    if (wire_size != 0 && count > remaining() / wire_size) [[unlikely]] {
      fail(DecodeErrc::truncated, count);
      return nullptr;
    }
    void* room = count > SIZE_MAX / sizeof(T) ? nullptr : arena_->allocate(count * sizeof(T), alignof(T));
    if (room == nullptr) [[unlikely]] {
      fail(DecodeErrc::budget, count);
      return nullptr;
    }
    std::memset(room, 0, count * sizeof(T));
    return static_cast<T*>(room);
  }

  // Zeroed bytes in the arena, aligned for everything; nullptr and an error if there is no room.
  [[nodiscard]] void* room(std::size_t size) noexcept {
    if (!ok()) return nullptr;
    void* bytes = arena_->allocate(size);
    if (bytes == nullptr) [[unlikely]] {
      fail(DecodeErrc::budget, size);
      return nullptr;
    }
    return std::memset(bytes, 0, size);
  }

  // A string with its length in front; NULL if the length is 0. The last byte counts as NUL whatever it is.
  [[nodiscard]] const char* string() noexcept;
  // The same where Vulkan requires a string.
  [[nodiscard]] const char* required_string() noexcept {
    const char* s = string();
    if (s == nullptr && ok()) [[unlikely]]
      fail(DecodeErrc::null_pointer);
    return s;
  }

  // An object id as host handle. Unknown ids and ids of other types are errors, and so are, in one command, objects of
  // two devices; id 0 is VK_NULL_HANDLE.
  template <class H>
  [[nodiscard]] H handle(VkObjectType type) noexcept {
    return handle_of<H>(take<ObjectId>(), type);
  }
  // The same, and id 0 is an error.
  template <class H>
  [[nodiscard]] H required_handle(VkObjectType type) noexcept {
    return ref<H>(type, true).handle;
  }
  // The same for an id that was read already.
  template <class H>
  [[nodiscard]] H handle_of(ObjectId id, VkObjectType type) noexcept {
    if (id == 0 || objects_ == nullptr) return std::bit_cast<H>(id);
    const Found found = objects_->look_up(id);
    return std::bit_cast<H>(fits(found, type) ? found.handle : judge(found, id, type));
  }
  // The same with everything the table knows. required: id 0 is an error.
  template <class H>
  [[nodiscard]] Ref<H> ref(VkObjectType type, bool required) noexcept {
    const auto id = take<ObjectId>();
    if (id == 0) {
      if (required && ok()) fail(DecodeErrc::null_handle);
      return {};
    }
    if (objects_ == nullptr) return {.handle = std::bit_cast<H>(id), .id = id};
    void* state = nullptr;
    const Found found = objects_->look_up(id, state);
    const std::uint64_t handle = fits(found, type) ? found.handle : judge(found, id, type);
    return {.handle = std::bit_cast<H>(handle), .id = id, .state = state};
  }

  // True if ids become handles, that is, if a driver will see what is decoded.
  [[nodiscard]] bool resolves() const noexcept { return objects_ != nullptr; }

 private:
  // True for an object of this type and of the command's device, which the first object of a device decides.
  [[nodiscard]] bool fits(const Found& found, VkObjectType type) noexcept {
    if (owner_ == 0) owner_ = owner_of(found.kind);
    return found.kind == kind_of(type, owner_);
  }
  // The handle of what does not simply fit: 0 and an error, or that of an object that goes with all devices (instances,
  // physical devices), or a tombstone's.
  [[nodiscard]] std::uint64_t judge(const Found& found, ObjectId id, VkObjectType type) noexcept;

  const std::byte* begin_ = nullptr;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  Arena* arena_;
  const ObjectTable* objects_;
  DecodeError error_;
  bool tombstone_ = false;
  std::uint32_t owner_ = 0;  // of the objects that the command has named so far
};

}  // namespace hesper::wire
