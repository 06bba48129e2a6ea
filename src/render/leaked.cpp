// destroy_leaked: what a client left behind when it destroyed its device. Vulkan wants it gone before the device.
#include <bit>

#include "render/objects.h"

namespace hesper::render {

void destroy_leaked(Device& device, const wire::Object& object) {
  if (object.handle == 0) return;
  const DeviceProcs& vk = *device.procs;
  const VkDevice d = device.handle;
  const auto with = [&]<class Handle>(void(VKAPI_PTR * destroy)(VkDevice, Handle, const VkAllocationCallbacks*)) {
    if (destroy != nullptr) destroy(d, std::bit_cast<Handle>(object.handle), nullptr);
  };
  switch (object.type) {
    case VK_OBJECT_TYPE_SEMAPHORE: return with(vk.vkDestroySemaphore);
    case VK_OBJECT_TYPE_FENCE: return with(vk.vkDestroyFence);
    case VK_OBJECT_TYPE_EVENT: return with(vk.vkDestroyEvent);
    case VK_OBJECT_TYPE_DEVICE_MEMORY: return with(vk.vkFreeMemory);
    case VK_OBJECT_TYPE_BUFFER: return with(vk.vkDestroyBuffer);
    case VK_OBJECT_TYPE_BUFFER_VIEW: return with(vk.vkDestroyBufferView);
    case VK_OBJECT_TYPE_IMAGE: return with(vk.vkDestroyImage);
    case VK_OBJECT_TYPE_IMAGE_VIEW: return with(vk.vkDestroyImageView);
    case VK_OBJECT_TYPE_SHADER_MODULE: return with(vk.vkDestroyShaderModule);
    case VK_OBJECT_TYPE_PIPELINE: return with(vk.vkDestroyPipeline);
    case VK_OBJECT_TYPE_PIPELINE_CACHE: return with(vk.vkDestroyPipelineCache);
    case VK_OBJECT_TYPE_PIPELINE_LAYOUT: return with(vk.vkDestroyPipelineLayout);
    case VK_OBJECT_TYPE_RENDER_PASS: return with(vk.vkDestroyRenderPass);
    case VK_OBJECT_TYPE_FRAMEBUFFER: return with(vk.vkDestroyFramebuffer);
    case VK_OBJECT_TYPE_SAMPLER: return with(vk.vkDestroySampler);
    case VK_OBJECT_TYPE_SAMPLER_YCBCR_CONVERSION: return with(vk.vkDestroySamplerYcbcrConversion);
    case VK_OBJECT_TYPE_QUERY_POOL: return with(vk.vkDestroyQueryPool);
    case VK_OBJECT_TYPE_COMMAND_POOL: return with(vk.vkDestroyCommandPool);
    case VK_OBJECT_TYPE_DESCRIPTOR_POOL: return with(vk.vkDestroyDescriptorPool);
    case VK_OBJECT_TYPE_DESCRIPTOR_SET_LAYOUT: return with(vk.vkDestroyDescriptorSetLayout);
    case VK_OBJECT_TYPE_DESCRIPTOR_UPDATE_TEMPLATE: return with(vk.vkDestroyDescriptorUpdateTemplate);
    case VK_OBJECT_TYPE_PRIVATE_DATA_SLOT: return with(vk.vkDestroyPrivateDataSlot);
    case VK_OBJECT_TYPE_ACCELERATION_STRUCTURE_KHR: return with(vk.vkDestroyAccelerationStructureKHR);
    default: return;  // command buffers and descriptor sets go with their pools, queues with the device
  }
}

}  // namespace hesper::render
