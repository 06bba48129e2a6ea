// wait [--behind semaphore|shader] [--in fence|timeline|idle|status]: gives the GPU work that never ends, and waits for
// it: a client for tests of what happens to one whose wait is in vain. Exit status 3: the wait says that the device is
// lost; 1: it says anything else.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <format>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/arguments.h"
#include "support/gpu.h"
#include "wait/endless_comp.h"

namespace hesper::clients {
namespace {

constexpr int kDeviceLost = 3;

Semaphore timeline_semaphore(const Gpu& gpu) {
  const VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                       .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  return create<Semaphore>(gpu.device(), vkCreateSemaphore,
                           {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type});
}

// A dispatch that runs until its buffer's first word is not 0, which never happens.
class EndlessShader {
 public:
  explicit EndlessShader(const Gpu& gpu);
  [[nodiscard]] VkCommandBuffer commands() const noexcept { return recorded_; }

 private:
  Commands commands_;
  Buffer buffer_;
  DescriptorSetLayout set_layout_;
  PipelineLayout layout_;
  Pipeline pipeline_;
  DescriptorPool pool_;
  VkCommandBuffer recorded_;
};

EndlessShader::EndlessShader(const Gpu& gpu)
    : commands_(gpu),
      buffer_(gpu, 256, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT),
      recorded_(commands_.begin(VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT)) {
  std::memset(buffer_.as<std::uint32_t>().data(), 0, 256);
  const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                                             nullptr};
  set_layout_ = create<DescriptorSetLayout>(
      gpu.device(), vkCreateDescriptorSetLayout,
      {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = 1, .pBindings = &binding});
  layout_ = create<PipelineLayout>(gpu.device(), vkCreatePipelineLayout,
                                   {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                    .setLayoutCount = 1,
                                    .pSetLayouts = set_layout_.address()});
  const auto shader = create<ShaderModule>(
      gpu.device(), vkCreateShaderModule,
      {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = sizeof(endless_comp), .pCode = endless_comp});
  const VkComputePipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                   .module = shader.get(),
                                                   .pName = "main"},
                                         .layout = layout_.get()};
  VkPipeline pipeline{};
  check(vkCreateComputePipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  pipeline_ = Pipeline(gpu.device(), pipeline);
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1};
  pool_ = create<DescriptorPool>(
      gpu.device(), vkCreateDescriptorPool,
      {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = 1, .poolSizeCount = 1, .pPoolSizes = &size});
  const VkDescriptorSetAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                               .descriptorPool = pool_.get(),
                                               .descriptorSetCount = 1,
                                               .pSetLayouts = set_layout_.address()};
  VkDescriptorSet set{};
  check(vkAllocateDescriptorSets(gpu.device(), &allocation, &set));
  const VkDescriptorBufferInfo bound{buffer_.get(), 0, VK_WHOLE_SIZE};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = set,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                   .pBufferInfo = &bound};
  vkUpdateDescriptorSets(gpu.device(), 1, &write, 0, nullptr);
  vkCmdBindPipeline(recorded_, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_.get());
  vkCmdBindDescriptorSets(recorded_, VK_PIPELINE_BIND_POINT_COMPUTE, layout_.get(), 0, 1, &set, 0, nullptr);
  vkCmdDispatch(recorded_, 1, 1, 1);
  check(vkEndCommandBuffer(recorded_));
}

VkResult wait_in(const std::string& how, const Gpu& gpu, VkFence fence, VkSemaphore done) {
  if (how == "fence") return vkWaitForFences(gpu.device(), 1, &fence, VK_TRUE, UINT64_MAX);
  if (how == "idle") return vkQueueWaitIdle(gpu.queue());
  if (how == "status") {
    VkResult result = VK_NOT_READY;
    while ((result = vkGetFenceStatus(gpu.device(), fence)) == VK_NOT_READY)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return result;
  }
  if (how == "timeline") {
    const std::uint64_t value = 1;
    const VkSemaphoreWaitInfo info{
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO, .semaphoreCount = 1, .pSemaphores = &done, .pValues = &value};
    return vkWaitSemaphores(gpu.device(), &info, UINT64_MAX);
  }
  throw std::runtime_error(std::format("--in {} is unknown.", how));
}

void wait(Arguments& arguments) {
  const std::string behind = arguments.text("behind", "semaphore");
  const std::string how = arguments.text("in", "fence");
  arguments.finish();

  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
  const VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &timeline};
  const Gpu gpu({.instance_extensions = {}, .device_extensions = {}, .features = &features});
  const Semaphore never = timeline_semaphore(gpu);
  const Semaphore done = timeline_semaphore(gpu);
  const auto fence = create<Fence>(gpu.device(), vkCreateFence, {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO});
  const bool shader = behind == "shader";
  const EndlessShader endless(gpu);
  const VkCommandBuffer commands = endless.commands();
  const std::uint64_t one = 1;
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkTimelineSemaphoreSubmitInfo values{.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                             .waitSemaphoreValueCount = shader ? 0U : 1U,
                                             .pWaitSemaphoreValues = &one,
                                             .signalSemaphoreValueCount = 1,
                                             .pSignalSemaphoreValues = &one};
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .pNext = &values,
                            .waitSemaphoreCount = shader ? 0U : 1U,
                            .pWaitSemaphores = never.address(),
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = shader ? 1U : 0U,
                            .pCommandBuffers = &commands,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = done.address()};
  check(vkQueueSubmit(gpu.queue(), 1, &submit, fence.get()));
  std::printf("waiting\n");
  std::fflush(stdout);
  const VkResult result = wait_in(how, gpu, fence.get(), done.get());
  std::printf("the wait ends with VkResult %d\n", static_cast<int>(result));
  std::fflush(stdout);
  std::_Exit(result == VK_ERROR_DEVICE_LOST ? kDeviceLost : 1);  // what is left of Vulkan could only wait again
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::wait); }
