// ContextHost: where the guest's contexts live, and the blobs that they make: worker processes, or fakes. This room
// names them and hands their bytes over, unread.
//
// All calls hand something over and return; none waits for rendering. What takes time is told to ContextEvents later,
// on the device's thread, by the cookie that was given along. Cookies are never used twice, so that what comes late
// cannot be taken for something else. A call may answer to ContextEvents before it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/error.h"
#include "gpu/geometry.h"
#include "gpu/protocol.h"

namespace hesper::gpu {

enum class Cookie : std::uint64_t {};  // 0 is none

// A part of the host-visible window, in bytes from its start.
struct WindowRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  friend bool operator==(const WindowRange&, const WindowRange&) = default;
};

// How the guest shall map it: VIRTIO_GPU_MAP_CACHE_x.
enum class MapCache : std::uint32_t { none = 0, cached = 1, uncached = 2, write_combined = 3 };

// The host's memory of one blob. Outlives its context, as a guest frees the blobs of a program after its context.
// Destroying it gives the memory back; the device has unmapped it before.
class HostBlob {
 public:
  virtual ~HostBlob() = default;
  // Lays the blob over `range` of the window; its size is the blob's, rounded up to the window's granularity.
  // Told later: blob_mapped(), also when it cannot be done, or when the context is lost meanwhile. After a failure the
  // blob is not mapped.
  virtual void map(const WindowRange& range, Cookie cookie) = 0;
  // Undoes map(), also one that has not been told yet (and need not be any more).
  virtual void unmap() = 0;
  // The bytes if this process can read them, else empty. May change with map() and unmap() only.
  [[nodiscard]] virtual std::span<const std::byte> bytes() const noexcept = 0;
};

struct BlobRequest {
  ResourceId resource;
  std::uint32_t blob_mem;    // VIRTIO_GPU_BLOB_MEM_HOST3D or _HOST3D_GUEST
  std::uint32_t blob_flags;  // checked: none that is unknown
  std::uint64_t blob_id;
  std::uint64_t size;  // bytes, not 0
};

// What a context gets to see of a resource.
struct SharedResource {
  ResourceId id;
  std::uint64_t size;                             // bytes
  HostBlob* blob;                                 // nullptr: none, the resource has guest memory only
  std::span<const virtio_gpu_mem_entry> backing;  // in the resource's order; valid for the call
};

class HostContext {
 public:
  // Ends it, with all that it does; its cookies are told no more.
  virtual ~HostContext() = default;
  // Errors: it is lost, or has too much to do.
  [[nodiscard]] virtual Result<void> submit(std::span<const std::byte> commands) = 0;
  // From now on, until detach() or the end of the resource (which is told by detach() too), it may use the resource.
  virtual void attach(const SharedResource& resource) = 0;
  virtual void detach(ResourceId resource) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<HostBlob>> create_blob(const BlobRequest& request) = 0;
  // Told later: fence_reached(), when what was submitted before is done as far as ring_idx goes (0: consumed; 1 to 63:
  // executed by the queue that is bound to it).
  virtual void fence(std::uint8_t ring_idx, Cookie cookie) = 0;
};

struct Capset {
  std::uint32_t id;
  std::uint32_t max_version;
  std::span<const std::byte> bytes;  // for as long as the ContextHost lives
};

struct ContextRequest {
  ContextId id;
  std::uint32_t capset;   // one of capsets()
  std::string_view name;  // printable, at most 64 bytes; valid for the call
  Cookie cookie;          // for context_lost()
};

class ContextHost {
 public:
  virtual ~ContextHost() = default;
  // Does not change. Empty: no contexts, and the device offers no 3D.
  [[nodiscard]] virtual std::span<const Capset> capsets() const noexcept = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<HostContext>> create(const ContextRequest& request) = 0;
};

// What a ContextHost tells the device. An unknown cookie is none of anybody's business any more, and is ignored.
class ContextEvents {
 public:
  virtual void fence_reached(Cookie cookie) = 0;
  virtual void blob_mapped(Cookie cookie, Result<MapCache> how) = 0;
  // Its process is dead, or it broke the rules. Its open fences are told to the guest as failed by this call.
  virtual void context_lost(Cookie cookie) = 0;

 protected:
  ~ContextEvents() = default;
};

}  // namespace hesper::gpu
