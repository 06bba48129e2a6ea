// Recordings of a source in this process, read back by FFmpeg: pictures, times, sizes, ends.
#include "screen/record/record.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "frame/source.h"
#include "frames.h"
#include "screen/state.h"
#include "video/ffmpeg.h"

extern "C" {
#include <libavformat/avformat.h>
}

namespace hesper::screen {
namespace {

using namespace std::chrono_literals;
using record::kBlock;
using record::numbered_frame;
using record::plain_frame;

// One display, whose news are those that the test gives it.
class FakeSource final : public frame::Source {
 public:
  std::unique_ptr<frame::Reader> subscribe(std::uint32_t, std::function<void()> on_news) override {
    const std::scoped_lock lock(mutex_);
    on_news_ = std::move(on_news);
    on_news_();
    return std::make_unique<FakeReader>(*this);
  }
  [[nodiscard]] frame::DisplayInfo info(std::uint32_t) const override { return {}; }
  void ask_for_mode(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) override {}

  // Returns when, in seconds.
  double show(frame::Frame frame) {
    const std::uint64_t time = frame::now_ns();
    frame.serial = ++serial_;
    frame.times.flushed = time;
    frame::News news;
    news.frame = std::move(frame);
    tell(std::move(news));
    return static_cast<double>(time) / 1e9;
  }
  void tell(frame::News news) {
    const std::scoped_lock lock(mutex_);
    if (!news.frame && !news.blank && news_.frame) news.frame = std::move(news_.frame);
    news_ = std::move(news);
    if (on_news_) on_news_();
  }

 private:
  class FakeReader final : public frame::Reader {
   public:
    explicit FakeReader(FakeSource& source) : source_(source) {}
    ~FakeReader() override {
      const std::scoped_lock lock(source_.mutex_);
      source_.on_news_ = nullptr;
    }
    frame::News take() override {
      const std::scoped_lock lock(source_.mutex_);
      return std::exchange(source_.news_, {});
    }

   private:
    FakeSource& source_;
  };

  std::mutex mutex_;
  std::function<void()> on_news_;
  frame::News news_;
  std::uint64_t serial_ = 0;
};

class NoInput final : public input::Input {
 public:
  std::unique_ptr<input::Sink> join(std::function<void(input::Leds)>) override { return nullptr; }
};

struct Shot {
  double time;  // seconds
  bool key;
  int number;  // of numbered_frame()
  int middle;  // luma
  int width, height;
};

// What a player sees.
struct Film {
  explicit Film(const std::filesystem::path& file) {
    AVFormatContext* context = nullptr;
    if (avformat_open_input(&context, file.c_str(), nullptr, nullptr) < 0) return;
    (void)avformat_find_stream_info(context, nullptr);
    is_readable = context->nb_streams == 1;
    if (is_readable) {
      duration = static_cast<double>(context->duration) / AV_TIME_BASE;
      read(*context);
    }
    avformat_close_input(&context);
  }

  bool is_readable = false;
  double duration = 0;
  std::vector<Shot> shots;

 private:
  void read(AVFormatContext& context) {
    const AVStream& stream = *context.streams[0];
    const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
    const video::CodecContext decoder(avcodec_alloc_context3(codec));
    avcodec_parameters_to_context(decoder.get(), stream.codecpar);
    ASSERT_GE(avcodec_open2(decoder.get(), codec, nullptr), 0);
    const video::PacketPtr packet = video::new_packet();
    const video::FramePtr frame = video::new_frame();
    const auto drain = [&] {
      while (avcodec_receive_frame(decoder.get(), frame.get()) >= 0) add(*frame, stream);
    };
    while (av_read_frame(&context, packet.get()) >= 0) {
      avcodec_send_packet(decoder.get(), packet.get());
      av_packet_unref(packet.get());
      drain();
    }
    avcodec_send_packet(decoder.get(), nullptr);
    drain();
  }
  void add(const AVFrame& frame, const AVStream& stream) {
    const auto luma = [&](std::uint32_t x, std::uint32_t y) {
      return int{frame.data[0][frame.linesize[0] * static_cast<std::ptrdiff_t>(y) + x]};
    };
    int number = 0;
    for (std::uint32_t bit = 0; bit < 8 && 8 * kBlock <= static_cast<std::uint32_t>(frame.width); ++bit)
      if (luma(bit * kBlock + kBlock / 2, kBlock / 2) > 128) number |= 1 << bit;
    shots.push_back(
        {.time = static_cast<double>(frame.pts) * stream.time_base.num / stream.time_base.den,
         .key = (frame.flags & AV_FRAME_FLAG_KEY) != 0,
         .number = number,
         .middle = luma(static_cast<std::uint32_t>(frame.width) / 2, static_cast<std::uint32_t>(frame.height) / 2),
         .width = frame.width,
         .height = frame.height});
  }
};

class Recordings : public testing::Test {
 protected:
  Recordings() {
    std::string name = (std::filesystem::temp_directory_path() / "hesper-record-XXXXXX").native();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~Recordings() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Output> open(RecordOptions options) {
    options.quiet = true;
    const auto prepared = prepare_recording(options, {.state = *state_, .errands = errands_});
    if (!prepared) {
      error_ = prepared.error().message;
      return nullptr;
    }
    return std::move(
        (*prepared)(
            {.source = source_, .input = input_, .ledger = ledger_, .state = *state_, .over = [this] { over_ = true; }})
            .value());
  }
  // Shows frames 1 to `count`, 30 a second. Returns when the last one was shown, in seconds.
  double show_numbers(int count) {
    double last = 0;
    for (int i = 1; i <= count; ++i) {
      last = source_.show(numbered_frame(320, 200, static_cast<std::uint8_t>(i)));
      std::this_thread::sleep_for(33ms);
    }
    return last;
  }
  void wait_until_over() {
    for (int i = 0; i < 2000 && !over_; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(over_);
  }

  std::filesystem::path folder_;
  FakeSource source_;
  NoInput input_;
  frame::Ledger ledger_;
  Result<State> state_ = State::open({});
  platform::Errands errands_;
  std::atomic<bool> over_ = false;
  std::string error_;
};

class EachContainer : public Recordings, public testing::WithParamInterface<const char*> {};

TEST_P(EachContainer, HasEachPictureAtItsTime) {
  const std::filesystem::path file = folder_ / GetParam();
  const auto output = open({.file = file});
  ASSERT_TRUE(output) << error_;
  const double shown_6 = show_numbers(6);
  std::this_thread::sleep_for(400ms);
  const double shown_200 = source_.show(numbered_frame(320, 200, 200));
  std::this_thread::sleep_for(300ms);
  const double ending = static_cast<double>(frame::now_ns()) / 1e9;
  const auto finished = output->finish();
  const double ended = static_cast<double>(frame::now_ns()) / 1e9;
  ASSERT_TRUE(finished) << finished.error().message;

  const Film film(file);
  ASSERT_TRUE(film.is_readable);
  // On a busy machine frames may be lost, as newer ones take their place; never the last of a row.
  int last = 0;
  double time_of_6 = -1;
  double time_of_200 = -1;
  for (const Shot& shot : film.shots) {
    EXPECT_GE(shot.number, last);
    last = shot.number;
    if (shot.number == 6 && time_of_6 < 0) time_of_6 = shot.time;
    if (shot.number == 200 && time_of_200 < 0) time_of_200 = shot.time;
    EXPECT_EQ(shot.width, 320);
    EXPECT_EQ(shot.height, 200);
  }
  ASSERT_FALSE(film.shots.empty());
  EXPECT_TRUE(film.shots[0].key);
  EXPECT_NEAR(film.shots[0].time, 0, 0.002);
  EXPECT_NEAR(time_of_200 - time_of_6, shown_200 - shown_6, 0.005);
  EXPECT_GE(film.duration - time_of_200, ending - shown_200 - 0.005);
  EXPECT_LE(film.duration - time_of_200, ended - shown_200 + 0.005);
  const frame::OutputReport report = ledger_.report().at(0);
  EXPECT_GE(report.frames, 2u);
  EXPECT_GT(report.bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, EachContainer, testing::Values("film.mp4", "film.mkv", "film.webm"),
                         [](const auto& each) { return std::string(each.param).substr(5); });

TEST_F(Recordings, EndByThemselvesAfterTheirDuration) {
  const auto output = open({.file = folder_ / "film.mp4", .duration = 0.5});
  source_.show(numbered_frame(320, 200, 1));
  wait_until_over();
  ASSERT_TRUE(output->finish());
  const Film film(folder_ / "film.mp4");
  EXPECT_NEAR(film.duration, 0.5, 0.05);
}

TEST_F(Recordings, ScaleWhatHasAnotherSize) {
  const auto output = open({.file = folder_ / "film.mkv"});
  source_.show(plain_frame(320, 200, 0xffffff));
  std::this_thread::sleep_for(100ms);
  source_.show(plain_frame(100, 200, 0xffffff));
  std::this_thread::sleep_for(100ms);
  ASSERT_TRUE(output->finish());
  const Film film(folder_ / "film.mkv");
  ASSERT_GE(film.shots.size(), 2u);
  EXPECT_EQ(film.shots.back().width, 320);
  EXPECT_EQ(film.shots.front().number, 0xff);
  EXPECT_EQ(film.shots.back().number, 0x80);  // the picture begins at column 110
  EXPECT_NEAR(film.shots.back().middle, 235, 2);
}

TEST_F(Recordings, HaveTheCursorUnlessItIsNotWanted) {
  auto shape = std::make_shared<gpu::Cursor>();
  shape->pixels.fill(std::byte{255});
  for (const bool wanted : {true, false}) {
    const auto output = open({.file = folder_ / "film.mkv", .cursor = wanted});
    source_.show(plain_frame(320, 200, 0));
    std::this_thread::sleep_for(100ms);
    frame::News news;
    news.cursor = frame::Cursor{.shape = shape, .position = {.x = 130, .y = 70}};
    source_.tell(std::move(news));
    std::this_thread::sleep_for(100ms);
    ASSERT_TRUE(output->finish());
    const Film film(folder_ / "film.mkv");
    ASSERT_FALSE(film.shots.empty());
    EXPECT_NEAR(film.shots.front().middle, 16, 2);
    EXPECT_NEAR(film.shots.back().middle, wanted ? 235 : 16, 2);
  }
}

// What was there when the process died.
TEST_F(Recordings, AreReadableBeforeTheyAreFinished) {
  for (const char* name : {"film.mp4", "film.mkv"}) {
    const auto output = open({.file = folder_ / name});
    show_numbers(5);
    const std::filesystem::path copy = folder_ / (std::string("copy-") + name);
    int last = 0;
    for (int i = 0; i < 200 && last != 5; ++i) {
      std::this_thread::sleep_for(100ms);
      std::filesystem::copy_file(folder_ / name, copy, std::filesystem::copy_options::overwrite_existing);
      const Film film(copy);
      if (film.is_readable && !film.shots.empty()) last = film.shots.back().number;
    }
    EXPECT_EQ(last, 5) << name;
    ASSERT_TRUE(output->finish());
  }
}

TEST_F(Recordings, OfAFullDiskAreCompleteAndSaySo) {
  (void)std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 7 << 20;
  for (const char* name : {"film.mp4", "film.mkv"}) {
    over_ = false;
    const auto output = open({.file = folder_ / name, .quality = 1});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &few), 0);
    std::mt19937 random(1);
    for (int i = 0; i < 200 && !over_; ++i) {
      frame::Frame frame = plain_frame(640, 480, 0);
      auto& bytes = const_cast<record::OwnPixels&>(static_cast<const record::OwnPixels&>(*frame.buffer)).writable();
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
      source_.show(std::move(frame));
      std::this_thread::sleep_for(20ms);
    }
    wait_until_over();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    const auto finished = output->finish();
    ASSERT_FALSE(finished);
    EXPECT_TRUE(finished.error().message.contains("cannot be written: File too large")) << finished.error().message;
    const Film film(folder_ / name);
    ASSERT_TRUE(film.is_readable) << name;
    EXPECT_GT(film.shots.size(), 2u) << name;
    EXPECT_GT(film.duration, 0.03) << name;
    EXPECT_LE(std::filesystem::file_size(folder_ / name), 7u << 20);
  }
}

TEST_F(Recordings, OfNothingFail) {
  const auto output = open({.file = folder_ / "film.mp4"});
  std::this_thread::sleep_for(50ms);
  const auto finished = output->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "The display has shown nothing, so there is no recording.");
}

TEST_F(Recordings, EndWithTheDevice) {
  const auto output = open({.file = folder_ / "film.mp4"});
  show_numbers(2);
  frame::News news;
  news.ended = true;
  source_.tell(std::move(news));
  wait_until_over();
  EXPECT_TRUE(output->finish());
  EXPECT_TRUE(Film(folder_ / "film.mp4").is_readable);
}

TEST_F(Recordings, SayWhatTheyCannot) {
  const auto message = [&](const RecordOptions& options) {
    EXPECT_EQ(open(options), nullptr);
    return error_;
  };
  EXPECT_EQ(message({.file = "film.avi"}),
            "What kind of file 'film.avi' shall be is not clear; its name ends in .mp4, .mkv or .webm.");
  EXPECT_EQ(message({.file = folder_ / "film.webm", .codec = "h264"}), "A WebM file holds VP9 or AV1, and no h264.");
  EXPECT_TRUE(message({.file = folder_ / "film.mp4", .codec = "mpeg1"}).starts_with("There is no codec 'mpeg1'."));
  EXPECT_EQ(message({.file = folder_ / "film.mp4", .display = 16}),
            "There is no display 16; the last one that there can be is 15.");
  EXPECT_TRUE(message({.file = folder_ / "no" / "film.mp4"}).ends_with("cannot be made: No such file or directory."));
}

const auto* const kEnvironment = testing::AddGlobalTestEnvironment([] {
  struct Environment : testing::Environment {
    void SetUp() override { video::route_ffmpeg_log(); }
  };
  return new Environment;  // owned by GoogleTest
}());

}  // namespace
}  // namespace hesper::screen
