// Trials, and the processes that they run in.
#include "video/trial.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "base/log.h"
#include "platform/process.h"
#include "video/ffmpeg.h"

namespace hesper::video {
namespace {

// Some hardware refuses smaller ones.
constexpr std::uint32_t kWidth = 640;
constexpr std::uint32_t kHeight = 368;

bool ffmpeg_has(const EncoderKind& kind) {
  return avcodec_find_encoder_by_name(std::string(kind.name).c_str()) != nullptr;
}

struct Trial {
  const EncoderKind* kind;
  pid_t process = -1;  // -1: none runs
  bool works = false;
};

Trial begin(const EncoderKind& kind, std::vector<std::string> command) {
  Trial trial{.kind = &kind};
  if (!ffmpeg_has(kind)) return trial;
  if (!kind.hardware) {
    trial.works = true;
    return trial;
  }
  if (command.empty()) return trial;
  command.emplace_back(kind.name);
  const std::string program = command[0];
  const auto process = platform::spawn(
      {.program = program, .arguments = std::move(command), .environment = platform::environment_of_this_process()});
  if (process)
    trial.process = *process;
  else
    log::warn("The encoder {} cannot be tried: {}", kind.name, process.error().message);
  return trial;
}

void check(Trial& trial) {
  const platform::ChildState state = platform::check_child(trial.process);
  using Kind = platform::ChildState::Kind;
  if (state.kind != Kind::exited && state.kind != Kind::killed) return;
  trial.process = -1;
  trial.works = state.kind == Kind::exited && state.value == 0;
  if (state.kind == Kind::killed)
    log::info("The encoder {} is not used: trying it ended with signal {}.", trial.kind->name, state.value);
}

}  // namespace

Result<void> try_encoder(const EncoderKind& kind) {
  auto encoder = open_encoder({.encoder = std::string(kind.name),
                               .width = kWidth,
                               .height = kHeight,
                               .bitrate = usual_bitrate(kind.codec, kWidth, kHeight, 60)});
  if (!encoder) return std::unexpected(std::move(encoder.error()));
  Image image((*encoder)->layout(), kWidth, kHeight);
  std::vector<std::byte> pixels(std::size_t{gpu::kBytesPerPixel} * kWidth * kHeight);
  const std::array<gpu::Rect, 1> whole{gpu::Rect{.width = kWidth, .height = kHeight}};
  for (int number = 0; number < 4; ++number) {
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::byte>(i / 64 + 16 * static_cast<std::size_t>(number));
    image.update(
        {.width = kWidth, .height = kHeight, .stride = std::size_t{gpu::kBytesPerPixel} * kWidth, .bytes = pixels},
        whole);
    const bool key = number % 3 == 0;
    const auto unit = (*encoder)->encode(image, whole, key ? FrameKind::key : FrameKind::delta, 16'667 * number);
    if (!unit) return std::unexpected(unit.error());
    if (unit->bytes.empty()) return fail(fmt::format("The encoder {} writes nothing.", kind.name));
    if (key && !unit->key)
      return fail(fmt::format("The encoder {} makes no key frame when it is asked to.", kind.name));
  }
  if ((*encoder)->codec_string().empty())
    return fail(fmt::format("The encoder {} writes no parameter sets before its key frames.", kind.name));
  return {};
}

std::vector<std::string> working_encoders(Codec codec, const std::vector<std::string>& trial,
                                          std::chrono::milliseconds patience) {
  std::vector<Trial> trials;
  for (const EncoderKind& kind : encoder_kinds())
    if (kind.codec == codec) trials.push_back(begin(kind, trial));
  const auto end = std::chrono::steady_clock::now() + patience;
  const auto any_runs = [&] {
    for (Trial& each : trials)
      if (each.process != -1) check(each);
    return std::ranges::any_of(trials, [](const Trial& each) { return each.process != -1; });
  };
  while (any_runs() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::vector<std::string> working;
  for (const Trial& each : trials) {
    if (each.process != -1) {
      ::kill(each.process, SIGKILL);
      (void)platform::wait_for_child(each.process);
      log::info("The encoder {} is not used: trying it takes longer than {} ms.", each.kind->name, patience.count());
    }
    if (each.works) working.emplace_back(each.kind->name);
  }
  return working;
}

}  // namespace hesper::video
