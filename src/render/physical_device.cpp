// Physical devices: the list, and the answers that differ from the host's. docs/wsi-emulation.md says why each does.
#include "render/physical_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/log.h"
#include "render/chain.h"
#include "render/client_context.h"
#include "render/extensions.h"
#include "render/handlers_gen.h"
#include "render/linear_dma_buf.h"
#include "render/observer.h"
#include "render/prepared_host.h"
#include "render/probe.h"
#include "render/spare_uploads.h"
#include "render/stream.h"
#include "wire/names.h"

namespace hesper::render {
namespace {

constexpr std::array<std::string_view, 3> kGuestImplements{"VK_KHR_map_memory2", "VK_KHR_deferred_host_operations",
                                                           "VK_EXT_tooling_info"};
// Handled without the host's help where it has none. What they let programs see is what the plans stand for.
constexpr std::array<const char*, 3> kAlwaysShown{"VK_KHR_external_memory_fd", "VK_KHR_external_semaphore_fd",
                                                  "VK_KHR_external_fence_fd"};
// Let shaders be within the create infos of pipelines, beside Vulkan 1.4.
constexpr std::array<std::string_view, 2> kInlineShaders{VK_KHR_MAINTENANCE_5_EXTENSION_NAME,
                                                         VK_EXT_GRAPHICS_PIPELINE_LIBRARY_EXTENSION_NAME};

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                     VK_API_VERSION_PATCH(version));
}

const wire::ProtocolExtension* on_the_wire(std::string_view name) {
  const auto all = wire::protocol_extensions();
  const auto found = std::ranges::find(all, name, [](const auto& e) { return std::string_view(e.name); });
  return found == all.end() ? nullptr : &*found;
}

std::vector<VkExtensionProperties> list_shown_extensions(const PhysicalDevice& device, const ContextOptions& options) {
  std::vector<VkExtensionProperties> shown;
  for (VkExtensionProperties extension : device.host_extensions) {
    const std::string_view name = extension.extensionName;
    const wire::ProtocolExtension* known = on_the_wire(name);
    if (known == nullptr || guest_implements(name)) continue;
    if (name == VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME && device.memory.strategy != MemoryStrategy::dmabuf) {
      continue;  // advertised by drivers that cannot do it here; the probe tried
    }
    if (name == VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME && device.emulation.dma_buf) continue;  // only LINEAR
    if (std::ranges::contains(kInlineShaders, name) && !offers_inline_shaders(options)) continue;
    extension.specVersion = std::min(extension.specVersion, known->spec_version);
    shown.push_back(extension);
  }
  const auto show = [&](const char* name, std::uint32_t version) {
    VkExtensionProperties extension{.specVersion = version};
    std::strncpy(extension.extensionName, name, sizeof(extension.extensionName) - 1);
    shown.push_back(extension);
  };
  for (const char* name : kAlwaysShown) {
    if (!device.host_has(name)) show(name, 1);
  }
  if (device.emulation.dma_buf) {
    show(VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_SPEC_VERSION);
    show(VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME, VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_SPEC_VERSION);
  }
  return shown;
}

const PhysicalDevice& physical(const void* state) noexcept {
  // SAFETY: the state of every physical device is its PhysicalDevice.
  return *static_cast<const PhysicalDevice*>(static_cast<const InstanceChild*>(state));
}

std::uint32_t capped(std::uint32_t version, const CommandStream& stream) noexcept {
  if (version >= VK_API_VERSION_1_4 && !offers_inline_shaders(stream.context().options()))
    return VK_MAKE_API_VERSION(0, 1, 3, VK_API_VERSION_PATCH(version));
  return std::min(version, kNewestVersion);
}

}  // namespace

bool PhysicalDevice::host_has(const char* extension) const noexcept { return contains(host_extensions, extension); }

bool guest_implements(std::string_view extension) noexcept {
  return std::ranges::contains(kGuestImplements, extension);
}

bool offers_inline_shaders(const ContextOptions& options) noexcept {
  return !options.blobs_first || options.inline_shaders;
}

VkResult find_physical_devices(Instance& instance, const ContextOptions& options) {
  std::uint32_t count = 0;
  VkResult result = instance.procs->vkEnumeratePhysicalDevices(instance.handle, &count, nullptr);
  if (result != VK_SUCCESS) return result;
  std::vector<VkPhysicalDevice> handles(count);
  result = instance.procs->vkEnumeratePhysicalDevices(instance.handle, &count, handles.data());
  if (result < 0) return result;
  handles.resize(count);
  for (VkPhysicalDevice handle : handles) {
    auto device = std::make_unique<PhysicalDevice>();
    device->procs = instance.procs;
    device->instance = &instance;
    device->handle = handle;
    instance.procs->vkGetPhysicalDeviceProperties(handle, &device->properties);
    const char* name = device->properties.deviceName;
    if (device->properties.apiVersion < VK_API_VERSION_1_1) {
      log::info("{} is left out: its driver is older than Vulkan 1.1.", name);
      continue;
    }
    instance.procs->vkGetPhysicalDeviceMemoryProperties(handle, &device->memory_properties);
    device->host_extensions = device_extensions(*instance.procs, handle);
    const MemoryPlan* prepared = options.host ? options.host->find_plan(*instance.procs, handle) : nullptr;
    auto plan = prepared != nullptr ? *prepared : plan_memory(*instance.procs, handle, wish_of(options));
    if (!plan) {
      log::warn("{} is left out: {}", name, plan.error().message);
      continue;
    }
    device->memory = std::move(*plan);
    if (!device->memory.sparse) hide_sparse(device->properties);
    device->emulation = plan_emulation(*instance.procs, handle, device->memory.strategy, options.emulate_dma_buf);
    device->extensions = list_shown_extensions(*device, options);
    if (options.observer != nullptr) {
      const DeviceIdentity identity = identify(*instance.procs, handle);
      options.observer->physical_device_found({{"device", name},
                                               {"driver", identity.driver},
                                               {"uuid", identity.uuid},
                                               {"vulkan", version_text(device->properties.apiVersion)},
                                               {"memory", name_of(device->memory.strategy)}});
    }
    log::debug("{}: memory strategy {}. {}", name, name_of(device->memory.strategy), device->memory.reason);
    instance.physical_devices.push_back(std::move(device));
  }
  return VK_SUCCESS;
}

DeviceIdentity identify(const InstanceProcs& procs, VkPhysicalDevice device) {
  VkPhysicalDeviceDriverProperties driver{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceIDProperties ids{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &driver};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &ids};
  procs.vkGetPhysicalDeviceProperties2(device, &properties);
  DeviceIdentity identity{.driver = fmt::format("{} {}", driver.driverName, driver.driverInfo), .uuid = {}};
  for (const std::uint8_t byte : ids.deviceUUID) identity.uuid += fmt::format("{:02x}", byte);
  return identity;
}

void apply_plan(const MemoryPlan& plan, VkPhysicalDeviceMemoryProperties& properties) noexcept {
  constexpr VkMemoryPropertyFlags kHost =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  for (std::uint32_t i = 0; i < properties.memoryTypeCount; ++i) {
    if ((plan.mappable_types & (1u << i)) == 0) properties.memoryTypes[i].propertyFlags &= ~kHost;
  }
}

void hide_sparse(VkPhysicalDeviceFeatures& features) noexcept {
  features.sparseBinding = VK_FALSE;
  features.sparseResidencyBuffer = VK_FALSE;
  features.sparseResidencyImage2D = VK_FALSE;
  features.sparseResidencyImage3D = VK_FALSE;
  features.sparseResidency2Samples = VK_FALSE;
  features.sparseResidency4Samples = VK_FALSE;
  features.sparseResidency8Samples = VK_FALSE;
  features.sparseResidency16Samples = VK_FALSE;
  features.sparseResidencyAliased = VK_FALSE;
}

void hide_sparse(VkPhysicalDeviceProperties& properties) noexcept {
  properties.limits.sparseAddressSpaceSize = 0;
  properties.sparseProperties = {};
}

void apply_plan(const MemoryPlan& plan, VkQueueFamilyProperties& family) noexcept {
  // Mesa reads every query with vkCmdCopyQueryPoolResults, on the queue that made it (its "query feedback"). A queue
  // that only copies may not execute that: NVIDIA's (580) never gets over it.
  if ((family.queueFlags & (VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT)) == 0) family.timestampValidBits = 0;
  if (!plan.sparse) family.queueFlags &= ~VkQueueFlags{VK_QUEUE_SPARSE_BINDING_BIT};
}

bool counts_against_budget(const PhysicalDevice& device, std::uint32_t type) noexcept {
  // With hostptr the pages of every mappable type are our own.
  if (device.memory.strategy == MemoryStrategy::hostptr && (device.memory.mappable_types & (1u << type)) != 0) {
    return true;
  }
  switch (device.properties.deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return true;  // has no memory but the host's
    default: break;
  }
  const std::uint32_t heap = device.memory_properties.memoryTypes[type].heapIndex;
  return (device.memory_properties.memoryHeaps[heap].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) == 0;
}

bool is_budgeted_heap(const PhysicalDevice& device, std::uint32_t heap) noexcept {
  bool any = false;
  for (std::uint32_t i = 0; i < device.memory_properties.memoryTypeCount; ++i) {
    if (device.memory_properties.memoryTypes[i].heapIndex != heap) continue;
    if (!counts_against_budget(device, i)) return false;
    any = true;
  }
  return any;
}

namespace {

// Programs that take what a heap has to offer should know what they will get.
// What of a heap a client can get at most. Memory that it maps lies in the door's window if there is one, and there is
// no more than that.
VkDeviceSize limit_of(const PhysicalDevice& device, std::uint32_t heap, ClientContext& context) {
  VkDeviceSize limit = context.budget().limit();
  const std::uint64_t window = context.options().window_size;
  if (!context.options().memory_in_ranges || window == 0) return limit;
  for (std::uint32_t i = 0; i < device.memory_properties.memoryTypeCount; ++i) {
    const bool mappable = (device.memory.mappable_types & (1u << i)) != 0;
    if (mappable && device.memory_properties.memoryTypes[i].heapIndex == heap) limit = std::min(limit, window);
  }
  return limit;
}

void limit_heaps(const PhysicalDevice& device, ClientContext& context, VkPhysicalDeviceMemoryProperties& properties) {
  for (std::uint32_t i = 0; i < properties.memoryHeapCount; ++i) {
    VkDeviceSize& size = properties.memoryHeaps[i].size;
    if (is_budgeted_heap(device, i)) size = std::min(size, limit_of(device, i, context));
  }
}

void limit_heaps(const PhysicalDevice& device, ClientContext& context,
                 VkPhysicalDeviceMemoryBudgetPropertiesEXT& properties) {
  for (std::uint32_t i = 0; i < device.memory_properties.memoryHeapCount; ++i) {
    if (!is_budgeted_heap(device, i)) continue;
    properties.heapBudget[i] = std::min(properties.heapBudget[i], limit_of(device, i, context));
    properties.heapUsage[i] = context.budget().used() + context.imports().used();
  }
}

}  // namespace

// ---- Handlers ----

void on_vkEnumerateDeviceExtensionProperties(CommandStream& stream,
                                             wire::vkEnumerateDeviceExtensionProperties_args& args) {
  if (args.pLayerName != nullptr) return stream.refuse(args.kType, "Device layers do not exist here.");
  args.ret = answer_list(physical(args.physicalDevice.state).extensions, args.pPropertyCount, args.pProperties);
  if (args.pProperties == nullptr && stream.context().options().blobs_first)
    *args.pPropertyCount = told_count(*args.pPropertyCount, kRepliedExtension);
}

void on_vkGetPhysicalDeviceProperties(CommandStream& stream, wire::vkGetPhysicalDeviceProperties_args& args) {
  *args.pProperties = physical(args.physicalDevice.state).properties;
  args.pProperties->apiVersion = capped(args.pProperties->apiVersion, stream);
}

void on_vkGetPhysicalDeviceProperties2(CommandStream& stream, wire::vkGetPhysicalDeviceProperties2_args& args) {
  instance_procs(args.physicalDevice.state)
      .vkGetPhysicalDeviceProperties2(args.physicalDevice.handle, args.pProperties);
  args.pProperties->properties.apiVersion = capped(args.pProperties->properties.apiVersion, stream);
  if (!physical(args.physicalDevice.state).memory.sparse) hide_sparse(args.pProperties->properties);
}

void on_vkGetPhysicalDeviceFeatures(CommandStream&, wire::vkGetPhysicalDeviceFeatures_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceFeatures(device.handle, args.pFeatures);
  if (!device.memory.sparse) hide_sparse(*args.pFeatures);
}

void on_vkGetPhysicalDeviceFeatures2(CommandStream&, wire::vkGetPhysicalDeviceFeatures2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.features_asked = true;
  device.procs->vkGetPhysicalDeviceFeatures2(device.handle, args.pFeatures);
  if (!device.memory.sparse) hide_sparse(args.pFeatures->features);
}

void on_vkGetPhysicalDeviceQueueFamilyProperties(CommandStream&,
                                                 wire::vkGetPhysicalDeviceQueueFamilyProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceQueueFamilyProperties(device.handle, args.pQueueFamilyPropertyCount,
                                                         args.pQueueFamilyProperties);
  if (args.pQueueFamilyProperties == nullptr) return;
  for (std::uint32_t i = 0; i < *args.pQueueFamilyPropertyCount; ++i)
    apply_plan(device.memory, args.pQueueFamilyProperties[i]);
}

void on_vkGetPhysicalDeviceQueueFamilyProperties2(CommandStream& stream,
                                                  wire::vkGetPhysicalDeviceQueueFamilyProperties2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceQueueFamilyProperties2(device.handle, args.pQueueFamilyPropertyCount,
                                                          args.pQueueFamilyProperties);
  if (args.pQueueFamilyProperties == nullptr) {
    if (stream.context().options().blobs_first)
      *args.pQueueFamilyPropertyCount =
          told_count(*args.pQueueFamilyPropertyCount,
                     device.features_asked ? kRepliedQueueFamilyWithPriorities : kRepliedQueueFamily);
    return;
  }
  for (std::uint32_t i = 0; i < *args.pQueueFamilyPropertyCount; ++i)
    apply_plan(device.memory, args.pQueueFamilyProperties[i].queueFamilyProperties);
}

void on_vkGetPhysicalDeviceSparseImageFormatProperties(
    CommandStream&, wire::vkGetPhysicalDeviceSparseImageFormatProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  if (!device.memory.sparse) {
    *args.pPropertyCount = 0;
    return;
  }
  device.procs->vkGetPhysicalDeviceSparseImageFormatProperties(device.handle, args.format, args.type, args.samples,
                                                               args.usage, args.tiling, args.pPropertyCount,
                                                               args.pProperties);
}

void on_vkGetPhysicalDeviceSparseImageFormatProperties2(
    CommandStream&, wire::vkGetPhysicalDeviceSparseImageFormatProperties2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  if (!device.memory.sparse) {
    *args.pPropertyCount = 0;
    return;
  }
  device.procs->vkGetPhysicalDeviceSparseImageFormatProperties2(device.handle, args.pFormatInfo, args.pPropertyCount,
                                                                args.pProperties);
}

void on_vkGetPhysicalDeviceMemoryProperties(CommandStream& stream,
                                            wire::vkGetPhysicalDeviceMemoryProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceMemoryProperties(device.handle, args.pMemoryProperties);
  apply_plan(device.memory, *args.pMemoryProperties);
  limit_heaps(device, stream.context(), *args.pMemoryProperties);
}

void on_vkGetPhysicalDeviceMemoryProperties2(CommandStream& stream,
                                             wire::vkGetPhysicalDeviceMemoryProperties2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceMemoryProperties2(device.handle, args.pMemoryProperties);
  apply_plan(device.memory, args.pMemoryProperties->memoryProperties);
  limit_heaps(device, stream.context(), args.pMemoryProperties->memoryProperties);
  if (auto* heaps = find_in_chain<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
          args.pMemoryProperties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT)) {
    limit_heaps(device, stream.context(), *heaps);
  }
}

void on_vkGetPhysicalDeviceFormatProperties2(CommandStream&, wire::vkGetPhysicalDeviceFormatProperties2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  device.procs->vkGetPhysicalDeviceFormatProperties2(device.handle, args.format, args.pFormatProperties);
  if (device.emulation.dma_buf) list_linear_modifier(*args.pFormatProperties);
}

void on_vkGetPhysicalDeviceImageFormatProperties2(CommandStream&,
                                                  wire::vkGetPhysicalDeviceImageFormatProperties2_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  if (device.emulation.dma_buf) {
    args.ret = linear_image_format(device, *args.pImageFormatInfo, *args.pImageFormatProperties);
    return;
  }
  const auto* external = find_in_chain<VkPhysicalDeviceExternalImageFormatInfo>(
      args.pImageFormatInfo->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO);
  if (external != nullptr && external->handleType != 0 && device.memory.strategy != MemoryStrategy::dmabuf) {
    args.ret = VK_ERROR_FORMAT_NOT_SUPPORTED;  // no image can be exported, whatever the driver says
    return;
  }
  args.ret = device.procs->vkGetPhysicalDeviceImageFormatProperties2(device.handle, args.pImageFormatInfo,
                                                                     args.pImageFormatProperties);
}

void on_vkGetPhysicalDeviceExternalBufferProperties(CommandStream&,
                                                    wire::vkGetPhysicalDeviceExternalBufferProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  if (device.memory.strategy != MemoryStrategy::dmabuf) {
    const bool exists = device.emulation.dma_buf &&
                        args.pExternalBufferInfo->handleType == VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
    args.pExternalBufferProperties->externalMemoryProperties =
        exists ? kSharedPagesAsDmaBuf : VkExternalMemoryProperties{};
    return;
  }
  device.procs->vkGetPhysicalDeviceExternalBufferProperties(device.handle, args.pExternalBufferInfo,
                                                            args.pExternalBufferProperties);
}

void on_vkGetPhysicalDeviceExternalSemaphoreProperties(
    CommandStream&, wire::vkGetPhysicalDeviceExternalSemaphoreProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  VkExternalSemaphoreProperties& out = *args.pExternalSemaphoreProperties;
  if (!device.emulation.semaphore_sync_fd) {
    device.procs->vkGetPhysicalDeviceExternalSemaphoreProperties(device.handle, args.pExternalSemaphoreInfo, &out);
    return;
  }
  const auto* type = find_in_chain<VkSemaphoreTypeCreateInfo>(args.pExternalSemaphoreInfo->pNext,
                                                              VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  const bool binary = type == nullptr || type->semaphoreType == VK_SEMAPHORE_TYPE_BINARY;
  out.exportFromImportedHandleTypes = 0;
  out.compatibleHandleTypes = 0;
  out.externalSemaphoreFeatures = 0;
  if (binary && args.pExternalSemaphoreInfo->handleType == VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT) {
    out.exportFromImportedHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    out.compatibleHandleTypes = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT;
    out.externalSemaphoreFeatures =
        VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
  }
}

void on_vkGetPhysicalDeviceExternalFenceProperties(CommandStream&,
                                                   wire::vkGetPhysicalDeviceExternalFenceProperties_args& args) {
  const PhysicalDevice& device = physical(args.physicalDevice.state);
  VkExternalFenceProperties& out = *args.pExternalFenceProperties;
  if (!device.emulation.fence_sync_fd) {
    device.procs->vkGetPhysicalDeviceExternalFenceProperties(device.handle, args.pExternalFenceInfo, &out);
    return;
  }
  out.exportFromImportedHandleTypes = 0;
  out.compatibleHandleTypes = 0;
  out.externalFenceFeatures = 0;
  if (args.pExternalFenceInfo->handleType == VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT) {
    out.compatibleHandleTypes = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT;
    out.externalFenceFeatures = VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT;  // imports stay in the guest
  }
}

}  // namespace hesper::render
