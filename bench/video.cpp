// How fast pictures become video: colours against memcpy, and encoders with what people do at screens. Without a guest
// and without a viewer.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "screen_contents.h"
#include "video/encoder.h"
#include "video/ffmpeg.h"
#include "video/stills.h"

namespace {

using namespace hesper;
using bench::Content;

struct Size {
  std::uint32_t width, height;
};
constexpr Size kSizes[] = {{1280, 720}, {1920, 1080}};

// More pictures than caches hold, as those of a guest are.
constexpr std::size_t kPictures = 8;

void copy(benchmark::State& state, Size size) {
  const std::size_t bytes = std::size_t{4} * size.width * size.height;
  const std::vector<std::vector<std::byte>> from(kPictures, std::vector(bytes, std::byte{7}));
  std::vector<std::byte> to(bytes);
  std::size_t next = 0;
  for (auto _ : state) {
    std::memcpy(to.data(), from[next++ % kPictures].data(), bytes);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void convert(benchmark::State& state, Size size, video::Layout layout, video::Machine machine) {
  if (!video::can_use(machine)) return state.SkipWithMessage("not on this machine");
  const std::size_t bytes = std::size_t{4} * size.width * size.height;
  std::vector<std::vector<std::byte>> from(kPictures, std::vector<std::byte>(bytes));
  for (auto& picture : from)
    for (std::size_t i = 0; i < bytes; ++i) picture[i] = static_cast<std::byte>(i * 31 >> 3);
  const video::Image image(layout, size.width, size.height);
  std::size_t next = 0;
  for (auto _ : state) {
    const video::Pixels pixels{.width = size.width,
                               .height = size.height,
                               .stride = std::size_t{4} * size.width,
                               .bytes = from[next++ % kPictures]};
    video::convert(pixels, {.width = size.width, .height = size.height}, image.planes(), machine);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

double milliseconds_at(std::vector<double>& times, std::size_t percent) {
  if (times.empty()) return 0;
  std::ranges::sort(times);
  return times[(times.size() - 1) * percent / 100] * 1e3;
}

// One viewer's stream at 60 frames a second. Time is that of conversion and encoding; making the picture does not
// count.
void encode(benchmark::State& state, const std::string& encoder, Size size, Content content) {
  const video::EncoderSettings settings{
      .encoder = encoder,
      .width = size.width,
      .height = size.height,
      .bitrate = video::usual_bitrate(video::find_encoder_kind(encoder)->codec, size.width, size.height, 60)};
  auto opened = video::open_encoder(settings);
  if (!opened) return state.SkipWithError(opened.error().message);
  video::Encoder& stream = **opened;
  bench::Desktop desktop(size.width, size.height);
  video::Image image(stream.layout(), size.width, size.height);
  const gpu::Rect whole{.width = size.width, .height = size.height};
  image.update(desktop.pixels(), {&whole, 1});
  std::int64_t pts = 0;
  (void)stream.encode(image, {&whole, 1}, video::FrameKind::key, pts);
  // What a screen is when somebody begins: sharp.
  for (int i = 0; i < 20; ++i) (void)stream.encode(image, {}, video::FrameKind::refinement, pts += 16'667);
  std::vector<double> conversions;
  std::vector<double> times;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const gpu::Rect damage = desktop.advance(content);
    const auto begin = std::chrono::steady_clock::now();
    image.update(desktop.pixels(), {&damage, 1});
    const auto converted = std::chrono::steady_clock::now();
    const auto unit = stream.encode(image, {&damage, 1}, video::FrameKind::delta, pts += 16'667);
    const auto end = std::chrono::steady_clock::now();
    if (!unit) return state.SkipWithError(unit.error().message);
    bytes += unit->bytes.size();
    conversions.push_back(std::chrono::duration<double>(converted - begin).count());
    times.push_back(std::chrono::duration<double>(end - begin).count());
    state.SetIterationTime(times.back());
  }
  state.counters["p50_ms"] = milliseconds_at(times, 50);
  state.counters["p95_ms"] = milliseconds_at(times, 95);
  state.counters["convert_p50_ms"] = milliseconds_at(conversions, 50);
  // Were there 60 of them a second.
  state.counters["bytes_per_second"] = static_cast<double>(bytes) * 60 / static_cast<double>(times.size());
  state.SetItemsProcessed(state.iterations());
}

void stills(benchmark::State& state, Size size, video::StillFormat format, Content content) {
  bench::Desktop desktop(size.width, size.height);
  video::Stills viewer(size.width, size.height);
  std::vector<double> times;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const gpu::Rect damage = desktop.advance(content);
    const auto begin = std::chrono::steady_clock::now();
    const auto tiles = viewer.changed(desktop.pixels(), {&damage, 1}, {.format = format});
    const auto end = std::chrono::steady_clock::now();
    if (!tiles) return state.SkipWithError(tiles.error().message);
    for (const video::Still& tile : *tiles) bytes += tile.bytes.size();
    times.push_back(std::chrono::duration<double>(end - begin).count());
    state.SetIterationTime(times.back());
  }
  state.counters["p50_ms"] = milliseconds_at(times, 50);
  state.counters["p95_ms"] = milliseconds_at(times, 95);
  state.counters["bytes_per_second"] = static_cast<double>(bytes) * 60 / static_cast<double>(times.size());
  state.SetItemsProcessed(state.iterations());
}

void add_all() {
  const std::pair<Content, std::string> contents[] = {
      {Content::typing, "typing"}, {Content::scrolling, "scrolling"}, {Content::video, "video"}};
  const std::pair<video::Machine, std::string> machines[] = {
      {video::Machine::baseline, "baseline"}, {video::Machine::avx2, "avx2"}, {video::Machine::avx512, "avx512"}};
  const std::pair<video::Layout, std::string> layouts[] = {
      {video::Layout::nv12, "nv12"}, {video::Layout::i420, "i420"}, {video::Layout::i444, "i444"}};
  for (const Size size : kSizes) {
    const std::string at = fmt::format("/{}x{}", size.width, size.height);
    benchmark::RegisterBenchmark("memcpy" + at, copy, size);
    for (const auto& [layout, layout_name] : layouts)
      for (const auto& [machine, machine_name] : machines)
        benchmark::RegisterBenchmark(fmt::format("convert/{}/{}{}", layout_name, machine_name, at), convert, size,
                                     layout, machine);
    for (const char* encoder : {"libx264", "libsvtav1", "libvpx-vp9", "libx265"})
      for (const auto& [content, content_name] : contents)
        benchmark::RegisterBenchmark(fmt::format("encode/{}/{}{}", encoder, content_name, at), encode, encoder, size,
                                     content)
            ->UseManualTime()
            ->Iterations(300);
    for (const auto& [format, format_name] :
         {std::pair{video::StillFormat::jpeg, "jpeg"}, {video::StillFormat::png, "png"}})
      for (const auto& [content, content_name] : contents)
        benchmark::RegisterBenchmark(fmt::format("stills/{}/{}{}", format_name, content_name, at), stills, size, format,
                                     content)
            ->UseManualTime()
            ->Iterations(60);
  }
}

}  // namespace

int main(int argc, char** argv) {
  hesper::video::route_ffmpeg_log();
  add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
