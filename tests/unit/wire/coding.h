// Helpers of the wire tests: encode with the client's half, decode with the server's, and the other way round.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "wire/commands_gen.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::wire {

// An id where a handle stands.
template <class H>
H handle(ObjectId id) {
  return std::bit_cast<H>(id);
}

inline constexpr std::size_t kHeaderSize = 8;  // command type and flags

// Bytes as the decoder wants them: aligned to 4.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> from) : words_((from.size() + 3) / 4), size_(from.size()) {
    if (size_ != 0) std::memcpy(words_.data(), from.data(), size_);
  }
  Bytes(std::initializer_list<std::uint32_t> words) : words_(words), size_(words.size() * 4) {}

  [[nodiscard]] std::span<const std::byte> span() const { return std::as_bytes(std::span(words_)).first(size_); }
  [[nodiscard]] const std::vector<std::uint32_t>& words() const { return words_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::vector<std::uint32_t> words_;
  std::size_t size_;
};

template <class Encode>
Bytes encoded(Encode encode) {
  std::vector<std::byte> room(1 << 16);
  Encoder enc(room);
  encode(enc);
  EXPECT_TRUE(enc.ok());
  return Bytes(std::span(room).first(enc.position()));
}

template <class Args>
Bytes request(const Args& args, std::uint32_t flags = 1) {
  return encoded([&](Encoder& enc) { encode_request(enc, flags, args); });
}
template <class Args>
Bytes reply(const Args& args) {
  return encoded([&](Encoder& enc) { encode_reply(enc, args); });
}

// A decoder with what it borrows. Ids stay ids unless a table is given.
class Reader {
 public:
  explicit Reader(Bytes bytes, std::size_t skip, const ObjectTable* objects = nullptr, std::size_t limit = 1 << 20)
      : bytes_(std::move(bytes)), arena_(std::make_unique<Arena>(limit)), dec_(*arena_, objects) {
    dec_.reset(bytes_.span().subspan(skip));
  }
  Decoder& operator*() { return dec_; }
  Decoder* operator->() { return &dec_; }

 private:
  Bytes bytes_;
  std::unique_ptr<Arena> arena_;
  Decoder dec_;
};

// Both ways of one command. The decoded args live as long as this.
template <class Args>
class RoundTrip {
 public:
  explicit RoundTrip(const Args& sent) : request_(wire::request(sent)), reader_(request_, kHeaderSize) {
    decode_request(*reader_, args);
    EXPECT_TRUE(reader_->ok()) << describe(reader_->error().code) << " at " << reader_->error().offset;
    EXPECT_EQ(reader_->remaining(), 0u) << "The request is not consumed exactly.";
    EXPECT_EQ(wire::request(args).words(), request_.words()) << "The decoded request encodes differently.";
  }

  // What the client makes of args as they are now.
  [[nodiscard]] std::size_t reply_size() {
    const Bytes bytes = wire::reply(args);
    Reader reader(bytes, sizeof(CommandType));
    Args received = args;
    decode_reply(*reader, received);
    EXPECT_TRUE(reader->ok()) << describe(reader->error().code) << " at " << reader->error().offset;
    EXPECT_EQ(reader->remaining(), 0u) << "The reply is not consumed exactly.";
    EXPECT_EQ(wire::reply(received).words(), bytes.words()) << "The decoded reply encodes differently.";
    return bytes.size();
  }
  [[nodiscard]] std::size_t request_size() const { return request_.size(); }

  Args args;

 private:
  Bytes request_;
  Reader reader_;
};

}  // namespace hesper::wire
