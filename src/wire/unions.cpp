// Unions without a selector: tags and raw bits.
#include "wire/unions.h"

#include "wire/codec.h"

namespace hesper::wire {
namespace {

constexpr std::uint32_t kLastColorTag = 2;  // 0 float32, 1 int32, 2 uint32: all are four words
constexpr std::uint32_t kColorTag = 0;      // of VkClearValue
constexpr std::uint32_t kDepthStencilTag = 1;
constexpr std::uint32_t kDeviceAddressTag = 0;
constexpr std::uint32_t kHostAddressTag = 1;

template <class Address>
void decode_address(Decoder& dec, Address& v) {
  const auto tag = dec.take<std::uint32_t>();
  if (tag == kDeviceAddressTag) {
    dec.take_all(v.deviceAddress);
  } else if (tag == kHostAddressTag) {
    dec.expect_null();
    v.deviceAddress = 0;
  } else {
    dec.fail(DecodeErrc::bad_union_tag, tag);
  }
}

template <class Address>
void encode_address(Encoder& enc, const Address& v) {
  enc.put(kDeviceAddressTag);
  enc.put(v.deviceAddress);
}

}  // namespace

void decode(Decoder& dec, VkClearColorValue& v) {
  const auto tag = dec.take<std::uint32_t>();
  if (tag > kLastColorTag) return dec.fail(DecodeErrc::bad_union_tag, tag);
  decode_fixed_scalars(dec, v.uint32);
}

void encode(Encoder& enc, const VkClearColorValue& v) {
  enc.put(kLastColorTag);
  encode_fixed(enc, v.uint32);
}

void decode(Decoder& dec, VkClearValue& v) {
  const auto tag = dec.take<std::uint32_t>();
  if (tag == kColorTag) {
    decode(dec, v.color);
  } else if (tag == kDepthStencilTag) {
    dec.take_all(v.depthStencil.depth, v.depthStencil.stencil);
  } else {
    dec.fail(DecodeErrc::bad_union_tag, tag);
  }
}

void encode(Encoder& enc, const VkClearValue& v) {
  enc.put(kColorTag);
  encode(enc, v.color);
}

void decode(Decoder& dec, VkDeviceOrHostAddressKHR& v) { decode_address(dec, v); }
void encode(Encoder& enc, const VkDeviceOrHostAddressKHR& v) { encode_address(enc, v); }
void decode(Decoder& dec, VkDeviceOrHostAddressConstKHR& v) { decode_address(dec, v); }
void encode(Encoder& enc, const VkDeviceOrHostAddressConstKHR& v) { encode_address(enc, v); }

}  // namespace hesper::wire
