// Probing: every strategy is tried on a real device before the client is promised anything. What drivers advertise is
// only a reason to try: lavapipe lists dma-buf and fails without /dev/udmabuf.
#include "render/memory_plan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "render/probe.h"

namespace hesper::render {
namespace {

constexpr VkDeviceSize kTrialSize = 64 * 1024;  // bytes; more than any import alignment seen
constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr std::uint32_t kImageSize = 16;  // pixels each way
constexpr std::uint32_t kPattern = 0x48455350;  // "HESP"
constexpr std::uint64_t kPatience = 10'000'000'000;  // ns; a GPU that fills 64 KiB more slowly counts as hung
constexpr VkMemoryPropertyFlags kCoherent = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

// A device with one queue for one trial; everything in it goes away with it.
class TrialDevice {
 public:
  TrialDevice(const InstanceProcs& instance, VkPhysicalDevice physical, std::vector<const char*> extensions) {
    std::uint32_t count = 0;
    instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    instance.vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    const auto with = [&](VkQueueFlags flag) {
      return std::ranges::find_if(families,
                                  [&](const auto& f) { return f.queueCount != 0 && (f.queueFlags & flag) != 0; });
    };
    auto family = with(VK_QUEUE_GRAPHICS_BIT);
    renders = family != families.end();
    if (!renders) family = with(VK_QUEUE_COMPUTE_BIT);
    if (family == families.end()) {
      result = VK_ERROR_INITIALIZATION_FAILED;
      return;
    }
    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue_info{
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = static_cast<std::uint32_t>(family - families.begin()),
        .queueCount = 1,
        .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                  .queueCreateInfoCount = 1,
                                  .pQueueCreateInfos = &queue_info,
                                  .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                  .ppEnabledExtensionNames = extensions.data()};
    result = instance.vkCreateDevice(physical, &info, nullptr, &device);
    if (result != VK_SUCCESS) return;
    load(vk, instance.vkGetDeviceProcAddr, device);
    vk.vkGetDeviceQueue(device, queue_info.queueFamilyIndex, 0, &queue);
    const VkCommandPoolCreateInfo pool_info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                            .queueFamilyIndex = queue_info.queueFamilyIndex};
    result = vk.vkCreateCommandPool(device, &pool_info, nullptr, &pool);
    const VkFenceCreateInfo fence_info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (result == VK_SUCCESS) result = vk.vkCreateFence(device, &fence_info, nullptr, &fence);
  }
  ~TrialDevice() {
    if (device == VK_NULL_HANDLE) return;
    vk.vkDeviceWaitIdle(device);
    vk.vkDestroyFramebuffer(device, framebuffer, nullptr);
    vk.vkDestroyRenderPass(device, render_pass, nullptr);
    vk.vkDestroyImageView(device, view, nullptr);
    vk.vkDestroyImage(device, image, nullptr);
    vk.vkDestroyBuffer(device, buffer, nullptr);
    vk.vkFreeMemory(device, memory, nullptr);
    vk.vkDestroyFence(device, fence, nullptr);
    vk.vkDestroyCommandPool(device, pool, nullptr);
    vk.vkDestroyDevice(device, nullptr);
  }
  TrialDevice(const TrialDevice&) = delete;
  TrialDevice& operator=(const TrialDevice&) = delete;

  // Creates `buffer`, to be filled. external: its handle type, or 0.
  VkResult make_buffer(VkExternalMemoryHandleTypeFlags external, VkMemoryRequirements& requirements) {
    const VkExternalMemoryBufferCreateInfo external_info{
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .handleTypes = external};
    const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                  .pNext = external != 0 ? &external_info : nullptr,
                                  .size = kTrialSize / 2,
                                  .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
    const VkResult created = vk.vkCreateBuffer(device, &info, nullptr, &buffer);
    if (created == VK_SUCCESS) vk.vkGetBufferMemoryRequirements(device, buffer, &requirements);
    return created;
  }

  // Binds `buffer` to the start of `memory`, lets the GPU fill it with `pattern` and waits.
  VkResult fill(std::uint32_t pattern) {
    const VkResult bound = vk.vkBindBufferMemory(device, buffer, memory, 0);
    if (bound != VK_SUCCESS) return bound;
    return run([&](VkCommandBuffer commands) { vk.vkCmdFillBuffer(commands, buffer, 0, VK_WHOLE_SIZE, pattern); });
  }

  // Creates `image`: linear, to be rendered to.
  VkResult make_image(VkMemoryRequirements& requirements, VkSubresourceLayout& layout) {
    const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                 .imageType = VK_IMAGE_TYPE_2D,
                                 .format = kFormat,
                                 .extent = {.width = kImageSize, .height = kImageSize, .depth = 1},
                                 .mipLevels = 1,
                                 .arrayLayers = 1,
                                 .samples = VK_SAMPLE_COUNT_1_BIT,
                                 .tiling = VK_IMAGE_TILING_LINEAR,
                                 .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT};
    const VkResult created = vk.vkCreateImage(device, &info, nullptr, &image);
    if (created != VK_SUCCESS) return created;
    vk.vkGetImageMemoryRequirements(device, image, &requirements);
    const VkImageSubresource subresource{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT};
    vk.vkGetImageSubresourceLayout(device, image, &subresource, &layout);
    return VK_SUCCESS;
  }

  // Binds `image` to `memory` at `offset`, renders a red picture and waits.
  VkResult render_red(VkDeviceSize offset) {
    VkResult r = vk.vkBindImageMemory(device, image, memory, offset);
    if (r != VK_SUCCESS) return r;
    const VkImageViewCreateInfo view_info{
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = image,
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = kFormat,
        .subresourceRange = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
    r = vk.vkCreateImageView(device, &view_info, nullptr, &view);
    if (r != VK_SUCCESS) return r;
    const VkAttachmentDescription attachment{.format = kFormat,
                                             .samples = VK_SAMPLE_COUNT_1_BIT,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                             .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                             .finalLayout = VK_IMAGE_LAYOUT_GENERAL};
    const VkAttachmentReference color{.attachment = 0, .layout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkSubpassDescription subpass{.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &color};
    const VkRenderPassCreateInfo pass_info{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO,
                                           .attachmentCount = 1,
                                           .pAttachments = &attachment,
                                           .subpassCount = 1,
                                           .pSubpasses = &subpass};
    r = vk.vkCreateRenderPass(device, &pass_info, nullptr, &render_pass);
    if (r != VK_SUCCESS) return r;
    const VkFramebufferCreateInfo framebuffer_info{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                                   .renderPass = render_pass,
                                                   .attachmentCount = 1,
                                                   .pAttachments = &view,
                                                   .width = kImageSize,
                                                   .height = kImageSize,
                                                   .layers = 1};
    r = vk.vkCreateFramebuffer(device, &framebuffer_info, nullptr, &framebuffer);
    if (r != VK_SUCCESS) return r;
    const VkClearValue red{.color = {.float32 = {1.0F, 0.0F, 0.0F, 1.0F}}};
    const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                      .renderPass = render_pass,
                                      .framebuffer = framebuffer,
                                      .renderArea = {.extent = {.width = kImageSize, .height = kImageSize}},
                                      .clearValueCount = 1,
                                      .pClearValues = &red};
    return run([&](VkCommandBuffer commands) {
      vk.vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
      vk.vkCmdEndRenderPass(commands);
    });
  }

  // Records with `record`, submits and waits.
  template <class Record>
  VkResult run(Record&& record) {
    const VkCommandBufferAllocateInfo allocate_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                    .commandPool = pool,
                                                    .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                    .commandBufferCount = 1};
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkResult r = vk.vkAllocateCommandBuffers(device, &allocate_info, &commands);
    if (r != VK_SUCCESS) return r;
    const VkCommandBufferBeginInfo begin_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    r = vk.vkBeginCommandBuffer(commands, &begin_info);
    if (r != VK_SUCCESS) return r;
    record(commands);
    r = vk.vkEndCommandBuffer(commands);
    if (r != VK_SUCCESS) return r;
    const VkSubmitInfo submit{
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    r = vk.vkResetFences(device, 1, &fence);
    if (r == VK_SUCCESS) r = vk.vkQueueSubmit(queue, 1, &submit, fence);
    return r == VK_SUCCESS ? vk.vkWaitForFences(device, 1, &fence, VK_TRUE, kPatience) : r;
  }

  VkResult result = VK_SUCCESS;  // of construction
  bool renders = false;          // the queue takes graphics
  DeviceProcs vk{};
  VkDevice device = VK_NULL_HANDLE;
  VkQueue queue = VK_NULL_HANDLE;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkImage image = VK_NULL_HANDLE;
  VkImageView view = VK_NULL_HANDLE;
  VkRenderPass render_pass = VK_NULL_HANDLE;
  VkFramebuffer framebuffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
};

bool device_offers(const InstanceProcs& procs, VkPhysicalDevice device, const char* extension) {
  std::uint32_t count = 0;
  if (procs.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr) != VK_SUCCESS) return false;
  std::vector<VkExtensionProperties> list(count);
  if (procs.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, list.data()) < 0) return false;
  return std::ranges::any_of(list, [&](const auto& e) { return std::strcmp(e.extensionName, extension) == 0; });
}

VkPhysicalDeviceMemoryProperties memory_properties(const InstanceProcs& procs, VkPhysicalDevice device) {
  VkPhysicalDeviceMemoryProperties properties{};
  procs.vkGetPhysicalDeviceMemoryProperties(device, &properties);
  return properties;
}

std::uint32_t types_with(const VkPhysicalDeviceMemoryProperties& properties, VkMemoryPropertyFlags flags) {
  std::uint32_t bits = 0;
  for (std::uint32_t i = 0; i < properties.memoryTypeCount; ++i) {
    if ((properties.memoryTypes[i].propertyFlags & flags) == flags) bits |= 1u << i;
  }
  return bits;
}

std::unexpected<Error> refused(const char* what, VkResult result) {
  return fail(std::string(what) + " (VkResult " + std::to_string(result) + ").", result);
}

// Checks through a mapping of its own, as the client would see it, that the GPU wrote the pattern.
Result<void> check_pattern(int fd) {
  auto view = platform::Mapping::map(fd, kTrialSize);
  if (!view) return std::unexpected(view.error());
  for (std::size_t at = 0; at < kTrialSize / 2; at += sizeof(kPattern)) {
    std::uint32_t word = 0;
    std::memcpy(&word, view->data() + at, sizeof(word));
    if (word != kPattern) return fail("What the GPU wrote does not show in the shared pages.");
  }
  return {};
}

// Renders into the second half of the shared pages. The answer is a sentence for the report; an error means that the
// pixels are wrong. Drivers that keep images out of imported memory say so by their memory types, which is fine:
// their images then get memory of their own.
Result<std::string> try_image(TrialDevice& trial, std::uint32_t memory_type, int fd) {
  VkMemoryRequirements requirements{};
  VkSubresourceLayout layout{};
  if (!trial.renders) return "Shared pages show what the GPU writes; it does not render.";
  if (trial.make_image(requirements, layout) != VK_SUCCESS) return "Linear images cannot be rendered to.";
  if ((requirements.memoryTypeBits & (1u << memory_type)) == 0) return "Images need memory of another type.";
  constexpr VkDeviceSize kOffset = kTrialSize / 2;
  if (requirements.size > kTrialSize - kOffset || kOffset % requirements.alignment != 0) {
    return "Images were not tried.";
  }
  const VkResult r = trial.render_red(kOffset);
  if (r != VK_SUCCESS) return refused("Rendering into shared pages fails", r);
  auto view = platform::Mapping::map(fd, kTrialSize);
  if (!view) return std::unexpected(view.error());
  constexpr std::array kRed{std::byte{255}, std::byte{0}, std::byte{0}, std::byte{255}};
  for (std::uint32_t y = 0; y < kImageSize; ++y) {
    for (std::uint32_t x = 0; x < kImageSize; ++x) {
      const VkDeviceSize at = kOffset + layout.offset + y * layout.rowPitch + x * VkDeviceSize{kRed.size()};
      if (at > kTrialSize - kRed.size() || !std::ranges::equal(kRed, std::span(view->data() + at, kRed.size()))) {
        return fail("What the GPU renders does not show in the shared pages.");
      }
    }
  }
  return "Shared pages show what the GPU writes and renders.";
}

Result<MemoryPlan> try_hostptr(const InstanceProcs& procs, VkPhysicalDevice physical) {
  if (!device_offers(procs, physical, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME)) {
    return fail("The driver has no VK_EXT_external_memory_host.");
  }
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &host};
  procs.vkGetPhysicalDeviceProperties2(physical, &properties);
  const VkDeviceSize alignment =
      std::max<VkDeviceSize>(host.minImportedHostPointerAlignment, platform::page_size());
  if (alignment > kTrialSize) return fail("The driver imports host memory only in steps above 64 KiB.");

  TrialDevice trial(procs, physical, {VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME});
  if (trial.result != VK_SUCCESS) return refused("The driver does not create a device", trial.result);
  auto fd = platform::create_shared_memory("hesper-probe", kTrialSize);
  if (!fd) return std::unexpected(fd.error());
  auto pages = platform::Mapping::map(fd->get(), kTrialSize, 0, alignment);
  if (!pages) return std::unexpected(pages.error());

  VkMemoryHostPointerPropertiesEXT importable{.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  VkResult r = trial.vk.vkGetMemoryHostPointerPropertiesEXT(
      trial.device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, pages->data(), &importable);
  if (r != VK_SUCCESS) return refused("The driver does not import shared memory", r);
  const std::uint32_t mappable = importable.memoryTypeBits & types_with(memory_properties(procs, physical), kCoherent);
  if (mappable == 0) return fail("The driver imports shared memory into no coherent memory type.");

  VkMemoryRequirements requirements{};
  r = trial.make_buffer(VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, requirements);
  if (r != VK_SUCCESS) return refused("The driver does not create a buffer for imported memory", r);
  const std::uint32_t usable = mappable & requirements.memoryTypeBits;
  if (usable == 0 || requirements.size > kTrialSize) return fail("No buffer fits into imported memory.");

  const VkImportMemoryHostPointerInfoEXT import{
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
      .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
      .pHostPointer = pages->data()};
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &import,
                                  .allocationSize = kTrialSize,
                                  .memoryTypeIndex = static_cast<std::uint32_t>(std::countr_zero(usable))};
  r = trial.vk.vkAllocateMemory(trial.device, &info, nullptr, &trial.memory);
  if (r != VK_SUCCESS) return refused("Importing shared memory fails", r);
  r = trial.fill(kPattern);
  if (r != VK_SUCCESS) return refused("Filling imported memory fails", r);
  if (auto checked = check_pattern(fd->get()); !checked) return std::unexpected(checked.error());
  auto images = try_image(trial, info.memoryTypeIndex, fd->get());
  if (!images) return std::unexpected(images.error());
  return MemoryPlan{.strategy = MemoryStrategy::hostptr,
                    .mappable_types = mappable,
                    .import_alignment = alignment,
                    .reason = std::move(*images)};
}

Result<MemoryPlan> try_dmabuf(const InstanceProcs& procs, VkPhysicalDevice physical) {
  constexpr VkExternalMemoryHandleTypeFlagBits kType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
  constexpr std::array kNeeded{VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME};
  for (const char* name : kNeeded) {
    if (!device_offers(procs, physical, name)) return fail(std::string("The driver has no ") + name + ".");
  }
  TrialDevice trial(procs, physical, {kNeeded.begin(), kNeeded.end()});
  if (trial.result != VK_SUCCESS) return refused("The driver does not create a device", trial.result);
  const std::uint32_t coherent = types_with(memory_properties(procs, physical), kCoherent);
  VkMemoryRequirements requirements{};
  VkResult r = trial.make_buffer(kType, requirements);
  if (r != VK_SUCCESS) return refused("The driver does not create a buffer for dma-buf memory", r);
  const std::uint32_t usable = coherent & requirements.memoryTypeBits;
  if (usable == 0 || requirements.size > kTrialSize) return fail("No buffer fits into coherent dma-buf memory.");

  const VkExportMemoryAllocateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                            .handleTypes = kType};
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &exported,
                                  .allocationSize = kTrialSize,
                                  .memoryTypeIndex = static_cast<std::uint32_t>(std::countr_zero(usable))};
  r = trial.vk.vkAllocateMemory(trial.device, &info, nullptr, &trial.memory);
  if (r != VK_SUCCESS) return refused("Allocating dma-buf memory fails", r);
  const VkMemoryGetFdInfoKHR get{
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR, .memory = trial.memory, .handleType = kType};
  int raw = -1;
  r = trial.vk.vkGetMemoryFdKHR(trial.device, &get, &raw);
  if (r != VK_SUCCESS) return refused("Exporting a dma-buf fails", r);
  const UniqueFd fd(raw);
  r = trial.fill(kPattern);
  if (r != VK_SUCCESS) return refused("Filling dma-buf memory fails", r);
  if (auto checked = check_pattern(fd.get()); !checked) return std::unexpected(checked.error());
  auto images = try_image(trial, info.memoryTypeIndex, fd.get());
  if (!images) return std::unexpected(images.error());
  return MemoryPlan{.strategy = MemoryStrategy::dmabuf,
                    .mappable_types = coherent,
                    .import_alignment = platform::page_size(),
                    .reason = "dma-bufs can be mapped. " + *images};
}

}  // namespace

Result<MemoryPlan> plan_memory(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy wanted) {
  if (wanted == MemoryStrategy::hostptr) return try_hostptr(procs, device);
  auto dmabuf = try_dmabuf(procs, device);
  if (dmabuf || wanted == MemoryStrategy::dmabuf) return dmabuf;
  auto hostptr = try_hostptr(procs, device);
  if (!hostptr) {
    return fail("Its memory cannot be shared with a client. dmabuf: " + dmabuf.error().message +
                " hostptr: " + hostptr.error().message);
  }
  hostptr->reason += " dmabuf was tried first: " + dmabuf.error().message;
  return hostptr;
}

Emulation plan_emulation(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy strategy,
                         bool dma_buf_wanted) {
  Emulation emulation{.semaphore_sync_fd = true,
                      .fence_sync_fd = true,
                      .dma_buf = dma_buf_wanted && strategy == MemoryStrategy::hostptr &&
                                 device_offers(procs, device, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME)};
  if (device_offers(procs, device, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) {
    const VkPhysicalDeviceExternalSemaphoreInfo info{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
        .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
    VkExternalSemaphoreProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
    procs.vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &answer);
    constexpr VkExternalSemaphoreFeatureFlags kBoth =
        VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
    emulation.semaphore_sync_fd = (answer.externalSemaphoreFeatures & kBoth) != kBoth;
  }
  if (device_offers(procs, device, VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME)) {
    const VkPhysicalDeviceExternalFenceInfo info{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
                                                 .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT};
    VkExternalFenceProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES};
    procs.vkGetPhysicalDeviceExternalFenceProperties(device, &info, &answer);
    emulation.fence_sync_fd = (answer.externalFenceFeatures & VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT) == 0;
  }
  return emulation;
}

}  // namespace hesper::render
