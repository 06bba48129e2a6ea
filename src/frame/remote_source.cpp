// RemoteSource: a thread that asks and takes what comes.
#include "frame/remote_source.h"

#include <array>
#include <span>
#include <utility>

#include "base/log.h"
#include "frame/ledger.h"
#include "platform/socket.h"
#include "platform/thread.h"

namespace hesper::frame {

Result<std::unique_ptr<RemoteSource>> RemoteSource::create(UniqueFd feed, std::function<void()> on_end) {
  std::unique_ptr<RemoteSource> source(new RemoteSource(std::move(feed)));
  auto first = source->take_answer();
  if (!first) return std::unexpected(std::move(first.error()));
  if (!*first) return fail("hesper gpu ends the feed of its displays.");
  source->thread_ = std::thread([source = source.get(), on_end = std::move(on_end)] {
    platform::name_thread("feed");
    for (;;) {
      const auto answer = source->take_answer();
      if (!answer) log::error("{}", answer.error().message);
      if (answer && *answer) continue;
      source->state_->end();
      return on_end();
    }
  });
  return source;
}

RemoteSource::~RemoteSource() {
  platform::refuse_to_read(feed_.get());
  if (thread_.joinable()) thread_.join();
}

Result<bool> RemoteSource::take_answer() {
  send({.question = FeedQuestion::next});
  std::array<std::byte, 16384> bytes;
  for (;;) {
    auto part = platform::wait_for_part(feed_.get(), bytes, platform::kMaxReceivedFds);
    if (part.closed) return false;
    auto done = state_->receive(std::span(bytes).first(part.size), std::move(part.fds), now_ns());
    if (!done) return std::unexpected(std::move(done.error()));
    if (*done) return true;
  }
}

void RemoteSource::ask_for_mode(std::uint32_t display, std::uint32_t width, std::uint32_t height,
                                std::uint32_t refresh_mhz) {
  send({.question = FeedQuestion::ask_for_mode,
        .display = display,
        .width = width,
        .height = height,
        .refresh_mhz = refresh_mhz});
}

void RemoteSource::send(const FeedRequest& request) {
  const std::scoped_lock lock(send_mutex_);
  // What it cannot take for now is a mode that somebody asked for in a hurry; a lost feed shows when it is read.
  if (!platform::send_message(feed_.get(), std::as_bytes(std::span(&request, 1)), -1))
    log::debug("hesper gpu does not take a request of the feed.");
}

}  // namespace hesper::frame
