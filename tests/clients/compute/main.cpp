// compute [--allocations N] [--big-mib N] [--rounds N] [--shader-kib N] [--shaders N]: computes in buffers of all sorts
// of memory and checks each word.
#include <algorithm>
#include <array>
#include <cstdio>
#include <format>
#include <vector>

#include "compute/scramble_comp.h"
#include "support/arguments.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

constexpr VkBufferUsageFlags kUsage =
    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;

struct Push {
  std::uint32_t count;
  std::uint32_t seed;
};

// What the shader does to word `i`.
[[nodiscard]] std::uint32_t scrambled(std::uint32_t word, std::uint32_t seed, std::uint32_t i) {
  return (word ^ seed) * 0x9E3779B1U + i;
}

class Scrambler {
 public:
  explicit Scrambler(const Gpu& gpu);
  // Records one round over the words of `buffer` after everything recorded before.
  void record(VkCommandBuffer commands, VkBuffer buffer, Push push) const;
  void now(VkBuffer buffer, Push push) const {
    commands_.now([&](VkCommandBuffer commands) { record(commands, buffer, push); });
  }
  [[nodiscard]] const Commands& commands() const noexcept { return commands_; }
  [[nodiscard]] const Gpu& gpu() const noexcept { return gpu_; }

 private:
  const Gpu& gpu_;
  Commands commands_{gpu_};
  DescriptorSetLayout set_layout_;
  PipelineLayout layout_;
  Pipeline pipeline_;
  PFN_vkCmdPushDescriptorSetKHR push_descriptors_;
};

Scrambler::Scrambler(const Gpu& gpu)
    : gpu_(gpu), push_descriptors_(gpu.entry_point<PFN_vkCmdPushDescriptorSetKHR>("vkCmdPushDescriptorSetKHR")) {
  const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                                             nullptr};
  set_layout_ = create<DescriptorSetLayout>(gpu.device(), vkCreateDescriptorSetLayout,
                                            {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                             .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
                                             .bindingCount = 1,
                                             .pBindings = &binding});
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(Push)};
  layout_ = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                   {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                    .setLayoutCount = 1,
                                    .pSetLayouts = set_layout_.address(),
                                    .pushConstantRangeCount = 1,
                                    .pPushConstantRanges = &range});
  pipeline_ = compute_pipeline(gpu, scramble_comp, layout_.get());
}

void Scrambler::record(VkCommandBuffer commands, VkBuffer buffer, Push push) const {
  const VkDescriptorBufferInfo info{buffer, 0, VK_WHOLE_SIZE};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                   .pBufferInfo = &info};
  full_barrier(commands);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_.get());
  push_descriptors_(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_.get(), 0, 1, &write);
  vkCmdPushConstants(commands, layout_.get(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(push), &push);
  vkCmdDispatch(commands, std::min(1024U, (push.count + 255) / 256), 1, 1);
  full_barrier(commands);
}

void expect_scrambled(std::span<const std::uint32_t> words, std::uint32_t seed, std::string_view where) {
  for (std::uint32_t i = 0; i < words.size(); ++i) {
    if (words[i] == scrambled(i, seed, i)) continue;
    expect(false, std::format("Word {} of {} is {:#x} instead of {:#x}.", i, where, words[i], scrambled(i, seed, i)));
  }
}

void fill_with_indices(std::span<std::uint32_t> words) {
  for (std::uint32_t i = 0; auto& word : words) word = i++;
}

// Memory stays mapped over many rounds in which processor and GPU take turns.
void persistent_mapping(const Scrambler& scrambler, std::uint32_t rounds) {
  constexpr std::uint32_t kWords = 4099;  // not a multiple of anything
  const Buffer buffer(scrambler.gpu(), kWords * sizeof(std::uint32_t), kUsage);
  const auto words = buffer.as<std::uint32_t>();
  for (std::uint32_t round = 0; round < rounds; ++round) {
    fill_with_indices(words);
    scrambler.now(buffer.get(), {kWords, round});
    expect_scrambled(words, round, "the persistently mapped buffer");
  }
}

// Many small allocations alive at once, freed in another order than they were made.
void many_allocations(const Scrambler& scrambler, std::uint32_t count) {
  constexpr std::uint32_t kWords = 1024;
  std::vector<Buffer> buffers;
  buffers.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    buffers.emplace_back(scrambler.gpu(), kWords * sizeof(std::uint32_t), kUsage);
    fill_with_indices(buffers.back().as<std::uint32_t>());
  }
  scrambler.commands().now([&](VkCommandBuffer commands) {
    for (std::uint32_t i = 0; i < count; ++i) scrambler.record(commands, buffers[i].get(), {kWords, i});
  });
  for (std::uint32_t i = 0; i < count; ++i) {
    expect_scrambled(buffers[i].as<std::uint32_t>(), i, std::format("allocation {}", i));
  }
  for (std::size_t i = 0; i + 1 < buffers.size(); ++i) {  // every other one first
    buffers.erase(buffers.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Each memory type that can hold a buffer; host-visible ones through ranges mapped one after another, with explicit
// flushes and invalidations whether coherent or not; others through copies.
void every_memory_type(const Scrambler& scrambler) {
  const Gpu& gpu = scrambler.gpu();
  constexpr std::uint32_t kWords = 3 * 65536;
  constexpr VkDeviceSize kSize = kWords * sizeof(std::uint32_t);  // a multiple of every nonCoherentAtomSize
  const Buffer staging(gpu, kSize, kUsage);
  for (std::uint32_t type = 0; type < gpu.memory().memoryTypeCount; ++type) {
    const auto buffer = create<RawBuffer>(
        gpu.device(), vkCreateBuffer, {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = kSize, .usage = kUsage});
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(gpu.device(), buffer.get(), &needs);
    const VkMemoryPropertyFlags flags = gpu.memory().memoryTypes[type].propertyFlags;
    if ((needs.memoryTypeBits >> type & 1U) == 0 || (flags & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0) continue;
    // Bound behind a gap, so that offsets matter.
    const VkDeviceSize gap = std::max(needs.alignment, gpu.properties().limits.nonCoherentAtomSize) * 3;
    const auto memory = create<Memory>(
        gpu.device(), vkAllocateMemory,
        {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size + gap, .memoryTypeIndex = type});
    check(vkBindBufferMemory(gpu.device(), buffer.get(), memory.get(), gap));

    const bool mappable = (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    const auto mapped = [&](VkDeviceSize offset, VkDeviceSize size, const auto& use) {
      const VkMappedMemoryRange range{
          .sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE, .memory = memory.get(), .offset = gap + offset, .size = size};
      void* address = nullptr;
      check(vkMapMemory(gpu.device(), memory.get(), range.offset, range.size, 0, &address));
      check(vkInvalidateMappedMemoryRanges(gpu.device(), 1, &range));
      use(std::span(static_cast<std::uint32_t*>(address), size / sizeof(std::uint32_t)));
      check(vkFlushMappedMemoryRanges(gpu.device(), 1, &range));
      vkUnmapMemory(gpu.device(), memory.get());
    };
    const VkBufferCopy copy{.size = kSize};
    fill_with_indices(staging.as<std::uint32_t>());
    if (mappable) {
      constexpr VkDeviceSize kPart = kSize / 3;
      for (VkDeviceSize at = 0; at < kSize; at += kPart) {
        mapped(at, kPart, [&](std::span<std::uint32_t> words) {
          const auto from = staging.as<std::uint32_t>().subspan(at / sizeof(std::uint32_t), words.size());
          std::ranges::copy(from, words.begin());
        });
      }
    } else {
      scrambler.commands().now(
          [&](VkCommandBuffer commands) { vkCmdCopyBuffer(commands, staging.get(), buffer.get(), 1, &copy); });
    }
    scrambler.now(buffer.get(), {kWords, type});
    const std::string name = std::format("memory type {}", type);
    if (mappable) mapped(0, kSize, [&](std::span<std::uint32_t> words) { expect_scrambled(words, type, name); });
    scrambler.commands().now(
        [&](VkCommandBuffer commands) { vkCmdCopyBuffer(commands, buffer.get(), staging.get(), 1, &copy); });
    expect_scrambled(staging.as<std::uint32_t>(), type, name);
  }
}

// One allocation far larger than any buffer of the transport. Touched at its ends and in the middle.
void big_buffer(const Scrambler& scrambler, std::uint32_t mebibytes) {
  const std::uint32_t words_in_mebibyte = (1U << 20U) / sizeof(std::uint32_t);
  const Buffer buffer(scrambler.gpu(), VkDeviceSize{mebibytes} << 20U, kUsage);
  const auto words = buffer.as<std::uint32_t>();
  scrambler.commands().now([&](VkCommandBuffer commands) {
    vkCmdFillBuffer(commands, buffer.get(), 0, VK_WHOLE_SIZE, 0xA5A5A5A5U);
    full_barrier(commands);
  });
  for (std::uint32_t part = 0; part < mebibytes; ++part) {
    expect(words[std::size_t{part} * words_in_mebibyte + part] == 0xA5A5A5A5U, "The big buffer was not filled.");
  }
  fill_with_indices(words.first(words_in_mebibyte));
  fill_with_indices(words.last(words_in_mebibyte));
  scrambler.now(buffer.get(), {words_in_mebibyte, 7});
  expect_scrambled(words.first(words_in_mebibyte), 7, "the big buffer's first MiB");
  for (std::uint32_t i = 0; const auto word : words.last(words_in_mebibyte)) {
    expect(word == i++, "The big buffer's last MiB changed.");
  }
}

// Commands far larger than others: shaders with nothing in them but many instructions that do nothing.
void large_shaders(const Gpu& gpu, std::uint32_t kibibytes, std::uint32_t count) {
  constexpr std::uint32_t kNop = 1U << 16U;  // OpNop, one word
  std::vector<std::uint32_t> code(std::begin(scramble_comp), std::end(scramble_comp));
  code.resize(std::max<std::size_t>(code.size(), std::size_t{kibibytes} * 1024 / sizeof(std::uint32_t)), kNop);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto module = create<ShaderModule>(gpu.device(), vkCreateShaderModule,
                                             {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                              .codeSize = code.size() * sizeof(std::uint32_t),
                                              .pCode = code.data()});
    check(vkDeviceWaitIdle(gpu.device()));
  }
}

void compute(Arguments& arguments) {
  const std::uint32_t allocations = arguments.number("allocations", 1000);
  const std::uint32_t big_mebibytes = arguments.number("big-mib", 512);
  const std::uint32_t rounds = arguments.number("rounds", 200);
  const std::uint32_t shader_kibibytes = arguments.number("shader-kib", 100);
  const std::uint32_t shaders = arguments.number("shaders", 30);
  arguments.finish();
  expect(big_mebibytes >= 2, "--big-mib is at least 2: the first MiB is computed in, the last is not.");

  const Gpu gpu({.device_extensions = {VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME}});
  large_shaders(gpu, shader_kibibytes, shaders);
  std::puts("large shaders ok");
  const Scrambler scrambler(gpu);
  persistent_mapping(scrambler, rounds);
  std::puts("persistent mapping ok");
  many_allocations(scrambler, allocations);
  std::puts("many allocations ok");
  every_memory_type(scrambler);
  std::puts("every memory type ok");
  big_buffer(scrambler, big_mebibytes);
  std::puts("big buffer ok");
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::compute); }
