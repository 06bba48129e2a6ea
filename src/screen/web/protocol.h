// The messages between a viewer's page and the web server, as docs/web.md has them: writing the server's, reading the
// viewer's. Knows no socket; what a message brings about is decided elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "clipboard/clipboard.h"
#include "frame/frame.h"
#include "frame/source.h"
#include "input/sink.h"

namespace hesper::screen::web {

// One binary WebSocket message. All numbers in them are little-endian.
using Message = std::vector<std::byte>;

// Of HELLO and WELCOME. Page and server are of one build, so that another version means a page from before an update.
inline constexpr std::uint16_t kProtocolVersion = 1;
// The WebSocket subprotocol. A viewer also offers "hesper.token.TOKEN", with which the server does not answer.
inline constexpr std::string_view kSubprotocol = "hesper.v1";
inline constexpr std::string_view kTokenProtocol = "hesper.token.";
// Bytes; the largest that a viewer may send, but for texts of its clipboard. A longer one ends its connection.
inline constexpr std::size_t kMaxViewerMessage = 4096;
inline constexpr std::size_t kClipboardHeader = 4;

// How a picture is coded. The numbers are those of VIDEO and CONFIG.
enum class PictureCodec : std::uint8_t {
  h264 = 1,
  hevc = 2,
  av1 = 3,
  vp9 = 4,
  jpeg_tiles = 16,
  png_tiles = 17,
};

// What a viewer asks for; a server that cannot do it says so with NOTICE and CONFIG.
enum class PictureKind : std::uint8_t { video = 0, jpeg_tiles = 1, lossless = 2 };

// Flags of VIDEO.
inline constexpr std::uint16_t kKeyFrame = 1;
inline constexpr std::uint16_t kRefinement = 4;
inline constexpr std::uint16_t kReplay = 16;  // an older picture again; its times say nothing about latency

struct VideoHeader {
  PictureCodec codec = PictureCodec::h264;
  std::uint16_t flags = 0;
  std::uint32_t frame = 0;        // counts the pictures of this stream, from 1
  std::uint64_t captured = 0;     // microseconds on the server's clock, when the guest's flush arrived
  std::uint32_t encode_time = 0;  // microseconds
  std::uint16_t width = 0;        // pixels of the whole picture
  std::uint16_t height = 0;
};
inline constexpr std::size_t kVideoHeaderSize = 24;

enum class Notice : std::uint8_t { information = 0, warning = 1, error = 2 };

// Reserves `room` bytes for what the caller appends.
[[nodiscard]] Message video_message(const VideoHeader& header, std::size_t room);
[[nodiscard]] Message welcome_message(bool view_only, std::uint64_t server_time_us);
// codec_string: as WebCodecs takes it ("avc1.640028"); empty for tiles.
[[nodiscard]] Message config_message(PictureCodec codec, std::uint32_t width, std::uint32_t height,
                                     std::string_view codec_string);
// displays[i] is display i; those that are not connected are left out.
[[nodiscard]] Message displays_message(std::span<const frame::DisplayInfo> displays);
// Cut to what is not transparent, as straight-alpha RGBA. id: not 0.
[[nodiscard]] Message cursor_shape_message(std::uint32_t id, const gpu::Cursor& cursor);
// id 0: the guest shows no cursor. position: of the hot spot.
[[nodiscard]] Message cursor_message(std::uint32_t id, gpu::Point position);
[[nodiscard]] Message leds_message(input::Leds leds);
[[nodiscard]] Message blank_message();
[[nodiscard]] Message pong_message(std::uint32_t number, std::uint64_t viewer_time, std::uint64_t server_time_us);
// json: the statistics, as docs/web.md has them.
[[nodiscard]] Message statistics_message(std::string_view json);
[[nodiscard]] Message notice_message(Notice level, std::string_view text);

// most_bytes: of a text that the viewer may send.
[[nodiscard]] Message clipboard_ways_message(clipboard::Ways ways, std::size_t most_bytes);
[[nodiscard]] Message clipboard_message(std::string_view text);

// What a viewer says.

// The first message, and the only first one; later ones change what is wanted.
struct Hello {
  std::uint16_t version = 0;
  std::uint8_t display = 0;  // below gpu::VIRTIO_GPU_MAX_SCANOUTS
  PictureKind picture = PictureKind::video;
  // Bit n: PictureCodec n can be decoded.
  std::uint8_t codecs = 0;
  std::uint8_t max_fps = 0;  // frames a second; 0: as the server likes
  friend bool operator==(const Hello&, const Hello&) = default;
};

// A picture has been painted, and with it all before it.
struct Acknowledge {
  std::uint32_t frame = 0;
  std::uint8_t waiting = 0;    // pictures that wait to be decoded there
  std::uint64_t received = 0;  // microseconds on the server's clock as the viewer knows it; 0: it does not
  std::uint64_t painted = 0;   // likewise
  friend bool operator==(const Acknowledge&, const Acknowledge&) = default;
};

// Nothing can be decoded until the next key frame.
struct WantKey {
  friend bool operator==(const WantKey&, const WantKey&) = default;
};

struct WantMode {
  std::uint16_t width = 0;  // pixels
  std::uint16_t height = 0;
  std::uint32_t refresh_mhz = 0;  // 0: as it is
  friend bool operator==(const WantMode&, const WantMode&) = default;
};

struct Attention {
  bool visible = true;      // somebody can see the pictures; else none are sent
  bool statistics = false;  // send STATS once a second
  friend bool operator==(const Attention&, const Attention&) = default;
};

struct Ping {
  std::uint32_t number = 0;
  std::uint64_t viewer_time = 0;  // comes back as it is
  friend bool operator==(const Ping&, const Ping&) = default;
};

struct KeyEvent {
  input::KeyCode code{};
  bool down = false;
  friend bool operator==(const KeyEvent&, const KeyEvent&) = default;
};
struct ButtonEvent {
  input::KeyCode code{};
  bool down = false;
  friend bool operator==(const ButtonEvent&, const ButtonEvent&) = default;
};
struct MoveTo {
  std::uint16_t x = 0;  // as of input::Sink::move_to()
  std::uint16_t y = 0;
  friend bool operator==(const MoveTo&, const MoveTo&) = default;
};
struct MoveBy {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const MoveBy&, const MoveBy&) = default;
};
struct Scroll {
  std::int32_t vertical = 0;
  std::int32_t horizontal = 0;
  friend bool operator==(const Scroll&, const Scroll&) = default;
};
struct Touch {
  std::uint8_t finger = 0;  // 0 to 9
  std::uint16_t x = 0;
  std::uint16_t y = 0;
  friend bool operator==(const Touch&, const Touch&) = default;
};
struct TouchEnd {
  std::uint8_t finger = 0;
  friend bool operator==(const TouchEnd&, const TouchEnd&) = default;
};
using InputEvent = std::variant<KeyEvent, ButtonEvent, MoveTo, MoveBy, Scroll, Touch, TouchEnd>;

// Happened at once.
struct InputEvents {
  std::vector<InputEvent> events;
  friend bool operator==(const InputEvents&, const InputEvents&) = default;
};

// The viewer's clipboard has this; whether it is text is for clipboard::Holder to see.
struct ClipboardText {
  std::string text;
  friend bool operator==(const ClipboardText&, const ClipboardText&) = default;
};

using ViewerMessage = std::variant<Hello, Acknowledge, WantKey, WantMode, Attention, Ping, InputEvents, ClipboardText>;

// nullopt: not a message of this protocol, or one with numbers out of range; the viewer is then not worth listening to.
// most_text: bytes of a clipboard's text.
[[nodiscard]] std::optional<ViewerMessage> read_viewer_message(std::span<const std::byte> bytes,
                                                               std::size_t most_text = 0);

}  // namespace hesper::screen::web
