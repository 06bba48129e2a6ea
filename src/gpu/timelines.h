// Timelines: responses that wait, for a fence or for an answer of the host, and the order in which they go out.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>

#include "gpu/answer.h"
#include "gpu/context_host.h"
#include "gpu/protocol.h"
#include "gpu/request.h"

namespace hesper::gpu {

// The way back of one request, with what its response repeats of its header.
struct Reply {
  std::unique_ptr<Responder> responder;
  std::size_t room = 0;
  // Not 0 only for requests with a fence: Linux finds the fence by the response, of whatever type that is.
  std::uint32_t flags = 0;
  std::uint64_t fence_id = 0;
  std::uint32_t ctx_id = 0;
  std::uint8_t ring_idx = 0;
  std::chrono::steady_clock::time_point arrived{};  // of the request

  // Writes header and payload, or as much of them as there is room for. Once.
  void send(const Response& response);
};

enum class Timeline : std::uint64_t {};

// The guest takes a fence for the end of all fences before it on its timeline. So in one timeline responses go out in
// the order in which they were added, and no timeline waits for another.
class Timelines {
 public:
  [[nodiscard]] static Timeline global() noexcept { return Timeline{0}; }
  [[nodiscard]] static Timeline of(ContextId context, std::uint8_t ring_idx) noexcept;
  // For one response alone, that waits for nothing but its own end.
  [[nodiscard]] static Timeline alone(Cookie cookie) noexcept;

  enum class State : std::uint8_t { waits, ready };
  // cookie: larger than all before. owner: whose end ends the waiting, by release(); or none.
  void add(Timeline timeline, Cookie cookie, Cookie owner, State state, Reply reply, Response response);

  // When the request came that waits by this cookie, if one does.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> arrived(Cookie cookie);
  // What it waited for has come. False: nobody waits by this cookie.
  bool ready(Cookie cookie);
  bool ready(Cookie cookie, Response instead);
  // All that wait by the owner are ready; with `instead`, if it is not nullptr.
  void release(Cookie owner, const Response* instead);
  // Drops all, unanswered.
  void clear();

  [[nodiscard]] std::size_t waiting() const noexcept;

 private:
  struct Entry {
    Cookie cookie;
    Cookie owner;
    State state;
    Reply reply;
    Response response;
  };

  [[nodiscard]] Entry* find(Cookie cookie);
  void send_ready(Timeline timeline);

  std::unordered_map<Timeline, std::deque<Entry>> timelines_;  // none is empty
  std::unordered_map<Cookie, Timeline> waiting_;               // where entries that wait are
};

}  // namespace hesper::gpu
