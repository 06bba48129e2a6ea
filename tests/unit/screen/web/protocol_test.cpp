// The messages byte by byte, as docs/web.md has them, and what viewers must not say.
#include "screen/web/protocol.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

namespace hesper::screen::web {
namespace {

Message bytes(std::initializer_list<int> numbers) {
  Message message;
  for (const int number : numbers) message.push_back(static_cast<std::byte>(number));
  return message;
}

TEST(WebProtocol, Video) {
  EXPECT_EQ(video_message({.codec = PictureCodec::h264,
                           .flags = kKeyFrame | kReplay,
                           .frame = 0x01020304,
                           .captured = 0x1112131415161718,
                           .encode_time = 0x21222324,
                           .width = 1920,
                           .height = 1080},
                          0),
            bytes({1,    1,    17,   0,    4,    3,    2,    1,    0x18, 0x17, 0x16, 0x15,
                   0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21, 0x80, 0x07, 0x38, 0x04}));
}

TEST(WebProtocol, SmallMessages) {
  EXPECT_EQ(welcome_message(true, 3), bytes({2, 1, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(config_message(PictureCodec::vp9, 640, 480, "vp"),
            bytes({3, 4, 0, 0, 128, 2, 0, 0, 224, 1, 0, 0, 'v', 'p'}));
  EXPECT_EQ(cursor_message(7, {.x = -1, .y = 2}), bytes({6, 0, 0, 0, 7, 0, 0, 0, 255, 255, 255, 255, 2, 0, 0, 0}));
  EXPECT_EQ(leds_message({.num_lock = true, .caps_lock = false, .scroll_lock = true}), bytes({7, 5}));
  EXPECT_EQ(blank_message(), bytes({8}));
  EXPECT_EQ(pong_message(1, 2, 3), bytes({9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(statistics_message("{}"), bytes({10, '{', '}'}));
  EXPECT_EQ(notice_message(Notice::error, "no"), bytes({11, 2, 'n', 'o'}));
}

TEST(WebProtocol, DisplaysLeavesOutThoseThatAreNotConnected) {
  const std::array<frame::DisplayInfo, 3> displays = {{{true, 800, 600, 60000}, {}, {true, 1, 2, 3}}};
  EXPECT_EQ(displays_message(displays), bytes({4, 2, 0, 32, 3, 0, 0, 88, 2, 0, 0, 96, 234, 0, 0,  //
                                               2, 1, 0, 0,  0, 2, 0, 0,  0, 3, 0, 0,  0}));
}

TEST(WebProtocol, CursorIsCutAndStraight) {
  gpu::Cursor cursor{.pixels = {}, .hot_x = 11, .hot_y = 20};
  // One pixel, half transparent: premultiplied blue 0x80, green 0x40, red 0x00.
  std::byte* pixel = &cursor.pixels[4 * (20 * gpu::kCursorSize + 10)];
  pixel[0] = std::byte{0x80};
  pixel[1] = std::byte{0x40};
  pixel[3] = std::byte{0x80};
  EXPECT_EQ(cursor_shape_message(9, cursor),
            bytes({5, 2, 1, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0x80, 0xff, 0x80, 0, 0, 0, 0}));
}

TEST(WebProtocol, ReadsWhatViewersSay) {
  EXPECT_EQ(
      read_viewer_message(bytes({0x81, 2, 1, 0, 1, 6, 30, 0})),
      ViewerMessage(Hello{.version = 1, .display = 2, .picture = PictureKind::jpeg_tiles, .codecs = 6, .max_fps = 30}));
  EXPECT_EQ(read_viewer_message(bytes({0x82, 4, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0})),
            ViewerMessage(Acknowledge{.frame = 5, .waiting = 4, .received = 6, .painted = 7}));
  EXPECT_EQ(read_viewer_message(bytes({0x83, 0, 0, 0})), ViewerMessage(WantKey{}));
  EXPECT_EQ(read_viewer_message(bytes({0x84, 0, 0, 0, 128, 2, 224, 1, 0, 0, 0, 0})),
            ViewerMessage(WantMode{.width = 640, .height = 480, .refresh_mhz = 0}));
  EXPECT_EQ(read_viewer_message(bytes({0x85, 0, 1, 0})),
            ViewerMessage(Attention{.visible = false, .statistics = true}));
  EXPECT_EQ(read_viewer_message(bytes({0x86, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0})),
            ViewerMessage(Ping{.number = 1, .viewer_time = 2}));
}

TEST(WebProtocol, TextOfAClipboardHasALimitOfItsOwn) {
  const auto message = [](std::size_t size) {
    auto text = bytes({0x91, 0, 0, 0});
    text.resize(text.size() + size, std::byte{'x'});
    return text;
  };
  EXPECT_EQ(read_viewer_message(message(3), 3), ViewerMessage(ClipboardText{"xxx"}));
  EXPECT_EQ(read_viewer_message(message(10'000), 10'000), ViewerMessage(ClipboardText{std::string(10'000, 'x')}));
  EXPECT_FALSE(read_viewer_message(message(4), 3));
  EXPECT_FALSE(read_viewer_message(message(1)));  // one who may only look
  EXPECT_FALSE(read_viewer_message(bytes({0x91, 0, 0}), 100));
  auto other = message(10'000);
  other[0] = std::byte{0x90};
  EXPECT_FALSE(read_viewer_message(other, 10'000));
  EXPECT_EQ(clipboard_message("ab"), bytes({12, 0, 0, 0, 'a', 'b'}));
  EXPECT_EQ(clipboard_ways_message({.to_guest = true}, 1 << 20), bytes({13, 1, 0, 0, 0, 0, 16, 0}));
  EXPECT_EQ(clipboard_ways_message({.from_guest = true}, 1), bytes({13, 2, 0, 0, 1, 0, 0, 0}));
}

TEST(WebProtocol, ReadsInput) {
  const InputEvents want{.events = {KeyEvent{.code = input::KeyCode{30}, .down = true},
                                    ButtonEvent{.code = input::KeyCode{0x110}, .down = false},
                                    MoveTo{.x = 65535, .y = 1}, MoveBy{.x = -1, .y = 2},
                                    Scroll{.vertical = -120, .horizontal = 0}, Touch{.finger = 9, .x = 1, .y = 2},
                                    TouchEnd{.finger = 9}}};
  EXPECT_EQ(read_viewer_message(bytes({0x90,                                   //
                                       1,    30,   0,   1,                     //
                                       2,    0x10, 1,   0,                     //
                                       3,    255,  255, 1,   0,                //
                                       4,    255,  255, 255, 255, 2, 0, 0, 0,  //
                                       5,    0x88, 255, 255, 255, 0, 0, 0, 0,  //
                                       6,    9,    1,   0,   2,   0,           //
                                       7,    9})),
            ViewerMessage(want));
}

TEST(WebProtocol, RefusesEverythingElse) {
  struct Case {
    const char* name;
    Message message;
  };
  for (const auto& [name, message] : {
           Case{"empty", {}},
           Case{"unknown type", bytes({0x70})},
           Case{"type of the server", bytes({1, 0, 0, 0})},
           Case{"display 16", bytes({0x81, 16, 1, 0, 0, 2, 0, 0})},
           Case{"unknown picture", bytes({0x81, 0, 1, 0, 3, 2, 0, 0})},
           Case{"too long", bytes({0x83, 0, 0, 0, 0})},
           Case{"mode of no width", bytes({0x84, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0})},
           Case{"mode that is too large", bytes({0x84, 0, 0, 0, 1, 0x40, 1, 0, 0, 0, 0, 0})},
           Case{"neither true nor false", bytes({0x85, 2, 0, 0})},
           Case{"key 0", bytes({0x90, 1, 0, 0, 1})},
           Case{"button as key", bytes({0x90, 1, 0x10, 1, 1})},
           Case{"key as button", bytes({0x90, 2, 30, 0, 1})},
           Case{"key down twice", bytes({0x90, 1, 30, 0, 2})},
           Case{"finger 10", bytes({0x90, 6, 10, 0, 0, 0, 0})},
           Case{"step that is too large", bytes({0x90, 4, 0, 0, 0, 0x7f, 0, 0, 0, 0})},
           Case{"unknown event", bytes({0x90, 8, 0, 0})},
           Case{"too much", Message(kMaxViewerMessage + 1, std::byte{0x90})},
       })
    EXPECT_FALSE(read_viewer_message(message)) << name;
}

TEST(WebProtocol, RefusesWhatIsCutAnywhere) {
  for (const Message& whole :
       {bytes({0x81, 2, 1, 0, 1, 6, 30, 0}), bytes({0x84, 0, 0, 0, 128, 2, 224, 1, 0, 0, 0, 0}),
        bytes({0x86, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}), bytes({0x90, 4, 255, 255, 255, 255, 2, 0, 0, 0})}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      if (whole[0] == std::byte{0x90} && size == 1) continue;  // no event at all is one way to say nothing
      EXPECT_FALSE(read_viewer_message(std::span(whole).first(size))) << size;
    }
  }
}

}  // namespace
}  // namespace hesper::screen::web
