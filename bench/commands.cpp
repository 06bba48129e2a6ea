// How many commands a second one stream decodes and dispatches, when the driver costs nothing: what Hesper itself adds
// to each command. Draws through the whole stack are in tests/clients/drawrate.
#include <benchmark/benchmark.h>

#include <bit>
#include <vector>

#include "render/client_context.h"
#include "render/stream.h"
#include "wire/commands_gen.h"
#include "wire/encoder.h"

namespace {

using namespace hesper;

constexpr wire::ObjectId kCommandBuffer = 1;
constexpr wire::ObjectId kLayout = 2;
constexpr wire::ObjectId kSet = 3;
constexpr wire::ObjectId kBuffer = 4;
constexpr wire::ObjectId kDevice = 5;
constexpr std::size_t kCommands = 4096;  // in one stream; a few hundred KiB, as Mesa sends them

// A driver that takes no time, and a context that knows one object of each kind.
struct Fixture {
  Fixture() {
    procs.vkCmdDraw = [](VkCommandBuffer, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t) {};
    procs.vkCmdPushConstants = [](VkCommandBuffer, VkPipelineLayout, VkShaderStageFlags, std::uint32_t, std::uint32_t,
                                  const void*) {};
    procs.vkCmdBindDescriptorSets = [](VkCommandBuffer, VkPipelineBindPoint, VkPipelineLayout, std::uint32_t,
                                       std::uint32_t, const VkDescriptorSet*, std::uint32_t, const std::uint32_t*) {};
    procs.vkUpdateDescriptorSets = [](VkDevice, std::uint32_t, const VkWriteDescriptorSet*, std::uint32_t,
                                      const VkCopyDescriptorSet*) {};
    child.procs = &procs;
    add(kCommandBuffer, VK_OBJECT_TYPE_COMMAND_BUFFER);
    add(kLayout, VK_OBJECT_TYPE_PIPELINE_LAYOUT);
    add(kSet, VK_OBJECT_TYPE_DESCRIPTOR_SET);
    add(kBuffer, VK_OBJECT_TYPE_BUFFER);
    add(kDevice, VK_OBJECT_TYPE_DEVICE);
  }
  ~Fixture() {
    for (const wire::ObjectId id : {kCommandBuffer, kLayout, kSet, kBuffer, kDevice}) context.objects().erase(id);
  }
  void add(wire::ObjectId id, VkObjectType type) {
    (void)context.objects().insert(id, {.type = type, .handle = id, .state = render::state_of(child)});
  }

  render::DeviceProcs procs{};
  render::DeviceChild child;
  render::ClientContext context{{.name = "benchmark"}, nullptr};
  render::CommandStream stream{context, "benchmark"};
};

template <class Args>
std::vector<std::byte> repeated(const Args& args) {
  std::vector<std::byte> bytes(kCommands * 2048);
  wire::Encoder encoder(bytes);
  for (std::size_t i = 0; i < kCommands; ++i) wire::encode_request(encoder, 0, args);
  bytes.resize(encoder.position());
  return bytes;
}

template <class Args>
void run(benchmark::State& state, const Args& args) {
  Fixture fixture;
  const std::vector<std::byte> commands = repeated(args);
  for (auto _ : state) {
    if (!fixture.stream.execute(commands)) {
      state.SkipWithError("The stream was refused.");
      return;
    }
  }
  const auto passes = static_cast<std::int64_t>(state.iterations());
  state.SetItemsProcessed(passes * static_cast<std::int64_t>(kCommands));
  state.SetBytesProcessed(passes * static_cast<std::int64_t>(commands.size()));
}

void draw(benchmark::State& state) {
  wire::vkCmdDraw_args args;
  args.commandBuffer.id = kCommandBuffer;
  args.vertexCount = 3;
  args.instanceCount = 1;
  run(state, args);
}
BENCHMARK(draw);

void push_constants(benchmark::State& state) {
  constexpr std::uint32_t kValues[4] = {1, 2, 3, 4};
  wire::vkCmdPushConstants_args args;
  args.commandBuffer.id = kCommandBuffer;
  args.layout.id = kLayout;
  args.stageFlags = VK_SHADER_STAGE_VERTEX_BIT;
  args.size = sizeof(kValues);
  args.pValues = kValues;
  run(state, args);
}
BENCHMARK(push_constants);

void bind_descriptor_sets(benchmark::State& state) {
  wire::vkCmdBindDescriptorSets_args args;
  args.commandBuffer.id = kCommandBuffer;
  args.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
  args.layout.id = kLayout;
  args.descriptorSetCount = 1;
  args.pDescriptorSets_ids = &kSet;
  run(state, args);
}
BENCHMARK(bind_descriptor_sets);

void update_descriptor_sets(benchmark::State& state) {
  constexpr std::uint32_t kWrites = 8;  // as many descriptors
  VkDescriptorBufferInfo info{};
  info.buffer = std::bit_cast<VkBuffer>(kBuffer);
  info.range = VK_WHOLE_SIZE;
  VkWriteDescriptorSet writes[kWrites];
  for (std::uint32_t i = 0; i < kWrites; ++i)
    writes[i] = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                 .pNext = nullptr,
                 .dstSet = std::bit_cast<VkDescriptorSet>(kSet),
                 .dstBinding = i,
                 .dstArrayElement = 0,
                 .descriptorCount = 1,
                 .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                 .pImageInfo = nullptr,
                 .pBufferInfo = &info,
                 .pTexelBufferView = nullptr};
  wire::vkUpdateDescriptorSets_args args;
  args.device.id = kDevice;
  args.descriptorWriteCount = kWrites;
  args.pDescriptorWrites = writes;
  run(state, args);
}
BENCHMARK(update_descriptor_sets);

}  // namespace
