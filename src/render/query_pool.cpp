// Query pools: results are written into our memory, as many and as large as the pool says and not the command.
#include <bit>

#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// How many numbers one query yields. Spec: Vulkan, "Queries".
std::uint32_t values_of(const VkQueryPoolCreateInfo& info) noexcept {
  constexpr std::uint32_t kMost = 32;  // as many as pipelineStatistics can have bits
  switch (info.queryType) {
    case VK_QUERY_TYPE_OCCLUSION:
    case VK_QUERY_TYPE_TIMESTAMP:
    case VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT:
    case VK_QUERY_TYPE_MESH_PRIMITIVES_GENERATED_EXT:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_COMPACTED_SIZE_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SERIALIZATION_SIZE_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SERIALIZATION_BOTTOM_LEVEL_POINTERS_KHR:
    case VK_QUERY_TYPE_ACCELERATION_STRUCTURE_SIZE_KHR: return 1;
    case VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT: return 2;
    case VK_QUERY_TYPE_PIPELINE_STATISTICS:
      return static_cast<std::uint32_t>(std::popcount(std::bit_cast<std::uint32_t>(info.pipelineStatistics)));
    default: return kMost;
  }
}

// True if the driver stays inside dataSize bytes.
bool results_fit(const QueryPool& pool, const wire::vkGetQueryPoolResults_args& args) noexcept {
  if (args.firstQuery > pool.queries || args.queryCount > pool.queries - args.firstQuery) return false;
  if (args.queryCount == 0) return true;
  const bool status = (args.flags & (VK_QUERY_RESULT_WITH_AVAILABILITY_BIT | VK_QUERY_RESULT_WITH_STATUS_BIT_KHR)) != 0;
  const std::size_t value = (args.flags & VK_QUERY_RESULT_64_BIT) != 0 ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
  const std::size_t last = (pool.values + (status ? 1u : 0u)) * value;
  const std::size_t others = args.queryCount - 1;
  return last <= args.dataSize && (others == 0 || args.stride <= (args.dataSize - last) / others);
}

}  // namespace

void on_vkCreateQueryPool(CommandStream& stream, wire::vkCreateQueryPool_args& args) {
  const wire::ObjectId id = *args.pQueryPool_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_QUERY_POOL, id)) return;
  Device& device = device_of(args.device.state);
  args.ret = stream.tombstone()
                 ? VK_ERROR_OUT_OF_DEVICE_MEMORY
                 : device.procs->vkCreateQueryPool(device.handle, args.pCreateInfo, nullptr, args.pQueryPool);
  if (args.ret < 0) return stream.failed(args.device.state, VK_OBJECT_TYPE_QUERY_POOL, id);
  {
    const std::scoped_lock lock(device.sizes_mutex);
    device.query_pools.insert_or_assign(
        *args.pQueryPool, QueryPool{.queries = args.pCreateInfo->queryCount, .values = values_of(*args.pCreateInfo)});
  }
  stream.created(args.device.state, VK_OBJECT_TYPE_QUERY_POOL, id, std::bit_cast<std::uint64_t>(*args.pQueryPool));
}

void on_vkDestroyQueryPool(CommandStream& stream, wire::vkDestroyQueryPool_args& args) {
  if (args.queryPool.id == 0 || !stream.destroyed(args.kType, args.queryPool) || stream.tombstone()) return;
  Device& device = device_of(args.device.state);
  {
    const std::scoped_lock lock(device.sizes_mutex);
    device.query_pools.erase(args.queryPool.handle);
  }
  device.procs->vkDestroyQueryPool(device.handle, args.queryPool.handle, nullptr);
}

void on_vkGetQueryPoolResults(CommandStream& stream, wire::vkGetQueryPoolResults_args& args) {
  if (stream.tombstone()) {
    args.ret = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return;
  }
  Device& device = device_of(args.device.state);
  bool fits = false;
  {
    const std::scoped_lock lock(device.sizes_mutex);
    const auto it = device.query_pools.find(args.queryPool.handle);
    fits = it != device.query_pools.end() && results_fit(it->second, args);
  }
  if (!fits) return stream.refuse(args.kType, "The results do not fit into the size that is given for them.");
  args.ret = device.procs->vkGetQueryPoolResults(device.handle, args.queryPool.handle, args.firstQuery, args.queryCount,
                                                 args.dataSize, args.pData, args.stride, args.flags);
}

}  // namespace hesper::render
