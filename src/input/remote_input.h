// RemoteInput: the viewer's end of input channels (channel.h): an Input whose devices are in hesper-gpu.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "base/unique_fd.h"
#include "input/sink.h"

namespace hesper::input {

// Each Sink has a channel of its own, which a thread of this opens when it is wanted, and again, at most once a second,
// when it is lost: then what the viewer held down has been let go, and goes down again only when it is pressed again.
// What cannot be sent for long is dropped with the whole channel, so that nothing stays down in the guest.
class RemoteInput final : public Input {
 public:
  // A control connection that has become an input channel. Called on this object's thread; may wait for some seconds.
  using Open = std::function<Result<UniqueFd>()>;

  // The process must ignore SIGPIPE.
  [[nodiscard]] static Result<std::unique_ptr<RemoteInput>> create(Open open);
  // Waits for an open() that is under way.
  ~RemoteInput() override;
  RemoteInput(const RemoteInput&) = delete;
  RemoteInput& operator=(const RemoteInput&) = delete;

  [[nodiscard]] std::unique_ptr<Sink> join(std::function<void(Leds)> on_leds) override;

 private:
  class Worker;
  class Channel;
  class RemoteSink;

  explicit RemoteInput(std::unique_ptr<Worker> worker) noexcept;
  std::unique_ptr<Worker> worker_;
};

}  // namespace hesper::input
