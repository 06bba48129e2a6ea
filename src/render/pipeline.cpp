// Pipelines: creation of several at once, some of which may fail; and how much of a cache is told.
#include <algorithm>
#include <span>

#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/spare_uploads.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

template <class Args, class Host>
void create(CommandStream& stream, Args& args, Host&& host) {
  const std::span<wire::ObjectId> ids(args.pPipelines_ids, args.createInfoCount);
  for (const wire::ObjectId id : ids) {
    if (!stream.reserve(VK_OBJECT_TYPE_PIPELINE, id)) return;
  }
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_DEVICE_MEMORY : host();
  if (stream.fatal()) return;
  for (std::uint32_t i = 0; i < args.createInfoCount; ++i) {
    // Drivers may return some pipelines together with an error or VK_PIPELINE_COMPILE_REQUIRED: all are kept.
    if (args.pPipelines[i] != VK_NULL_HANDLE) {
      stream.created(args.device.state, VK_OBJECT_TYPE_PIPELINE, ids[i],
                     std::bit_cast<std::uint64_t>(args.pPipelines[i]));
      continue;
    }
    // Who reads the reply knows from id 0 that there is no pipeline; others will go on to use the id.
    if (!stream.reply_wanted()) stream.failed(args.device.state, VK_OBJECT_TYPE_PIPELINE, ids[i]);
    ids[i] = 0;
  }
}

}  // namespace

void on_vkCreateGraphicsPipelines(CommandStream& stream, wire::vkCreateGraphicsPipelines_args& args) {
  create(stream, args, [&] {
    return device_procs(args.device.state)
        .vkCreateGraphicsPipelines(args.device.handle, args.pipelineCache.handle, args.createInfoCount,
                                   args.pCreateInfos, nullptr, args.pPipelines);
  });
}

void on_vkCreateComputePipelines(CommandStream& stream, wire::vkCreateComputePipelines_args& args) {
  create(stream, args, [&] {
    return device_procs(args.device.state)
        .vkCreateComputePipelines(args.device.handle, args.pipelineCache.handle, args.createInfoCount,
                                  args.pCreateInfos, nullptr, args.pPipelines);
  });
}

void on_vkCreateRayTracingPipelinesKHR(CommandStream& stream, wire::vkCreateRayTracingPipelinesKHR_args& args) {
  const DeviceProcs& vk = device_procs(args.device.state);
  if (vk.vkCreateRayTracingPipelinesKHR == nullptr) return stream.missing(args.kType);
  create(stream, args, [&] {
    // Deferred operations are the guest's own affair; here the driver compiles at once.
    return vk.vkCreateRayTracingPipelinesKHR(args.device.handle, VK_NULL_HANDLE, args.pipelineCache.handle,
                                             args.createInfoCount, args.pCreateInfos, nullptr, args.pPipelines);
  });
}

void on_vkGetPipelineCacheData(CommandStream& stream, wire::vkGetPipelineCacheData_args& args) {
  const std::size_t room = *args.pDataSize;
  args.ret = device_procs(args.device.state)
                 .vkGetPipelineCacheData(args.device.handle, args.pipelineCache.handle, args.pDataSize, args.pData);
  if (!stream.context().options().blobs_first) return;
  // What is left out was never told of.
  if (args.pData == nullptr)
    *args.pDataSize = std::min(*args.pDataSize, kMostPipelineCacheData);
  else if (args.ret == VK_INCOMPLETE && room >= kMostPipelineCacheData)
    args.ret = VK_SUCCESS;
}

}  // namespace hesper::render
