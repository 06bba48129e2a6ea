// A hostile feed of frames: messages of any content, in pieces of any size, with and without files, to a subscriber
// whose readers look at every row that they get.
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/check.h"
#include "frame/feed_state.h"
#include "platform/shared_memory.h"

namespace {

using namespace hesper;
using frame::FeedKind;
using frame::FeedMessage;

constexpr std::size_t kFileSize = 65536;

class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = std::to_integer<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  // What is left of it stays zero.
  template <class T>
  void fill(T& value) {
    const std::size_t size = std::min(sizeof(value), bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }

 private:
  std::span<const std::byte> bytes_;
};

// A message that is near enough to a good one to get somewhere.
FeedMessage message_of(Input& input) {
  FeedMessage message;
  const std::uint8_t how = input.byte();
  if (how < 16) {  // anything
    input.fill(message);
    return message;
  }
  message.kind = static_cast<FeedKind>(1 + how % 8);
  message.display = input.byte() % 4;
  message.buffer = input.byte() % 4;
  message.width = input.byte();
  message.height = input.byte();
  message.format = 1 + input.byte() % 4;
  message.stride = message.width * 4 + input.byte() % 8;
  message.offset = std::uint64_t{input.byte()} << (input.byte() % 64);
  message.copies = input.byte() % 4;
  message.damage_count = input.byte() % 4;
  for (gpu::Rect& rect : std::span(message.damage).first(message.damage_count)) {
    rect = {.x = input.byte(), .y = input.byte(), .width = input.byte(), .height = input.byte()};
  }
  message.has_cursor = input.byte() % 2;
  message.shape_follows = input.byte() % 2;
  return message;
}

void look_at(frame::Reader& reader) {
  const frame::News news = reader.take();
  if (!news.frame) return;
  const frame::Frame& frame = *news.frame;
  HESPER_CHECK(!frame.damage.empty());
  for (const gpu::Rect& rect : frame.damage) HESPER_CHECK(rect.fits(frame.width, frame.height));
  unsigned sum = 0;
  for (std::uint32_t y = 0; y < frame.height; ++y) {
    const auto row = frame.row(y);
    sum += std::to_integer<unsigned>(row.front()) + std::to_integer<unsigned>(row.back());
  }
  HESPER_CHECK(sum == 0);  // nobody writes there
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto memory = platform::create_published_memory("fuzz", kFileSize);
  Input input(std::as_bytes(std::span(data, size)));
  const auto state = std::make_shared<frame::FeedState>();
  std::vector<std::unique_ptr<frame::Reader>> readers;
  for (std::uint32_t display = 0; display < 4; ++display) readers.push_back(state->subscribe(display, [] {}));
  while (!input.empty()) {
    const FeedMessage message = message_of(input);
    const bool has_shape = message.kind == FeedKind::cursor && message.has_cursor != 0 && message.shape_follows != 0;
    std::vector<std::byte> bytes(sizeof(message) + (has_shape ? frame::kCursorBytes : 0));
    std::memcpy(bytes.data(), &message, sizeof(message));
    std::vector<UniqueFd> fds;
    if ((message.kind == FeedKind::buffer) != (input.byte() == 1)) fds.emplace_back(::dup(memory->reader.get()));
    const std::size_t cut = input.byte() % bytes.size();
    for (const auto piece : {std::span(bytes).first(cut), std::span(bytes).subspan(cut)})
      if (!state->receive(piece, std::exchange(fds, {}), 1)) return 0;
    look_at(*readers[input.byte() % readers.size()]);
  }
  state->end();
  for (const auto& reader : readers) look_at(*reader);
  return 0;
}
