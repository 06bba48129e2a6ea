// ContextObserver: sees everything that crosses the door into a context and what is executed there, in an order in
// which one thread could do it all again. Captures are made of it (src/replay). Changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "render/context.h"
#include "wire/venus_types_gen.h"

namespace hesper::render {

// Number of a stream: 0 is the context stream, rings count up from 1 and are never reused.
using StreamNumber = std::uint32_t;

// Called by the door's thread and by ring threads, also at once. None of it may call the context.
class ContextObserver {
 public:
  ContextObserver() = default;
  ContextObserver(const ContextObserver&) = delete;
  ContextObserver& operator=(const ContextObserver&) = delete;
  virtual ~ContextObserver() = default;

  // ---- The door. blob: nullptr if the host refused. ----
  virtual void blob_requested(const BlobRequest& request, const Blob* blob) = 0;
  virtual void resource_destroyed(ResourceId resource) = 0;
  virtual void fence_submitted(std::uint32_t ring_idx) = 0;

  // ---- Streams ----
  virtual void stream_begins(StreamNumber stream, std::uint64_t ring) = 0;
  virtual void stream_ends(StreamNumber stream) = 0;
  // New bytes of whole commands, before the first of them is executed.
  virtual void commands_arrive(StreamNumber stream, std::span<const std::byte> commands) = 0;
  // What vkExecuteCommandStreamsMESA is about to execute, copied from there. All parts are told before nested_begins().
  virtual void nested_arrives(StreamNumber stream, ResourceId resource, std::uint64_t offset,
                              std::span<const std::byte> commands) = 0;
  virtual void nested_begins(StreamNumber stream) = 0;

  // ---- Commands. `nested`: inside vkExecuteCommandStreamsMESA. ----
  virtual void command_begins(StreamNumber stream, wire::CommandType type, bool nested) = 0;
  // bytes: the whole command as it was sent. After a malformed command, all that was left of its batch.
  virtual void command_ends(StreamNumber stream, wire::CommandType type, std::span<const std::byte> bytes,
                            bool nested) = 0;
  // Before the client can see it.
  virtual void replied(StreamNumber stream, wire::CommandType type, std::span<const std::byte> reply) = 0;

  // ---- Facts ----
  virtual void physical_device_found(const std::map<std::string, std::string>& facts) = 0;
  virtual void context_lost(std::string_view reason) = 0;
};

}  // namespace hesper::render
