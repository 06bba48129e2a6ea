// Channel: sending one, reading its answer.
#include "vhost/channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::vhost {

Channel::~Channel() = default;

void Channel::open(UniqueFd socket, bool replies) {
  if (std::exchange(in_flight_, false))
    finish(std::exchange(in_flight_done_, nullptr), fail("The front-end has changed the back-end channel.", EPIPE));
  received_ = 0;
  watch_ = {};
  socket_ = std::move(socket);
  replies_ = replies;
  watch_ = loop_.when_readable(socket_.get(), [this] { on_readable(); });
  flush();
}

void Channel::close() {
  watch_ = {};
  socket_ = UniqueFd();
  if (std::exchange(in_flight_, false))
    finish(std::exchange(in_flight_done_, nullptr), fail("The back-end channel is closed.", EPIPE));
  for (Waiting& one : std::exchange(waiting_, {}))
    finish(std::move(one.done), fail("The back-end channel is closed.", EPIPE));
}

void Channel::lose(const char* reason) {
  close();
  on_lost_(reason);
}

void Channel::finish(Done done, Result<void> result) {
  if (!done) return;
  loop_.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void Channel::send(BackEndRequest number, std::span<const std::byte> payload, UniqueFd fd, Done done) {
  if (!is_open()) return finish(std::move(done), fail("There is no back-end channel.", EPIPE));
  const MessageHeader header{.request = std::to_underlying(number),
                             .flags = kVersion | (replies_ ? kFlagNeedReply : 0),
                             .size = static_cast<std::uint32_t>(payload.size())};
  std::vector<std::byte> message(sizeof(header) + payload.size());
  std::memcpy(message.data(), &header, sizeof(header));
  std::ranges::copy(payload, message.begin() + sizeof(header));
  waiting_.push_back({.number = number, .message = std::move(message), .fd = std::move(fd), .done = std::move(done)});
  flush();
}

bool Channel::is_waiting(BackEndRequest number) const noexcept {
  return std::ranges::contains(waiting_, number, &Waiting::number);
}

void Channel::flush() {
  while (is_open() && !in_flight_ && !waiting_.empty() && may_send_()) {
    Waiting one = std::move(waiting_.front());
    waiting_.pop_front();
    if (!platform::send_message(socket_.get(), one.message, one.fd.get())) {
      finish(std::move(one.done), fail("The front-end does not take the request.", EPIPE));
      return lose("The front-end does not read it.");
    }
    if (!replies_) {
      finish(std::move(one.done), {});
      continue;
    }
    in_flight_ = true;
    in_flight_number_ = one.number;
    in_flight_done_ = std::move(one.done);
  }
}

void Channel::cancel() {
  finish(std::exchange(in_flight_done_, nullptr), fail("The device was reset.", ECANCELED));
  for (Waiting& one : std::exchange(waiting_, {}))
    finish(std::move(one.done), fail("The device was reset.", ECANCELED));
}

void Channel::on_readable() {
  const auto part = platform::receive_part(socket_.get(), std::span(reply_).subspan(received_), 0);
  if (part.closed) return lose("The front-end has closed it.");
  if (!in_flight_ && part.size > 0) return lose("The front-end answers what was not asked.");
  received_ += part.size;
  if (received_ < reply_.size()) return;
  received_ = 0;
  MessageHeader header{};
  std::uint64_t value = 0;
  std::memcpy(&header, reply_.data(), sizeof(header));
  std::memcpy(&value, reply_.data() + sizeof(header), sizeof(value));
  if (header.request != std::to_underlying(in_flight_number_) || header.flags != kReplyFlags ||
      header.size != sizeof(value))
    return lose("What the front-end sends is not the answer to the request.");
  in_flight_ = false;
  Done done = std::exchange(in_flight_done_, nullptr);
  if (value == 0) {
    finish(std::move(done), {});
  } else {
    if (!done) log::warn("The front-end refuses request {} of the back-end channel.", header.request);
    finish(std::move(done), fail(fmt::format("The front-end refuses request {}.", header.request), EIO));
  }
  flush();
}

}  // namespace hesper::vhost
