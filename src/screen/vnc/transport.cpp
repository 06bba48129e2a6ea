// Transport on a socket, and on OpenSSL.
#include "screen/vnc/transport.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

namespace hesper::screen::vnc {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(UniqueFd socket) noexcept : socket_(std::move(socket)) {}
  int fd() const noexcept override { return socket_.get(); }
  Moved read(std::span<std::byte> into) override {
    const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (got > 0) return {.size = static_cast<std::size_t>(got)};
    return {.closed = got == 0 || !is_temporary(errno)};
  }
  Moved write(std::span<const std::byte> bytes) override {
    const ssize_t went = ::send(socket_.get(), bytes.data(), bytes.size(), 0);
    if (went >= 0) return {.size = static_cast<std::size_t>(went)};
    return {.closed = !is_temporary(errno)};
  }

 private:
  static bool is_temporary(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }
  UniqueFd socket_;
};

std::string tls_error() {
  std::array<char, 256> text{};
  const unsigned long code = ::ERR_get_error();
  if (code == 0) return "no reason is given";
  ::ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

template <auto kFree>
struct Deleter {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Deleter<&::SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<&::SSL_free>>;

class TlsTransport final : public Transport {
 public:
  TlsTransport(std::unique_ptr<Transport> plain, Session session) noexcept
      : plain_(std::move(plain)), session_(std::move(session)) {}
  int fd() const noexcept override { return plain_->fd(); }
  Moved read(std::span<std::byte> into) override {
    ::ERR_clear_error();
    return moved(::SSL_read(session_.get(), into.data(), limited(into.size())));
  }
  Moved write(std::span<const std::byte> bytes) override {
    ::ERR_clear_error();
    return moved(::SSL_write(session_.get(), bytes.data(), limited(bytes.size())));
  }

 private:
  static int limited(std::size_t size) noexcept {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }
  Moved moved(int result) const noexcept {
    if (result > 0) return {.size = static_cast<std::size_t>(result)};
    const int error = ::SSL_get_error(session_.get(), result);
    return {.closed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE,
            .wants_read = error == SSL_ERROR_WANT_READ};
  }

  std::unique_ptr<Transport> plain_;  // outlives the session, which uses its socket
  Session session_;
};

class OpenSslContext final : public TlsContext {
 public:
  explicit OpenSslContext(Context context) noexcept : context_(std::move(context)) {}
  std::unique_ptr<Transport> accept(std::unique_ptr<Transport> plain) const override {
    Session session(::SSL_new(context_.get()));
    if (!session || ::SSL_set_fd(session.get(), plain->fd()) != 1) return nullptr;
    ::SSL_set_accept_state(session.get());
    return std::make_unique<TlsTransport>(std::move(plain), std::move(session));
  }

 private:
  Context context_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(UniqueFd socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const std::filesystem::path& certificate,
                                                           const std::filesystem::path& key) {
  Context context(::SSL_CTX_new(::TLS_server_method()));
  if (!context) return fail(fmt::format("TLS cannot be used: {}.", tls_error()));
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (::SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    return fail(fmt::format("'{}' cannot be used as a certificate: {}.", certificate.native(), tls_error()));
  if (::SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(fmt::format("'{}' cannot be used as the certificate's key: {}.", key.native(), tls_error()));
  return std::make_shared<const OpenSslContext>(std::move(context));
}

}  // namespace hesper::screen::vnc
