// ContextServer: an order at a time.
#include "link/context_server.h"

#include <fcntl.h>

#include <span>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::link {

class ContextServer::Events {
 public:
  explicit Events(int socket) noexcept : socket_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {}

  // Any thread; the system takes so few bytes as a whole, so that events do not mix. Waits for a reader who has let
  // thousands of events lie, which hesper-gpu does not.
  void tell(EventKind kind, std::uint64_t cookie, bool failed = false) const noexcept {
    const Event event{.kind = kind, .failed = failed ? 1U : 0U, .cookie = cookie};
    static_cast<void>(platform::wait_and_send(socket_.get(), std::as_bytes(std::span(&event, 1))));
  }

 private:
  const UniqueFd socket_;
};

ContextServer::ContextServer(UniqueFd socket, CreateContext create_context)
    : events_(std::make_shared<Events>(socket.get())),
      reader_(std::move(socket)),
      create_context_(std::move(create_context)) {}

Ending ContextServer::serve() {
  for (;;) {
    auto received = reader_.next();
    if (!received) {
      if (received.error().empty()) return Ending::context_destroyed;
      log::error("{}: {}", name_, received.error());
      return Ending::link_broken;
    }
    if (received->order.kind == OrderKind::create) {
      if (context_) {
        log::error("{}: The context is created twice.", name_);
        return Ending::link_broken;
      }
      if (!create(*received)) return Ending::context_failed;
      continue;
    }
    if (!context_) {
      log::error("{}: An order comes before the context is created.", name_);
      return Ending::link_broken;
    }
    if (!execute(*received)) return Ending::link_broken;
    if (context_->fatal()) return Ending::context_failed;
  }
}

bool ContextServer::create(OrderReader::Received& received) {
  window_ = std::make_shared<const UniqueFd>(std::move(received.fd));
  name_.assign(reinterpret_cast<const char*>(received.bytes.data()), received.bytes.size());
  auto context = create_context_(name_, received.order.offset);
  if (!context) {
    log::error("{}: {}", name_, context.error().message);
    return false;
  }
  context_ = std::move(*context);
  return true;
}

bool ContextServer::execute(OrderReader::Received& received) {
  const Order& order = received.order;
  switch (order.kind) {
    case OrderKind::create: break;
    case OrderKind::submit:
      ++submissions_;
      // False: the context is fatal, which serve() finds out.
      static_cast<void>(context_->submit(received.bytes));
      return true;
    case OrderKind::attach: attach(order, std::move(received.fd)); return true;
    case OrderKind::detach:
      context_->detach_resource(render::ResourceId{order.number}, [events = events_, cookie = order.cookie] {
        events->tell(EventKind::released, cookie);
      });
      return true;
    case OrderKind::fence:
      context_->submit_fence(
          order.number, [events = events_, cookie = order.cookie] { events->tell(EventKind::fence_reached, cookie); });
      return true;
  }
  log::error("{}: Order {} is unknown.", name_, std::to_underlying(order.kind));
  return false;
}

// What cannot be attached is as if it did not exist, which the client finds out when it names it.
void ContextServer::attach(const Order& order, UniqueFd own_file) {
  const auto attached = context_->attach_resource(
      render::ResourceId{order.number},
      {.file = order.own_file != 0 ? std::make_shared<const UniqueFd>(std::move(own_file)) : window_,
       .offset = order.offset,
       .size = order.size});
  if (!attached) log::warn("{}: Resource {} cannot be used: {}", name_, order.number, attached.error().message);
  bool done = attached.has_value();
  if (done && order.memory != 0) {
    const auto moved = context_->move_memory(order.memory, render::ResourceId{order.number});
    if (!moved) log::info("{}: Memory does not get into its blob: {}", name_, moved.error().message);
    done = moved.has_value();
  }
  if (order.answered != 0) events_->tell(EventKind::attached, order.cookie, !done);
}

}  // namespace hesper::link
