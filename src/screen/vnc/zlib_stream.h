// ZlibStream: a deflate stream that lasts as long as its viewer, of which each rectangle gets the next piece.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace hesper::screen::vnc {

class ZlibStream {
 public:
  // level: of zlib, 1 to 9.
  explicit ZlibStream(int level);
  ZlibStream(const ZlibStream&) = delete;
  ZlibStream& operator=(const ZlibStream&) = delete;
  ~ZlibStream();

  // Compresses `bytes` so that the other end can unpack all of them, and appends the result.
  void append(std::span<const std::byte> bytes, std::vector<std::byte>& to);

 private:
  std::unique_ptr<z_stream> stream_;  // zlib wants it to stay where it is
};

}  // namespace hesper::screen::vnc
