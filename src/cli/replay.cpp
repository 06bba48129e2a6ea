// hesper replay. What the worker hands over is checked: it may be in the hands of the capture that it replays.
#include "cli/replay.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "base/log.h"
#include "cli/environment.h"
#include "cli/png.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "platform/socket.h"
#include "supervisor/picture_pipe.h"

namespace hesper::cli {
namespace {

// Writes pictures into the folder until the worker ends.
void write_pictures(int socket, const std::filesystem::path& folder) {
  std::vector<std::byte> rgba;
  for (std::size_t number = 1;; ++number) {
    std::array<std::uint32_t, 2> header{};
    if (platform::receive_exactly(socket, std::as_writable_bytes(std::span(header))) != platform::Received::all) return;
    const std::uint64_t pixels = std::uint64_t{header[0]} * header[1];
    if (pixels == 0 || pixels > supervisor::kMaxPicturePixels)
      return log::error("The worker hands over a picture of {} by {} pixels; no more are written.", header[0],
                        header[1]);
    rgba.resize(pixels * 4);
    if (platform::receive_exactly(socket, rgba) != platform::Received::all)
      return log::error("The last picture is cut off.");
    const auto written = write_png(folder / fmt::format("{:04}.png", number), header[0], header[1], rgba);
    if (!written) return log::error("{}", written.error().message);
  }
}

Result<int> run(const char* argv0, const ReplayOptions& options) {
  auto worker = supervisor::find_worker(
      argv0, options.worker,
      worker_environment(Environment::of_this_process(), options.worker.host_driver, options.worker.pass_environment)
          .entries());
  if (!worker) return std::unexpected(std::move(worker.error()));
  const UniqueFd file(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(fmt::format("The capture '{}' cannot be opened", options.file.native()), errno);
  if (options.dump_images) {
    std::error_code error;
    std::filesystem::create_directories(*options.dump_images, error);
    if (error) {
      return fail_errno(fmt::format("The folder '{}' cannot be made", options.dump_images->native()), error.value());
    }
  }
  auto lifeline = platform::create_pipe();
  if (!lifeline) return std::unexpected(std::move(lifeline.error()));
  auto pictures = platform::create_socket_pair();
  if (!pictures) return std::unexpected(std::move(pictures.error()));

  using supervisor::kWorkerCapture, supervisor::kWorkerLifeline, supervisor::kWorkerPictures;
  platform::SpawnOptions spawn{
      .program = worker->path.native(),
      .arguments = {worker->path.native(), "--replay-fd", std::to_string(kWorkerCapture), "--lifeline-fd",
                    std::to_string(kWorkerLifeline), "--name", "replay", "--repeat", std::to_string(options.repeat)},
      .environment = worker->environment,
      .fds = {{.fd = file.get(), .number = kWorkerCapture},
              {.fd = lifeline->read_end.get(), .number = kWorkerLifeline}},
  };
  const auto add = [&](std::string argument) { spawn.arguments.push_back(std::move(argument)); };
  if (options.pixels || options.dump_images) add("--pixels");
  if (options.json) add("--json");
  if (options.until) spawn.arguments.insert(spawn.arguments.end(), {"--until", std::to_string(*options.until)});
  if (options.dump_images) {
    spawn.fds.push_back({.fd = pictures->second.get(), .number = kWorkerPictures});
    spawn.arguments.insert(spawn.arguments.end(), {"--pictures-fd", std::to_string(kWorkerPictures)});
  }
  spawn.arguments.insert(spawn.arguments.end(), worker->options.begin(), worker->options.end());
  const auto child = platform::spawn(spawn);
  if (!child) return std::unexpected(child.error());
  pictures->second = UniqueFd();
  if (options.dump_images) write_pictures(pictures->first.get(), *options.dump_images);
  // Nobody reads any more; a worker that goes on writing gets an error.
  pictures->first = UniqueFd();
  const auto end = platform::wait_for_child(*child);
  if (end.kind == platform::ChildState::Kind::exited) return end.value;
  log::error("The replay is ended by signal {} ({}).", end.value, ::strsignal(end.value));
  return 128 + end.value;
}

}  // namespace

int replay(const char* argv0, const ReplayOptions& options) {
  const auto status = run(argv0, options);
  if (status) return *status;
  log::error("{}", status.error().message);
  return 1;
}

}  // namespace hesper::cli
