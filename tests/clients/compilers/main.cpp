// compilers [--threads N] [--pipelines N] [--shader-kib N] [--apart]: threads that make pipelines with large shaders at
// the same time, as games do. The shaders are in the pipelines' create infos, or, with --apart, modules of their own.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <format>
#include <mutex>
#include <thread>
#include <vector>

#include "compilers/nothing_comp.h"
#include "support/arguments.h"
#include "support/gpu.h"

namespace hesper::clients {
namespace {

// As large as wanted, by instructions that do nothing.
std::vector<std::uint32_t> large_shader(std::uint32_t kibibytes) {
  constexpr std::uint32_t kNop = 1U << 16U;  // OpNop, one word
  std::vector<std::uint32_t> code(std::begin(nothing_comp), std::end(nothing_comp));
  code.resize(std::max<std::size_t>(code.size(), std::size_t{kibibytes} * 1024 / sizeof(std::uint32_t)), kNop);
  return code;
}

Pipeline pipeline_with_its_shader(const Gpu& gpu, std::span<const std::uint32_t> code, VkPipelineLayout layout) {
  const VkShaderModuleCreateInfo shader{
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = code.size_bytes(), .pCode = code.data()};
  const VkComputePipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                   .pNext = &shader,
                                                   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                   .pName = "main"},
                                         .layout = layout};
  VkPipeline pipeline{};
  check(vkCreateComputePipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  return Pipeline(gpu.device(), pipeline);
}

void compilers(Arguments& arguments) {
  const std::uint32_t threads = arguments.number("threads", 8);
  const std::uint32_t pipelines = arguments.number("pipelines", 10);
  const std::uint32_t kibibytes = arguments.number("shader-kib", 200);
  const bool apart = arguments.flag("apart");
  arguments.finish();

  VkPhysicalDeviceMaintenance5FeaturesKHR maintenance{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_5_FEATURES_KHR, .maintenance5 = VK_TRUE};
  const VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                           .pNext = &maintenance};
  GpuOptions options;
  if (!apart) options = {.device_extensions = {VK_KHR_MAINTENANCE_5_EXTENSION_NAME}, .features = &features};
  const Gpu gpu(options);
  const auto layout = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                             {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO});
  const std::vector<std::uint32_t> code = large_shader(kibibytes);

  std::mutex mutex;
  std::exception_ptr failure;
  {
    std::vector<std::jthread> workers;
    for (std::uint32_t i = 0; i < threads; ++i) {
      workers.emplace_back([&] {
        try {
          for (std::uint32_t made = 0; made < pipelines; ++made) {
            const Pipeline pipeline =
                apart ? compute_pipeline(gpu, code, layout.get()) : pipeline_with_its_shader(gpu, code, layout.get());
          }
        } catch (...) {
          const std::scoped_lock lock(mutex);
          failure = std::current_exception();
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
  std::puts(std::format("{} pipelines ok", threads * pipelines).c_str());
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::compilers); }
