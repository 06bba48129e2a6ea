// VideoFile: a stream of access units as MP4, Matroska or WebM. Encodes nothing.
//
// What is written is readable at each moment, but for its last second or so: Matroska is written in clusters of a
// second, MP4 in fragments, which finish() turns into an ordinary file. There is always some room on the disk ahead of
// what is written, where the system can reserve it, so that a file can be finished on a disk that is full.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "video/encoder.h"

namespace hesper::screen::record {

enum class Container : std::uint8_t { mp4, matroska, webm };
// By the file's ending.
[[nodiscard]] std::optional<Container> container_of(const std::filesystem::path& file);
// What players of that kind of file expect.
[[nodiscard]] bool holds(Container container, video::Codec codec) noexcept;

// One thread at a time.
class VideoFile {
 public:
  // For create(). Makes the file, or leaves the one that is there as it is so far.
  [[nodiscard]] static Result<UniqueFd> open(const std::filesystem::path& path);
  // Writes to the file from its beginning. path: for errors. encoder: with its parameter sets apart, and borrowed for
  // this call; width, height: of its planes.
  [[nodiscard]] static Result<std::unique_ptr<VideoFile>> create(UniqueFd file, const std::filesystem::path& path,
                                                                 Container container, const video::Encoder& encoder,
                                                                 std::uint32_t width, std::uint32_t height,
                                                                 std::uint32_t most_frames_per_second);
  // Without finish() what is there stays as it is.
  ~VideoFile();

  // duration_us: until the next one. Errors: the disk is full, or worse; then only finish(), which has room for that.
  [[nodiscard]] Result<void> write(const video::AccessUnit& unit, std::uint64_t duration_us);
  // Brings all of it to the file now, which costs some bytes.
  [[nodiscard]] Result<void> flush();
  // Completes the file. Nothing may be written afterwards. Errors: it is not complete, though most players play it.
  [[nodiscard]] Result<void> finish();

  // Written so far.
  [[nodiscard]] std::uint64_t bytes() const noexcept;

 private:
  class Muxer;
  explicit VideoFile(std::unique_ptr<Muxer> muxer);
  std::unique_ptr<Muxer> muxer_;
};

}  // namespace hesper::screen::record
