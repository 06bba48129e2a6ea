// PictureStream: shows one display to one viewer: takes frames when the viewer is ready for one, has them coded, and
// tells when nothing changes any more. On a thread of its own, so that one viewer's encoder never delays another.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "frame/ledger.h"
#include "frame/source.h"
#include "screen/web/flow_control.h"
#include "screen/web/picture_coder.h"
#include "screen/web/protocol.h"

namespace hesper::screen::web {

struct StreamSettings {
  std::uint32_t display = 0;
  PictureKind picture = PictureKind::video;
  std::uint8_t codecs = 0;
  std::function<std::vector<std::string>()> encoders;  // as of ServerOptions
  FlowControl::Options flow;
};

// What a stream wants to have sent.
struct StreamMessage {
  enum class Kind : std::uint8_t {
    ordered,       // pictures, and what must not overtake them
    cursor_shape,  // of these and the following, only the newest of its kind counts
    cursor,
    notice,
  };
  Kind kind = Kind::ordered;
  std::uint32_t frame = 0;  // of VIDEO; 0: another one
  Message message;
};

// For overlay and metrics.
struct StreamReport {
  std::string coder;  // "libx264"
  std::string codec;  // "avc1.640028"
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint64_t bitrate = 0;
  double max_fps = 0;
  std::size_t in_flight = 0;
  double round_trip_ms = 0;
  std::uint64_t key_frames = 0;
  std::uint64_t refinements = 0;
};

// Any thread but its own, unless said otherwise.
class PictureStream {
 public:
  struct Callbacks {
    // All on the stream's thread, and none after `ended`.
    std::function<void(StreamMessage)> send;
    std::function<void()> displays_changed;
    std::function<void()> ended;  // the guest's device is gone, or stop() was called; the thread ends now
  };

  // source and ledger outlive the stream.
  PictureStream(frame::Source& source, std::shared_ptr<frame::OutputLedger> ledger, StreamSettings settings,
                Callbacks callbacks);
  // Waits for the thread, which may take as long as coding a picture: call stop() and wait for `ended` before.
  ~PictureStream();
  PictureStream(const PictureStream&) = delete;
  PictureStream& operator=(const PictureStream&) = delete;

  void stop();
  void acknowledge(const Acknowledge& acknowledge);
  // The last byte of a picture went to the socket.
  void sent(std::uint32_t frame, std::uint64_t time_ns);
  // The viewer can decode nothing until the next key frame.
  void want_key();
  // Nobody looks: nothing is taken or coded until somebody does again.
  void set_visible(bool visible);
  [[nodiscard]] StreamReport report() const;
  [[nodiscard]] const std::shared_ptr<frame::OutputLedger>& ledger() const noexcept { return ledger_; }

 private:
  using Clock = FlowControl::Clock;
  enum class Step : std::uint8_t { stop, take, refine };

  void run();
  [[nodiscard]] Step wait();
  void take(frame::Reader& reader);
  // row: of the frame's way so far; all zeros: it is shown again.
  void show(frame::Frame frame, const frame::Row& row);
  void show_cursor(const frame::Cursor& cursor);
  void refine();
  // False: there is no way to code pictures of this size.
  [[nodiscard]] bool make_coder(const frame::Frame& frame);
  // Another encoder, or tiles, from now on. False: these are tiles.
  [[nodiscard]] bool fall_back(const std::string& why);
  void send_picture(CodedPicture coded, const frame::Frame& frame, frame::Row row);
  void send_config_if_changed();
  void adapt_bitrate();
  void notice(Notice level, const std::string& text);

  frame::Source& source_;
  const std::shared_ptr<frame::OutputLedger> ledger_;
  const StreamSettings settings_;
  const Callbacks callbacks_;

  // The thread's own.
  std::unique_ptr<PictureCoder> coder_;
  PictureKind picture_;                               // what it shows now: tiles, if video cannot be had
  std::optional<std::vector<std::string>> encoders_;  // those that have not failed; not asked for yet
  std::optional<frame::Frame> last_;
  std::optional<frame::Cursor> cursor_;
  std::uint32_t cursor_id_ = 0;
  std::uint32_t frame_number_ = 0;
  std::string config_codec_;
  std::uint32_t config_width_ = 0;
  std::uint32_t config_height_ = 0;
  std::uint64_t coder_bitrate_ = 0;
  Clock::time_point coder_bitrate_set_;
  unsigned refined_ = 0;
  bool ended_ = false;

  mutable std::mutex mutex_;  // of all below
  std::condition_variable wake_;
  FlowControl flow_;
  StreamReport report_;
  bool stop_ = false;
  bool news_ = false;
  bool want_key_ = true;
  bool visible_ = true;
  std::optional<Clock::time_point> refine_at_;

  std::thread thread_;
};

}  // namespace hesper::screen::web
