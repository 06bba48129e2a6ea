// Answers: one function for each host function with something to say.
#include "answers.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "render/chain.h"
#include "tests/reflection_gen.h"
#include "wire/names.h"

namespace hesper::fake {
namespace {

constexpr VkDeviceSize kImageSize = 64 * 1024;  // too large for the pages that the renderer probes images with
constexpr VkDeviceSize kAlignment = 256;
constexpr VkDeviceSize kHeapSize = VkDeviceSize{1} << 30;
constexpr VkDeviceSize kPage = 4096;

// Extensions that only the renderer itself uses.
constexpr const char* kHostExtensions[] = {
    VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME,
    VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME,
};

// Vulkan's two calls.
template <class T, class Make>
VkResult list(std::uint32_t have, std::uint32_t* count, T* out, Make make) {
  if (out == nullptr) {
    *count = have;
    return VK_SUCCESS;
  }
  const std::uint32_t fits = std::min(*count, have);
  for (std::uint32_t i = 0; i < fits; ++i) make(i, out[i]);
  *count = fits;
  return fits < have ? VK_INCOMPLETE : VK_SUCCESS;
}

std::vector<VkExtensionProperties> extensions() {
  std::vector<VkExtensionProperties> all;
  const auto add = [&](const char* name, std::uint32_t version) {
    VkExtensionProperties one{.extensionName = {}, .specVersion = version};
    std::strncpy(one.extensionName, name, sizeof(one.extensionName) - 1);
    all.push_back(one);
  };
  // With dma-bufs or sync files the renderer would ask for real descriptors.
  for (const wire::ProtocolExtension& extension : wire::protocol_extensions()) {
    const std::string_view name = extension.name;
    if (name.contains("dma_buf") || name.ends_with("_fd") || name.contains("drm_format_modifier")) continue;
    if (name == "VK_EXT_command_serialization" || name == "VK_MESA_venus_protocol") continue;
    add(extension.name, extension.spec_version);
  }
  for (const char* name : kHostExtensions) {
    if (!std::ranges::any_of(all, [&](const auto& e) { return std::string_view(e.extensionName) == name; })) {
      add(name, 1);
    }
  }
  return all;
}

void describe(VkPhysicalDeviceProperties& properties) {
  properties.apiVersion = VK_API_VERSION_1_4;
  properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
  std::memset(properties.deviceName, 0, sizeof(properties.deviceName));
  std::strncpy(properties.deviceName, "Hesper's fake device", sizeof(properties.deviceName) - 1);
}

void describe(VkQueueFamilyProperties& family) {
  family.queueFlags =
      VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT | VK_QUEUE_SPARSE_BINDING_BIT;
  family.queueCount = kQueuesPerFamily;
}

// Type 0 can be mapped, type 1 cannot.
void describe(VkPhysicalDeviceMemoryProperties& memory) {
  memory = {};
  memory.memoryTypeCount = kMemoryTypes;
  memory.memoryTypes[0] = {.propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                            VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                           .heapIndex = 0};
  memory.memoryTypes[1] = {.propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, .heapIndex = 0};
  memory.memoryHeapCount = 1;
  memory.memoryHeaps[0] = {.size = kHeapSize, .flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
}

VkMemoryRequirements requirements(VkDeviceSize size, VkDeviceSize alignment = kAlignment) {
  return {.size = (size + alignment - 1) / alignment * alignment,
          .alignment = alignment,
          .memoryTypeBits = (1u << kMemoryTypes) - 1};
}

VkMemoryRequirements image_requirements(FakeDriver& driver) {
  const VkDeviceSize alignment = driver.state().image_alignment;
  return requirements(kImageSize, alignment != 0 ? alignment : kAlignment);
}

VkDeviceSize size_of(FakeDriver& driver, VkBuffer buffer) {
  const auto it = driver.state().buffer_sizes.find(buffer);
  return it == driver.state().buffer_sizes.end() ? kAlignment : it->second;
}

// The buffer's bytes, as far as they are imported memory. Where a client binds, and that it frees memory that is bound,
// is contained, not checked (docs/security.md): such a buffer has none here.
std::span<std::byte> bytes_of(FakeDriver& driver, VkBuffer buffer) {
  const auto bound = driver.state().bound.find(buffer);
  if (bound == driver.state().bound.end()) return {};
  const auto [memory, offset] = bound->second;
  const auto it = driver.state().imported.find(memory);
  if (it == driver.state().imported.end() || offset > it->second.size()) return {};
  const std::span<std::byte> rest = it->second.subspan(offset);
  return rest.first(std::min<VkDeviceSize>(size_of(driver, buffer), rest.size()));
}

// ---- One for each function. The parameters are checked by the renderer, or are its own. ----

void on(FakeDriver& /*driver*/, vkEnumerateInstanceVersion_params& p) { *p.pApiVersion = VK_API_VERSION_1_4; }

void on(FakeDriver& /*driver*/, vkEnumerateInstanceExtensionProperties_params& p) { *p.pPropertyCount = 0; }

void on(FakeDriver& /*driver*/, vkEnumerateDeviceExtensionProperties_params& p) {
  static const auto offered = extensions();
  p.ret = list(static_cast<std::uint32_t>(offered.size()), p.pPropertyCount, p.pProperties,
               [](std::uint32_t i, VkExtensionProperties& out) { out = offered[i]; });
}

void on(FakeDriver& driver, vkEnumeratePhysicalDevices_params& p) {
  auto& devices = driver.state().devices;
  while (devices.size() < driver.options().devices) {
    devices.push_back(
        driver.make_handle<VkPhysicalDevice>(VK_OBJECT_TYPE_PHYSICAL_DEVICE, std::bit_cast<std::uint64_t>(p.instance)));
  }
  p.ret = list(static_cast<std::uint32_t>(devices.size()), p.pPhysicalDeviceCount, p.pPhysicalDevices,
               [&](std::uint32_t i, VkPhysicalDevice& out) { out = devices[i]; });
}

void on(FakeDriver& driver, vkEnumeratePhysicalDeviceGroups_params& p) {
  const auto& devices = driver.state().devices;
  p.ret = list(static_cast<std::uint32_t>(devices.size()), p.pPhysicalDeviceGroupCount,
               p.pPhysicalDeviceGroupProperties, [&](std::uint32_t i, VkPhysicalDeviceGroupProperties& out) {
                 out.physicalDeviceCount = 1;
                 out.physicalDevices[0] = devices[i];
               });
}

void on(FakeDriver& driver, vkDestroyInstance_params& /*p*/) { driver.state().devices.clear(); }

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceProperties_params& p) { describe(*p.pProperties); }

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceProperties2_params& p) {
  describe(p.pProperties->properties);
  if (auto* host = render::find_in_chain<VkPhysicalDeviceExternalMemoryHostPropertiesEXT>(
          p.pProperties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT)) {
    host->minImportedHostPointerAlignment = kPage;
  }
}

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceQueueFamilyProperties_params& p) {
  list(kQueueFamilies, p.pQueueFamilyPropertyCount, p.pQueueFamilyProperties,
       [](std::uint32_t, VkQueueFamilyProperties& out) { describe(out); });
}

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceQueueFamilyProperties2_params& p) {
  list(kQueueFamilies, p.pQueueFamilyPropertyCount, p.pQueueFamilyProperties,
       [](std::uint32_t, VkQueueFamilyProperties2& out) { describe(out.queueFamilyProperties); });
}

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceMemoryProperties_params& p) { describe(*p.pMemoryProperties); }

void on(FakeDriver& /*driver*/, vkGetPhysicalDeviceMemoryProperties2_params& p) {
  describe(p.pMemoryProperties->memoryProperties);
}

void on(FakeDriver& /*driver*/, vkGetMemoryHostPointerPropertiesEXT_params& p) {
  p.pMemoryHostPointerProperties->memoryTypeBits = 1;
}

void on(FakeDriver& driver, vkGetDeviceQueue_params& p) {
  auto& queue = driver.state().queues[{p.queueFamilyIndex, p.queueIndex}];
  if (queue == 0) queue = driver.make(VK_OBJECT_TYPE_QUEUE, std::bit_cast<std::uint64_t>(p.device));
  *p.pQueue = std::bit_cast<VkQueue>(queue);
}

void on(FakeDriver& driver, vkGetDeviceQueue2_params& p) {
  auto& queue = driver.state().queues[{p.pQueueInfo->queueFamilyIndex, p.pQueueInfo->queueIndex}];
  if (queue == 0) queue = driver.make(VK_OBJECT_TYPE_QUEUE, std::bit_cast<std::uint64_t>(p.device));
  *p.pQueue = std::bit_cast<VkQueue>(queue);
}

void on(FakeDriver& driver, vkDestroyDevice_params& /*p*/) { driver.state().queues.clear(); }

void on(FakeDriver& driver, vkAllocateMemory_params& p) {
  if (const auto* import = render::find_in_chain<VkImportMemoryHostPointerInfoEXT>(
          p.pAllocateInfo->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT)) {
    driver.state().imported[*p.pMemory] = {static_cast<std::byte*>(import->pHostPointer),
                                           p.pAllocateInfo->allocationSize};
  }
}

void on(FakeDriver& driver, vkFreeMemory_params& p) { driver.state().imported.erase(p.memory); }

void on(FakeDriver& driver, vkCreateBuffer_params& p) { driver.state().buffer_sizes[*p.pBuffer] = p.pCreateInfo->size; }

void on(FakeDriver& driver, vkDestroyBuffer_params& p) {
  driver.state().buffer_sizes.erase(p.buffer);
  driver.state().bound.erase(p.buffer);
}

void on(FakeDriver& driver, vkGetBufferMemoryRequirements_params& p) {
  *p.pMemoryRequirements = requirements(size_of(driver, p.buffer));
}

void on(FakeDriver& driver, vkGetBufferMemoryRequirements2_params& p) {
  p.pMemoryRequirements->memoryRequirements = requirements(size_of(driver, p.pInfo->buffer));
}

void on(FakeDriver& driver, vkGetImageMemoryRequirements_params& p) {
  *p.pMemoryRequirements = image_requirements(driver);
}

void on(FakeDriver& driver, vkGetImageMemoryRequirements2_params& p) {
  p.pMemoryRequirements->memoryRequirements = image_requirements(driver);
}

void on(FakeDriver& /*driver*/, vkGetImageSparseMemoryRequirements_params& p) {
  list(1, p.pSparseMemoryRequirementCount, p.pSparseMemoryRequirements,
       [](std::uint32_t, VkSparseImageMemoryRequirements& out) {
         out = {.formatProperties = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT,
                                     .imageGranularity = {.width = 128, .height = 128, .depth = 1}}};
       });
}

void on(FakeDriver& driver, vkBindBufferMemory_params& p) {
  driver.state().bound[p.buffer] = {p.memory, p.memoryOffset};
}

void on(FakeDriver& driver, vkBindBufferMemory2_params& p) {
  for (std::uint32_t i = 0; i < p.bindInfoCount; ++i) {
    driver.state().bound[p.pBindInfos[i].buffer] = {p.pBindInfos[i].memory, p.pBindInfos[i].memoryOffset};
  }
}

void on(FakeDriver& driver, vkCmdFillBuffer_params& p) {
  std::span<std::byte> bytes = bytes_of(driver, p.dstBuffer);
  if (p.dstOffset > bytes.size()) return;
  bytes = bytes.subspan(p.dstOffset);
  const VkDeviceSize size = std::min<VkDeviceSize>(p.size, bytes.size());
  for (VkDeviceSize at = 0; at + sizeof(p.data) <= size; at += sizeof(p.data)) {
    std::memcpy(&bytes[at], &p.data, sizeof(p.data));
  }
}

using Answer = void (*)(FakeDriver&, void*);

template <class Params>
constexpr Answer kAnswer = [](FakeDriver& driver, void* params) { on(driver, *static_cast<Params*>(params)); };

const std::unordered_map<std::string_view, Answer>& answers() {
  static const std::unordered_map<std::string_view, Answer> all{
      {"vkEnumerateInstanceVersion", kAnswer<vkEnumerateInstanceVersion_params>},
      {"vkEnumerateInstanceExtensionProperties", kAnswer<vkEnumerateInstanceExtensionProperties_params>},
      {"vkEnumerateDeviceExtensionProperties", kAnswer<vkEnumerateDeviceExtensionProperties_params>},
      {"vkEnumeratePhysicalDevices", kAnswer<vkEnumeratePhysicalDevices_params>},
      {"vkEnumeratePhysicalDeviceGroups", kAnswer<vkEnumeratePhysicalDeviceGroups_params>},
      {"vkDestroyInstance", kAnswer<vkDestroyInstance_params>},
      {"vkGetPhysicalDeviceProperties", kAnswer<vkGetPhysicalDeviceProperties_params>},
      {"vkGetPhysicalDeviceProperties2", kAnswer<vkGetPhysicalDeviceProperties2_params>},
      {"vkGetPhysicalDeviceQueueFamilyProperties", kAnswer<vkGetPhysicalDeviceQueueFamilyProperties_params>},
      {"vkGetPhysicalDeviceQueueFamilyProperties2", kAnswer<vkGetPhysicalDeviceQueueFamilyProperties2_params>},
      {"vkGetPhysicalDeviceMemoryProperties", kAnswer<vkGetPhysicalDeviceMemoryProperties_params>},
      {"vkGetPhysicalDeviceMemoryProperties2", kAnswer<vkGetPhysicalDeviceMemoryProperties2_params>},
      {"vkGetMemoryHostPointerPropertiesEXT", kAnswer<vkGetMemoryHostPointerPropertiesEXT_params>},
      {"vkGetDeviceQueue", kAnswer<vkGetDeviceQueue_params>},
      {"vkGetDeviceQueue2", kAnswer<vkGetDeviceQueue2_params>},
      {"vkDestroyDevice", kAnswer<vkDestroyDevice_params>},
      {"vkAllocateMemory", kAnswer<vkAllocateMemory_params>},
      {"vkFreeMemory", kAnswer<vkFreeMemory_params>},
      {"vkCreateBuffer", kAnswer<vkCreateBuffer_params>},
      {"vkDestroyBuffer", kAnswer<vkDestroyBuffer_params>},
      {"vkGetBufferMemoryRequirements", kAnswer<vkGetBufferMemoryRequirements_params>},
      {"vkGetBufferMemoryRequirements2", kAnswer<vkGetBufferMemoryRequirements2_params>},
      {"vkGetImageMemoryRequirements", kAnswer<vkGetImageMemoryRequirements_params>},
      {"vkGetImageMemoryRequirements2", kAnswer<vkGetImageMemoryRequirements2_params>},
      {"vkGetImageSparseMemoryRequirements", kAnswer<vkGetImageSparseMemoryRequirements_params>},
      {"vkBindBufferMemory", kAnswer<vkBindBufferMemory_params>},
      {"vkBindBufferMemory2", kAnswer<vkBindBufferMemory2_params>},
      {"vkCmdFillBuffer", kAnswer<vkCmdFillBuffer_params>},
  };
  return all;
}

}  // namespace

bool has_answer(const Command& command) { return answers().contains(command.name); }

void answer(FakeDriver& driver, const Command& command, void* params) {
  const auto it = answers().find(command.name);
  if (it != answers().end()) it->second(driver, params);
}

bool hands_out(const Command& command) noexcept {
  constexpr std::string_view kNames[] = {"vkEnumeratePhysicalDevices", "vkGetDeviceQueue", "vkGetDeviceQueue2"};
  return std::ranges::contains(kNames, std::string_view(command.name));
}
}  // namespace hesper::fake
