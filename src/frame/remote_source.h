// RemoteSource: the displays of a hesper-gpu, by a feed (protocol.h). Connects to nobody itself.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"
#include "frame/feed_state.h"
#include "frame/source.h"

namespace hesper::frame {

// The process must ignore SIGPIPE.
class RemoteSource final : public Source {
 public:
  // feed: a connection that hesper-gpu has turned into a feed. Waits for the first answer, which comes at once, so that
  // info() knows all displays; and starts a thread. on_end: called once when the feed has ended, on that thread; must
  // not destroy this. Errors: the feed ends, or breaks its rules.
  [[nodiscard]] static Result<std::unique_ptr<RemoteSource>> create(
      UniqueFd feed, std::function<void()> on_end = [] {});
  RemoteSource(const RemoteSource&) = delete;
  RemoteSource& operator=(const RemoteSource&) = delete;
  ~RemoteSource() override;

  [[nodiscard]] std::unique_ptr<Reader> subscribe(std::uint32_t display, std::function<void()> on_news) override {
    return state_->subscribe(display, std::move(on_news));
  }
  [[nodiscard]] DisplayInfo info(std::uint32_t display) const override { return state_->info(display); }
  void ask_for_mode(std::uint32_t display, std::uint32_t width, std::uint32_t height,
                    std::uint32_t refresh_mhz) override;

 private:
  explicit RemoteSource(UniqueFd feed) noexcept : feed_(std::move(feed)) {}
  // Asks, and takes the whole answer; waits for it. False: the feed has ended.
  [[nodiscard]] Result<bool> take_answer();
  void send(const FeedRequest& request);

  const UniqueFd feed_;
  std::mutex send_mutex_;
  const std::shared_ptr<FeedState> state_ = std::make_shared<FeedState>();
  std::thread thread_;
};

}  // namespace hesper::frame
