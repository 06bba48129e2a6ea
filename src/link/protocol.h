// The link's messages: what hesper-gpu has a worker do for one context of the guest, and what the worker tells. A
// stream socket for each context; both ends are of one build and one byte order.
//
// Orders are executed one after the other, in the order in which the guest asked, as Venus relies on it: a command on a
// ring may wait for what was submitted on the virtqueue before.
//
// hesper-gpu checks every field of an event, as a worker may have been taken over by its client. The worker trusts that
// orders are whole and sizes sensible, and nothing else: the bytes of a submission are the guest's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hesper::link {

enum class OrderKind : std::uint32_t {
  create = 1,  // first, once. `size` bytes follow: the context's name. fd: the window
  submit = 2,  // `size` bytes follow: commands
  // Resource `number` is bytes [offset, offset + size) of the window, or of the file that comes along. memory not 0:
  // and the client's VkDeviceMemory of this id moves there. Answered by attached, if `answered`.
  attach = 3,
  detach = 4,  // of the attachment `cookie`; answered by released
  fence = 5,   // of timeline `number`; answered by fence_reached
};

struct Order {
  OrderKind kind{};
  std::uint32_t number = 0;    // attach, detach: resource id; fence: ring_idx
  std::uint64_t cookie = 0;    // attach, detach: of the attachment; fence: of the fence
  std::uint64_t offset = 0;    // attach: bytes; create: bytes of the window
  std::uint64_t size = 0;      // create, submit: bytes that follow, padded to kPadding; attach: bytes
  std::uint32_t own_file = 0;  // attach: 1 if an fd comes along that is the resource's own file
  std::uint32_t answered = 0;  // attach: 0 or 1
  std::uint64_t memory = 0;    // attach
};
static_assert(sizeof(Order) == 48);

// Every order begins at a multiple of this many bytes, so that a worker decodes where they lie.
inline constexpr std::size_t kPadding = 8;
inline constexpr std::size_t kMostNameBytes = 64;
// More is not a submission but a mistake. Above DeviceOptions::max_submit_size.
inline constexpr std::uint64_t kMostSubmissionBytes = std::uint64_t{1} << 30;

[[nodiscard]] constexpr std::uint64_t padded(std::uint64_t size) noexcept {
  return (size + (kPadding - 1)) & ~std::uint64_t{kPadding - 1};
}

enum class EventKind : std::uint32_t {
  fence_reached = 1,
  released = 2,  // nothing of the context uses the bytes of the attachment any more
  attached = 3,  // the context has the attachment, and its memory lies there; or, if `failed`, not
};

struct Event {
  EventKind kind{};
  std::uint32_t failed = 0;  // attached: 0 or 1
  std::uint64_t cookie = 0;  // of the order
};
static_assert(sizeof(Event) == 16);

}  // namespace hesper::link
