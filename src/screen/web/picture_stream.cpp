// PictureStream: the loop of one viewer's pictures.
#include "screen/web/picture_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/log.h"
#include "platform/thread.h"

namespace hesper::screen::web {
namespace {

using namespace std::chrono_literals;

// A picture that stands still for so long is sent again, better.
constexpr auto kStillFor = 150ms;
// Where an encoder must begin anew for another bitrate, which costs a key frame.
constexpr auto kBetweenBitrates = 2s;
constexpr double kBitrateStep = 1.5;

void put(frame::Row& row, frame::Stage stage, std::uint64_t time) { row[static_cast<std::size_t>(stage)] = time; }

// The guest chooses both.
std::int32_t add(std::int32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(
      std::min(std::int64_t{a} + b, std::int64_t{std::numeric_limits<std::int32_t>::max()}));
}

FlowControl::Viewer told_by(const Acknowledge& acknowledge) {
  constexpr std::uint64_t kLatest = std::uint64_t{1} << 52;  // microseconds, of which nanoseconds are made
  if (acknowledge.received == 0 || acknowledge.painted < acknowledge.received || acknowledge.painted > kLatest)
    return {.waiting = acknowledge.waiting};
  return {.received = std::chrono::microseconds(acknowledge.received),
          .painted = std::chrono::microseconds(acknowledge.painted),
          .waiting = acknowledge.waiting};
}

bool same_size(const frame::Frame& a, const frame::Frame& b) { return a.width == b.width && a.height == b.height; }

}  // namespace

PictureStream::PictureStream(frame::Source& source, std::shared_ptr<frame::OutputLedger> ledger,
                             StreamSettings settings, Callbacks callbacks)
    : source_(source),
      ledger_(std::move(ledger)),
      settings_(std::move(settings)),
      callbacks_(std::move(callbacks)),
      picture_(settings_.picture),
      flow_(settings_.flow, Clock::now()),
      thread_([this] { run(); }) {}

PictureStream::~PictureStream() {
  stop();
  thread_.join();
}

void PictureStream::stop() {
  const std::scoped_lock lock(mutex_);
  stop_ = true;
  wake_.notify_one();
}

void PictureStream::acknowledge(const Acknowledge& acknowledge) {
  std::optional<FlowControl::Sent> picture;
  {
    const std::scoped_lock lock(mutex_);
    picture = flow_.acknowledged(acknowledge.frame, told_by(acknowledge), Clock::now());
    if (picture) wake_.notify_one();
  }
  if (!picture || picture->row == frame::Row{}) return;
  put(picture->row, frame::Stage::acknowledged, frame::now_ns());
  ledger_->add(picture->row);
}

void PictureStream::sent(std::uint32_t frame, std::uint64_t time_ns) {
  const std::scoped_lock lock(mutex_);
  flow_.note_stage(frame, frame::Stage::sent, time_ns);
}

void PictureStream::want_key() {
  const std::scoped_lock lock(mutex_);
  // What is on its way will not be painted, so that nothing will be acknowledged either.
  flow_.forget_in_flight();
  want_key_ = true;
  wake_.notify_one();
}

void PictureStream::set_visible(bool visible) {
  const std::scoped_lock lock(mutex_);
  visible_ = visible;
  wake_.notify_one();
}

StreamReport PictureStream::report() const {
  const std::scoped_lock lock(mutex_);
  StreamReport report = report_;
  report.bitrate = flow_.bitrate();
  report.max_fps = flow_.fps();
  report.in_flight = flow_.in_flight();
  report.round_trip_ms = std::chrono::duration<double, std::milli>(flow_.round_trip()).count();
  return report;
}

void PictureStream::run() {
  platform::name_thread("web pictures");
  platform::make_sleeps_precise();
  {
    const auto reader = source_.subscribe(settings_.display, [this] {
      const std::scoped_lock lock(mutex_);
      news_ = true;
      wake_.notify_one();
    });
    while (!ended_) {
      const Step step = wait();
      if (step == Step::stop) break;
      if (step == Step::take)
        take(*reader);
      else
        refine();
    }
  }
  callbacks_.ended();
}

PictureStream::Step PictureStream::wait() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stop_) return Step::stop;
    const auto now = Clock::now();
    const bool may_send = visible_ && flow_.open();
    std::optional<Clock::time_point> until;
    if (may_send && (news_ || (want_key_ && last_))) {
      if (flow_.next_due() <= now) {
        news_ = false;
        return Step::take;
      }
      until = flow_.next_due();
    } else if (may_send && refine_at_) {
      if (*refine_at_ <= now) return Step::refine;
      until = refine_at_;
    }
    if (until)
      wake_.wait_until(lock, *until);
    else
      wake_.wait(lock);
  }
}

void PictureStream::take(frame::Reader& reader) {
  frame::News news = reader.take();
  const std::uint64_t taken = frame::now_ns();
  if (news.info) callbacks_.displays_changed();
  if (news.cursor) show_cursor(*news.cursor);
  if (news.blank) {
    last_.reset();
    coder_.reset();
    {
      const std::scoped_lock lock(mutex_);
      refine_at_.reset();
      want_key_ = true;
    }
    callbacks_.send({.kind = StreamMessage::Kind::ordered, .frame = 0, .message = blank_message()});
  }
  if (news.frame) {
    if (last_ && news.frame->serial > last_->serial + 1) ledger_->skip(news.frame->serial - last_->serial - 1);
    frame::Row row = row_of(*news.frame);
    put(row, frame::Stage::taken, taken);
    show(std::move(*news.frame), row);
  } else if (last_) {
    // Nothing new; a viewer that has lost its place gets what there is.
    const bool want_key = [&] {
      const std::scoped_lock lock(mutex_);
      return want_key_;
    }();
    if (want_key) show(frame::Frame(*last_), {});
  }
  if (news.ended) {
    notice(Notice::error, "The virtual machine has ended.");
    ended_ = true;
  }
}

void PictureStream::show(frame::Frame frame, const frame::Row& row) {
  bool key;
  {
    const std::scoped_lock lock(mutex_);
    key = std::exchange(want_key_, false);
    refine_at_.reset();
    flow_.began(Clock::now());
  }
  if (last_ && !same_size(*last_, frame)) coder_.reset();
  const bool first = coder_ == nullptr;
  if (first && !make_coder(frame)) {
    ended_ = true;
    return;
  }
  adapt_bitrate();
  last_ = std::move(frame);
  auto coded = coder_->encode(*last_, key || first);
  if (!coded) {
    coder_.reset();
    ended_ = !fall_back(coded.error().message);
    const std::scoped_lock lock(mutex_);
    want_key_ = true;
    return;
  }
  refined_ = 0;
  send_picture(std::move(*coded), *last_, row);
}

void PictureStream::refine() {
  {
    const std::scoped_lock lock(mutex_);
    refine_at_.reset();
  }
  if (!last_ || !coder_) return;
  auto coded = coder_->refine(*last_);
  if (!coded) return;  // the picture is there; the next one will tell
  ++refined_;
  coded->flags |= kRefinement;
  send_picture(std::move(*coded), *last_, {});
}

bool PictureStream::fall_back(const std::string& why) {
  if (picture_ != PictureKind::video) {
    log::error("Pictures cannot be coded for a viewer. {}", why);
    notice(Notice::error, why);
    return false;
  }
  const std::string failed = choose_encoder(*encoders_, settings_.codecs);
  std::erase(*encoders_, failed);
  if (!failed.empty()) log::warn("The encoder {} does not work for a viewer. {}", failed, why);
  if (!choose_encoder(*encoders_, settings_.codecs).empty()) return true;
  notice(Notice::warning, "No video encoder works for this browser; pictures come as JPEG tiles.");
  picture_ = PictureKind::jpeg_tiles;
  return true;
}

bool PictureStream::make_coder(const frame::Frame& frame) {
  if (!encoders_) encoders_ = picture_ == PictureKind::video ? settings_.encoders() : std::vector<std::string>();
  for (;;) {
    CoderSettings settings{.picture = picture_,
                           .codecs = settings_.codecs,
                           .encoders = *encoders_,
                           .width = frame.width,
                           .height = frame.height,
                           .max_fps = static_cast<std::uint32_t>(settings_.flow.max_fps)};
    {
      const std::scoped_lock lock(mutex_);
      // Another size needs another rate, but what the line was found to bear stays the limit.
      if (coder_bitrate_ == 0) flow_.set_start_bitrate(usual_bitrate(settings));
      settings.bitrate = flow_.bitrate();
    }
    auto coder = make_picture_coder(settings);
    if (coder) {
      coder_ = std::move(*coder);
      coder_bitrate_ = settings.bitrate;
      break;
    }
    if (!fall_back(coder.error().message)) return false;
  }
  coder_bitrate_set_ = Clock::now();
  config_codec_.clear();
  config_width_ = config_height_ = 0;
  const std::scoped_lock lock(mutex_);
  report_.coder = coder_->describe();
  report_.width = frame.width;
  report_.height = frame.height;
  return true;
}

void PictureStream::adapt_bitrate() {
  std::uint64_t wanted;
  {
    const std::scoped_lock lock(mutex_);
    wanted = flow_.bitrate();
  }
  if (wanted == coder_bitrate_) return;
  const double ratio = static_cast<double>(wanted) / static_cast<double>(coder_bitrate_);
  const auto now = Clock::now();
  if (!coder_->sets_bitrate_live() &&
      (now - coder_bitrate_set_ < kBetweenBitrates || (ratio < kBitrateStep && ratio > 1 / kBitrateStep)))
    return;
  coder_bitrate_ = wanted;
  coder_bitrate_set_ = now;
  if (const auto set = coder_->set_bitrate(wanted); !set) log::info("{}", set.error().message);
}

void PictureStream::send_config_if_changed() {
  if (!last_ ||
      (coder_->codec_string() == config_codec_ && last_->width == config_width_ && last_->height == config_height_))
    return;
  config_codec_ = coder_->codec_string();
  config_width_ = last_->width;
  config_height_ = last_->height;
  {
    const std::scoped_lock lock(mutex_);
    report_.codec = config_codec_;
  }
  callbacks_.send({.kind = StreamMessage::Kind::ordered,
                   .frame = 0,
                   .message = config_message(coder_->codec(), config_width_, config_height_, config_codec_)});
}

void PictureStream::send_picture(CodedPicture coded, const frame::Frame& frame, frame::Row row) {
  if (coded.data.empty()) return;  // what was damaged looks as before
  send_config_if_changed();
  // One without a way of its own is an older one again.
  if (row == frame::Row{}) coded.flags |= kReplay;
  const std::uint64_t began = row[static_cast<std::size_t>(frame::Stage::taken)];
  const std::uint64_t captured = frame.times.flushed != 0 ? frame.times.flushed : began;
  Message message =
      video_message({.codec = coded.codec,
                     .flags = coded.flags,
                     .frame = ++frame_number_,
                     .captured = captured / 1000,
                     .encode_time = began == 0 ? 0 : static_cast<std::uint32_t>((coded.encoded - began) / 1000),
                     .width = static_cast<std::uint16_t>(frame.width),
                     .height = static_cast<std::uint16_t>(frame.height)},
                    coded.data.size());
  message.insert(message.end(), coded.data.begin(), coded.data.end());
  ledger_->count_bytes(message.size());
  if (coded.copied_bytes != 0) ledger_->count_copy(coded.copied_bytes);
  const bool replay = (coded.flags & kReplay) != 0;
  if (!replay) {
    put(row, frame::Stage::converted, coded.converted);
    put(row, frame::Stage::encoded, coded.encoded);
  }
  {
    const std::scoped_lock lock(mutex_);
    flow_.sent({.frame = frame_number_, .bytes = message.size(), .time = Clock::now(), .row = row});
    if ((coded.flags & kRefinement) != 0) ++report_.refinements;
    if ((coded.flags & kKeyFrame) != 0) ++report_.key_frames;
    if (refined_ < coder_->refinements()) refine_at_ = Clock::now() + kStillFor * (refined_ + 1);
  }
  callbacks_.send({.kind = StreamMessage::Kind::ordered, .frame = frame_number_, .message = std::move(message)});
}

void PictureStream::show_cursor(const frame::Cursor& cursor) {
  const bool other = !cursor_ || cursor_->shape != cursor.shape;
  cursor_ = cursor;
  if (other && cursor.shape) {
    ++cursor_id_;
    callbacks_.send({.kind = StreamMessage::Kind::cursor_shape,
                     .frame = 0,
                     .message = cursor_shape_message(cursor_id_, *cursor.shape)});
  }
  gpu::Point hot = cursor.position;
  if (cursor.shape) hot = {.x = add(hot.x, cursor.shape->hot_x), .y = add(hot.y, cursor.shape->hot_y)};
  callbacks_.send(
      {.kind = StreamMessage::Kind::cursor, .frame = 0, .message = cursor_message(cursor.shape ? cursor_id_ : 0, hot)});
}

void PictureStream::notice(Notice level, const std::string& text) {
  callbacks_.send({.kind = StreamMessage::Kind::notice, .frame = 0, .message = notice_message(level, text)});
}

}  // namespace hesper::screen::web
