// Transport: bytes to and from a viewer, through TLS or not. Never blocks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::screen::vnc {

class Transport {
 public:
  struct Moved {
    std::size_t size = 0;     // bytes; 0: not now, or `closed`
    bool closed = false;      // the other end is gone
    bool wants_read = false;  // of write(): TLS has to read first; call again when the fd is readable
  };
  virtual ~Transport() = default;
  [[nodiscard]] virtual int fd() const noexcept = 0;
  // As many bytes as there are and fit; 0 only if there are none. To be called until then: TLS keeps some back.
  [[nodiscard]] virtual Moved read(std::span<std::byte> into) = 0;
  // As many as go out now. What did not go out is to be given again.
  [[nodiscard]] virtual Moved write(std::span<const std::byte> bytes) = 0;
};

// socket: connected and non-blocking. The process must ignore SIGPIPE.
[[nodiscard]] std::unique_ptr<Transport> plain_transport(UniqueFd socket);

// Certificate and key of a server, for any number of transports. Any thread.
class TlsContext {
 public:
  // Both in PEM; the certificate's file may have its chain.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load(const std::filesystem::path& certificate,
                                                                      const std::filesystem::path& key);
  virtual ~TlsContext() = default;
  // Takes over a plain transport's socket; shakes hands while it is read and written. nullptr: no memory.
  [[nodiscard]] virtual std::unique_ptr<Transport> accept(std::unique_ptr<Transport> plain) const = 0;
};

}  // namespace hesper::screen::vnc
