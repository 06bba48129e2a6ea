// Unions without a selector: a client cannot know which member is active, so it sends one fixed tag and the raw bits.
// Unions with a selector are generated.
#pragma once

#include <vulkan/vulkan_core.h>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace hesper::wire {

// The tag never decides how colours are read: a clear value for depth arrives tagged as a colour.
void decode(Decoder& dec, VkClearColorValue& v);
void encode(Encoder& enc, const VkClearColorValue& v);
void decode(Decoder& dec, VkClearValue& v);
void encode(Encoder& enc, const VkClearValue& v);

// Only device addresses travel; a host address must be NULL.
void decode(Decoder& dec, VkDeviceOrHostAddressKHR& v);
void encode(Encoder& enc, const VkDeviceOrHostAddressKHR& v);
void decode(Decoder& dec, VkDeviceOrHostAddressConstKHR& v);
void encode(Encoder& enc, const VkDeviceOrHostAddressConstKHR& v);

}  // namespace hesper::wire
