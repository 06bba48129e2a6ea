// pipelines().
#include <chrono>
#include <vector>

#include "rates/rates.h"
#include "rates/turn_comp.h"
#include "support/small_work.h"

namespace hesper::clients::rates {

double pipelines(const Gpu& gpu, double seconds) {
  constexpr std::uint32_t kEachRound = 16;
  const VkDescriptorSetLayoutBinding result{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                                            nullptr};
  const auto set_layout = create<DescriptorSetLayout>(
      gpu.device(), vkCreateDescriptorSetLayout,
      {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = 1, .pBindings = &result});
  const auto layout = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                             {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                              .setLayoutCount = 1,
                                              .pSetLayouts = set_layout.address()});
  const SmallWork work(gpu);
  // Drivers keep what they compiled on disk: no two runs may ask for the same.
  auto value = static_cast<std::uint32_t>(std::chrono::system_clock::now().time_since_epoch().count());
  const VkSpecializationMapEntry entry{.constantID = 0, .offset = 0, .size = sizeof(value)};
  const auto round = [&] {
    std::vector<Pipeline> made;
    for (std::uint32_t i = 0; i < kEachRound; ++i) {
      ++value;
      const VkSpecializationInfo constants{1, &entry, sizeof(value), &value};
      made.push_back(compute_pipeline(gpu, turn_comp, layout.get(), &constants));
    }
    work.run_and_check(1);  // only then are they known to exist
  };
  return rounds_per_second(seconds, round) * kEachRound;
}

}  // namespace hesper::clients::rates
