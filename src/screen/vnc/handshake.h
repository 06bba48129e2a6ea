// Handshake: from a viewer's first byte until it is let in: version, security, ClientInit. Knows no socket.
// Spec: RFC 6143, "Handshake Messages", "VNC Authentication"; rfbproto.rst, "VeNCrypt".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "screen/vnc/protocol.h"

namespace hesper::screen::vnc {

// What a viewer must do to be let in.
struct Security {
  std::string password;  // empty: none is asked for
  bool tls = false;      // nothing but encrypted connections
};

inline constexpr std::size_t kChallengeBytes = 16;
using Challenge = std::array<std::byte, kChallengeBytes>;

// What one who knows the password answers. Of the password only the first 8 bytes count: that is VNC's way.
[[nodiscard]] Challenge answer_to(const Challenge& challenge, const std::string& password);

class Handshake {
 public:
  // challenge: random bytes, new for each viewer. security outlives this.
  Handshake(const Security& security, const Challenge& challenge) noexcept
      : security_(security), challenge_(challenge) {}

  // What the server says first.
  static void greet(std::vector<std::byte>& out) { Writer(out).text(kVersion); }

  enum class Outcome : std::uint8_t {
    waiting,    // for more from the viewer
    start_tls,  // after `out` has been sent; call take() again once there is TLS
    done,       // the viewer is in; ServerInit comes next
    refused,    // hang up after `out` has been sent; why() tells
  };
  // Takes from the front of `in` what it understands, and appends to `out` what is to be sent.
  [[nodiscard]] Outcome take(std::span<const std::byte>& in, std::vector<std::byte>& out);
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  // The password has been asked for, and somebody may be typing it.
  [[nodiscard]] bool waits_for_person() const noexcept {
    return step_ == Step::challenge_answer || step_ == Step::plain_lengths || step_ == Step::plain_text;
  }

 private:
  enum class Step : std::uint8_t {
    version,
    security_type,
    vencrypt_version,
    vencrypt_subtype,
    tls,
    challenge_answer,
    plain_lengths,
    plain_text,
    client_init,
    done,
    refused,
  };

  [[nodiscard]] std::size_t wanted() const noexcept;  // bytes that the present step takes
  void step(std::span<const std::byte> bytes, std::vector<std::byte>& out);
  void on_security_type(std::uint8_t type, std::vector<std::byte>& out);
  void on_vencrypt_subtype(std::uint32_t subtype, std::vector<std::byte>& out);
  void after_tls(std::vector<std::byte>& out);
  void challenge(std::vector<std::byte>& out);
  void admit(std::vector<std::byte>& out);
  void refuse(std::string why, std::vector<std::byte>& out);

  const Security& security_;
  Challenge challenge_;
  Step step_ = Step::version;
  VencryptSubtype subtype_ = VencryptSubtype::x509_none;
  std::size_t user_bytes_ = 0;      // of Plain
  std::size_t password_bytes_ = 0;  // likewise
  std::string why_;
};

}  // namespace hesper::screen::vnc
