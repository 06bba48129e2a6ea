// FrameFeeds: an answer for each who asks, as soon as there is something to tell.
#include "device/frame_feeds.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

using frame::FeedKind;
using frame::FeedMessage;
using frame::FeedRequest;

// An answer is shorter by far.
constexpr std::uint64_t kMostWaiting = std::uint64_t{1} << 20;

template <class TimePoint>
std::uint64_t nanoseconds(TimePoint time) noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::uint64_t now() noexcept { return nanoseconds(std::chrono::steady_clock::now()); }

frame::DisplayInfo info_of(const gpu::Output& output) noexcept {
  return {.connected = output.connected,
          .width = output.monitor.width,
          .height = output.monitor.height,
          .refresh_mhz = output.monitor.refresh_mhz};
}

}  // namespace

FrameFeeds::FrameFeeds(platform::EventLoop& loop, std::shared_ptr<const UniqueFd> window, std::uint64_t most_copied)
    : loop_(loop), window_(std::move(window)), waiting_(kMost * kMostWaiting), copied_(most_copied) {}

FrameFeeds::~FrameFeeds() = default;

void FrameFeeds::add(UniqueFd socket) {
  if (full()) return log::warn("There are {} subscribers of the displays already.", kMost);
  Subscriber& subscriber = subscribers_.emplace_back();
  subscriber.socket = std::move(socket);
  subscriber.outbox.emplace(loop_, subscriber.socket.get(), kMostWaiting, waiting_);
  subscriber.readable = loop_.when_readable(subscriber.socket.get(), [this, &subscriber] { on_readable(subscriber); });
}

void FrameFeeds::on_readable(Subscriber& subscriber) {
  FeedRequest request{};
  const auto received =
      platform::receive_message(subscriber.socket.get(), std::as_writable_bytes(std::span(&request, 1)));
  // A request is sent at once and is smaller than any socket's buffer, so that half of one is nobody of ours.
  if (received.size != sizeof(request) || request.version != frame::kFeedVersion)
    subscriber.lost = true;
  else
    execute(subscriber, request);
  remove_lost();
}

void FrameFeeds::execute(Subscriber& subscriber, const FeedRequest& request) {
  switch (request.question) {
    case frame::FeedQuestion::next:
      if (subscriber.asks || subscriber.outbox->waiting() != 0) {
        subscriber.lost = true;
        return;
      }
      subscriber.asks = true;
      return answer(subscriber);
    case frame::FeedQuestion::ask_for_mode: {
      if (request.display >= device_->outputs().count() || !device_->outputs().get(request.display).connected)
        return log::debug("A viewer asks for a mode of display {}, which is not connected.", request.display);
      gpu::Output output = device_->outputs().get(request.display);
      output.monitor.width = request.width;
      output.monitor.height = request.height;
      if (request.refresh_mhz != 0) output.monitor.refresh_mhz = request.refresh_mhz;
      if (const auto set = device_->set_output(request.display, std::move(output)); !set)
        return log::info("A viewer asks for a mode that is not possible. {}", set.error().message);
      return outputs_changed();
    }
  }
  subscriber.lost = true;
}

void FrameFeeds::set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) {
  Screen& screen = screens_[scanout];
  // What differs in another picture is flushed (the guest may flip between two, and tell what differs), but not if it
  // has nothing in common with the one before.
  const bool alike = picture != nullptr && screen.picture != nullptr && picture->format == screen.format &&
                     part.width == screen.part.width && part.height == screen.part.height;
  if (!alike) {
    for (Subscriber& subscriber : subscribers_) subscriber.displays[scanout].whole = true;
    screen.copy.reset();
  }
  screen.picture = picture;
  screen.part = part;
  screen.complained = false;
  if (picture != nullptr) {
    screen.format = picture->format;
    return;
  }
  screen.visible = false;
  answer();
}

void FrameFeeds::flushed(std::uint32_t scanout, const gpu::Rect& damage) {
  Screen& screen = screens_[scanout];
  const gpu::Rect seen = intersect(damage, screen.part);
  if (screen.picture == nullptr || seen.empty()) return;
  screen.visible = true;
  ++screen.serial;
  // Work that had ended by the flush before belongs to that, or to no picture at all.
  screen.work = device_->newest_work();
  if (nanoseconds(screen.work.done) <= screen.flushed) screen.work = {};
  screen.flushed = now();
  const gpu::Rect moved{
      .x = seen.x - screen.part.x, .y = seen.y - screen.part.y, .width = seen.width, .height = seen.height};
  if (screen.copy) screen.copy->outdated.add(moved);
  for (Subscriber& subscriber : subscribers_) subscriber.displays[scanout].damage.add(moved);
  answer();
}

void FrameFeeds::set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) {
  Screen& screen = screens_[scanout];
  screen.cursor = cursor != nullptr ? std::make_shared<const gpu::Cursor>(*cursor) : nullptr;
  screen.position = position;
  answer();
}

void FrameFeeds::move_cursor(std::uint32_t scanout, gpu::Point position) {
  screens_[scanout].position = position;
  answer();
}

void FrameFeeds::answer() {
  for (Subscriber& subscriber : subscribers_) answer(subscriber);
  remove_lost();
}

void FrameFeeds::answer(Subscriber& subscriber) {
  if (!subscriber.asks) return;
  bool told = false;
  for (std::uint32_t number = 0; number < device_->outputs().count(); ++number)
    told |= tell_display(subscriber, number);
  if (!told) return;
  // Here and not where they die: who never asks, never hears of them.
  forget_dead_buffers();
  for (const BufferId id : std::exchange(subscriber.forgotten, {}))
    send(subscriber, {.kind = FeedKind::forget, .buffer = id});
  send(subscriber, {.kind = FeedKind::done});
  subscriber.asks = false;
}

bool FrameFeeds::tell_display(Subscriber& subscriber, std::uint32_t number) {
  Screen& screen = screens_[number];
  Told& told = subscriber.displays[number];
  bool news = false;
  const frame::DisplayInfo info = info_of(device_->outputs().get(number));
  if (told.info != info) {
    told.info = info;
    news = true;
    send(subscriber, {.kind = FeedKind::info,
                      .display = number,
                      .width = info.width,
                      .height = info.height,
                      .connected = info.connected ? 1u : 0u,
                      .refresh_mhz = info.refresh_mhz});
  }
  if (screen.visible) {
    if (!told.visible || told.serial != screen.serial) news |= tell_frame(subscriber, number, told);
  } else if (told.visible) {
    told.visible = false;
    news = true;
    send(subscriber, {.kind = FeedKind::blank, .display = number});
  }
  if (told.cursor != screen.cursor || (screen.cursor && told.position != screen.position)) {
    const bool shape_follows = screen.cursor && told.cursor != screen.cursor;
    told.cursor = screen.cursor;
    told.position = screen.position;
    news = true;
    FeedMessage message{.kind = FeedKind::cursor,
                        .display = number,
                        .has_cursor = screen.cursor ? 1u : 0u,
                        .shape_follows = shape_follows ? 1u : 0u,
                        .x = screen.position.x,
                        .y = screen.position.y};
    if (screen.cursor) {
      message.hot_x = screen.cursor->hot_x;
      message.hot_y = screen.cursor->hot_y;
    }
    send(subscriber, message,
         shape_follows ? std::span<const std::byte>(screen.cursor->pixels) : std::span<const std::byte>());
  }
  return news;
}

bool FrameFeeds::tell_frame(Subscriber& subscriber, std::uint32_t number, Told& told) {
  Screen& screen = screens_[number];
  const auto where = place(screen);
  if (!where) return false;
  if (subscriber.buffers.insert(where->buffer).second)
    send(subscriber, {.kind = FeedKind::buffer, .buffer = where->buffer}, {}, where->reader);
  if (told.whole) told.damage.add({.width = screen.part.width, .height = screen.part.height});
  told.damage.clip(screen.part.width, screen.part.height);
  FeedMessage message{.kind = FeedKind::frame,
                      .display = number,
                      .buffer = where->buffer,
                      .width = screen.part.width,
                      .height = screen.part.height,
                      .format = std::to_underlying(screen.picture->format),
                      .stride = where->stride,
                      .offset = where->offset,
                      .serial = screen.serial,
                      .submitted = nanoseconds(screen.work.submitted),
                      .rendered = nanoseconds(screen.work.done),
                      .flushed = screen.flushed,
                      .published = now(),
                      .copies = std::to_underlying(where->copies),
                      .damage_count = static_cast<std::uint32_t>(told.damage.rects().size())};
  std::ranges::copy(told.damage.rects(), message.damage.begin());
  send(subscriber, message);
  // One that comes late takes its first frame long after the flush, through no fault of ours.
  if (told.serial != 0) counts_.note_delay(message.published - screen.flushed);
  told.damage.clear();
  told.whole = false;
  told.visible = true;
  told.serial = screen.serial;
  ++counts_.frames[message.copies];
  return true;
}

std::optional<FrameFeeds::Place> FrameFeeds::place(Screen& screen) {
  const gpu::Picture& picture = *screen.picture;
  const std::uint64_t first = picture.offset + std::uint64_t{picture.stride} * screen.part.y +
                              std::uint64_t{gpu::kBytesPerPixel} * screen.part.x;
  if (picture.window_offset && window_)
    return Place{.buffer = kWindowBuffer,
                 .reader = window_,
                 .offset = *picture.window_offset + first,
                 .stride = picture.stride,
                 .copies = frame::Copies::none};
  if (!picture.in_blob && picture.memory->bytes().size() <= kMostBytes) {
    forget_dead_buffers();
    // One that is shared already stays what it is, however many there are.
    const auto shares = [&](const Known& known) {
      const auto memory = known.memory.lock();
      return memory && memory->mapping.data() == picture.memory->bytes().data();
    };
    if (known_.size() < kMostShared || std::ranges::any_of(known_, shares)) {
      if (const Shared memory = picture.memory->share())
        return Place{.buffer = id_of(memory),
                     .reader = {memory, &memory->reader},
                     .offset = first,
                     .stride = picture.stride,
                     .copies = frame::Copies::transfer};
    }
  }
  return place_of_copy(screen);
}

std::optional<FrameFeeds::Place> FrameFeeds::place_of_copy(Screen& screen) {
  const auto complain = [&](std::string_view why) -> std::optional<Place> {
    if (!std::exchange(screen.complained, true)) log::warn("What a display shows is not published: {}", why);
    return std::nullopt;
  };
  const std::uint32_t stride = gpu::kBytesPerPixel * screen.part.width;
  const std::uint64_t size = std::uint64_t{stride} * screen.part.height;
  if (size > kMostBytes) return complain("it is too large to be copied.");
  if (!screen.copy) {
    Budget::Charge charge(copied_, size);
    if (!charge) return complain("copies of pictures take too much memory already.");
    auto made = platform::create_published_memory("hesper-frame", size);
    if (!made) return complain(made.error().message);
    screen.copy = Copy{.memory = std::make_shared<const platform::PublishedMemory>(std::move(*made)),
                       .charge = std::move(charge),
                       .outdated = {}};
    screen.copy->outdated.add({.width = screen.part.width, .height = screen.part.height});
  }
  const Shared& memory = screen.copy->memory;
  for (const gpu::Rect& rect : screen.copy->outdated.rects()) {
    const gpu::Rect from{
        .x = screen.part.x + rect.x, .y = screen.part.y + rect.y, .width = rect.width, .height = rect.height};
    const auto to =
        memory->mapping.bytes().subspan(std::size_t{stride} * rect.y + std::size_t{gpu::kBytesPerPixel} * rect.x);
    if (!gpu::copy_pixels(*screen.picture, from, to, stride)) return complain("it lies in memory that cannot be read.");
    ++counts_.gathers;
    counts_.gathered_bytes += std::uint64_t{gpu::kBytesPerPixel} * rect.width * rect.height;
  }
  screen.copy->outdated.clear();
  return Place{.buffer = id_of(memory),
               .reader = {memory, &memory->reader},
               .offset = 0,
               .stride = stride,
               .copies = frame::Copies::gathered};
}

FrameFeeds::BufferId FrameFeeds::id_of(const Shared& memory) {
  const auto found = std::ranges::find_if(known_, [&](const Known& known) { return known.memory.lock() == memory; });
  if (found != known_.end()) return found->id;
  known_.push_back({.id = ++last_id_, .memory = memory});
  return last_id_;
}

void FrameFeeds::forget_dead_buffers() {
  std::erase_if(known_, [&](const Known& known) {
    if (!known.memory.expired()) return false;
    for (Subscriber& subscriber : subscribers_) {
      if (subscriber.buffers.erase(known.id) != 0) subscriber.forgotten.push_back(known.id);
    }
    return true;
  });
}

void FrameFeeds::send(Subscriber& subscriber, const FeedMessage& message, std::span<const std::byte> more,
                      const std::shared_ptr<const UniqueFd>& fd) {
  if (!subscriber.outbox->send(std::as_bytes(std::span(&message, 1)), more, fd)) subscriber.lost = true;
}

void FrameFeeds::remove_lost() {
  std::erase_if(subscribers_, [](const Subscriber& subscriber) { return subscriber.lost; });
}

void FrameFeeds::describe(DeviceReport& report) const {
  report.feeds = counts_;
  report.feeds.subscribers = subscribers_.size();
  report.feeds.shared_images = known_.size();
}

}  // namespace hesper::device
