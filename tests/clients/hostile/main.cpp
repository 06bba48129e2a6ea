// hostile --deed NAME: does one thing that no correct program does, through an unmodified Vulkan driver. It ends with
// status 0 only if the deed had no consequence at all; never natively, where it would hit this process itself.
//   bad-shader        SPIR-V whose instructions reach past its end
//   specialization    a constant that lies outside of its data
//   attachment        a subpass that names an attachment which the render pass does not have
//   copy              a copy from far outside of a buffer
//   spend-memory      takes memory until there is none left; the last allocation must fail, and all is well then. Mesa
//                     sees that with VN_PERF=no_async_mem_alloc only
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "hostile/nothing_comp.h"
#include "support/arguments.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

// Waits for an answer, so that the deed is done before the program goes on.
void wait_for_the_server(const Gpu& gpu) { check(vkDeviceWaitIdle(gpu.device())); }

void bad_shader(const Gpu& gpu) {
  std::vector<std::uint32_t> words(std::begin(nothing_comp), std::end(nothing_comp));
  words.push_back(0xffff'0000u);  // OpNop of 65,535 words
  const VkShaderModuleCreateInfo info{.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                      .codeSize = words.size() * sizeof(words[0]),
                                      .pCode = words.data()};
  VkShaderModule module{};
  check(vkCreateShaderModule(gpu.device(), &info, nullptr, &module));
}

void specialization(const Gpu& gpu) {
  const VkPipelineLayoutCreateInfo layout_info{.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  const auto layout = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout, layout_info);
  const std::uint32_t data = 0;
  const VkSpecializationMapEntry entry{.constantID = 0, .offset = 1u << 20, .size = sizeof(data)};
  const VkSpecializationInfo constants{
      .mapEntryCount = 1, .pMapEntries = &entry, .dataSize = sizeof(data), .pData = &data};
  static_cast<void>(compute_pipeline(gpu, nothing_comp, layout.get(), &constants));
}

void attachment(const Gpu& gpu) {
  const VkAttachmentReference reference{.attachment = 1u << 20, .layout = VK_IMAGE_LAYOUT_GENERAL};
  const VkSubpassDescription subpass{.colorAttachmentCount = 1, .pColorAttachments = &reference};
  const VkRenderPassCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO, .subpassCount = 1, .pSubpasses = &subpass};
  VkRenderPass pass{};
  check(vkCreateRenderPass(gpu.device(), &info, nullptr, &pass));
}

void copy(const Gpu& gpu) {
  const Buffer from(gpu, 256, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
  const Buffer to(gpu, 256, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  const Commands commands(gpu);
  commands.now([&](VkCommandBuffer buffer) {
    const VkBufferCopy region{.srcOffset = VkDeviceSize{1} << 30, .dstOffset = 0, .size = 256};
    vkCmdCopyBuffer(buffer, from.get(), to.get(), 1, &region);
  });
}

void spend_memory(const Gpu& gpu) {
  constexpr VkDeviceSize kPiece = VkDeviceSize{64} << 20;
  constexpr std::size_t kMost = 1024;
  std::vector<Memory> pieces;
  VkResult result = VK_SUCCESS;
  while (pieces.size() < kMost) {
    const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .allocationSize = kPiece,
                                    .memoryTypeIndex = gpu.memory_type(~0u, kHostMemory)};
    VkDeviceMemory memory{};
    result = vkAllocateMemory(gpu.device(), &info, nullptr, &memory);
    if (result != VK_SUCCESS) break;
    pieces.emplace_back(gpu.device(), memory);
  }
  std::printf("%zu pieces of 64 MiB, then VkResult %d\n", pieces.size(), static_cast<int>(result));
  expect(result == VK_ERROR_OUT_OF_DEVICE_MEMORY, "Memory does not end as Vulkan says.");
  pieces.clear();
  const Buffer again(gpu, kPiece, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  expect(!again.bytes().empty(), "After all was freed there is no memory.");
}

void hostile(Arguments& arguments) {
  const std::string deed = arguments.text("deed", "");
  arguments.finish();
  const Gpu gpu;
  if (deed == "bad-shader") {
    bad_shader(gpu);
  } else if (deed == "specialization") {
    specialization(gpu);
  } else if (deed == "attachment") {
    attachment(gpu);
  } else if (deed == "copy") {
    copy(gpu);
  } else if (deed == "spend-memory") {
    spend_memory(gpu);
  } else {
    throw std::runtime_error("There is no deed '" + deed + "'.");
  }
  wait_for_the_server(gpu);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::hostile); }
