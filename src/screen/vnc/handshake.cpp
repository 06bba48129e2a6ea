// Handshake: a step for each message.
#include "screen/vnc/handshake.h"

// DES is all that VNC's authentication knows, and OpenSSL has it outside of its old algorithms' module only so.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/des.h>

#include <algorithm>
#include <cstring>

namespace hesper::screen::vnc {
namespace {

constexpr std::size_t kMostPlainBytes = 256;  // of a user's name, and of a password

std::byte mirrored(unsigned byte) {
  unsigned result = 0;
  for (unsigned bit = 0; bit < 8; ++bit) result |= ((byte >> bit) & 1U) << (7 - bit);
  return static_cast<std::byte>(result);
}

// In constant time, as long as the lengths are equal.
bool equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

Challenge answer_to(const Challenge& challenge, const std::string& password) {
  // VNC has the bits of each byte of the key the other way round.
  DES_cblock key{};
  for (std::size_t i = 0; i < std::min(password.size(), sizeof(key)); ++i)
    key[i] = std::to_integer<unsigned char>(mirrored(static_cast<unsigned char>(password[i])));
  DES_key_schedule schedule;
  DES_set_key_unchecked(&key, &schedule);
  Challenge answer;
  for (std::size_t at = 0; at < challenge.size(); at += sizeof(DES_cblock)) {
    DES_cblock block;
    std::memcpy(&block, challenge.data() + at, sizeof(block));
    DES_ecb_encrypt(&block, &block, &schedule, DES_ENCRYPT);
    std::memcpy(answer.data() + at, &block, sizeof(block));
  }
  return answer;
}

std::size_t Handshake::wanted() const noexcept {
  switch (step_) {
    case Step::version: return kVersion.size();
    case Step::security_type:
    case Step::client_init: return 1;
    case Step::vencrypt_version: return 2;
    case Step::vencrypt_subtype: return 4;
    case Step::challenge_answer: return kChallengeBytes;
    case Step::plain_lengths: return 8;
    case Step::plain_text: return user_bytes_ + password_bytes_;
    case Step::tls:
    case Step::done:
    case Step::refused: return 0;
  }
  return 0;
}

Handshake::Outcome Handshake::take(std::span<const std::byte>& in, std::vector<std::byte>& out) {
  if (step_ == Step::tls) after_tls(out);
  while (step_ != Step::done && step_ != Step::refused && step_ != Step::tls) {
    const std::size_t size = wanted();
    if (in.size() < size) return Outcome::waiting;
    const auto bytes = in.first(size);
    in = in.subspan(size);
    step(bytes, out);
  }
  if (step_ == Step::tls) return Outcome::start_tls;
  return step_ == Step::done ? Outcome::done : Outcome::refused;
}

void Handshake::step(std::span<const std::byte> bytes, std::vector<std::byte>& out) {
  Writer writer(out);
  switch (step_) {
    case Step::version:
      if (!equal(bytes, std::as_bytes(std::span(kVersion)))) {
        writer.u8(0);  // no security types: a reason follows
        why_ = "It does not speak version 3.8 of the protocol.";
        writer.u32(static_cast<std::uint32_t>(why_.size()));
        writer.text(why_);
        step_ = Step::refused;
        return;
      }
      writer.u8(1);  // type
      writer.u8(static_cast<std::uint8_t>(security_.tls                ? SecurityType::vencrypt
                                          : security_.password.empty() ? SecurityType::none
                                                                       : SecurityType::vnc_authentication));
      step_ = Step::security_type;
      return;
    case Step::security_type: on_security_type(u8_at(bytes, 0), out); return;
    case Step::vencrypt_version:
      if (u8_at(bytes, 0) != 0 || u8_at(bytes, 1) != 2) {
        writer.u8(255);  // not supported
        why_ = "It does not speak version 0.2 of VeNCrypt.";
        step_ = Step::refused;
        return;
      }
      writer.u8(0);
      if (security_.password.empty()) {
        writer.u8(1);
        writer.u32(static_cast<std::uint32_t>(VencryptSubtype::x509_none));
      } else {
        writer.u8(2);
        writer.u32(static_cast<std::uint32_t>(VencryptSubtype::x509_vnc));
        writer.u32(static_cast<std::uint32_t>(VencryptSubtype::x509_plain));
      }
      step_ = Step::vencrypt_subtype;
      return;
    case Step::vencrypt_subtype: on_vencrypt_subtype(u32_at(bytes, 0), out); return;
    case Step::challenge_answer:
      if (equal(bytes, answer_to(challenge_, security_.password)))
        admit(out);
      else
        refuse("The password is wrong.", out);
      return;
    case Step::plain_lengths:
      user_bytes_ = u32_at(bytes, 0);
      password_bytes_ = u32_at(bytes, 4);
      if (user_bytes_ > kMostPlainBytes || password_bytes_ > kMostPlainBytes)
        refuse(fmt::format("Its name or password has more than {} bytes.", kMostPlainBytes), out);
      else
        step_ = Step::plain_text;
      return;
    case Step::plain_text:
      // Any name will do: there are no users here.
      if (equal(bytes.subspan(user_bytes_), std::as_bytes(std::span(security_.password))))
        admit(out);
      else
        refuse("The password is wrong.", out);
      return;
    case Step::client_init:
      // Whether it would share the screen: it does, as nobody is thrown out for somebody else.
      step_ = Step::done;
      return;
    case Step::tls:
    case Step::done:
    case Step::refused: return;
  }
}

void Handshake::on_security_type(std::uint8_t type, std::vector<std::byte>& out) {
  const auto chosen = static_cast<SecurityType>(type);
  if (security_.tls && chosen == SecurityType::vencrypt) {
    Writer writer(out);
    writer.u8(0);  // version 0.2
    writer.u8(2);
    step_ = Step::vencrypt_version;
  } else if (!security_.tls && security_.password.empty() && chosen == SecurityType::none) {
    admit(out);
  } else if (!security_.tls && !security_.password.empty() && chosen == SecurityType::vnc_authentication) {
    challenge(out);
  } else {
    refuse(fmt::format("It wants security type {}, which was not offered.", type), out);
  }
}

void Handshake::on_vencrypt_subtype(std::uint32_t subtype, std::vector<std::byte>& out) {
  subtype_ = static_cast<VencryptSubtype>(subtype);
  const bool with_password = subtype_ == VencryptSubtype::x509_vnc || subtype_ == VencryptSubtype::x509_plain;
  const bool offered = security_.password.empty() ? subtype_ == VencryptSubtype::x509_none : with_password;
  Writer(out).u8(offered ? 1 : 0);
  if (offered) {
    step_ = Step::tls;
    return;
  }
  why_ = fmt::format("It wants subtype {} of VeNCrypt, which was not offered.", subtype);
  step_ = Step::refused;
}

void Handshake::after_tls(std::vector<std::byte>& out) {
  switch (subtype_) {
    case VencryptSubtype::x509_none: admit(out); return;
    case VencryptSubtype::x509_vnc: challenge(out); return;
    case VencryptSubtype::x509_plain: step_ = Step::plain_lengths; return;
  }
}

void Handshake::challenge(std::vector<std::byte>& out) {
  Writer(out).bytes(challenge_);
  step_ = Step::challenge_answer;
}

void Handshake::admit(std::vector<std::byte>& out) {
  Writer(out).u32(0);  // SecurityResult
  step_ = Step::client_init;
}

void Handshake::refuse(std::string why, std::vector<std::byte>& out) {
  why_ = std::move(why);
  Writer writer(out);
  writer.u32(1);
  writer.u32(static_cast<std::uint32_t>(why_.size()));
  writer.text(why_);
  step_ = Step::refused;
}

}  // namespace hesper::screen::vnc
