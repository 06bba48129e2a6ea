// CommandStream: one decoder with its reply target: the context stream, or one ring's. Executes commands one after
// another on the thread that calls it. The generated dispatch calls back into it; what a command does is elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "flight/record.h"
#include "render/objects.h"
#include "render/observer.h"
#include "render/reclaimer.h"
#include "render/resource.h"
#include "render/ring.h"
#include "wire/commands_gen.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::render {

class ClientContext;

class CommandStream final : public RingConsumer {
 public:
  // Borrows context. name: for log lines. number: of the ring, counted from 0 and never reused.
  CommandStream(ClientContext& context, std::string name, flight::Kind kind = flight::Kind::context,
                std::uint32_t number = 0);
  ~CommandStream() override;
  CommandStream(const CommandStream&) = delete;
  CommandStream& operator=(const CommandStream&) = delete;

  // Executes all of `commands` (private copy, 4-byte aligned). False: the context is fatal.
  bool execute(std::span<const std::byte> commands);
  // Executes the first `count` of `commands`, which may end with part of another. Returns how many bytes that took;
  // nullopt: the context is fatal.
  std::optional<std::size_t> execute_some(std::span<const std::byte> commands, std::uint32_t count);
  // The same inside a command: vkExecuteCommandStreamsMESA.
  bool execute_nested(std::span<const std::byte> commands);
  [[nodiscard]] bool nested() const noexcept { return nested_; }

  bool consume(RingBatch& batch) override;
  void broken(const std::string& reason) override;

  // The ring whose commands these are; nullptr on the context stream.
  [[nodiscard]] Ring* ring() const noexcept { return ring_; }
  void set_ring(Ring* ring) noexcept { ring_ = ring; }
  [[nodiscard]] ClientContext& context() const noexcept { return context_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // What this stream executes, for whoever watches this process.
  [[nodiscard]] flight::StreamRecord& record() noexcept { return record_; }
  [[nodiscard]] StreamNumber number() const noexcept { return number_; }
  // nullptr: nobody looks.
  [[nodiscard]] ContextObserver* observer() const noexcept { return observer_; }
  // True once somebody wants this stream's thread to end; long waits ask from time to time.
  [[nodiscard]] bool stopping() const noexcept;

  // Reply target: bytes [offset, end of resource); `size` bounds seeks only. False: outside the resource, or it cannot
  // be mapped. It is no target any more once the client has dropped the resource: a stream that has nothing to do must
  // not keep its bytes.
  [[nodiscard]] bool set_reply_target(const std::shared_ptr<Resource>& resource, std::size_t offset, std::size_t size);
  [[nodiscard]] bool seek_reply(std::size_t position) noexcept;

  // ---- For command handlers, generated and hand-written ----
  [[nodiscard]] wire::Decoder& decoder() noexcept { return decoder_; }
  // After decoding: false if the command is malformed; the context is then fatal and the log says why.
  [[nodiscard]] bool decoded(wire::CommandType type) {
    if (decoder_.ok()) [[likely]]
      return true;
    malformed(type);
    return false;
  }
  // An id in the command names an object whose creation failed; the driver must not see it.
  [[nodiscard]] bool tombstone() const noexcept { return decoder_.tombstone(); }
  [[nodiscard]] bool fatal() const noexcept;
  // The command ends the context; `reason` is a sentence.
  void refuse(wire::CommandType type, std::string_view reason);
  void missing(wire::CommandType type);

  [[nodiscard]] bool reply_wanted() const noexcept { return reply_wanted_; }
  template <class Args>
  void reply(const Args& args) {
    if (reply_wanted_) {
      const std::shared_ptr<Resource> target = reply_resource_.lock();
      if (target == nullptr) return refuse(Args::kType, "A reply is asked for, but no reply stream is set.");
      if (observer_ != nullptr) [[unlikely]] {
        // Encoded apart first: what lies in shared memory may be the client's by the time it is looked at.
        wire::Encoder apart(observed_reply(reply_.capacity() - reply_.position()));
        wire::encode_reply(apart, args);
        show_reply(Args::kType, apart);
      }
      wire::encode_reply(reply_, args);
      if (!reply_.ok()) refuse(Args::kType, "The reply does not fit into the reply stream.");
      return;
    }
    if constexpr (Args::kReturnsResult) {
      // Nobody reads this result, so losing the context is the only way left to tell the client.
      if (args.ret == VK_ERROR_DEVICE_LOST) [[unlikely]]
        refuse(Args::kType, "The host's device is lost.");
    }
  }

  // Object bookkeeping. parent_state: the Ref.state of the command's first parameter.
  // reserve: false (and the context is fatal) if the id is 0 or in use.
  [[nodiscard]] bool reserve(VkObjectType type, wire::ObjectId id);
  void created(const void* parent_state, VkObjectType type, wire::ObjectId id, std::uint64_t handle);
  void created_with_state(InstanceChild& object, VkObjectType type, wire::ObjectId id, std::uint64_t handle);
  void created_with_state(DeviceChild& object, VkObjectType type, wire::ObjectId id, std::uint64_t handle);
  void failed(const void* parent_state, VkObjectType type, wire::ObjectId id);
  // Forgets the id of an object that the caller then destroys. False (and the context is fatal): another stream was
  // faster, and destroys it.
  template <class Handle>
  [[nodiscard]] bool destroyed(wire::CommandType type, const wire::Ref<Handle>& object) {
    return destroyed(type, object.id, std::bit_cast<std::uint64_t>(object.handle));
  }

 private:
  bool execute_next();
  bool execute_all(std::span<const std::byte> commands);
  [[nodiscard]] bool destroyed(wire::CommandType type, wire::ObjectId id, std::uint64_t handle);
  void refuse_on_gone(const Device& device, wire::ObjectId id);
  void enter_object(wire::ObjectId id, const wire::Object& object);
  bool execute_observed(wire::CommandType type);
  void look_at(std::span<const std::byte> commands);
  void malformed(wire::CommandType type);
  // Room for `size` bytes, of this stream's own.
  [[nodiscard]] std::span<std::byte> observed_reply(std::size_t size);
  void show_reply(wire::CommandType type, const wire::Encoder& encoder);

  ClientContext& context_;
  Reclaimer::Reader reader_;  // inside while commands are executed
  std::string name_;
  const StreamNumber number_;
  ContextObserver* const observer_;
  std::vector<std::byte> observed_reply_;
  std::span<const std::byte> commands_;  // what decoder_ walks
  Ring* ring_ = nullptr;
  Arena arena_;
  wire::Decoder decoder_;
  std::size_t command_start_ = 0;
  bool reply_wanted_ = false;
  bool nested_ = false;
  wire::Encoder reply_;
  std::size_t reply_size_ = 0;  // bound of seeks
  std::weak_ptr<Resource> reply_resource_;
  flight::StreamRecord& record_;
};

}  // namespace hesper::render
