// FlowControl: how many pictures may be on their way to a viewer, when the next one is begun, and with how many bits,
// from what the viewer acknowledges. Pure arithmetic on times that it is told; sends nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "frame/ledger.h"

namespace hesper::screen::web {

// Not for several threads at once.
class FlowControl {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  struct Options {
    double max_fps = 60;
    double min_fps = 5;                   // what a bad line is halved down to
    std::uint64_t min_bitrate = 300'000;  // bits a second
    std::uint64_t max_bitrate = 40'000'000;
    std::uint64_t start_bitrate = 8'000'000;
  };

  // A picture that was sent.
  struct Sent {
    std::uint32_t frame = 0;
    std::size_t bytes = 0;
    Time time;
    frame::Row row{};  // what is known of its way, for the ledger
  };

  // What the viewer says of a picture, on a clock of its own. Believed no further than the whole way took; 0: not
  // known.
  struct Viewer {
    std::chrono::microseconds received{};
    std::chrono::microseconds painted{};
    unsigned waiting = 0;  // pictures in its decoder
  };

  explicit FlowControl(const Options& options, Time now);

  // Another viewer's, or another size: the same line, another amount to begin with.
  void set_start_bitrate(std::uint64_t bitrate);

  // A picture may go out now, as far as the viewer's acknowledgements are concerned.
  [[nodiscard]] bool open() const noexcept;
  // When the next one is to begin: as the rate says, of which a frame may come somewhat early after one that came late,
  // and so that it reaches the viewer when that will have painted those before. Earlier, it would wait there, and be
  // the older for it.
  [[nodiscard]] Time next_due() const noexcept { return std::max(next_due_, viewer_ready()); }
  // One begins: it is taken and coded now.
  void began(Time now);
  [[nodiscard]] std::size_t in_flight() const noexcept { return sent_.size(); }

  void sent(Sent picture);
  // For the row of a picture that is on its way.
  void note_stage(std::uint32_t frame, frame::Stage stage, std::uint64_t time_ns) noexcept;
  // This picture has been painted, and with it all before. Returns what was remembered of it; nullopt: nothing, as it
  // was acknowledged before or never sent.
  std::optional<Sent> acknowledged(std::uint32_t frame, const Viewer& viewer, Time now);
  // The viewer has a new decoder and will not paint what was sent before.
  void forget_in_flight() noexcept;

  // Bits a second that the encoder should keep to.
  [[nodiscard]] std::uint64_t bitrate() const noexcept { return static_cast<std::uint64_t>(bitrate_); }
  [[nodiscard]] double fps() const noexcept { return fps_; }
  // The shortest way there and back that was seen lately, painting included.
  [[nodiscard]] Clock::duration round_trip() const noexcept { return delay_.shortest(); }

 private:
  // The shortest of this period and of the one before, so that a way that became longer is found out.
  class Shortest {
   public:
    void add(Clock::duration time) noexcept { now_ = now_ ? std::min(*now_, time) : time; }
    void begin_period() noexcept { before_ = std::exchange(now_, std::nullopt); }
    void is_now(Clock::duration time) noexcept {
      now_ = time;
      before_.reset();
    }
    [[nodiscard]] Clock::duration shortest() const noexcept;

   private:
    std::optional<Clock::duration> now_;
    std::optional<Clock::duration> before_;
  };

  [[nodiscard]] std::size_t window() const noexcept;
  [[nodiscard]] Time viewer_ready() const noexcept;
  void learn_work(const Viewer& viewer, Clock::duration delay);
  void adapt(Clock::duration delay, Clock::duration line, unsigned waiting, Time now);

  const Options options_;
  double bitrate_;
  double usual_bitrate_;  // with which it began
  double fps_;
  std::deque<Sent> sent_;  // not acknowledged, oldest first
  std::size_t bytes_in_flight_ = 0;
  Time next_due_;

  Time began_;                           // the picture that is being coded
  Clock::duration coding_{};             // of a picture, from its beginning until it is sent; smoothed
  Clock::duration work_{};               // of the viewer's, for one picture that need not wait there; smoothed
  std::chrono::microseconds painted_{};  // the last one, on the viewer's clock
  Time acknowledged_;                    // likewise, here

  Shortest delay_;  // of the whole way, painting included: what the window must cover
  Shortest line_;   // of the way without what the viewer held the picture for: what the line takes when nothing queues
  Time period_began_;

  // The shortest way over the line since the last decision: what even the luckiest picture had to queue.
  std::optional<Clock::duration> shortest_of_step_;
  Time step_began_;
  std::optional<Time> good_since_;
  std::size_t bytes_of_step_ = 0;  // sent
  double sent_rate_ = 0;           // bits a second, smoothed over some steps
  unsigned cuts_ = 0;              // of the bitrate, one step after the other
  Clock::duration way_before_cuts_{};
  unsigned most_waiting_ = 0;
};

}  // namespace hesper::screen::web
