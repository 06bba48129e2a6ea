// ViewerClipboard: cut text in Latin-1, the Extended Clipboard in UTF-8, and viewers that lie about sizes.
#include "screen/vnc/viewer_clipboard.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string_view>

namespace hesper::screen::vnc {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kMost = 1000;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes packed(std::string_view text, std::uint32_t size) {
  Bytes plain;
  Writer writer(plain);
  writer.u32(size);
  writer.text(text);
  uLongf length = ::compressBound(plain.size());
  Bytes bytes(length);
  EXPECT_EQ(::compress(reinterpret_cast<Bytef*>(bytes.data()), &length, reinterpret_cast<const Bytef*>(plain.data()),
                       plain.size()),
            Z_OK);
  bytes.resize(length);
  return bytes;
}

struct Said {
  std::uint32_t flags = 0;
  Bytes data;
};

// The messages of the Extended Clipboard that there are to be said.
std::vector<Said> say(ViewerClipboard& clipboard) {
  Bytes bytes;
  clipboard.say(bytes);
  std::vector<Said> said;
  std::span<const std::byte> rest(bytes);
  while (!rest.empty()) {
    EXPECT_EQ(u8_at(rest, 0), 3);
    const std::uint32_t size = 0U - u32_at(rest, 4);
    said.push_back({.flags = u32_at(rest, 8), .data = {rest.begin() + 12, rest.begin() + 8 + size}});
    rest = rest.subspan(8 + size);
  }
  return said;
}

clipboard::Text shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

class Extended : public testing::Test {
 protected:
  Extended() {
    clipboard_.set_extended(true);
    const auto said = say(clipboard_);
    EXPECT_EQ(said.size(), 1U);
    EXPECT_EQ(said.at(0).flags, kClipboardCapabilities | kClipboardRequest | kClipboardPeek | kClipboardNotify |
                                    kClipboardProvide | kClipboardText);
    EXPECT_EQ(u32_at(said.at(0).data, 0), kMost);
  }
  std::string take(std::uint32_t flags, const Bytes& data = {}) {
    return clipboard_.take(ExtendedClipboard{flags, data});
  }
  ViewerClipboard clipboard_{kMost};
};

TEST(ViewerClipboard, CutTextIsLatin1) {
  ViewerClipboard clipboard(kMost);
  clipboard.tell(shared("Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac"));
  Bytes bytes;
  clipboard.say(bytes);
  EXPECT_EQ(text_of(bytes), std::string_view("\3\0\0\0\0\0\0\7Gr\xfc\xdf\x65 ?", 15));
  bytes.clear();
  clipboard.say(bytes);
  EXPECT_TRUE(bytes.empty());
  const Bytes cut = {std::byte{'a'}, std::byte{0xfc}};
  EXPECT_EQ(clipboard.take(CutText{cut}), "a\xc3\xbc");
  // What was not agreed on is overheard.
  EXPECT_EQ(clipboard.take(ExtendedClipboard{kClipboardProvide | kClipboardText, packed("a", 1)}), "");
}

TEST_F(Extended, ATextIsAnnouncedAndSentWhenItIsAskedFor) {
  EXPECT_EQ(take(kClipboardRequest | kClipboardText), "");
  EXPECT_TRUE(say(clipboard_).empty());  // there is none
  clipboard_.tell(shared("a\n\xc3\xbc"));
  auto said = say(clipboard_);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].flags, kClipboardNotify | kClipboardText);
  EXPECT_TRUE(said[0].data.empty());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(take(kClipboardRequest | kClipboardText), "");
  said = say(clipboard_);
  ASSERT_EQ(said.size(), 1U);  // however often it asks
  EXPECT_EQ(said[0].flags, kClipboardProvide | kClipboardText);
  ViewerClipboard other(kMost);
  other.set_extended(true);
  EXPECT_EQ(other.take(ExtendedClipboard{said[0].flags, said[0].data}), "a\n\xc3\xbc");
}

TEST_F(Extended, AnAnnouncedTextIsAskedForAndTaken) {
  EXPECT_EQ(take(kClipboardNotify | kClipboardText), "");
  const auto said = say(clipboard_);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].flags, kClipboardRequest | kClipboardText);
  EXPECT_EQ(take(kClipboardProvide | kClipboardText, packed(std::string_view("a\r\nb\0", 5), 5)), "a\nb");
  EXPECT_EQ(take(kClipboardNotify), "");  // it has nothing any more
  EXPECT_TRUE(say(clipboard_).empty());
}

TEST_F(Extended, LiesAreOverheard) {
  constexpr std::uint32_t kProvide = kClipboardProvide | kClipboardText;
  EXPECT_EQ(take(kProvide), "");
  EXPECT_EQ(take(kProvide, Bytes(20, std::byte{'x'})), "");
  EXPECT_EQ(take(kProvide, packed("abc", 4)), "");
  EXPECT_EQ(take(kProvide, packed("abc", 0xffffffff)), "");
  EXPECT_EQ(take(kProvide, packed(std::string(1 << 20, 'x'), 1 << 20)), "");  // packed it is small
  EXPECT_EQ(take(kClipboardProvide, packed("abc", 3)), "");                   // another format
}

}  // namespace
}  // namespace hesper::screen::vnc
