// ZlibStream on zlib.
#include "screen/vnc/zlib_stream.h"

#include "base/check.h"

namespace hesper::screen::vnc {

ZlibStream::ZlibStream(int level) : stream_(std::make_unique<z_stream>()) {
  HESPER_CHECK(::deflateInit(stream_.get(), level) == Z_OK);
}

ZlibStream::~ZlibStream() { ::deflateEnd(stream_.get()); }

void ZlibStream::append(std::span<const std::byte> bytes, std::vector<std::byte>& to) {
  // SAFETY: zlib only reads its input, whatever the type of next_in says.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream_->avail_in = static_cast<uInt>(bytes.size());
  std::size_t end = to.size();
  std::size_t room = ::deflateBound(stream_.get(), static_cast<uLong>(bytes.size())) + 16;
  do {
    to.resize(end + room);
    stream_->next_out = reinterpret_cast<Bytef*>(to.data() + end);
    stream_->avail_out = static_cast<uInt>(room);
    HESPER_CHECK(::deflate(stream_.get(), Z_SYNC_FLUSH) != Z_STREAM_ERROR);
    end += room - stream_->avail_out;
  } while (stream_->avail_out == 0);
  to.resize(end);
}

}  // namespace hesper::screen::vnc
