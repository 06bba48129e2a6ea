// AgentClipboard: the clipboard of a guest in which spice-vdagent runs, over the socket that is the other end of its
// virtio-serial port com.redhat.spice.0: one connection for all viewers.
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "base/unique_fd.h"
#include "clipboard/agent_session.h"
#include "clipboard/clipboard.h"

namespace hesper::clipboard {

// A thread of its own connects, and again when the connection is lost: after a second as long as nobody
// is there, and later and later, up to a minute, if what comes from there makes no sense.
class AgentClipboard final : public Clipboard {
 public:
  // Connects to the port's socket, on this object's thread. Errors: nobody is there yet.
  using Connect = std::function<Result<UniqueFd>()>;

  // The process must ignore SIGPIPE.
  [[nodiscard]] static Result<std::unique_ptr<AgentClipboard>> create(Connect connect,
                                                                      const AgentSession::Options& options);
  ~AgentClipboard() override;
  AgentClipboard(const AgentClipboard&) = delete;
  AgentClipboard& operator=(const AgentClipboard&) = delete;

  [[nodiscard]] std::unique_ptr<Holder> join(Listener listener) override;
  [[nodiscard]] std::size_t most_bytes() const noexcept override;

 private:
  class Worker;
  class Member;
  class MemberHolder;
  explicit AgentClipboard(std::unique_ptr<Worker> worker) noexcept;
  std::unique_ptr<Worker> worker_;
};

}  // namespace hesper::clipboard
