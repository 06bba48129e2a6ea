// ViewerClipboard: its messages.
#include "screen/vnc/viewer_clipboard.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "clipboard/text.h"
#include "screen/vnc/protocol.h"
#include "screen/vnc/zlib_stream.h"

namespace hesper::screen::vnc {
namespace {

constexpr int kCompression = 6;  // zlib's level

// Unpacks at most `most` bytes, as the viewer chooses how much there is. The stream need not be complete.
std::vector<std::byte> unpack(std::span<const std::byte> packed, std::size_t most) {
  z_stream stream{};
  if (::inflateInit(&stream) != Z_OK) return {};
  std::vector<std::byte> bytes(most);
  // SAFETY: zlib only reads its input, whatever the type of next_in says.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  const int outcome = ::inflate(&stream, Z_SYNC_FLUSH);
  const std::size_t size = most - stream.avail_out;
  ::inflateEnd(&stream);
  if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR) return {};
  bytes.resize(size);
  return bytes;
}

void append_extended(std::vector<std::byte>& out, std::uint32_t flags, std::span<const std::byte> data = {}) {
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(ServerMessageType::server_cut_text));
  writer.zeros(3);
  writer.u32(0U - static_cast<std::uint32_t>(4 + data.size()));  // negative: extended
  writer.u32(flags);
  writer.bytes(data);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  // SAFETY: char may look at any bytes.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void ViewerClipboard::set_extended(bool extended) {
  extended_ = extended;
  tell_capabilities_ = extended;
  provide_ = ask_ = false;
}

void ViewerClipboard::tell(clipboard::Text text) {
  text_ = std::move(text);
  tell_text_ = true;
}

std::string ViewerClipboard::take(const CutText& message) { return clipboard::from_latin1(as_text(message.bytes)); }

std::string ViewerClipboard::take(const ExtendedClipboard& message) {
  if (!extended_ || (message.flags & kClipboardText) == 0) return {};
  if ((message.flags & kClipboardRequest) != 0) provide_ = text_ != nullptr;
  if ((message.flags & kClipboardPeek) != 0) tell_text_ = text_ != nullptr;
  if ((message.flags & kClipboardNotify) != 0) ask_ = true;
  if ((message.flags & kClipboardProvide) == 0) return {};
  // Of the formats text is the first one: its size, and it with NUL. Ends of lines have two bytes here.
  const auto bytes = unpack(message.data, 4 + 2 * most_bytes_ + 1);
  if (bytes.size() < 4) return {};
  const std::size_t size = u32_at(bytes, 0);
  if (size > bytes.size() - 4) return {};
  std::string_view text = as_text(std::span(bytes).subspan(4, size));
  if (text.ends_with('\0')) text.remove_suffix(1);
  return clipboard::with_lf(text);
}

void ViewerClipboard::say(std::vector<std::byte>& out) {
  if (std::exchange(tell_capabilities_, false)) {
    std::vector<std::byte> sizes;
    Writer(sizes).u32(static_cast<std::uint32_t>(most_bytes_));  // of a text that nobody has asked for
    append_extended(out,
                    kClipboardCapabilities | kClipboardText | kClipboardRequest | kClipboardPeek | kClipboardNotify |
                        kClipboardProvide,
                    sizes);
  }
  if (std::exchange(ask_, false)) append_extended(out, kClipboardRequest | kClipboardText);
  if (std::exchange(tell_text_, false) && text_) {
    if (extended_) {
      append_extended(out, kClipboardNotify | kClipboardText);
    } else {
      const std::string latin1 = clipboard::to_latin1(*text_);
      Writer writer(out);
      writer.u8(static_cast<std::uint8_t>(ServerMessageType::server_cut_text));
      writer.zeros(3);
      writer.u32(static_cast<std::uint32_t>(latin1.size()));
      writer.text(latin1);
    }
  }
  if (!std::exchange(provide_, false) || !text_) return;
  const std::string text = clipboard::with_crlf(*text_);
  std::vector<std::byte> plain;
  Writer writer(plain);
  writer.u32(static_cast<std::uint32_t>(text.size() + 1));
  writer.text(text);
  writer.u8(0);
  std::vector<std::byte> packed;
  ZlibStream(kCompression).append(plain, packed);
  append_extended(out, kClipboardProvide | kClipboardText, packed);
}

}  // namespace hesper::screen::vnc
