// VideoFile, through libavformat, which writes through functions of ours.
#include "screen/record/video_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "platform/file_space.h"
#include "video/ffmpeg.h"

extern "C" {
#include <libavformat/avformat.h>
}

namespace hesper::screen::record {
namespace {

constexpr std::int64_t kClusterMilliseconds = 1000;
// What finishing may take: an index with some bytes for each frame.
constexpr std::uint64_t kReserve = 4 << 20;
// Less than the reserve, so that what muxers hold back has room too.
constexpr std::size_t kMostUnflushed = 1 << 20;
constexpr std::size_t kBufferSize = 1 << 16;

struct ContainerInfo {
  Container container;
  std::string_view ending;
  const char* muxer;  // FFmpeg's
};
constexpr std::array kContainers{
    ContainerInfo{.container = Container::mp4, .ending = ".mp4", .muxer = "mp4"},
    ContainerInfo{.container = Container::matroska, .ending = ".mkv", .muxer = "matroska"},
    ContainerInfo{.container = Container::webm, .ending = ".webm", .muxer = "webm"},
};

AVCodecID id_of(video::Codec codec) noexcept {
  switch (codec) {
    case video::Codec::h264: return AV_CODEC_ID_H264;
    case video::Codec::hevc: return AV_CODEC_ID_HEVC;
    case video::Codec::av1: return AV_CODEC_ID_AV1;
    case video::Codec::vp9: return AV_CODEC_ID_VP9;
  }
  return AV_CODEC_ID_NONE;
}

}  // namespace

std::optional<Container> container_of(const std::filesystem::path& file) {
  const std::string ending = file.extension().native();
  const auto* found = std::ranges::find(kContainers, ending, &ContainerInfo::ending);
  if (found == kContainers.end()) return std::nullopt;
  return found->container;
}

bool holds(Container container, video::Codec codec) noexcept {
  return container != Container::webm || codec == video::Codec::vp9 || codec == video::Codec::av1;
}

class VideoFile::Muxer {
 public:
  Muxer(UniqueFd file, std::filesystem::path path) : path_(std::move(path)), file_(std::move(file)) {}
  Muxer(const Muxer&) = delete;
  Muxer& operator=(const Muxer&) = delete;
  ~Muxer() {
    avformat_free_context(context_);
    if (io_ != nullptr) {
      av_freep(static_cast<void*>(&io_->buffer));
      avio_context_free(&io_);
    }
  }

  [[nodiscard]] Result<void> open(Container container, const video::Encoder& encoder, std::uint32_t width,
                                  std::uint32_t height, std::uint32_t most_frames_per_second);
  [[nodiscard]] Result<void> write(const video::AccessUnit& unit, std::uint64_t duration_us);
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return size_; }

 private:
  static int write_bytes(void* self, const std::uint8_t* bytes, int size) {
    return static_cast<Muxer*>(self)->append({bytes, static_cast<std::size_t>(size)});
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    return static_cast<Muxer*>(self)->move_to(offset, whence);
  }
  // Of an AVIOContext: the number of bytes or an error of FFmpeg's.
  int append(std::span<const std::uint8_t> bytes);
  std::int64_t move_to(std::int64_t offset, int whence);
  [[nodiscard]] std::unexpected<Error> failed(int error) const {
    return fail_ffmpeg(fmt::format("The recording '{}' cannot be written", path_.native()), error);
  }
  static std::unexpected<Error> fail_ffmpeg(std::string message, int error) {
    return video::fail_ffmpeg(std::move(message), error);
  }

  const std::filesystem::path path_;
  UniqueFd file_;
  AVIOContext* io_ = nullptr;
  AVFormatContext* context_ = nullptr;
  const video::PacketPtr packet_ = video::new_packet();
  std::uint64_t position_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t reserved_ = 0;  // up to there the disk has room
  int full_ = 0;                // errno of what could not be reserved
  bool finishing_ = false;
  std::size_t unflushed_ = 0;  // bytes that the muxer may have and the file has not
};

int VideoFile::Muxer::append(std::span<const std::uint8_t> bytes) {
  const std::uint64_t end = position_ + bytes.size();
  if (!finishing_ && full_ == 0 && end + kReserve / 2 > reserved_) {
    // As much again as will be there: one call for many packets. If it fails, this still finds room in what was
    // reserved before, and so does the end of the file.
    full_ = platform::reserve_file_space(file_.get(), size_, end + kReserve - size_);
    if (full_ == 0) reserved_ = end + kReserve;
  }
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(position_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return AVERROR(errno);
    done += static_cast<std::size_t>(n);
    position_ += static_cast<std::uint64_t>(n);
    size_ = std::max(size_, position_);
  }
  return static_cast<int>(bytes.size());
}

std::int64_t VideoFile::Muxer::move_to(std::int64_t offset, int whence) {
  if (whence == AVSEEK_SIZE) return static_cast<std::int64_t>(size_);
  std::int64_t to = offset;
  if (whence == SEEK_CUR) to += static_cast<std::int64_t>(position_);
  if (whence == SEEK_END) to += static_cast<std::int64_t>(size_);
  if (to < 0) return AVERROR(EINVAL);
  position_ = static_cast<std::uint64_t>(to);
  return to;
}

Result<void> VideoFile::Muxer::open(Container container, const video::Encoder& encoder, std::uint32_t width,
                                    std::uint32_t height, std::uint32_t most_frames_per_second) {
  if (::ftruncate(file_.get(), 0) != 0 && errno != EINVAL) return failed(AVERROR(errno));  // EINVAL: it is a pipe
  const char* name = std::ranges::find(kContainers, container, &ContainerInfo::container)->muxer;
  if (const int error = avformat_alloc_output_context2(&context_, nullptr, name, nullptr); error < 0)
    return failed(error);
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferSize));
  if (buffer == nullptr) throw std::bad_alloc();
  io_ = avio_alloc_context(buffer, kBufferSize, 1, this, nullptr, write_bytes, seek);
  if (io_ == nullptr) throw std::bad_alloc();
  context_->pb = io_;
  context_->flags |= AVFMT_FLAG_FLUSH_PACKETS | AVFMT_FLAG_CUSTOM_IO;

  AVStream* stream = avformat_new_stream(context_, nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  stream->time_base = {.num = 1, .den = 1'000'000};
  stream->avg_frame_rate = {.num = static_cast<int>(most_frames_per_second), .den = 1};
  AVCodecParameters& parameters = *stream->codecpar;
  parameters.codec_type = AVMEDIA_TYPE_VIDEO;
  parameters.codec_id = id_of(encoder.kind().codec);
  if (container == Container::mp4 && encoder.kind().codec == video::Codec::hevc)
    parameters.codec_tag = MKTAG('h', 'v', 'c', '1');  // players of Apple take no other
  parameters.format = encoder.layout() == video::Layout::i444 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P;
  parameters.width = static_cast<int>(width);
  parameters.height = static_cast<int>(height);
  parameters.color_primaries = AVCOL_PRI_BT709;
  parameters.color_trc = AVCOL_TRC_BT709;
  parameters.color_space = AVCOL_SPC_BT709;
  parameters.color_range = AVCOL_RANGE_MPEG;
  parameters.chroma_location = AVCHROMA_LOC_LEFT;
  if (const auto extra = encoder.extra_data(); !extra.empty()) {
    parameters.extradata = static_cast<std::uint8_t*>(av_mallocz(extra.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (parameters.extradata == nullptr) throw std::bad_alloc();
    std::memcpy(parameters.extradata, extra.data(), extra.size());
    parameters.extradata_size = static_cast<int>(extra.size());
  }

  video::Options options;
  if (container == Container::mp4)
    options.set("movflags", "hybrid_fragmented+frag_custom");
  else
    options.set("cluster_time_limit", std::to_string(kClusterMilliseconds));
  if (const int error = avformat_write_header(context_, options.address()); error < 0) return failed(error);
  return {};
}

Result<void> VideoFile::Muxer::write(const video::AccessUnit& unit, std::uint64_t duration_us) {
  AVPacket& packet = *packet_;
  if (const int error = av_new_packet(&packet, static_cast<int>(unit.bytes.size())); error < 0) return failed(error);
  std::memcpy(packet.data, unit.bytes.data(), unit.bytes.size());
  packet.stream_index = 0;
  packet.flags = unit.key ? AV_PKT_FLAG_KEY : 0;
  packet.pts = packet.dts = unit.pts_us;
  packet.duration = static_cast<std::int64_t>(duration_us);
  av_packet_rescale_ts(&packet, {.num = 1, .den = 1'000'000}, context_->streams[0]->time_base);
  const int error = av_write_frame(context_, &packet);
  av_packet_unref(&packet);
  if (error < 0) return failed(error);
  unflushed_ += unit.bytes.size();
  if (unflushed_ > kMostUnflushed) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  if (full_ != 0) return failed(AVERROR(full_));
  return {};
}

Result<void> VideoFile::Muxer::flush() {
  unflushed_ = 0;
  int error = av_write_frame(context_, nullptr);
  avio_flush(io_);
  if (error >= 0) error = io_->error;
  if (error < 0) return failed(error);
  return {};
}

Result<void> VideoFile::Muxer::finish() {
  finishing_ = true;
  int error = av_write_trailer(context_);
  avio_flush(io_);
  if (error >= 0) error = io_->error;
  // What was reserved and is not needed.
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0 && error >= 0 && errno != EINVAL) error = AVERROR(errno);
  if (error < 0) return failed(error);
  return {};
}

VideoFile::VideoFile(std::unique_ptr<Muxer> muxer) : muxer_(std::move(muxer)) {}
VideoFile::~VideoFile() = default;

Result<UniqueFd> VideoFile::open(const std::filesystem::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return fail_errno(fmt::format("The recording '{}' cannot be made", path.native()), errno);
  return file;
}

Result<std::unique_ptr<VideoFile>> VideoFile::create(UniqueFd file, const std::filesystem::path& path,
                                                     Container container, const video::Encoder& encoder,
                                                     std::uint32_t width, std::uint32_t height,
                                                     std::uint32_t most_frames_per_second) {
  auto muxer = std::make_unique<Muxer>(std::move(file), path);
  if (auto opened = muxer->open(container, encoder, width, height, most_frames_per_second); !opened)
    return std::unexpected(std::move(opened.error()));
  return std::unique_ptr<VideoFile>(new VideoFile(std::move(muxer)));
}

Result<void> VideoFile::write(const video::AccessUnit& unit, std::uint64_t duration_us) {
  return muxer_->write(unit, duration_us);
}
Result<void> VideoFile::flush() { return muxer_->flush(); }
Result<void> VideoFile::finish() { return muxer_->finish(); }
std::uint64_t VideoFile::bytes() const noexcept { return muxer_->bytes(); }

}  // namespace hesper::screen::record
