// BackEnd: one vhost-user connection, from its first byte to its last: reads what the front-end sends, keeps guest
// memory and rings as it says, and hands messages to a Device. Knows nothing of what the device is.
//
// Who asks what it may cost: QEMU waits for each answer on its main thread, with no end. So nothing here ever waits,
// and the same thread must not do anything that does. docs/vhost.md tells the life cycle.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "platform/event_loop.h"
#include "vhost/channel.h"
#include "vhost/guest_memory.h"
#include "vhost/protocol.h"
#include "vhost/virtqueue.h"

namespace hesper::vhost {

// Why a device runs now. vhost-user has no message for a reset, so that the back-end tells them apart by the rings.
enum class Start : std::uint8_t {
  first,
  after_reset,  // everything that the guest made is gone: messages that are out, too, and window mappings
  after_pause,  // everything is as it was
};

// What a back-end drives. Everything is called on the loop's thread and must not wait. A call may use the BackEnd, but
// not destroy it. Lives longer than the BackEnd.
class Device {
 public:
  // Virtio feature bits of the device (0 to 23); those of rings and transport are the back-end's.
  [[nodiscard]] virtual std::uint64_t features() const = 0;
  // Those that the driver has accepted, of them.
  virtual void accept_features(std::uint64_t features) = 0;
  [[nodiscard]] virtual unsigned queue_count() const = 0;  // 1 to 256
  // Copies the config space from `offset` on; what is behind its end stays as it is, zero.
  virtual void read_config(std::size_t offset, std::span<std::byte> into) const = 0;
  // What a driver's write looks like depends on the front-end: QEMU sends the whole space for a write of one field,
  // with what it last read in the other ones. So take only what a driver may write.
  virtual void write_config(std::size_t offset, std::span<const std::byte> bytes) = 0;
  // Bytes of a shared memory region, 0: there is none. The sum of all is a power of two, each a multiple of the host's
  // page. Asked once.
  [[nodiscard]] virtual std::uint64_t shared_memory_size(std::uint8_t id) const = 0;

  // The rings run. From here on messages come, and what the device sends to the front-end goes out.
  virtual void on_start(Start start) = 0;
  // They do not run any more: a reset, a pause, or the end. Messages may still be completed; what becomes of that shows
  // at the next start.
  virtual void on_stop() = 0;
  virtual void on_message(unsigned queue, Message message) = 0;
  // A socket on which the front-end wants to be told what its own screens shall show (vhost-user-gpu); it sends a new
  // one before each start.
  virtual void on_display_socket(UniqueFd /*socket*/) {}

 protected:
  ~Device() = default;
};

// A range of a file at a place of a shared memory region; all multiples of the host's page, in bytes.
struct WindowMapping {
  std::uint8_t region = 0;   // shared memory id
  std::uint64_t offset = 0;  // in the region
  std::uint64_t length = 0;
  std::uint64_t file_offset = 0;
  bool writable = true;
};

class BackEnd {
 public:
  struct Options {
    Virtqueue::Options queue;
    // What is offered. CONFIGURE_MEM_SLOTS is understood, but QEMU 11.1 ends by a segmentation fault when a guest whose
    // window is mapped resets, if it has accepted that.
    std::uint64_t protocol_features = kProtocolFeatures;
    // Messages of one queue that are served before other things get their turn.
    unsigned batch = 16;
    // A front-end that ends closes its back-end channel and then its socket, a moment later. Only if it has not by
    // then, something is wrong.
    std::chrono::milliseconds end_takes{1000};
  };
  static constexpr std::uint64_t kProtocolFeatures =
      (1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK) | (1ULL << VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
      (1ULL << VHOST_USER_PROTOCOL_F_CONFIG) | (1ULL << VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD) |
      (1ULL << VHOST_USER_PROTOCOL_F_GPA_ADDRESSES) | (1ULL << VHOST_USER_PROTOCOL_F_SHMEM_MAP);

  enum class Ending : std::uint8_t {
    front_end_left,      // closed its socket between two messages
    front_end_at_fault,  // sent what cannot be understood, or reads no answers
  };
  // reason: a whole sentence.
  using OnEnd = std::function<void(Ending, const std::string& reason)>;

  // socket: connected to the front-end. The process must ignore SIGPIPE. on_end: called by the loop, once; the back-end
  // may be destroyed there.
  // Errors: the device's shared memory regions are not possible.
  [[nodiscard]] static Result<std::unique_ptr<BackEnd>> create(platform::EventLoop& loop, UniqueFd socket,
                                                               Device& device, Options options, OnEnd on_end);
  BackEnd(const BackEnd&) = delete;
  BackEnd& operator=(const BackEnd&) = delete;
  // Messages that are out complete into nothing. The device is not told.
  ~BackEnd();

  [[nodiscard]] bool ended() const noexcept { return !socket_; }
  // For reading from any thread.
  [[nodiscard]] const GuestMemory& memory() const noexcept { return memory_; }
  // True between Device::on_start and on_stop.
  [[nodiscard]] bool running() const noexcept { return running_; }

  // For drivers that offer messages without a kick, as some firmware's do: takes what is there, by on_message(). Not to
  // be called from within on_message().
  void look_for_messages(unsigned queue);

  // Tells the driver to read the config space again. While rings do not run, it is kept for when they do; several that
  // wait become one. After a reset nothing is told: the new driver reads it anyway.
  void config_changed();

  // Maps a range of a file into a region of shared memory, or takes it away: a mapping goes as a whole, as it came.
  // While rings do not run, requests wait. The front-end forgets mappings at a reset, and what is asked for until
  // on_start says so fails with ECANCELED. file: borrowed, opened for reading and writing, and impossible to shrink:
  // whoever shrinks it ends the VM. done: called by the loop, unless an error is returned: the request is not possible.
  [[nodiscard]] Result<void> map(const WindowMapping& mapping, int file, Channel::Done done);
  [[nodiscard]] Result<void> unmap(const WindowMapping& mapping, Channel::Done done);

 private:
  struct Ring;
  struct Entry;    // a row of the request table in back_end.cpp
  struct Outcome;  // what a request comes to
  using Payload = std::span<const std::byte>;
  using Fds = std::vector<UniqueFd>;

  BackEnd(platform::EventLoop& loop, UniqueFd socket, Device& device, Options options, OnEnd on_end);

  static const Entry kRequests[];
  [[nodiscard]] static const Entry* find_request(std::uint32_t number) noexcept;

  void on_readable();
  [[nodiscard]] bool receive_some();
  void accept_header();
  void handle_message();
  [[nodiscard]] bool reply(std::uint32_t request, Payload body);
  void end(Ending ending, std::string reason);

  [[nodiscard]] Outcome get_features(Payload, Fds&);
  [[nodiscard]] Outcome set_features(Payload payload, Fds&);
  [[nodiscard]] Outcome ignore(Payload, Fds&);
  [[nodiscard]] Outcome set_mem_table(Payload payload, Fds& fds);
  [[nodiscard]] Outcome set_vring_num(Payload payload, Fds&);
  [[nodiscard]] Outcome set_vring_addr(Payload payload, Fds&);
  [[nodiscard]] Outcome set_vring_base(Payload payload, Fds&);
  [[nodiscard]] Outcome get_vring_base(Payload payload, Fds&);
  [[nodiscard]] Outcome set_vring_kick(Payload payload, Fds& fds);
  [[nodiscard]] Outcome set_vring_call(Payload payload, Fds& fds);
  [[nodiscard]] Outcome set_vring_err(Payload payload, Fds& fds);
  [[nodiscard]] Outcome get_protocol_features(Payload, Fds&);
  [[nodiscard]] Outcome set_protocol_features(Payload payload, Fds&);
  [[nodiscard]] Outcome get_queue_num(Payload, Fds&);
  [[nodiscard]] Outcome set_vring_enable(Payload payload, Fds&);
  [[nodiscard]] Outcome set_backend_req_fd(Payload, Fds& fds);
  [[nodiscard]] Outcome gpu_set_socket(Payload, Fds& fds);
  [[nodiscard]] Outcome get_config(Payload payload, Fds&);
  [[nodiscard]] Outcome set_config(Payload payload, Fds&);
  [[nodiscard]] Outcome get_max_mem_slots(Payload, Fds&);
  [[nodiscard]] Outcome add_mem_reg(Payload payload, Fds& fds);
  [[nodiscard]] Outcome rem_mem_reg(Payload payload, Fds&);
  [[nodiscard]] Outcome get_shmem_config(Payload, Fds&);

  [[nodiscard]] Ring* find_ring(std::uint64_t index) noexcept;
  [[nodiscard]] Outcome start_ring(Ring& ring);
  [[nodiscard]] Outcome memory_changed(Result<void> result);
  [[nodiscard]] Start find_out_start() const;
  void forget_everything();
  void update_rings();
  void serve_soon(Ring& ring);
  void serve(Ring& ring);
  [[nodiscard]] bool negotiated(unsigned protocol_feature) const noexcept {
    return ((protocol_features_ >> protocol_feature) & 1) != 0;
  }
  [[nodiscard]] bool may_use_channel() const;
  void on_channel_lost(const char* reason);
  void tell_of_lost_channel();
  [[nodiscard]] Result<ShmemMapping> message_of(const WindowMapping& mapping) const;
  void forget_window(const ShmemMapping& mapping);

  platform::EventLoop& loop_;
  UniqueFd socket_;
  Device& device_;
  const Options options_;
  OnEnd on_end_;
  ShmemConfig shmem_{};

  // The message that is being received.
  std::array<std::byte, sizeof(MessageHeader)> header_bytes_{};
  MessageHeader header_{};
  std::size_t received_ = 0;  // bytes of header and payload
  std::vector<std::byte> payload_;
  Fds fds_;

  std::uint64_t offered_features_ = 0;
  std::uint64_t features_ = 0;           // accepted
  std::uint64_t protocol_features_ = 0;  // accepted
  GuestMemory memory_;
  std::vector<std::unique_ptr<Ring>> rings_;
  bool running_ = false;
  bool started_once_ = false;
  bool config_read_since_stop_ = false;
  Channel channel_;
  const char* channel_lost_ = nullptr;          // why, until that is told
  platform::EventLoop::Watch tell_of_channel_;  // unless the front-end has ended
  // What was asked to be mapped and not refused or taken away since.
  struct Window {
    ShmemMapping mapping;
    FileIdentity file;
  };
  std::vector<Window> windows_;
  std::uint64_t window_epoch_ = 0;  // changes when the front-end forgets them
  platform::EventLoop::Watch watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what is posted holds it weakly
};

}  // namespace hesper::vhost
