// Recording: one thread that takes pictures, encodes and writes.
#include "screen/record/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/tell.h"
#include "frame/ledger.h"
#include "gpu/protocol.h"
#include "platform/thread.h"
#include "screen/record/canvas.h"
#include "screen/record/fitter.h"
#include "screen/record/progress.h"
#include "screen/record/video_file.h"
#include "video/encoder.h"

namespace hesper::screen {
namespace {

using namespace record;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// So that players can jump: a key frame with the first picture after so long.
constexpr auto kKeyInterval = 10s;
// So that little is lost when the process or the machine dies: what is encoded reaches the file after so long, also if
// nothing more comes.
constexpr auto kFlushInterval = 1s;

std::uint64_t to_us(Clock::duration time) noexcept {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count(), 0));
}

class Recording final : public Output {
 public:
  Recording(const RecordOptions& options, Container container, UniqueFd output, video::EncoderSettings settings,
            Shown shown)
      : options_(options),
        container_(container),
        output_(std::move(output)),
        settings_(std::move(settings)),
        shown_(std::move(shown)),
        ledger_(shown_.ledger.open("record " + options.file.filename().native(), options.display)),
        progress_(!options.quiet) {
    reader_ = shown_.source.subscribe(options.display, [this] {
      const std::scoped_lock lock(mutex_);
      has_news_ = true;
      changed_.notify_one();
    });
    thread_ = std::thread([this] { work(); });
  }
  ~Recording() override { (void)finish(); }

  [[nodiscard]] std::string describe() const override { return {}; }
  [[nodiscard]] Result<void> finish() override;

 private:
  using Time = Clock::time_point;

  void work();
  // What there is to do now. Returns when there will be something to do even if no news comes.
  [[nodiscard]] Result<Time> step(bool may_take);
  [[nodiscard]] Result<void> take();
  [[nodiscard]] Result<void> begin(const Canvas& canvas);
  // counts: it is a frame of the guest's, and not one before it again.
  [[nodiscard]] Result<void> encode(std::uint64_t time_us, video::FrameKind kind, bool counts);
  [[nodiscard]] Result<void> put(video::AccessUnit unit);
  [[nodiscard]] Result<void> complete();
  void count_bytes();
  [[nodiscard]] Time now() const noexcept { return std::min(Clock::now(), end_); }
  [[nodiscard]] Totals totals() const;

  const RecordOptions options_;
  const Container container_;
  UniqueFd output_;  // until there is a file_
  video::EncoderSettings settings_;
  const Shown shown_;
  const std::shared_ptr<frame::OutputLedger> ledger_;
  Progress progress_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_news_ = false;
  bool stops_ = false;

  // The thread's, and after its end finish()'s.
  Result<void> result_;
  bool over_ = false;
  std::optional<Canvas> canvas_;
  std::optional<frame::Cursor> cursor_;
  frame::Row row_{};  // of the frame that the canvas shows and nobody has encoded
  std::uint64_t serial_ = 0;
  std::unique_ptr<video::Encoder> encoder_;
  std::optional<video::Image> image_;
  std::optional<Fitter> fitter_;
  std::unique_ptr<VideoFile> file_;
  std::optional<video::AccessUnit> held_;  // the newest, whose duration is not known yet
  Time begin_;                             // of the recording; pts_us counts from there
  Time end_ = Time::max();
  Time last_encoded_;
  Time last_key_;
  Time last_flush_;
  bool is_flushed_ = true;  // nothing is to be flushed
  std::uint64_t frames_ = 0;
  std::uint64_t counted_ = 0;  // bytes of the file that the ledger knows of

  std::unique_ptr<frame::Reader> reader_;  // behind what its callback uses
  std::thread thread_;
};

void Recording::work() {
  platform::name_thread("record");
  Time due = Time::max();  // something is to be done without news
  Time may_take = Time();  // not more frames a second than wanted
  const auto interval = Clock::duration(std::chrono::nanoseconds(1s)) / options_.most_frames_per_second;
  std::unique_lock lock(mutex_);
  while (!over_ && (!stops_ || has_news_)) {
    const Time time = Clock::now();
    if (stops_) may_take = time;  // the last picture
    const Time wake = has_news_ ? std::min(due, may_take) : due;
    if (wake > time) {
      // wait_until() of Time::max() overflows in some libraries.
      changed_.wait_for(lock, std::min<Clock::duration>(wake - time, 1h));
      continue;
    }
    const bool takes = has_news_ && may_take <= time;
    if (takes) has_news_ = false;
    lock.unlock();
    // On the average; frames that come a little early or late are not made to wait for it.
    if (takes) may_take = std::max(may_take + interval, time + interval / 2);
    const auto next = step(takes);
    if (next) {
      due = *next;
      progress_.show(totals());
    } else {
      result_ = std::unexpected(next.error());
      over_ = true;
    }
    lock.lock();
  }
  lock.unlock();
  // A disk that is full: what is there becomes a complete file all the same.
  if (auto completed = complete(); !completed && result_) result_ = std::move(completed);
  if (over_) shown_.over();
}

Result<Recording::Time> Recording::step(bool may_take) {
  if (may_take) {
    if (auto taken = take(); !taken) return std::unexpected(std::move(taken.error()));
  }
  const Time progress = progress_.is_shown() ? Clock::now() + kFlushInterval : Time::max();
  if (!encoder_) return progress;
  const Time time = Clock::now();
  if (time >= end_) {
    over_ = true;
    return time;
  }
  if (!is_flushed_ && time >= last_flush_ + kFlushInterval) {
    // If nothing has come for that long, the picture once more, for some bytes: what came last gets its duration by it.
    if (held_ && time >= last_encoded_ + kFlushInterval) {
      if (auto again = encode(to_us(now() - begin_), video::FrameKind::delta, false); !again)
        return std::unexpected(std::move(again.error()));
      is_flushed_ = true;
    }
    if (auto flushed = file_->flush(); !flushed) return std::unexpected(std::move(flushed.error()));
    count_bytes();
    last_flush_ = time;
  }
  const Time flush = is_flushed_ ? Time::max() : std::max(last_flush_, last_encoded_) + kFlushInterval;
  return std::min({end_, flush, progress});
}

Result<void> Recording::take() {
  const frame::News news = reader_->take();
  if (news.frame) {
    row_ = row_of(*news.frame);
    row_[static_cast<std::size_t>(frame::Stage::taken)] = frame::now_ns();
    if (serial_ != 0 && news.frame->serial > serial_) ledger_->skip(news.frame->serial - serial_ - 1);
    serial_ = news.frame->serial;
    if (!canvas_ || !canvas_->fits(*news.frame)) {
      canvas_.emplace(news.frame->format, news.frame->width, news.frame->height);
      if (cursor_) canvas_->set_cursor(*cursor_);
    }
    canvas_->show(*news.frame);
  } else if (news.blank && canvas_) {
    canvas_->show_black();
  }
  if (news.cursor && options_.cursor) {
    cursor_ = news.cursor;
    if (canvas_) canvas_->set_cursor(*cursor_);
  }
  if (news.ended) over_ = true;
  if (!canvas_ || (!news.frame && !news.blank && !news.cursor)) return {};

  if (!encoder_) {
    if (auto begun = begin(*canvas_); !begun) return begun;
  }
  const Time time = Clock::now();
  if (time >= end_) return {};
  // When the guest showed it; cursors have no such time.
  std::uint64_t time_us = to_us(time - begin_);
  if (news.frame && news.frame->times.flushed != 0) {
    const Time flushed{std::chrono::nanoseconds(news.frame->times.flushed)};
    time_us = std::min(time_us, to_us(flushed - begin_));
  }
  const bool key = time >= last_key_ + kKeyInterval;
  if (auto encoded = encode(time_us, key ? video::FrameKind::key : video::FrameKind::delta, true); !encoded)
    return encoded;
  last_encoded_ = time;
  is_flushed_ = false;
  return {};
}

Result<void> Recording::begin(const Canvas& canvas) {
  const video::Pixels pixels = canvas.pixels();
  settings_.width = pixels.width;
  settings_.height = pixels.height;
  auto encoder = video::open_encoder(settings_);
  if (!encoder) return std::unexpected(std::move(encoder.error()));
  encoder_ = std::move(*encoder);
  image_.emplace(encoder_->layout(), pixels.width, pixels.height);
  fitter_.emplace(pixels.width, pixels.height);
  auto file = VideoFile::create(std::move(output_), options_.file, container_, *encoder_, image_->planes().width,
                                image_->planes().height, options_.most_frames_per_second);
  if (!file) return std::unexpected(std::move(file.error()));
  file_ = std::move(*file);
  begin_ = last_key_ = last_flush_ = Clock::now();
  if (options_.duration)
    end_ = begin_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*options_.duration));
  return {};
}

Result<void> Recording::encode(std::uint64_t time_us, video::FrameKind kind, bool counts) {
  // Matroska counts milliseconds.
  if (held_) time_us = std::max(time_us, static_cast<std::uint64_t>(held_->pts_us) + 1000);
  video::Pixels pixels = canvas_->pixels();
  std::vector<gpu::Rect> damage = canvas_->take_damage();
  const bool as_it_is = pixels.width == image_->width() && pixels.height == image_->height();
  if (!as_it_is && !damage.empty()) {
    auto fitted = fitter_->show(pixels);
    if (!fitted) return std::unexpected(std::move(fitted.error()));
    pixels = *fitted;
    damage = {{.width = image_->width(), .height = image_->height()}};
  }
  if (!damage.empty()) ledger_->count_copy(image_->update(pixels, damage));
  row_[static_cast<std::size_t>(frame::Stage::converted)] = frame::now_ns();
  auto unit = encoder_->encode(*image_, damage, kind, static_cast<std::int64_t>(time_us));
  if (!unit) return std::unexpected(std::move(unit.error()));
  row_[static_cast<std::size_t>(frame::Stage::encoded)] = frame::now_ns();
  if (unit->key) last_key_ = Clock::now();
  if (auto written = put(std::move(*unit)); !written) return written;
  count_bytes();
  row_[static_cast<std::size_t>(frame::Stage::sent)] = frame::now_ns();
  if (counts) ledger_->add(row_);
  return {};
}

// Writes the unit before this one, which lasted until now.
Result<void> Recording::put(video::AccessUnit unit) {
  ++frames_;
  const std::int64_t pts = unit.pts_us;
  const std::optional<video::AccessUnit> before = std::exchange(held_, std::move(unit));
  if (!before) return {};
  return file_->write(*before, static_cast<std::uint64_t>(pts - before->pts_us));
}

void Recording::count_bytes() {
  ledger_->count_bytes(file_->bytes() - counted_);
  counted_ = file_->bytes();
}

Result<void> Recording::complete() {
  if (!file_) return {};
  end_ = now();
  // The last picture, once more at the end, so that it lasts until then in every container.
  const std::uint64_t interval = 1'000'000 / options_.most_frames_per_second;
  const std::uint64_t length = to_us(end_ - begin_);
  Result<void> written;
  if (result_ && held_) {
    if (length > static_cast<std::uint64_t>(held_->pts_us) + 2 * interval)
      written = encode(length - interval, video::FrameKind::delta, false);
    if (written) {
      const auto last = static_cast<std::uint64_t>(held_->pts_us);
      written = file_->write(*held_, std::max(length, last + 1) - last);
    }
  }
  auto finished = file_->finish();
  count_bytes();
  if (!written) return written;
  return finished;
}

Totals Recording::totals() const {
  Totals totals{.frames = frames_, .complete = result_.has_value() && frames_ > 0};
  if (!file_) return totals;
  totals.bytes = file_->bytes();
  totals.seconds = std::chrono::duration<double>(now() - begin_).count();
  totals.width = image_->width();
  totals.height = image_->height();
  totals.encoder = encoder_->kind().name;
  return totals;
}

Result<void> Recording::finish() {
  if (!thread_.joinable()) return {};
  {
    const std::scoped_lock lock(mutex_);
    stops_ = true;
    changed_.notify_one();
  }
  thread_.join();
  reader_.reset();
  progress_.clear();
  if (result_ && !file_) result_ = fail("The display has shown nothing, so there is no recording.");
  const Totals all = totals();
  if (options_.json)
    fmt::print("{}\n", to_json(options_.file, all));
  else if (file_)
    tell("hesper: {}: {}.\n", options_.file.native(), record::describe(all));
  return result_;
}

// The encoder for what the user has named.
Result<std::string> encoder_for(const RecordOptions& options, Container container) {
  if (video::find_encoder_kind(options.codec) != nullptr) return options.codec;
  const auto codec = options.codec.empty() ? (container == Container::webm ? video::Codec::vp9 : video::Codec::h264)
                                           : video::find_codec(options.codec);
  if (!codec) {
    return fail(fmt::format(
        "There is no codec '{}'. It is h264, hevc, av1 or vp9, or the name of an encoder of FFmpeg.", options.codec));
  }
  // Recordings have the time that software needs, and it makes more of each byte.
  for (const video::EncoderKind& kind : video::encoder_kinds())
    if (kind.codec == *codec && !kind.hardware) return std::string(kind.name);
  return fail(fmt::format("There is no encoder for {}.", options.codec));
}

}  // namespace

Result<Prepared> prepare_recording(const RecordOptions& options, const Preparing&) {
  const auto container = container_of(options.file);
  if (!container) {
    return fail(fmt::format("What kind of file '{}' shall be is not clear; its name ends in .mp4, .mkv or .webm.",
                            options.file.native()));
  }
  if (options.display >= gpu::VIRTIO_GPU_MAX_SCANOUTS)
    return fail(fmt::format("There is no display {}; the last one that there can be is {}.", options.display,
                            gpu::VIRTIO_GPU_MAX_SCANOUTS - 1));
  auto encoder = encoder_for(options, *container);
  if (!encoder) return std::unexpected(std::move(encoder.error()));
  const video::Codec codec = video::find_encoder_kind(*encoder)->codec;
  if (!holds(*container, codec))
    return fail(fmt::format("A WebM file holds VP9 or AV1, and no {}.", video::name_of(codec)));
  const video::EncoderSettings settings{.encoder = std::move(*encoder),
                                        .most_frames_per_second = options.most_frames_per_second,
                                        .bitrate = options.bitrate,
                                        .quality = options.quality,
                                        .thorough = true,
                                        .parameter_sets_apart = true};
  auto output = VideoFile::open(options.file);
  if (!output) return std::unexpected(std::move(output.error()));
  return [options, container = *container, output = std::make_shared<UniqueFd>(std::move(*output)),
          settings](Shown shown) -> Result<std::unique_ptr<Output>> {
    return std::make_unique<Recording>(options, container, std::move(*output), settings, std::move(shown));
  };
}

}  // namespace hesper::screen
