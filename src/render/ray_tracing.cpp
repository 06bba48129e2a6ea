// Ray tracing: shader group handles, which the driver writes without looking at the size of the room for them.
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

template <class Args, class Host>
void get_handles(CommandStream& stream, Args& args, Host host,
                 std::uint32_t VkPhysicalDeviceRayTracingPipelinePropertiesKHR::* handle_size) {
  if (host == nullptr) return stream.missing(args.kType);
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  const PhysicalDevice& physical = device_of(args.device.state).physical_device;
  VkPhysicalDeviceRayTracingPipelinePropertiesKHR pipelines{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_PROPERTIES_KHR};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &pipelines};
  physical.procs->vkGetPhysicalDeviceProperties2(physical.handle, &properties);
  const std::uint64_t size = pipelines.*handle_size;
  if (args.groupCount * size > args.dataSize) {
    return stream.refuse(args.kType, "The handles do not fit into the size that is given for them.");
  }
  args.ret =
      host(args.device.handle, args.pipeline.handle, args.firstGroup, args.groupCount, args.dataSize, args.pData);
}

}  // namespace

void on_vkGetRayTracingShaderGroupHandlesKHR(CommandStream& stream,
                                             wire::vkGetRayTracingShaderGroupHandlesKHR_args& args) {
  get_handles(stream, args, device_procs(args.device.state).vkGetRayTracingShaderGroupHandlesKHR,
              &VkPhysicalDeviceRayTracingPipelinePropertiesKHR::shaderGroupHandleSize);
}

void on_vkGetRayTracingCaptureReplayShaderGroupHandlesKHR(
    CommandStream& stream, wire::vkGetRayTracingCaptureReplayShaderGroupHandlesKHR_args& args) {
  get_handles(stream, args, device_procs(args.device.state).vkGetRayTracingCaptureReplayShaderGroupHandlesKHR,
              &VkPhysicalDeviceRayTracingPipelinePropertiesKHR::shaderGroupHandleCaptureReplaySize);
}

}  // namespace hesper::render
