// Context: one client's Venus world: its context stream, rings, objects and shared memory. This is all that a door
// (vtest, later vhost-user) sees of the renderer. Knows no socket and no virtio.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "flight/record.h"

namespace hesper::render {

class ContextObserver;  // observer.h

enum class ResourceId : std::uint32_t {};  // virtio-gpu resource_id; chosen by the door; 0 means none

inline constexpr std::uint32_t kTimelineCount = 64;

// How memory that the client may map is made. Spec of the choice: docs/memory.md.
enum class MemoryStrategy : std::uint8_t {
  automatic,  // per physical device, by probing: dmabuf where it really works, else hostptr
  dmabuf,     // the driver allocates and exports a dma-buf
  hostptr,    // shared memory first, imported through VK_EXT_external_memory_host
};

class PreparedHost;

struct ContextOptions {
  std::string name = "client";  // for log lines
  MemoryStrategy memory = MemoryStrategy::automatic;
  // The door owns all memory that the client maps: it makes blobs itself and tells their bytes with attach_resource().
  // The client allocates memory by importing them (the capset says use_guest_vram), or the door has memory that the
  // client has allocated moved into them with move_memory(). create_blob() fails. Memory can then be made with strategy
  // hostptr only, whatever `memory` says. docs/memory.md, "Ranges of the door's".
  bool memory_in_ranges = false;
  // The capset says use_guest_vram. Spares Mesa waits for itself, see spare_uploads.h and offers_inline_shaders().
  bool blobs_first = false;
  // Then nevertheless offer that with which programs send shaders within the commands that make pipelines.
  bool inline_shaders = false;
  // Bytes that can be attached at once: as much the client is told that it can map. 0: the door does not say.
  std::uint64_t window_size = 0;
  // Bytes; a power of two up to 64 KiB. Imports are made as if the driver could only do so in steps of this size at
  // least. 0: the host's own step. For tests of hosts whose pages are larger than the client's.
  std::uint64_t import_granularity = 0;
  // Bytes that the worker holds for the client: decoders, rings, replies, objects' ids, blobs, and device memory that
  // is the host's own. docs/security.md says what counts and what a client sees when it is spent.
  std::uint64_t memory_budget = std::uint64_t{2} << 30;
  std::size_t decoder_limit = std::size_t{256} << 20;    // bytes of decoder memory per stream; one command needs less
  std::uint64_t memory_limit = std::uint64_t{64} << 30;  // bytes of one allocation of the GPU's own memory at most
  std::size_t max_rings = 64;                            // each has a thread; Mesa makes one a thread of the program
  std::size_t max_devices = 64;                          // programs have one
  // Announce shared pages as dma-bufs with linear images where the host has none. True only where the fds that
  // programs get can be imported by their window system: behind a virtual GPU they can, plain files cannot.
  bool emulate_dma_buf = false;
  // Load the Khronos validation layer over the host's driver; what it finds is logged.
  bool validate = false;
  // Spares the context the search for a memory plan; made for the same options. May be empty.
  std::shared_ptr<const PreparedHost> host;
  // Where streams note what they execute; outlives the context. nullptr: nobody reads it.
  flight::Recorder* recorder = nullptr;
  // Told of every ring's status word and its FATAL bit, so that somebody can show the client this process's death. fd:
  // borrowed, shared memory; offset: bytes from the start of fd's file, of 32 bits; it is the ring's until
  // ring_disappears, or until the context is gone. The thread is the door's.
  std::function<void(std::uint32_t ring, int fd, std::uint64_t offset, std::uint32_t bit)> ring_appears;
  std::function<void(std::uint32_t ring)> ring_disappears;
  // Outlives the context. nullptr: nobody looks, which costs one branch a command.
  ContextObserver* observer = nullptr;
  // One thread executes what an observer saw, in its order (replay.h): rings have no threads, and waits of streams for
  // one another are over.
  bool replays = false;
};

struct BlobRequest {
  ResourceId resource{};
  std::uint32_t blob_flags = 0;  // VIRTIO_GPU_BLOB_FLAG_USE_*: 1 mappable, 2 shareable, 4 cross-device
  std::uint64_t blob_id = 0;     // 0: plain shared memory; otherwise a VkDeviceMemory id
  std::uint64_t size = 0;        // bytes, as asked; need not be a page multiple
};

struct Blob {
  UniqueFd fd;             // the caller's own; mappable at offset 0 if `mappable`
  std::uint64_t size = 0;  // bytes
  bool mappable = false;
  std::uint32_t map_info = 0;  // VIRTIO_GPU_MAP_CACHE_*: 0 none, 1 cached, 2 uncached, 3 write-combined
};

// Where ranges may begin: multiples of a client's page.
inline constexpr std::uint64_t kRangeStep = 4096;

// Bytes of a file that the door owns. The client may use them for rings, replies and streams, or import them as device
// memory; nobody asks the door which.
struct SharedRange {
  // Open for reading and writing; it never shrinks. Shared, since a window of thousands of ranges is one file. Imports
  // take whole steps of the driver's (4 KiB to 64 KiB), so a file's size should be a multiple of 64 KiB.
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;  // a multiple of kRangeStep
  std::uint64_t size = 0;    // bytes, at least 1
};

// Unless said otherwise the functions are for one thread, the door's. They may block as long as the client's
// commands ask for (vkWaitRingSeqnoMESA); rings run on threads of their own.
class Context {
 public:
  // Loads the host's Vulkan loader. Errors: no loader; the sentence says what to install.
  [[nodiscard]] static Result<std::unique_ptr<Context>> create(ContextOptions options);
  virtual ~Context() = default;  // stops rings, then destroys every host object

  // Decodes and executes `commands` (private copy, 4-byte aligned, borrowed) on the context stream. False: the
  // context is or became fatal; the reason was logged.
  virtual bool submit(std::span<const std::byte> commands) = 0;

  // Creates a blob under request.resource (must be unused). Errors: host refused, no such memory; the context goes on.
  [[nodiscard]] virtual Result<Blob> create_blob(const BlobRequest& request) = 0;
  virtual void destroy_resource(ResourceId resource) = 0;

  // From now on the client can name `range` by resource, which must be unused. Ranges may overlap, also with those of
  // other contexts. Nothing is mapped or charged yet. Errors: the id is 0 or in use, or the range is misaligned or
  // outside the file.
  [[nodiscard]] virtual Result<void> attach_resource(ResourceId resource, SharedRange range) = 0;
  // The client has allocated `memory`, a VkDeviceMemory, and maps it now: it shall lie in the range that is attached as
  // `into`, with all that is in it. From then on it is like memory that imports the range. Only where the host's plan
  // has MemoryPlan::replaceable. Waits until the GPU has done what may use it, for a second at most. Errors: no such
  // memory or range, not mappable, in a range already, range too small; half moved: then the context is fatal, too.
  [[nodiscard]] virtual Result<void> move_memory(std::uint64_t memory, ResourceId into) = 0;
  // The client can name it no longer. `released` is called exactly once, on any thread, possibly before this returns:
  // when nothing of this context uses the bytes any more. That is when its rings on them are destroyed, and when
  // memory that imports them is freed and the GPU has done what was submitted before, or has been given half a second
  // to a second for it (src/render/objects.h, keep_until_idle); at the latest when the context is gone. Also if it is
  // unknown. `released` must not block or call the context.
  virtual void detach_resource(ResourceId resource, std::function<void()> released) = 0;

  // Calls `done` exactly once, on any thread, possibly before returning: for ring_idx 0 when all earlier submits were
  // consumed, for 1..63 when all work given so far to the bound queue is complete, in order per ring_idx.
  // Device loss and an unbound ring_idx count as done. `done` must not block or call the context.
  virtual void submit_fence(std::uint32_t ring_idx, std::function<void()> done) = 0;

  // Any thread.
  [[nodiscard]] virtual bool fatal() const noexcept = 0;
};

}  // namespace hesper::render
