// FeedState: messages in, news out.
#include "frame/feed_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "platform/shared_memory.h"

namespace hesper::frame {
namespace {

class MappedBuffer final : public PixelBuffer {
 public:
  explicit MappedBuffer(platform::ReadMapping mapping) noexcept : mapping_(std::move(mapping)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override { return mapping_.bytes(); }

 private:
  const platform::ReadMapping mapping_;
};

std::unexpected<Error> broken(std::string what) {
  return fail(fmt::format("The feed of hesper-gpu breaks its rules: {}", what), EPROTO);
}

}  // namespace

class FeedState::DisplayReader final : public Reader {
 public:
  DisplayReader(std::shared_ptr<FeedState> state, std::uint32_t display, std::function<void()> on_news)
      : state_(std::move(state)), display_(state_->displays_[display]), on_news_(std::move(on_news)) {
    const std::scoped_lock lock(state_->mutex_);
    place_ = display_.readers.insert(display_.readers.end(), this);
    frame_ = display_.frame.has_value();
    cursor_ = display_.cursor.has_value();
    info_ = true;
    tell();
  }
  DisplayReader(const DisplayReader&) = delete;
  DisplayReader& operator=(const DisplayReader&) = delete;
  ~DisplayReader() override {
    const std::scoped_lock lock(state_->mutex_);
    display_.readers.erase(place_);
  }

  [[nodiscard]] News take() override {
    const std::scoped_lock lock(state_->mutex_);
    News news;
    if (std::exchange(frame_, false) && display_.frame) {
      news.frame = *display_.frame;
      const Frame& frame = *news.frame;
      damage_.clip(frame.width, frame.height);
      const Shape shape{.width = frame.width, .height = frame.height, .format = frame.format};
      if (std::exchange(shape_, shape) != shape || damage_.empty())
        news.frame->damage = {{.width = frame.width, .height = frame.height}};
      else
        news.frame->damage = damage_.rects();
      damage_.clear();
    }
    if (std::exchange(blank_, false) && !display_.frame) {
      news.blank = true;
      shape_ = {};
    }
    if (std::exchange(cursor_, false)) news.cursor = display_.cursor;
    if (std::exchange(info_, false)) news.info = display_.info;
    news.ended = state_->ended_;
    told_ = false;
    return news;
  }

  // The rest with the lock held.
  void on_frame(const Damage& damage) {
    damage_.add(damage);
    frame_ = true;
    blank_ = false;
    tell();
  }
  void on_blank() {
    damage_.clear();
    blank_ = true;
    frame_ = false;
    tell();
  }
  void on_cursor() {
    cursor_ = true;
    tell();
  }
  void on_info() {
    info_ = true;
    tell();
  }
  void tell() {
    if (!std::exchange(told_, true)) on_news_();
  }

 private:
  struct Shape {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    gpu::Format format{};
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  const std::shared_ptr<FeedState> state_;
  Display& display_;
  const std::function<void()> on_news_;
  std::list<DisplayReader*>::iterator place_;
  Shape shape_;    // of the frame that was taken last; 0x0: there was none, or it went blank
  Damage damage_;  // since then
  bool frame_ = false;
  bool blank_ = false;
  bool cursor_ = false;
  bool info_ = false;
  bool told_ = false;
};

FeedState::FeedState() = default;

Result<bool> FeedState::receive(std::span<const std::byte> bytes, std::vector<UniqueFd> fds, std::uint64_t now) {
  for (UniqueFd& fd : fds) fds_.push_back(std::move(fd));
  if (fds_.size() > kMostBuffers) return broken("file descriptors come without a message.");
  partial_.insert(partial_.end(), bytes.begin(), bytes.end());
  bool done = false;
  auto rest = std::span<const std::byte>(partial_);
  while (rest.size() >= sizeof(FeedMessage)) {
    FeedMessage message;
    std::memcpy(&message, rest.data(), sizeof(message));
    if (message.version != kFeedVersion) return broken("it is of another version.");
    const bool has_shape = message.kind == FeedKind::cursor && message.has_cursor != 0 && message.shape_follows != 0;
    const std::size_t more = has_shape ? kCursorBytes : 0;
    if (rest.size() < sizeof(message) + more) break;
    if (auto taken = take(message, rest.subspan(sizeof(message), more), now); !taken)
      return std::unexpected(std::move(taken.error()));
    done = message.kind == FeedKind::done;
    rest = rest.subspan(sizeof(message) + more);
  }
  partial_.erase(partial_.begin(), partial_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return done;
}

Result<void> FeedState::take(const FeedMessage& message, std::span<const std::byte> shape, std::uint64_t now) {
  const std::scoped_lock lock(mutex_);
  if (message.display >= displays_.size()) return broken(fmt::format("display {} does not exist.", message.display));
  Display& display = displays_[message.display];
  switch (message.kind) {
    case FeedKind::buffer: return take_buffer(message);
    case FeedKind::forget:
      if (buffers_.erase(message.buffer) == 0) return broken(fmt::format("buffer {} is unknown.", message.buffer));
      return {};
    case FeedKind::info:
      display.info = {.connected = message.connected != 0,
                      .width = message.width,
                      .height = message.height,
                      .refresh_mhz = message.refresh_mhz};
      for (DisplayReader* reader : display.readers) reader->on_info();
      return {};
    case FeedKind::frame: return take_frame(message, now);
    case FeedKind::blank:
      display.frame.reset();
      for (DisplayReader* reader : display.readers) reader->on_blank();
      return {};
    case FeedKind::cursor: return take_cursor(message, shape);
    case FeedKind::done: return {};
  }
  return broken(fmt::format("message {} is unknown.", std::to_underlying(message.kind)));
}

Result<void> FeedState::take_buffer(const FeedMessage& message) {
  if (fds_.empty()) return broken("a buffer comes without its file.");
  const UniqueFd fd = std::move(fds_.front());
  fds_.pop_front();
  if (buffers_.contains(message.buffer)) return broken(fmt::format("buffer {} comes twice.", message.buffer));
  if (buffers_.size() >= kMostBuffers) return broken("there are too many buffers.");
  auto mapping = platform::ReadMapping::map(fd.get());
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  buffers_.emplace(message.buffer, std::make_shared<MappedBuffer>(std::move(*mapping)));
  return {};
}

Result<void> FeedState::take_frame(const FeedMessage& message, std::uint64_t now) {
  const auto buffer = buffers_.find(message.buffer);
  if (buffer == buffers_.end()) return broken(fmt::format("buffer {} is unknown.", message.buffer));
  const gpu::FormatInfo* format = gpu::find_format(message.format);
  if (format == nullptr) return broken(fmt::format("format {} is unknown.", message.format));
  const std::uint64_t row = std::uint64_t{message.width} * gpu::kBytesPerPixel;
  // What fits in 64 bits: each factor has 32.
  const std::uint64_t size = buffer->second->bytes().size();
  if (message.width == 0 || message.height == 0 || message.stride < row || message.offset > size ||
      row > size - message.offset || std::uint64_t{message.stride} * (message.height - 1) > size - message.offset - row)
    return broken(fmt::format("{}x{} pixels with stride {} at offset {} are not within {} bytes.", message.width,
                              message.height, message.stride, message.offset, size));
  if (message.damage_count > message.damage.size() || message.copies > std::to_underlying(Copies::gathered))
    return broken("a frame makes no sense.");
  Damage damage;
  for (const gpu::Rect& rect : std::span(message.damage).first(message.damage_count)) {
    if (!rect.fits(message.width, message.height)) return broken("damage lies outside of its picture.");
    damage.add(rect);
  }
  Display& display = displays_[message.display];
  display.frame = Frame{.serial = message.serial,
                        .buffer = buffer->second,
                        .format = format->format,
                        .width = message.width,
                        .height = message.height,
                        .offset = message.offset,
                        .stride = message.stride,
                        .damage = {},
                        .copies = static_cast<Copies>(message.copies),
                        .times = {.submitted = message.submitted,
                                  .rendered = message.rendered,
                                  .flushed = message.flushed,
                                  .published = message.published,
                                  .received = now}};
  for (DisplayReader* reader : display.readers) reader->on_frame(damage);
  return {};
}

Result<void> FeedState::take_cursor(const FeedMessage& message, std::span<const std::byte> shape) {
  Display& display = displays_[message.display];
  Cursor cursor{.shape = display.cursor ? display.cursor->shape : nullptr,
                .position = {.x = message.x, .y = message.y}};
  if (message.has_cursor == 0) {
    cursor.shape = nullptr;
  } else if (!shape.empty()) {
    auto made = std::make_shared<gpu::Cursor>();
    std::memcpy(made->pixels.data(), shape.data(), made->pixels.size());
    made->hot_x = std::min(message.hot_x, gpu::kCursorSize - 1);
    made->hot_y = std::min(message.hot_y, gpu::kCursorSize - 1);
    cursor.shape = std::move(made);
  } else if (cursor.shape == nullptr) {
    return broken("a cursor comes without its picture.");
  }
  display.cursor = std::move(cursor);
  for (DisplayReader* reader : display.readers) reader->on_cursor();
  return {};
}

void FeedState::end() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  for (Display& display : displays_) {
    for (DisplayReader* reader : display.readers) reader->tell();
  }
}

std::unique_ptr<Reader> FeedState::subscribe(std::uint32_t display, std::function<void()> on_news) {
  return std::make_unique<DisplayReader>(shared_from_this(), display, std::move(on_news));
}

DisplayInfo FeedState::info(std::uint32_t display) const {
  const std::scoped_lock lock(mutex_);
  return display < displays_.size() ? displays_[display].info : DisplayInfo{};
}

std::size_t FeedState::buffers() const {
  const std::scoped_lock lock(mutex_);
  return buffers_.size();
}

}  // namespace hesper::frame
