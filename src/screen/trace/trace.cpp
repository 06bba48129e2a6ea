// Trace: one thread that takes and writes.
#include "screen/trace/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gpu/protocol.h"
#include "platform/thread.h"

namespace hesper::screen {
namespace {

std::uint32_t crc_of(const frame::Frame& frame) {
  const gpu::FormatInfo& format = gpu::format_info(frame.format);
  std::vector<unsigned char> row(std::size_t{3} * frame.width);
  uLong crc = ::crc32(0, nullptr, 0);
  for (std::uint32_t y = 0; y < frame.height; ++y) {
    const auto from = frame.row(y);
    for (std::uint32_t x = 0; x < frame.width; ++x) {
      const std::byte* pixel = from.data() + std::size_t{gpu::kBytesPerPixel} * x;
      row[3 * x] = std::to_integer<unsigned char>(pixel[format.red]);
      row[3 * x + 1] = std::to_integer<unsigned char>(pixel[format.green]);
      row[3 * x + 2] = std::to_integer<unsigned char>(pixel[format.blue]);
    }
    crc = ::crc32(crc, row.data(), static_cast<uInt>(row.size()));
  }
  return static_cast<std::uint32_t>(crc);
}

std::string to_json(const frame::Frame& frame) {
  std::string damage;
  for (const gpu::Rect& rect : frame.damage)
    damage += fmt::format("{}[{},{},{},{}]", damage.empty() ? "" : ",", rect.x, rect.y, rect.width, rect.height);
  return fmt::format(
      R"("frame":{{"serial":{},"width":{},"height":{},"format":"{}","copies":"{}","damage":[{}],"crc32":{},)"
      R"("submitted":{},"rendered":{},"flushed":{},"published":{},"received":{}}})",
      frame.serial, frame.width, frame.height, gpu::format_info(frame.format).name, name_of(frame.copies), damage,
      crc_of(frame), frame.times.submitted, frame.times.rendered, frame.times.flushed, frame.times.published,
      frame.times.received);
}

class Trace final : public Output {
 public:
  Trace(std::FILE* file, std::string name, Shown shown)
      : file_(file), name_("trace " + name), shown_(std::move(shown)) {
    for (std::uint32_t number = 0; number < displays_.size(); ++number) {
      Display& display = displays_[number];
      display.reader = shown_.source.subscribe(number, [this, &display] {
        const std::scoped_lock lock(mutex_);
        display.has_news = true;
        changed_.notify_one();
      });
    }
    thread_ = std::thread([this] { work(); });
  }
  ~Trace() override {
    {
      const std::scoped_lock lock(mutex_);
      ends_ = true;
      changed_.notify_one();
    }
    thread_.join();
    for (Display& display : displays_) display.reader.reset();
    if (file_ != stdout) std::fclose(file_);
  }

  [[nodiscard]] std::string describe() const override { return {}; }

 private:
  struct Display {
    bool has_news = false;
    std::uint64_t serial = 0;
    std::unique_ptr<frame::Reader> reader;
    std::shared_ptr<frame::OutputLedger> ledger;  // from the first frame on
  };

  void work() {
    platform::name_thread("trace");
    std::unique_lock lock(mutex_);
    for (;;) {
      bool any = false;
      for (std::uint32_t number = 0; number < displays_.size(); ++number) {
        Display& display = displays_[number];
        if (!std::exchange(display.has_news, false)) continue;
        any = true;
        lock.unlock();
        write(number, display);
        lock.lock();
      }
      if (any) continue;
      if (ends_) return;
      changed_.wait(lock);
    }
  }

  void write(std::uint32_t number, Display& display) {
    const frame::News news = display.reader->take();
    std::string text = fmt::format(R"({{"display":{})", number);
    if (news.info)
      text += fmt::format(R"(,"info":{{"connected":{},"width":{},"height":{},"refresh_mhz":{}}})", news.info->connected,
                          news.info->width, news.info->height, news.info->refresh_mhz);
    if (news.frame) {
      frame::Row row = row_of(*news.frame);
      row[static_cast<std::size_t>(frame::Stage::taken)] = frame::now_ns();
      text += ',' + to_json(*news.frame);
      if (!display.ledger) display.ledger = shown_.ledger.open(name_, number);
      if (display.serial != 0) display.ledger->skip(news.frame->serial - display.serial - 1);
      display.serial = news.frame->serial;
      display.ledger->add(row);
    }
    if (news.blank) text += R"(,"blank":true)";
    if (news.cursor)
      text += fmt::format(R"(,"cursor":{{"shown":{},"x":{},"y":{}}})", news.cursor->shape != nullptr,
                          news.cursor->position.x, news.cursor->position.y);
    if (news.ended) text += R"(,"ended":true)";
    text += "}\n";
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fflush(file_);
    if (display.ledger) display.ledger->count_bytes(text.size());
  }

  std::FILE* const file_;
  const std::string name_;
  const Shown shown_;
  std::mutex mutex_;  // of has_news and ends_
  std::condition_variable changed_;
  bool ends_ = false;
  std::array<Display, gpu::VIRTIO_GPU_MAX_SCANOUTS> displays_;
  std::thread thread_;
};

}  // namespace

Result<Prepared> prepare_trace(const TraceOptions& options, const Preparing&) {
  std::FILE* file = options.file == "-" ? stdout : std::fopen(options.file.c_str(), "ae");
  if (file == nullptr) return fail_errno(fmt::format("Writing '{}' fails", options.file.native()), errno);
  return [file, name = options.file.native()](Shown shown) -> Result<std::unique_ptr<Output>> {
    return std::make_unique<Trace>(file, name, std::move(shown));
  };
}

}  // namespace hesper::screen
