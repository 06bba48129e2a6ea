// Fuzz target: the decoders of commands with rich structs. What can be decoded must be encoded such that it decodes to
// the same again. Object ids are left as they are, so that no objects are needed; no driver is called.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "wire/commands_gen.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace {

using namespace hesper::wire;

constexpr std::size_t kBudget = 1 << 20;                    // bytes that one command may decode to
constexpr std::size_t kHeader = 2 * sizeof(std::uint32_t);  // command type and flags, which only encoders handle here

// Nothing if it does not fit: a short command may ask for large output arrays.
template <class Args>
std::optional<std::vector<std::byte>> encode(const Args& args) {
  std::vector<std::byte> bytes(kBudget);
  Encoder encoder(bytes);
  encode_request(encoder, 0, args);
  if (!encoder.ok()) return std::nullopt;
  bytes.resize(encoder.position());
  return bytes;
}

template <class Args>
void round_trip(std::span<const std::byte> parameters) {
  hesper::Arena arena(kBudget);
  Decoder decoder(arena, nullptr);
  decoder.reset(parameters);
  Args args;
  decode_request(decoder, args);
  if (!decoder.ok()) return;
  const auto encoded = encode(args);
  if (!encoded) return;

  decoder.reset(std::span(*encoded).subspan(kHeader));
  Args again;
  decode_request(decoder, again);
  if (decoder.error().code == DecodeErrc::budget) return;  // both are in the arena now
  HESPER_CHECK(decoder.ok());
  HESPER_CHECK(decoder.remaining() == 0);
  HESPER_CHECK(encode(again) == encoded);
}

// Chosen so that between them they reach nearly all structs and unions.
constexpr std::array kCommands{
    round_trip<vkCreateInstance_args>,
    round_trip<vkCreateDevice_args>,
    round_trip<vkGetPhysicalDeviceFeatures2_args>,
    round_trip<vkGetPhysicalDeviceProperties2_args>,
    round_trip<vkGetPhysicalDeviceImageFormatProperties2_args>,
    round_trip<vkGetPhysicalDeviceQueueFamilyProperties2_args>,
    round_trip<vkAllocateMemory_args>,
    round_trip<vkCreateBuffer_args>,
    round_trip<vkCreateImage_args>,
    round_trip<vkCreateImageView_args>,
    round_trip<vkCreateSampler_args>,
    round_trip<vkCreateSemaphore_args>,
    round_trip<vkCreateShaderModule_args>,
    round_trip<vkCreateDescriptorSetLayout_args>,
    round_trip<vkCreateDescriptorPool_args>,
    round_trip<vkCreateDescriptorUpdateTemplate_args>,
    round_trip<vkUpdateDescriptorSets_args>,
    round_trip<vkCreatePipelineLayout_args>,
    round_trip<vkCreateGraphicsPipelines_args>,
    round_trip<vkCreateComputePipelines_args>,
    round_trip<vkCreateRayTracingPipelinesKHR_args>,
    round_trip<vkCreateRenderPass_args>,
    round_trip<vkCreateRenderPass2_args>,
    round_trip<vkCreateFramebuffer_args>,
    round_trip<vkBeginCommandBuffer_args>,
    round_trip<vkQueueSubmit_args>,
    round_trip<vkQueueSubmit2_args>,
    round_trip<vkQueueBindSparse_args>,
    round_trip<vkWaitSemaphores_args>,
    round_trip<vkCmdBeginRenderPass2_args>,
    round_trip<vkCmdBeginRendering_args>,
    round_trip<vkCmdClearAttachments_args>,
    round_trip<vkCmdClearColorImage_args>,
    round_trip<vkCmdCopyBufferToImage2_args>,
    round_trip<vkCmdBlitImage2_args>,
    round_trip<vkCmdPipelineBarrier_args>,
    round_trip<vkCmdPipelineBarrier2_args>,
    round_trip<vkCmdPushConstants_args>,
    round_trip<vkCmdUpdateBuffer_args>,
    round_trip<vkCmdSetVertexInputEXT_args>,
    round_trip<vkCreateRingMESA_args>,
    round_trip<vkExecuteCommandStreamsMESA_args>,
};

}  // namespace

// The first byte chooses the command.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint32_t> aligned((size - 1 + 3) / 4);
  std::copy_n(data + 1, size - 1, reinterpret_cast<std::uint8_t*>(aligned.data()));
  kCommands[data[0] % kCommands.size()](std::as_bytes(std::span(aligned)).first(size - 1));
  return 0;
}
