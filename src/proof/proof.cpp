// The stages, one after the other.
#include "proof/proof.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "gpu/protocol.h"
#include "proof/driver.h"
#include "proof/machine.h"
#include "proof/player.h"
#include "proof/vulkan.h"
#include "vm/plan.h"

namespace hesper::proof {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kImage = 1;  // a resource
constexpr std::uint64_t kGuestMemory = std::uint64_t{64} << 20;
constexpr std::size_t kRounds = 200;
// Between the end of QEMU's line and that of QEMU, or that of a worker and the sentence about it.
constexpr std::chrono::seconds kEndGrace{10};
// From one look at both clocks to the next: long against what a look takes.
constexpr std::chrono::milliseconds kCalibration{100};

struct StageText {
  std::string_view name;
  std::string_view reached;  // once it is over
  std::string_view remedy;
};
constexpr std::array<StageText, kStages> kTexts = {{
    {"host", "", ""},
    {"gpu", "hesper gpu started", "See what the host's drivers lack: hesper-render --probe"},
    {"qemu", "QEMU started", "Try it by hand; hesper run --dry-run prints its command line."},
    {"guest", "code of the guest ran",
     "Try --accel tcg: if that works, the accelerator does not really run guests, and hesper run needs the same."},
    {"device", "it found its GPU", "Use QEMU 11.1 or newer, and look at what QEMU says with --keep."},
    {"image", "a picture by its processor was shown",
     "The GPU does not get what lies in the guest's memory, or does not show it: look at the logs that --keep keeps."},
    {"context", "a worker served it",
     "Look at the worker's messages with --keep, and at the host's drivers with: hesper-render --probe"},
    {"driver", "Vulkan opened the host's GPU",
     "See whether Vulkan works on this host without a guest: hesper exec -- vulkaninfo --summary"},
    {"memory", "it mapped the GPU's memory",
     "The host's driver does not share memory in this way: hesper-render --probe says what was tried."},
    {"drawing", "the GPU drew, and its fence came",
     "The GPU or its driver hangs or fails: see the kernel's log (dmesg), and try another driver with --host-driver."},
    {"vulkan", "the picture was shown and right",
     "Try another driver with --host-driver, and report this with the output of hesper-render --probe."},
    {"timing", "fences were timed", ""},
}};

const StageText& text_of(Stage stage) noexcept { return kTexts.at(std::to_underlying(stage)); }

// "hesper gpu started, QEMU started."
std::string reached_before(Stage stage) {
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < std::to_underlying(stage); ++i)
    if (!kTexts[i].reached.empty()) parts.push_back(kTexts[i].reached);
  return parts.empty() ? std::string() : fmt::format("{}.", fmt::join(parts, ", "));
}

class Run {
 public:
  Run(const Options& options, const vm::Attendants& attendants) : options_(options), attendants_(attendants) {}

  Proof run() {
    const auto done = stages();
    proof_.passed = done.has_value();
    if (!done) {
      proof_.problem = done.error().message;
      if (done.error().code == ETIMEDOUT)
        proof_.problem += fmt::format(" The proof had {:.0f} s.", seconds(options_.patience));
      const bool hopeless = proof_.stage == Stage::guest && proof_.accelerator == "tcg";  // what is there to try
      proof_.remedy = hopeless ? "Look at what QEMU says, with --keep." : text_of(proof_.stage).remedy;
      proof_.reached = reached_before(proof_.stage);
    }
    if (begin_) proof_.total_ms = milliseconds_since(*begin_);
    return std::move(proof_);
  }

 private:
  static double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }
  static double milliseconds_since(Clock::time_point begin) { return seconds(Clock::now() - begin) * 1000; }

  Result<void> stages() {
    proof_.stage = Stage::host;
    auto plan = make_plan();
    if (!plan) return std::unexpected(std::move(plan.error()));
    begin_ = Clock::now();
    const auto deadline = *begin_ + options_.patience;
    ProofMachine machine(*plan, attendants_);
    proof_.stage = Stage::gpu;
    if (auto gpu = machine.start_gpu(deadline); !gpu) return gpu;
    proof_.stage = Stage::qemu;
    auto line = machine.start_qemu(deadline);
    if (!line) return std::unexpected(std::move(line.error()));
    Player player(std::move(*line), deadline, [&] { return machine.check(); });
    auto done = play(*plan, player);
    if (done) return done;
    // What has ended, and why, may be seen a moment later.
    const int code = done.error().code;
    const auto until = Clock::now() + (code == EPIPE || code == ECONNABORTED ? kEndGrace : Clock::duration());
    std::string complaint;
    do {
      if (auto ended = machine.check(); !ended) return ended;
      complaint = machine.complaint();
      if (complaint.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    } while (complaint.empty() && Clock::now() < until);
    if (!complaint.empty()) done.error().message += fmt::format(" hesper gpu says: {}", complaint);
    return done;
  }

  Result<vm::Plan> make_plan() {
    const auto program = guest_program(options_.architecture);
    if (program.empty())
      return fail(fmt::format("This build of Hesper has no guest for {}: it was made without a compiler and linker for "
                              "it (Clang and lld).",
                              name_of(options_.architecture)),
                  ENOENT);
    const auto file = options_.folder / "guest";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(program.data()), static_cast<std::streamsize>(program.size()));
    vm::Machine machine;
    machine.name = "hesper-proof";
    machine.architecture = options_.architecture;
    machine.accelerator = options_.accelerator;
    machine.cpus = 1;
    machine.memory = kGuestMemory;
    machine.kernel = file;
    machine.network = vm::Network::none;
    machine.qemu = options_.qemu;
    machine.gpu_arguments = options_.gpu_arguments;
    auto plan = vm::make_plan(std::move(machine), attendants_, options_.folder, options_.accelerator_cache);
    if (!plan) return plan;
    plan->folder = options_.folder;
    proof_.accelerator = name_of(plan->accelerator);
    proof_.accelerator_reason = plan->accelerator_reason;
    return plan;
  }

  Result<void> play(const vm::Plan& plan, Player& player) {
    proof_.stage = Stage::guest;
    if (auto hello = player.greet(); !hello) return hello;
    proof_.stage = Stage::device;
    const auto start = player.start();
    if (!start) return std::unexpected(start.error());
    if (start->canvas_size < kPictureSize) return fail("The guest has too little memory to paint in.", EPROTO);
    const auto clocks = look_at_clocks(player);
    if (!clocks) return std::unexpected(clocks.error());
    Driver driver(player);
    proof_.stage = Stage::image;
    if (auto image = show_image(plan, player, driver, *start); !image) return image;
    if (options_.vulkan) {
      if (auto vulkan = show_vulkan(plan, player, driver, *start); !vulkan) return vulkan;
    }
    proof_.stage = Stage::timing;
    return time_fences(player, driver, *clocks);
  }

  Result<void> show_image(const vm::Plan& plan, Player& player, Driver& driver, const Start& start) {
    const auto picture = tiles(0);
    for (const Tile& tile : picture) {
      if (auto painted = player.paint(tile.offset(), kStride, kTileWidth, kTileHeight, tile.pixel); !painted)
        return painted;
    }
    if (auto made = driver.make_image(kImage, start.canvas); !made) return made;
    if (auto sent = driver.transfer(kImage); !sent) return sent;
    if (auto shown = driver.show_image(kImage); !shown) return shown;
    return expect(plan, picture, "image");
  }

  Result<void> show_vulkan(const vm::Plan& plan, Player& player, Driver& driver, const Start& start) {
    proof_.stage = Stage::context;
    if ((start.features & gpu::VIRTIO_GPU_F_VIRGL) == 0)
      return fail("The GPU offers no contexts: hesper gpu was started without a window (--window 0).", ENOTSUP);
    if (start.window_size < VulkanClient::kPicturePlace + (std::uint64_t{1} << 20))
      return fail(fmt::format("The GPU's window of host memory has {} bytes in the guest. QEMU 11.1 or newer has one.",
                              start.window_size),
                  ENOTSUP);
    VulkanClient client(driver, player);
    if (auto started = client.start(); !started) return started;
    proof_.stage = Stage::driver;
    auto device = client.make_device();
    if (!device) return std::unexpected(std::move(device.error()));
    proof_.driver = *std::move(device);
    proof_.stage = Stage::memory;
    if (auto memory = client.make_memory(); !memory) return memory;
    proof_.stage = Stage::drawing;
    const auto picture = tiles(1);
    if (auto drawn = client.draw(picture); !drawn) return drawn;
    proof_.stage = Stage::vulkan;
    const auto found = is_in_memory(player, pixels_of(picture));
    if (!found) return std::unexpected(found.error());
    if (auto shown = driver.show_blob(VulkanClient::kPicture); !shown) return shown;
    auto same = expect(plan, picture, "vulkan");
    if (!same && same.error().code == EILSEQ)
      same.error().message = fmt::format(
          "{} {}",
          *found ? "The guest's processor finds what the GPU has drawn, but its screen shows something else."
                 : "The GPU has drawn something else than it was told.",
          same.error().message);
    if (!same || *found) return same;
    return fail("The guest's screen shows what the GPU has drawn, but its processor does not find that in its memory.",
                EILSEQ);
  }

  // Whether the guest's processor finds the picture where the GPU has drawn it.
  static Result<bool> is_in_memory(Player& player, std::vector<std::uint32_t> pixels) {
    for (std::uint32_t& pixel : pixels) pixel |= 0xff000000;  // VulkanClient draws with alpha 1
    const auto hash = player.hash(VulkanClient::kPicturePlace, kPictureSize);
    if (!hash) return std::unexpected(hash.error());
    return *hash == hash_of(std::as_bytes(std::span(pixels)));
  }

  Result<void> expect(const vm::Plan& plan, std::span<const Tile> picture, const char* name) {
    const auto screen = options_.screen(plan.gpu_socket());
    if (!screen) return std::unexpected(screen.error());
    if (auto same = compare(*screen, pixels_of(picture)); !same) return same;
    proof_.pictures.emplace_back(name);
    if (proof_.first_picture_ms == 0) proof_.first_picture_ms = milliseconds_since(*begin_);
    return {};
  }

  struct Clocks {
    Clock::time_point ours;
    std::uint64_t guests = 0;
  };
  static Result<Clocks> look_at_clocks(Player& player) {
    const auto before = Clock::now();
    const auto ticks = player.clock();
    if (!ticks) return std::unexpected(ticks.error());
    return Clocks{.ours = before + (Clock::now() - before) / 2, .guests = *ticks};
  }

  Result<void> time_fences(Player& player, Driver& driver, const Clocks& begin) {
    std::vector<std::pair<Times*, std::vector<std::uint64_t>>> measured;
    const auto measure = [&](Times& times, Result<void> once) -> Result<void> {
      if (!once) return once;
      auto rounds = player.repeat(kRounds);
      if (!rounds) return std::unexpected(std::move(rounds.error()));
      if (rounds->type >= gpu::VIRTIO_GPU_RESP_ERR_UNSPEC)
        return fail(fmt::format("A repeated fence is answered with {:#x}.", rounds->type), EPROTO);
      measured.emplace_back(&times, std::move(rounds->ticks));
      return {};
    };
    if (auto done = measure(proof_.device_fence, driver.ask_for_nothing()); !done) return done;
    if (options_.vulkan) {
      if (auto done = measure(proof_.worker_fence, driver.fence(0)); !done) return done;
      if (auto done = measure(proof_.queue_fence, driver.fence(VulkanClient::kQueueRing)); !done) return done;
    }
    std::this_thread::sleep_until(begin.ours + kCalibration);
    const auto end = look_at_clocks(player);
    if (!end) return std::unexpected(end.error());
    if (end->guests <= begin.guests) return fail("The guest's clock stands still.", EPROTO);
    const double microseconds = seconds(end->ours - begin.ours) * 1e6 / static_cast<double>(end->guests - begin.guests);
    for (auto& [times, ticks] : measured) {
      std::ranges::sort(ticks);
      times->p50 = static_cast<double>(ticks[ticks.size() / 2]) * microseconds;
      times->p95 = static_cast<double>(ticks[ticks.size() * 95 / 100]) * microseconds;
    }
    return {};
  }

  const Options& options_;
  const vm::Attendants& attendants_;
  std::optional<Clock::time_point> begin_;
  Proof proof_;
};

}  // namespace

std::string_view name_of(Stage stage) noexcept { return text_of(stage).name; }

Proof prove(const Options& options, const vm::Attendants& attendants) { return Run(options, attendants).run(); }

std::string describe(const Proof& proof) {
  if (!proof.passed) {
    std::string text = fmt::format("The proof fails at stage '{}'. {}", name_of(proof.stage), proof.problem);
    if (!proof.reached.empty()) text += fmt::format(" Before that: {}", proof.reached);
    if (!proof.remedy.empty()) text += fmt::format(" {}", proof.remedy);
    return text;
  }
  std::string text = fmt::format("A guest ({}) showed what it must, {:.0f} ms after its start", proof.accelerator,
                                 proof.first_picture_ms);
  if (!proof.driver.empty()) text += fmt::format(", and what Vulkan drew for it on {}", proof.driver);
  const Times& fence = proof.driver.empty() ? proof.device_fence : proof.queue_fence;
  return text +
         fmt::format(". A fence takes {:.0f} us there and back (95 % of them: {:.0f} us).", fence.p50, fence.p95);
}

}  // namespace hesper::proof
