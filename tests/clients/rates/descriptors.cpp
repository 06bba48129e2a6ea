// descriptor_updates().
#include <vector>

#include "rates/rates.h"
#include "support/small_work.h"

namespace hesper::clients::rates {

double descriptor_updates(const Gpu& gpu, double seconds) {
  constexpr std::uint32_t kSets = 64;
  constexpr std::uint32_t kBindings = 8;
  constexpr std::uint32_t kRepeats = 128;  // updates of everything in one round

  std::vector<VkDescriptorSetLayoutBinding> bindings;
  for (std::uint32_t i = 0; i < kBindings; ++i)
    bindings.push_back({i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
  const auto layout = create<DescriptorSetLayout>(gpu.device(), vkCreateDescriptorSetLayout,
                                                  {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                   .bindingCount = kBindings,
                                                   .pBindings = bindings.data()});
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSets * kBindings};
  const auto pool = create<DescriptorPool>(gpu.device(), vkCreateDescriptorPool,
                                           {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                            .maxSets = kSets,
                                            .poolSizeCount = 1,
                                            .pPoolSizes = &size});
  const std::vector<VkDescriptorSetLayout> layouts(kSets, layout.get());
  const VkDescriptorSetAllocateInfo info{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                         .descriptorPool = pool.get(),
                                         .descriptorSetCount = kSets,
                                         .pSetLayouts = layouts.data()};
  std::vector<VkDescriptorSet> sets(kSets);
  check(vkAllocateDescriptorSets(gpu.device(), &info, sets.data()));

  const Buffer buffer(gpu, 4096, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
  const VkDescriptorBufferInfo whole{buffer.get(), 0, VK_WHOLE_SIZE};
  const SmallWork work(gpu);
  const auto round = [&] {
    std::vector<VkWriteDescriptorSet> writes(kBindings);
    for (std::uint32_t repeat = 0; repeat < kRepeats; ++repeat) {
      for (const VkDescriptorSet set : sets) {
        for (std::uint32_t i = 0; i < kBindings; ++i)
          writes[i] = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                       .dstSet = set,
                       .dstBinding = i,
                       .descriptorCount = 1,
                       .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                       .pBufferInfo = &whole};
        vkUpdateDescriptorSets(gpu.device(), kBindings, writes.data(), 0, nullptr);
      }
    }
    work.run_and_check(1);  // only then are they known to be executed
  };
  return rounds_per_second(seconds, round) * kRepeats * kSets * kBindings;
}

}  // namespace hesper::clients::rates
