// FlowControl: after the sender's side of delay-based congestion control. What a viewer's own processor needs is told
// apart from what the line takes: fewer bits would not make it faster.
#include "screen/web/flow_control.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;

// In pictures. Two keep decoder and line busy at once; the upper end is for lines of some 150 ms at 60 a second.
constexpr std::size_t kLeastWindow = 2;
constexpr std::size_t kMostWindow = 12;
// Bytes that may always be on their way: a key frame of a large desktop.
constexpr std::size_t kLeastBytes = 256 * 1024;

constexpr auto kPeriod = 10s;    // of the shortest delay
constexpr auto kStep = 100ms;    // between two decisions
constexpr auto kTooLong = 40ms;  // of queueing: less is needed
constexpr auto kShort = 10ms;    // of queueing: more can be tried
// Long lines are less steady. There both are longer, but not beyond:
constexpr auto kMostTooLong = 80ms;
constexpr auto kMostShort = 40ms;
constexpr auto kGoodFor = 1s;  // before it is
// After so many cuts of the bitrate with the same way it is the line that has become longer: a queue shrinks or grows.
constexpr unsigned kCutsInVain = 6;
constexpr unsigned kFewWaiting = 3;

constexpr double kCut = 0.85;
constexpr double kRise = 1.05;
// Below this rate fewer pictures look better than worse ones; bits a second.
constexpr double kFewerPictures = 1'000'000;

// Of a smoothed time, what a new sample counts; and how much longer than expected it may be.
constexpr int kMemory = 8;
constexpr int kLongest = 4;

void smooth(FlowControl::Clock::duration& time, FlowControl::Clock::duration sample) {
  if (time == 0ms) time = sample;
  time += (std::min(sample, kLongest * time) - time) / kMemory;
}

double seconds(FlowControl::Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

FlowControl::FlowControl(const Options& options, Time now)
    : options_(options),
      bitrate_(static_cast<double>(std::clamp(options.start_bitrate, options.min_bitrate, options.max_bitrate))),
      usual_bitrate_(bitrate_),
      fps_(options.max_fps),
      next_due_(now - 1h),
      period_began_(now),
      step_began_(now) {}

void FlowControl::set_start_bitrate(std::uint64_t bitrate) {
  bitrate_ = usual_bitrate_ = static_cast<double>(std::clamp(bitrate, options_.min_bitrate, options_.max_bitrate));
}

FlowControl::Clock::duration FlowControl::Shortest::shortest() const noexcept {
  if (now_ && before_) return std::min(*now_, *before_);
  return now_.value_or(before_.value_or(0ms));
}

std::size_t FlowControl::window() const noexcept {
  const auto needed = static_cast<std::size_t>(std::ceil(seconds(round_trip()) * fps_)) + 1;
  return std::clamp(needed, kLeastWindow, kMostWindow);
}

bool FlowControl::open() const noexcept {
  if (sent_.empty()) return true;
  if (sent_.size() >= window()) return false;
  const double line = 1.5 * bitrate_ / 8 * seconds(round_trip());
  return bytes_in_flight_ < kLeastBytes + static_cast<std::size_t>(line);
}

// Pictures are taken to need the line's shortest time and, one after the other, the viewer's usual work.
FlowControl::Time FlowControl::viewer_ready() const noexcept {
  Time done = acknowledged_;
  for (const Sent& picture : sent_) done = std::max(done, picture.time + line_.shortest()) + work_;
  // An eighth too early is better than a viewer that has nothing to do.
  return done - line_.shortest() - coding_ - work_ / 8;
}

void FlowControl::began(Time now) {
  began_ = now;
  const auto interval = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / fps_));
  next_due_ = std::max(next_due_ + interval, now + interval / 2);
}

void FlowControl::sent(Sent picture) {
  bytes_in_flight_ += picture.bytes;
  bytes_of_step_ += picture.bytes;
  if (began_ != Time()) smooth(coding_, picture.time - began_);
  began_ = Time();
  sent_.push_back(std::move(picture));
}

void FlowControl::note_stage(std::uint32_t frame, frame::Stage stage, std::uint64_t time_ns) noexcept {
  const auto found = std::ranges::find(sent_, frame, &Sent::frame);
  if (found != sent_.end() && found->row != frame::Row{}) found->row[static_cast<std::size_t>(stage)] = time_ns;
}

std::optional<FlowControl::Sent> FlowControl::acknowledged(std::uint32_t frame, const Viewer& viewer, Time now) {
  const auto found = std::ranges::find(sent_, frame, &Sent::frame);
  if (found == sent_.end()) return std::nullopt;
  Sent picture = std::move(*found);
  for (auto it = sent_.begin(); it != std::next(found); ++it) bytes_in_flight_ -= it->bytes;
  sent_.erase(sent_.begin(), std::next(found));
  const auto delay = std::max(now - picture.time, Clock::duration::zero());
  learn_work(viewer, delay);
  acknowledged_ = now;
  const auto held = std::clamp<Clock::duration>(viewer.painted - viewer.received, 0ms, delay);
  adapt(delay, delay - held, viewer.waiting, now);
  return picture;
}

void FlowControl::learn_work(const Viewer& viewer, Clock::duration delay) {
  if (viewer.received == 0us) return;
  const auto began = viewer.painted < painted_ ? viewer.received : std::max(viewer.received, painted_);
  painted_ = viewer.painted;
  smooth(work_, std::clamp<Clock::duration>(viewer.painted - began, 0ms, delay));
}

void FlowControl::forget_in_flight() noexcept {
  sent_.clear();
  bytes_in_flight_ = 0;
}

void FlowControl::adapt(Clock::duration delay, Clock::duration line, unsigned waiting, Time now) {
  if (now - period_began_ >= kPeriod) {
    delay_.begin_period();
    line_.begin_period();
    period_began_ = now;
  }
  delay_.add(delay);
  line_.add(line);
  shortest_of_step_ = std::min(shortest_of_step_.value_or(line), line);
  most_waiting_ = std::max(most_waiting_, waiting);
  if (now - step_began_ < kStep) return;
  const double sent_rate = 8 * static_cast<double>(std::exchange(bytes_of_step_, 0)) / seconds(now - step_began_);
  sent_rate_ += (sent_rate - sent_rate_) / kMemory;
  step_began_ = now;
  const auto way = *std::exchange(shortest_of_step_, std::nullopt);
  const auto queueing = way - line_.shortest();
  const bool decoder_behind = std::exchange(most_waiting_, 0) > kFewWaiting;

  const bool too_long = queueing > std::clamp<Clock::duration>(line_.shortest() / 2, kTooLong, kMostTooLong);
  if (too_long) {
    if (cuts_ == 0) way_before_cuts_ = way;
    if (++cuts_ > kCutsInVain && way > way_before_cuts_ * 7 / 8 && way < way_before_cuts_ * 9 / 8) {
      delay_.is_now(delay);
      line_.is_now(way);
      cuts_ = 0;
      good_since_.reset();
      return;
    }
    bitrate_ = std::max(bitrate_ * kCut, static_cast<double>(options_.min_bitrate));
  } else {
    cuts_ = 0;
  }
  if (decoder_behind || (too_long && bitrate_ < kFewerPictures))
    fps_ = std::max(fps_ / 2, std::min(options_.min_fps, options_.max_fps));
  if (queueing >= std::clamp<Clock::duration>(line_.shortest() / 3, kShort, kMostShort) || decoder_behind) {
    good_since_.reset();
    return;
  }
  if (!good_since_) good_since_ = now;
  if (now - *good_since_ < kGoodFor) return;
  if (fps_ < options_.max_fps) {
    fps_ = std::min(fps_ * 2, options_.max_fps);
    good_since_ = now;  // a second to see whether it holds
    return;
  }
  // What is not used says nothing of what the line would take, beyond what everybody gets.
  if (sent_rate_ > bitrate_ / 2 || bitrate_ * kRise < usual_bitrate_)
    bitrate_ = std::min(bitrate_ * kRise, static_cast<double>(options_.max_bitrate));
}

}  // namespace hesper::screen::web
