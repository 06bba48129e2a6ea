// The program synthetic_source: a hesper gpu without a virtual machine, for tests and measurements of screens. The real
// device, feed, control connections and input devices; in the place of a guest something that draws known pictures and
// prints what is typed. Viewers find it with --socket, as they would hesper gpu.
//
// Standard input takes orders, a line each; its end changes nothing:
//   frame              one more frame of every display
//   rate N             frames a second; 0: only by order
//   content NAME       from the next frame on
//   mode DISPLAY MODE  as hesper display set does, and as viewers can
//   blank DISPLAY      shows nothing, until the next `mode`
//   cursor DISPLAY X Y | cursor DISPLAY off
//   led NAME on|off    num_lock, caps_lock or scroll_lock
//   quit
// Standard output is JSON, a line each: {"ready": true}; {"display", "width", "height"} when the guest has followed to
// a mode; {"device", "type", "code", "value"} for each event of an input device, numbers as in Linux's
// input-event-codes.h; with --log-frames, {"display", "frame", "serial", "time_ns"} for each flush.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <list>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "cli/display_mode.h"
#include "device/control_connections.h"
#include "device/display_fan.h"
#include "device/frame_feeds.h"
#include "device/gpu_door.h"
#include "device/input_channels.h"
#include "device/screens.h"
#include "frame/ledger.h"
#include "gpu/device.h"
#include "input/protocol.h"
#include "input/seat.h"
#include "platform/event_loop.h"
#include "platform/shared_memory.h"
#include "platform/signals.h"
#include "platform/socket.h"
#include "screen/pictures.h"

namespace {

using namespace hesper;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::filesystem::path socket;
  std::vector<std::string> modes = {"1280x800"};
  std::string content = "counter";
  std::string memory = "image";
  double rate = 30;
  std::uint64_t frames = 0;
  bool log_frames = false;
};

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// The guest's RAM: a region for each picture.
class Ram final : public gpu::GuestMemory {
 public:
  // Its address.
  std::uint64_t add(std::size_t size) {
    last_ += std::uint64_t{1} << 32;
    auto next = std::make_shared<View>(*view_);
    next->regions.emplace_back(last_, std::make_shared<std::vector<std::byte>>(size));
    view_ = std::move(next);
    return last_;
  }
  void remove(std::uint64_t address) {
    auto next = std::make_shared<View>(*view_);
    std::erase_if(next->regions, [&](const auto& region) { return region.first == address; });
    view_ = std::move(next);
  }
  [[nodiscard]] std::shared_ptr<const gpu::GuestView> view() const override { return view_; }

 private:
  struct View final : gpu::GuestView {
    std::vector<std::pair<std::uint64_t, std::shared_ptr<std::vector<std::byte>>>> regions;
    [[nodiscard]] std::span<std::byte> at(std::uint64_t address, std::uint64_t size) const noexcept override {
      for (const auto& [begin, bytes] : regions) {
        if (address < begin || address - begin >= bytes->size()) continue;
        const auto rest = std::span(*bytes).subspan(address - begin);
        return rest.first(std::min<std::uint64_t>(size, rest.size()));
      }
      return {};
    }
  };
  std::shared_ptr<View> view_ = std::make_shared<View>();
  std::uint64_t last_ = 0;
};

// Contexts whose blobs are wherever the guest maps them in the window.
class WindowHost final : public gpu::ContextHost {
 public:
  static constexpr std::uint64_t kSize = std::uint64_t{1} << 30;

  explicit WindowHost(int window) : mapping_(*platform::Mapping::map(window, kSize)) {}
  void tell(gpu::ContextEvents& events) noexcept { events_ = &events; }
  [[nodiscard]] std::byte* at(std::uint64_t offset) const noexcept { return mapping_.data() + offset; }

  [[nodiscard]] std::span<const gpu::Capset> capsets() const noexcept override { return {&capset_, 1}; }
  [[nodiscard]] Result<std::unique_ptr<gpu::HostContext>> create(const gpu::ContextRequest&) override {
    return std::make_unique<Context>(*this);
  }

 private:
  class Blob final : public gpu::HostBlob {
   public:
    explicit Blob(WindowHost& host) noexcept : host_(host) {}
    void map(const gpu::WindowRange& range, gpu::Cookie cookie) override {
      bytes_ = {host_.at(range.offset), range.size};
      host_.events_->blob_mapped(cookie, gpu::MapCache::cached);
    }
    void unmap() override { bytes_ = {}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return bytes_; }

   private:
    WindowHost& host_;
    std::span<const std::byte> bytes_;
  };
  class Context final : public gpu::HostContext {
   public:
    explicit Context(WindowHost& host) noexcept : host_(host) {}
    [[nodiscard]] Result<void> submit(std::span<const std::byte>) override { return {}; }
    void attach(const gpu::SharedResource&) override {}
    void detach(gpu::ResourceId) override {}
    [[nodiscard]] Result<std::unique_ptr<gpu::HostBlob>> create_blob(const gpu::BlobRequest&) override {
      return std::make_unique<Blob>(host_);
    }
    void fence(std::uint8_t, gpu::Cookie cookie) override { host_.events_->fence_reached(cookie); }

   private:
    WindowHost& host_;
  };

  platform::Mapping mapping_;
  std::array<std::byte, 160> capset_bytes_{};
  gpu::Capset capset_{.id = gpu::VIRTIO_GPU_CAPSET_VENUS, .max_version = 0, .bytes = capset_bytes_};
  gpu::ContextEvents* events_ = nullptr;
};

class Source {
 public:
  Source(Arguments arguments, std::unique_ptr<platform::EventLoop> loop, platform::Listener control,
         platform::SharedMemoryWithReader window, std::vector<gpu::Output> outputs)
      : arguments_(std::move(arguments)),
        loop_(std::move(loop)),
        control_(std::move(control)),
        window_(std::move(window.fd)),
        feeds_(*loop_, std::make_shared<const UniqueFd>(std::move(window.reader))) {
    const bool has_contexts = arguments_.memory == "window";
    gpu::DeviceOptions options{.outputs = std::move(outputs), .window_size = has_contexts ? WindowHost::kSize : 0};
    options.config_changed = [this] { loop_->post([this] { follow_modes(); }); };
    gpu::ContextHost& contexts = has_contexts ? static_cast<gpu::ContextHost&>(window_host_) : no_contexts_;
    device_ = std::move(*gpu::Device::create(std::move(options), ram_, contexts, displays_));
    device_->set_features(device_->features());
    window_host_.tell(*device_);
    feeds_.tell(*device_);
    connections_ = std::make_unique<device::ControlConnections>(*loop_, *device_, screens_, feeds_, inputs_, tap_);
    if (has_contexts)
      send(gpu::VIRTIO_GPU_CMD_CTX_CREATE,
           gpu::virtio_gpu_ctx_create{.hdr = {.ctx_id = 1}, .context_init = gpu::VIRTIO_GPU_CAPSET_VENUS});
    screens_shown_.resize(device_->outputs().count());
  }

  void run() {
    const auto control = loop_->when_readable(control_.fd(), [this] {
      if (auto client = control_.accept()) connections_->add(std::move(*client));
    });
    auto orders = loop_->when_readable(STDIN_FILENO, [this] { read_orders(); });
    orders_ = &orders;
    for (const input::Kind kind : input::kAllKinds) {
      input::Device& device = seat_.device(kind);
      device.connect([&device] {
        while (const auto event = device.next())
          say(fmt::format(R"({{"device":"{}","type":{},"code":{},"value":{}}})", input::name_of(device.kind()),
                          event->type, event->code, static_cast<std::int32_t>(event->value)));
      });
      device.set_driver_runs(true);
    }
    follow_modes();
    schedule();
    say(R"({"ready":true})");
    loop_->run();
  }
  void stop() { loop_->stop(); }
  [[nodiscard]] platform::EventLoop& loop() noexcept { return *loop_; }

 private:
  // What the guest shows on a display.
  struct Shown {
    std::uint32_t resource = 0;  // 0: nothing
    std::uint64_t address = 0;   // of its backing
    screen::test::Canvas canvas;
    std::unique_ptr<screen::test::Content> content;
    std::uint32_t frame = 0;
    std::uint64_t serial = 0;
    bool blank = false;
  };

  // The guest's driver: a command, which must succeed.
  template <class Layout>
  void send(std::uint32_t type, Layout command, std::span<const std::byte> more = {},
            gpu::Queue queue = gpu::Queue::control) {
    struct Checker final : gpu::Responder {
      explicit Checker(std::uint32_t its_command) : command(its_command) {}
      void respond(std::span<const std::byte> response) override {
        gpu::virtio_gpu_ctrl_hdr header{};
        std::memcpy(&header, response.data(), std::min(sizeof(header), response.size()));
        if (header.type >= gpu::VIRTIO_GPU_RESP_OK_NODATA && header.type < 0x1200) return;
        log::error("The device answers command {:#x} with {:#x}.", command, header.type);
        std::abort();
      }
      std::uint32_t command;
    };
    command.hdr.type = type;
    std::vector<std::byte> bytes(sizeof(command));
    std::memcpy(bytes.data(), &command, sizeof(command));
    bytes.insert(bytes.end(), more.begin(), more.end());
    constexpr std::size_t kRoom = 4096;
    device_->handle({.queue = queue, .bytes = bytes, .room = kRoom, .responder = std::make_unique<Checker>(type)});
  }

  void follow_modes() {
    for (std::uint32_t display = 0; display < screens_shown_.size(); ++display) {
      const gpu::Output& output = device_->outputs().get(display);
      Shown& shown = screens_shown_[display];
      const bool wanted = output.connected && !shown.blank;
      if (wanted && shown.resource != 0 && shown.canvas.width == output.monitor.width &&
          shown.canvas.height == output.monitor.height)
        continue;
      hide(display);
      if (wanted) show(display, output.monitor.width, output.monitor.height);
    }
  }

  void hide(std::uint32_t display) {
    Shown& shown = screens_shown_[display];
    if (shown.resource == 0) return;
    send(gpu::VIRTIO_GPU_CMD_RESOURCE_UNREF, gpu::virtio_gpu_resource_command{.resource_id = shown.resource});
    if (shown.address != 0) ram_.remove(shown.address);
    shown.resource = 0;
    shown.address = 0;
  }

  void show(std::uint32_t display, std::uint32_t width, std::uint32_t height) {
    Shown& shown = screens_shown_[display];
    const std::uint32_t stride = width * gpu::kBytesPerPixel;
    const std::uint64_t size = std::uint64_t{stride} * height;
    shown.resource = ++last_resource_;
    shown.canvas = {.pixels = nullptr, .width = width, .height = height, .stride = stride};
    std::array<gpu::virtio_gpu_mem_entry, 1> entries{};
    if (arguments_.memory == "window") {
      constexpr std::uint64_t kMostOfOne = WindowHost::kSize / gpu::VIRTIO_GPU_MAX_SCANOUTS;
      HESPER_CHECK(size <= kMostOfOne);
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
           gpu::virtio_gpu_resource_create_blob{.hdr = {.ctx_id = 1},
                                                .resource_id = shown.resource,
                                                .blob_mem = gpu::VIRTIO_GPU_BLOB_MEM_HOST3D,
                                                .blob_flags = gpu::VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                                .size = size});
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
           gpu::virtio_gpu_resource_map_blob{.resource_id = shown.resource, .offset = display * kMostOfOne});
      shown.canvas.pixels = window_host_.at(display * kMostOfOne);
    } else {
      shown.address = ram_.add(size);
      shown.canvas.pixels = ram_.view()->at(shown.address, size).data();
      entries[0] = {.addr = shown.address, .length = static_cast<std::uint32_t>(size)};
    }
    const auto list = std::as_bytes(std::span(entries));
    if (arguments_.memory == "guest-blob")
      send(
          gpu::VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
          gpu::virtio_gpu_resource_create_blob{
              .resource_id = shown.resource, .blob_mem = gpu::VIRTIO_GPU_BLOB_MEM_GUEST, .nr_entries = 1, .size = size},
          list);
    const gpu::virtio_gpu_rect whole{.width = width, .height = height};
    if (arguments_.memory == "image") {
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
           gpu::virtio_gpu_resource_create_2d{.resource_id = shown.resource,
                                              .format = std::to_underlying(gpu::Format::b8g8r8x8),
                                              .width = width,
                                              .height = height});
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
           gpu::virtio_gpu_resource_attach_backing{.resource_id = shown.resource, .nr_entries = 1}, list);
      send(gpu::VIRTIO_GPU_CMD_SET_SCANOUT,
           gpu::virtio_gpu_set_scanout{.r = whole, .scanout_id = display, .resource_id = shown.resource});
    } else {
      gpu::virtio_gpu_set_scanout_blob command{.r = whole,
                                               .scanout_id = display,
                                               .resource_id = shown.resource,
                                               .width = width,
                                               .height = height,
                                               .format = std::to_underlying(gpu::Format::b8g8r8x8)};
      command.strides[0] = stride;
      send(gpu::VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, command);
    }
    say(fmt::format(R"({{"display":{},"width":{},"height":{}}})", display, width, height));
    shown.content = screen::test::make_content(arguments_.content);
    draw(display, 0);
  }

  void draw(std::uint32_t display, std::uint32_t frame) {
    Shown& shown = screens_shown_[display];
    if (shown.resource == 0) return;
    shown.frame = frame;
    const auto damage = shown.content->draw(shown.canvas, frame);
    ++shown.serial;
    gpu::Rect all;
    for (const gpu::Rect& rect : damage) {
      const gpu::virtio_gpu_rect r{.x = rect.x, .y = rect.y, .width = rect.width, .height = rect.height};
      if (arguments_.memory == "image")
        send(gpu::VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
             gpu::virtio_gpu_transfer_to_host_2d{
                 .r = r,
                 .offset = std::uint64_t{shown.canvas.stride} * rect.y + std::uint64_t{gpu::kBytesPerPixel} * rect.x,
                 .resource_id = shown.resource});
      all = unite(all, rect);
    }
    if (arguments_.log_frames)
      say(fmt::format(R"({{"display":{},"frame":{},"serial":{},"time_ns":{}}})", display, frame, shown.serial,
                      frame::now_ns()));
    // One flush a frame, as Linux does.
    send(gpu::VIRTIO_GPU_CMD_RESOURCE_FLUSH,
         gpu::virtio_gpu_resource_flush{.r = {.x = all.x, .y = all.y, .width = all.width, .height = all.height},
                                        .resource_id = shown.resource});
  }

  static gpu::Rect unite(const gpu::Rect& a, const gpu::Rect& b) {
    if (a.empty()) return b;
    if (b.empty()) return a;
    const std::uint32_t x = std::min(a.x, b.x);
    const std::uint32_t y = std::min(a.y, b.y);
    return {.x = x,
            .y = y,
            .width = static_cast<std::uint32_t>(std::max(a.right(), b.right()) - x),
            .height = static_cast<std::uint32_t>(std::max(a.bottom(), b.bottom()) - y)};
  }

  void draw_all() {
    for (std::uint32_t display = 0; display < screens_shown_.size(); ++display)
      draw(display, screens_shown_[display].frame + 1);
  }

  void schedule() {
    timer_ = {};
    if (arguments_.rate <= 0) return;
    next_ = Clock::now();
    tick();
  }

  void tick() {
    next_ += std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / arguments_.rate));
    if (next_ < Clock::now()) next_ = Clock::now();  // it cannot keep up
    timer_ = loop_->at(next_, [this] {
      draw_all();
      if (arguments_.frames != 0 && --arguments_.frames == 0) {
        timer_ = {};
        return;
      }
      tick();
    });
  }

  [[nodiscard]] input::Desktop desktop() const {
    input::Desktop desktop;
    std::uint32_t x = 0;
    for (std::uint32_t i = 0; i < device_->outputs().count(); ++i) {
      const gpu::Output& output = device_->outputs().get(i);
      if (!output.connected) continue;
      desktop.displays[i] = {.x = x, .y = 0, .width = output.monitor.width, .height = output.monitor.height};
      x += output.monitor.width;
    }
    return desktop;
  }

  // A white square of 16 pixels, half of it transparent; the rest is not there.
  void set_cursor(std::uint32_t display, const gpu::Point& position) {
    if (cursor_resource_ == 0) {
      constexpr std::uint32_t kBytes = gpu::kCursorSize * gpu::kCursorSize * gpu::kBytesPerPixel;
      cursor_resource_ = ++last_resource_;
      const std::uint64_t address = ram_.add(kBytes);
      const screen::test::Canvas canvas{.pixels = ram_.view()->at(address, kBytes).data(),
                                        .width = gpu::kCursorSize,
                                        .height = gpu::kCursorSize,
                                        .stride = gpu::kCursorSize * gpu::kBytesPerPixel};
      canvas.fill({.width = 16, .height = 8}, 0xFFFFFFFF);
      canvas.fill({.y = 8, .width = 16, .height = 8}, 0x80808080);
      const std::array entries = {gpu::virtio_gpu_mem_entry{.addr = address, .length = kBytes}};
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
           gpu::virtio_gpu_resource_create_2d{.resource_id = cursor_resource_,
                                              .format = std::to_underlying(gpu::Format::b8g8r8a8),
                                              .width = gpu::kCursorSize,
                                              .height = gpu::kCursorSize});
      send(gpu::VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
           gpu::virtio_gpu_resource_attach_backing{.resource_id = cursor_resource_, .nr_entries = 1},
           std::as_bytes(std::span(entries)));
      send(gpu::VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
           gpu::virtio_gpu_transfer_to_host_2d{.r = {.width = gpu::kCursorSize, .height = gpu::kCursorSize},
                                               .resource_id = cursor_resource_});
    }
    update_cursor(display, position, cursor_resource_);
  }
  void update_cursor(std::uint32_t display, const gpu::Point& position, std::uint32_t resource) {
    send(gpu::VIRTIO_GPU_CMD_UPDATE_CURSOR,
         gpu::virtio_gpu_update_cursor{.pos = {.scanout_id = display,
                                               .x = static_cast<std::uint32_t>(position.x),
                                               .y = static_cast<std::uint32_t>(position.y)},
                                       .resource_id = resource,
                                       .hot_x = 4,
                                       .hot_y = 4},
         {}, gpu::Queue::cursor);
  }

  void read_orders() {
    std::array<char, 4096> bytes;
    const ssize_t size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (size <= 0) {
      *orders_ = {};
      return;
    }
    unread_.append(bytes.data(), static_cast<std::size_t>(size));
    for (std::size_t end = 0; (end = unread_.find('\n')) != std::string::npos; unread_.erase(0, end + 1)) {
      if (!execute(unread_.substr(0, end))) log::error("The order '{}' is not understood.", unread_.substr(0, end));
    }
  }

  bool execute(const std::string& line) {
    std::istringstream words(line);
    std::string order;
    words >> order;
    if (order == "frame") return draw_all(), true;
    if (order == "quit") return loop_->stop(), true;
    if (order == "rate") {
      if (!(words >> arguments_.rate)) return false;
      return schedule(), true;
    }
    if (order == "content") {
      std::string name;
      words >> name;
      if (!screen::test::make_content(name)) return false;
      arguments_.content = name;
      for (std::uint32_t display = 0; display < screens_shown_.size(); ++display) {
        screens_shown_[display].content = screen::test::make_content(name);
        draw(display, 0);
      }
      return true;
    }
    if (order == "led") return set_led(words);
    std::uint32_t display = 0;
    if (!(words >> display) || display >= screens_shown_.size()) return false;
    if (order == "mode") return set_mode(display, words);
    if (order == "blank") {
      screens_shown_[display].blank = true;
      return follow_modes(), true;
    }
    gpu::Point position;
    if (order != "cursor") return false;
    if (words >> position.x >> position.y) return set_cursor(display, position), true;
    return update_cursor(display, {}, 0), true;
  }

  bool set_mode(std::uint32_t display, std::istringstream& words) {
    std::string text;
    words >> text;
    const auto mode = cli::parse_display_mode(text);
    if (!mode) return false;
    gpu::Output output = device_->outputs().get(display);
    output.connected = mode->connected;
    if (mode->connected) {
      output.monitor.width = mode->width;
      output.monitor.height = mode->height;
      output.monitor.refresh_mhz = mode->refresh_mhz;
    }
    screens_shown_[display].blank = false;
    if (!device_->set_output(display, output)) return false;
    feeds_.outputs_changed();
    return follow_modes(), true;
  }

  bool set_led(std::istringstream& words) {
    std::string name;
    std::string state;
    words >> name >> state;
    constexpr std::array<std::string_view, 3> kNames = {"num_lock", "caps_lock", "scroll_lock"};  // LED_NUML and so on
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end()) return false;
    seat_.device(input::Kind::keyboard)
        .status({.type = input::EV_LED,
                 .code = static_cast<std::uint16_t>(found - kNames.begin()),
                 .value = state == "on" ? 1u : 0u});
    return true;
  }

  Arguments arguments_;
  std::unique_ptr<platform::EventLoop> loop_;
  platform::Listener control_;
  UniqueFd window_;
  Ram ram_;
  device::NoContexts no_contexts_;
  WindowHost window_host_{window_.get()};
  device::Screens screens_;
  device::FrameFeeds feeds_;
  device::DisplayFan displays_{{&screens_, &feeds_}};
  std::unique_ptr<gpu::Device> device_;
  input::Seat seat_{[this] { return desktop(); }};
  device::InputChannels inputs_{*loop_, seat_};
  device::InputTap tap_{*loop_, seat_};
  std::unique_ptr<device::ControlConnections> connections_;
  std::vector<Shown> screens_shown_;
  std::uint32_t last_resource_ = 0;
  std::uint32_t cursor_resource_ = 0;
  Clock::time_point next_;
  platform::EventLoop::Watch timer_;
  platform::EventLoop::Watch* orders_ = nullptr;
  std::string unread_;
};

Result<void> run(const Arguments& arguments) {
  platform::ignore_broken_pipes();
  static constexpr std::array kSignals = {SIGHUP, SIGINT, SIGTERM};
  auto signals = platform::SignalPipe::install(kSignals);
  if (!signals) return std::unexpected(std::move(signals.error()));
  auto loop = platform::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto control = platform::Listener::at(arguments.socket.native() + ".control");
  if (!control) return std::unexpected(std::move(control.error()));
  auto window = platform::create_shared_memory_with_reader("window", WindowHost::kSize);
  if (!window) return std::unexpected(std::move(window.error()));
  std::vector<gpu::Output> outputs;
  for (const std::string& text : arguments.modes) {
    const auto mode = cli::parse_display_mode(text);
    if (!mode) return std::unexpected(mode.error());
    gpu::Output output{.connected = mode->connected, .monitor = {}};
    output.monitor.width = mode->width;
    output.monitor.height = mode->height;
    output.monitor.refresh_mhz = mode->refresh_mhz;
    outputs.push_back(std::move(output));
  }
  Source source(arguments, std::move(*loop), std::move(*control), std::move(*window), std::move(outputs));
  const auto told = source.loop().when_readable(signals->fd(), [&] { source.stop(); });
  source.run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("A hesper gpu without a virtual machine, which shows known pictures.", "synthetic_source");
  app.add_option("--socket", arguments.socket, "Viewers connect to PATH.control")->required()->type_name("PATH");
  app.add_option("--mode", arguments.modes, "Of each display, as 1920x1080, or off")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_option("--content", arguments.content)
      ->check(CLI::IsMember({"still", "counter", "typing", "text", "window", "video"}))
      ->capture_default_str();
  app.add_option("--memory", arguments.memory, "Where pictures lie")
      ->check(CLI::IsMember({"image", "guest-blob", "window"}))
      ->capture_default_str();
  app.add_option("--rate", arguments.rate, "Frames a second; 0: by order")->capture_default_str();
  app.add_option("--frames", arguments.frames, "Stop drawing after so many; 0: never")->capture_default_str();
  app.add_flag("--log-frames", arguments.log_frames, "Print a line for each frame");
  CLI11_PARSE(app, argc, argv);
  log::start("synthetic_source", "warn");
  const auto done = run(arguments);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}
