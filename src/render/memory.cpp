// Device memory: what stands behind each allocation, and imports of resources. Why it is done so: docs/memory.md.
#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/handlers_gen.h"
#include "render/physical_device.h"
#include "render/stream.h"

namespace hesper::render {
namespace {

// Puts `link` (a struct with sType and pNext) in front of the chain of info.
template <class Link>
void push_front(VkMemoryAllocateInfo& info, Link& link) noexcept {
  link.pNext = info.pNext;
  info.pNext = &link;
}

VkDeviceSize whole_pages(VkDeviceSize size) noexcept {
  const VkDeviceSize page = platform::page_size();
  return (size + (page - 1)) & ~(page - 1);
}

VkResult allocate(Memory& memory, const VkMemoryAllocateInfo& info) {
  return memory.device->procs->vkAllocateMemory(memory.device->handle, &info, nullptr, &memory.handle);
}

// False: the budget is spent.
bool charge(Budget& budget, Memory& memory, std::uint64_t size) {
  auto charge = std::make_shared<const Budget::Charge>(budget, size);
  if (!*charge) return false;
  memory.charge = std::move(charge);
  return true;
}

// Lets the driver use bytes [offset, offset + size) of fd (borrowed), which exist and are whole steps of the driver's.
VkResult import_pages(Memory& memory, VkMemoryAllocateInfo info, int fd, std::uint64_t size, std::uint64_t offset = 0) {
  const MemoryPlan& plan = memory.device->physical_device.memory;
  auto mapping = platform::Mapping::map(fd, size, offset, plan.import_alignment);
  if (!mapping) {
    log::warn("Cannot map memory for the driver: {}", mapping.error().message);
    return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  memory.mapping = std::move(*mapping);
  // A dedicated allocation is for memory that the driver makes itself, not for imported pages.
  unchain(info, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
  VkImportMemoryHostPointerInfoEXT import{.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
                                          .pNext = nullptr,
                                          .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
                                          .pHostPointer = memory.mapping.data()};
  push_front(info, import);
  info.allocationSize = size;
  return allocate(memory, info);
}

// Strategy hostptr: shared pages first, then the driver's use of them.
VkResult allocate_pages(Budget& budget, Memory& memory, const VkMemoryAllocateInfo& info) {
  const VkDeviceSize alignment = memory.device->physical_device.memory.import_alignment;
  const VkDeviceSize size = (info.allocationSize + (alignment - 1)) & ~(alignment - 1);
  if (!charge(budget, memory, size)) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  auto fd = platform::create_shared_memory("hesper-memory", size);
  if (!fd) {
    log::warn("Cannot allocate memory for a client: {}", fd.error().message);
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  const VkResult result = import_pages(memory, info, fd->get(), size);
  if (result == VK_SUCCESS) {
    memory.fd = std::move(*fd);
    memory.size = size;
  }
  return result;
}

// A range of the door's: whole steps of the driver's around it, which are the neighbours' too. binding.cpp moves what
// is bound to where the client's bytes are, and keeps it there.
VkResult import_range(Budget& imports, Memory& memory, const VkMemoryAllocateInfo& info,
                      std::shared_ptr<Resource> range) {
  Device& device = *memory.device;
  const MemoryPlan& plan = device.physical_device.memory;
  if ((plan.mappable_types & (1u << info.memoryTypeIndex)) == 0) {
    log::debug("Memory type {} cannot be laid into a range of the door's.", info.memoryTypeIndex);
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  }
  if (info.allocationSize > range->size) {
    log::debug("{} bytes are allocated in a range of {}.", info.allocationSize, range->size);
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  }
  const VkDeviceSize step = plan.import_alignment;
  const VkDeviceSize begin = range->offset & ~(step - 1);
  const VkDeviceSize bias = range->offset - begin;
  const VkDeviceSize size = (bias + info.allocationSize + (step - 1)) & ~(step - 1);
  const auto end = file_size(range->file->get());
  if (!end || size > *end - begin) {
    log::warn("A range at the end of its file cannot be imported: the file ends within a step of {} bytes.", step);
    return VK_ERROR_INVALID_EXTERNAL_HANDLE;
  }
  const VkResult result = import_pages(memory, info, range->file->get(), size, begin);
  if (result != VK_SUCCESS) return result;
  memory.range = std::move(range);
  static_cast<void>(charge(imports, memory, info.allocationSize));  // it has no limit
  const std::scoped_lock lock(device.ranges_mutex);
  device.imported_ranges.insert_or_assign(memory.handle, ImportedRange{.bias = bias, .size = info.allocationSize});
  return VK_SUCCESS;
}

// The other half of a blob: memory of this or another device that the client names by its resource.
VkResult import_resource(Memory& memory, VkMemoryAllocateInfo info, const Resource& resource) {
  const MemoryPlan& plan = memory.device->physical_device.memory;
  if (resource.kind == ResourceKind::shared_memory && plan.strategy == MemoryStrategy::hostptr) {
    const std::uint64_t whole = (resource.size + (plan.import_alignment - 1)) & ~(plan.import_alignment - 1);
    if (info.allocationSize > whole) return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    memory.charge = resource.charge;  // the pages stay as long as this memory does
    return import_pages(memory, info, resource.file->get(), whole);
  }
  if (resource.kind == ResourceKind::dma_buf && memory.device->procs->vkGetMemoryFdPropertiesKHR != nullptr) {
    UniqueFd copy(::fcntl(resource.file->get(), F_DUPFD_CLOEXEC, 0));
    if (!copy) return VK_ERROR_OUT_OF_HOST_MEMORY;
    VkImportMemoryFdInfoKHR import{.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
                                   .pNext = nullptr,
                                   .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
                                   .fd = copy.get()};
    push_front(info, import);
    const VkResult result = allocate(memory, info);
    if (result == VK_SUCCESS) static_cast<void>(copy.release());  // the driver owns it now
    return result;
  }
  return VK_ERROR_INVALID_EXTERNAL_HANDLE;
}

VkResult make(CommandStream& stream, Memory& memory, VkMemoryAllocateInfo& info) {
  const PhysicalDevice& physical = memory.device->physical_device;
  if (info.memoryTypeIndex >= physical.memory_properties.memoryTypeCount) return VK_ERROR_UNKNOWN;
  // The limit keeps sums of sizes from overflowing; what a client really gets is the budget's affair, or the GPU's.
  if (info.allocationSize == 0 || info.allocationSize > stream.context().options().memory_limit) {
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  Budget& budget = stream.context().budget();
  const bool dmabuf = physical.memory.strategy == MemoryStrategy::dmabuf;
  const auto* import = reinterpret_cast<const wire::VkImportMemoryResourceInfoMESA*>(
      unchain(info, wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA));
  // With ranges the client maps what it imports, and what can be moved.
  memory.mappable = (physical.memory.mappable_types & (1u << info.memoryTypeIndex)) != 0 &&
                    (!stream.context().options().memory_in_ranges || physical.memory.replaceable);
  memory.size = info.allocationSize;
  memory.submissions_before = memory.device->submissions();

  if (import != nullptr) {
    auto resource = stream.context().resources().find(ResourceId{import->resourceId});
    // Mesa drops the blob of memory that it frees at once on another way than this one, so the resource may be gone
    // when the allocation arrives; then the memory is, too, and nobody uses the tombstone.
    if (resource == nullptr) return VK_ERROR_INVALID_EXTERNAL_HANDLE;
    unchain(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    memory.mappable = false;  // the client maps the resource that it has
    if (resource->kind == ResourceKind::range) {
      return import_range(stream.context().imports(), memory, info, std::move(resource));
    }
    return import_resource(memory, info, *resource);
  }
  if (!dmabuf) {
    unchain(info, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    if (memory.mappable) return allocate_pages(budget, memory, info);
  }
  if (counts_against_budget(physical, info.memoryTypeIndex) && !charge(budget, memory, info.allocationSize)) {
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  }
  if (!dmabuf) return allocate(memory, info);
  auto* wanted = find_in_chain<VkExportMemoryAllocateInfo>(info.pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
  memory.exportable = memory.mappable || wanted != nullptr;
  VkExportMemoryAllocateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                      .pNext = nullptr,
                                      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT};
  if (wanted != nullptr) {
    wanted->handleTypes = exported.handleTypes;
  } else if (memory.mappable) {
    push_front(info, exported);
  }
  // The client maps whole pages, which is what dma-bufs are made of. The driver is asked for the exact size, as a
  // dedicated allocation demands it.
  if (memory.exportable) memory.size = whole_pages(info.allocationSize);
  return allocate(memory, info);
}

}  // namespace

void on_vkAllocateMemory(CommandStream& stream, wire::vkAllocateMemory_args& args) {
  const wire::ObjectId id = *args.pMemory_ids;
  if (!stream.reserve(VK_OBJECT_TYPE_DEVICE_MEMORY, id)) return;
  auto memory = std::make_shared<Memory>();
  memory->device = &device_of(args.device.state);
  VkMemoryAllocateInfo info = *args.pAllocateInfo;
  args.ret = stream.tombstone() ? VK_ERROR_OUT_OF_DEVICE_MEMORY : make(stream, *memory, info);
  if (stream.fatal()) return;
  if (args.ret != VK_SUCCESS) {
    // The client does not wait for the answer: it learns of the failure when it maps or binds the memory.
    log::debug("{}: {} bytes of memory type {} cannot be allocated (VkResult {}).", stream.context().options().name,
               info.allocationSize, info.memoryTypeIndex, static_cast<int>(args.ret));
    return stream.failed(args.device.state, VK_OBJECT_TYPE_DEVICE_MEMORY, id);
  }
  *args.pMemory = memory->handle;
  stream.context().add_memory(id, memory);
  stream.created(args.device.state, VK_OBJECT_TYPE_DEVICE_MEMORY, id, std::bit_cast<std::uint64_t>(memory->handle));
  if (stream.fatal()) static_cast<void>(stream.context().remove_memory(id));  // perhaps of a device that is gone
}

void on_vkFreeMemory(CommandStream& stream, wire::vkFreeMemory_args& args) {
  if (args.memory.id == 0) return;
  if (!stream.destroyed(args.kType, args.memory)) return;
  const auto memory = stream.context().remove_memory(args.memory.id);  // unmaps after the driver let go
  if (memory == nullptr) return;
  Device& device = device_of(args.device.state);
  {
    const std::scoped_lock lock(device.ranges_mutex);
    device.imported_ranges.erase(memory->handle);
  }
  const std::scoped_lock lock(memory->mutex);
  memory->freed = true;
  device.procs->vkFreeMemory(device.handle, memory->handle, nullptr);
  if (memory->range != nullptr) keep_until_idle(device, memory);
}

void on_vkGetMemoryResourcePropertiesMESA(CommandStream& stream, wire::vkGetMemoryResourcePropertiesMESA_args& args) {
  const auto resource = stream.context().resources().find(ResourceId{args.resourceId});
  if (resource == nullptr) return stream.refuse(args.kType, "The resource is unknown.");
  const Device& device = device_of(args.device.state);
  const MemoryPlan& plan = device.physical_device.memory;
  args.ret = VK_ERROR_INVALID_EXTERNAL_HANDLE;
  const bool pages = resource->kind == ResourceKind::shared_memory || resource->kind == ResourceKind::range;
  if (pages && plan.strategy == MemoryStrategy::hostptr) {
    args.pMemoryResourceProperties->memoryTypeBits = plan.mappable_types;
    args.ret = VK_SUCCESS;
  } else if (resource->kind == ResourceKind::dma_buf && device.procs->vkGetMemoryFdPropertiesKHR != nullptr) {
    VkMemoryFdPropertiesKHR properties{.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR};
    args.ret = device.procs->vkGetMemoryFdPropertiesKHR(device.handle, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT,
                                                        resource->file->get(), &properties);
    args.pMemoryResourceProperties->memoryTypeBits = properties.memoryTypeBits;
  }
  auto* size = find_in_chain<wire::VkMemoryResourceAllocationSizePropertiesMESA>(
      args.pMemoryResourceProperties->pNext, wire::VK_STRUCTURE_TYPE_MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA);
  if (args.ret == VK_SUCCESS && size != nullptr) size->allocationSize = resource->size;
}

}  // namespace hesper::render
