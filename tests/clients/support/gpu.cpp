// Gpu and the owners of its buffers, images and command buffers.
#include "support/gpu.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <format>
#include <stdexcept>

namespace hesper::clients {

void check(VkResult result, Where where) {
  if (result == VK_SUCCESS) return;
  throw std::runtime_error(std::format("{}:{}: a Vulkan call returned VkResult {}.", where.file_name(), where.line(),
                                       static_cast<int>(result)));
}

void expect(bool truth, std::string_view what, Where where) {
  if (!truth) throw std::runtime_error(std::format("{}:{}: {}", where.file_name(), where.line(), what));
}

Gpu::Gpu(const GpuOptions& options) {
  const char* name = std::getenv("HESPER_CLIENT_NAME");  // by which a test tells two clients apart
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = name != nullptr ? name : "hesper-client",
                                      .apiVersion = VK_API_VERSION_1_3};
  const VkInstanceCreateInfo instance{
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pApplicationInfo = &application,
      .enabledExtensionCount = static_cast<std::uint32_t>(options.instance_extensions.size()),
      .ppEnabledExtensionNames = options.instance_extensions.data()};
  check(vkCreateInstance(&instance, nullptr, &instance_));

  std::uint32_t devices = 1;
  const VkResult listed = vkEnumeratePhysicalDevices(instance_, &devices, &physical_);
  if (listed != VK_INCOMPLETE) check(listed);
  expect(devices == 1, "There is no Vulkan device.");
  vkGetPhysicalDeviceProperties(physical_, &properties_);
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);

  std::uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical_, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical_, &count, families.data());
  constexpr VkQueueFlags kNeeded = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  const auto family =
      std::ranges::find_if(families, [](const auto& each) { return (each.queueFlags & kNeeded) == kNeeded; });
  expect(family != families.end(), "No queue family has both graphics and compute.");
  family_ = static_cast<std::uint32_t>(family - families.begin());

  const std::vector<float> priorities(std::min(options.queues, family->queueCount), 1.0F);
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = family_,
                                      .queueCount = static_cast<std::uint32_t>(priorities.size()),
                                      .pQueuePriorities = priorities.data()};
  const VkDeviceCreateInfo device{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                  .pNext = options.features,
                                  .queueCreateInfoCount = 1,
                                  .pQueueCreateInfos = &queue,
                                  .enabledExtensionCount = static_cast<std::uint32_t>(options.device_extensions.size()),
                                  .ppEnabledExtensionNames = options.device_extensions.data()};
  check(vkCreateDevice(physical_, &device, nullptr, &device_));
  queues_.resize(priorities.size());
  for (std::uint32_t i = 0; i < queues_.size(); ++i) vkGetDeviceQueue(device_, family_, i, &queues_[i]);
}

Gpu::~Gpu() {
  if (device_) vkDeviceWaitIdle(device_);
  vkDestroyDevice(device_, nullptr);
  vkDestroyInstance(instance_, nullptr);
}

std::uint32_t Gpu::memory_type(std::uint32_t bits, VkMemoryPropertyFlags flags) const {
  for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
    if ((bits >> i & 1U) != 0 && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  }
  throw std::runtime_error(std::format("No memory type in {:#x} has the properties {:#x}.", bits, flags));
}

bool Gpu::has_device_extension(std::string_view name) const {
  std::uint32_t count = 0;
  check(vkEnumerateDeviceExtensionProperties(physical_, nullptr, &count, nullptr));
  std::vector<VkExtensionProperties> extensions(count);
  check(vkEnumerateDeviceExtensionProperties(physical_, nullptr, &count, extensions.data()));
  return std::ranges::any_of(extensions, [&](const auto& each) { return name == each.extensionName; });
}

Buffer::Buffer(const Gpu& gpu, VkDeviceSize size, VkBufferUsageFlags usage, VkMemoryPropertyFlags flags)
    : size_(size),
      buffer_(create<RawBuffer>(gpu.device(), vkCreateBuffer,
                                {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = usage})) {
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(gpu.device(), buffer_.get(), &needs);
  memory_ = create<Memory>(gpu.device(), vkAllocateMemory,
                           {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                            .allocationSize = needs.size,
                            .memoryTypeIndex = gpu.memory_type(needs.memoryTypeBits, flags)});
  check(vkBindBufferMemory(gpu.device(), buffer_.get(), memory_.get(), 0));
  if ((flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) == 0) return;
  void* address = nullptr;
  check(vkMapMemory(gpu.device(), memory_.get(), 0, VK_WHOLE_SIZE, 0, &address));
  mapped_ = {static_cast<std::byte*>(address), static_cast<std::size_t>(size)};
}

Image::Image(const Gpu& gpu, const Options& options)
    : image_(create<RawImage>(gpu.device(), vkCreateImage,
                              {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = options.format,
                               .extent = {options.size.width, options.size.height, 1},
                               .mipLevels = options.levels,
                               .arrayLayers = 1,
                               .samples = options.samples,
                               .tiling = VK_IMAGE_TILING_OPTIMAL,
                               .usage = options.usage})) {
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(gpu.device(), image_.get(), &needs);
  memory_ =
      create<Memory>(gpu.device(), vkAllocateMemory,
                     {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                      .allocationSize = needs.size,
                      .memoryTypeIndex = gpu.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)});
  check(vkBindImageMemory(gpu.device(), image_.get(), memory_.get(), 0));
  view_ = create<ImageView>(gpu.device(), vkCreateImageView,
                            {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                             .image = image_.get(),
                             .viewType = VK_IMAGE_VIEW_TYPE_2D,
                             .format = options.format,
                             .subresourceRange = {options.aspect, 0, options.levels, 0, 1}});
}

Commands::Commands(const Gpu& gpu)
    : gpu_(gpu),
      pool_(create<CommandPool>(gpu.device(), vkCreateCommandPool,
                                {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                 .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                 .queueFamilyIndex = gpu.family()})) {}

VkCommandBuffer Commands::allocate(VkCommandBufferLevel level) const {
  const VkCommandBufferAllocateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = pool_.get(),
                                         .level = level,
                                         .commandBufferCount = 1};
  VkCommandBuffer commands{};
  check(vkAllocateCommandBuffers(gpu_.device(), &info, &commands));
  return commands;
}

VkCommandBuffer Commands::begin(VkCommandBufferUsageFlags flags) const {
  VkCommandBuffer commands = allocate();
  const VkCommandBufferBeginInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, .flags = flags};
  check(vkBeginCommandBuffer(commands, &info));
  return commands;
}

void Commands::now(const std::function<void(VkCommandBuffer)>& record) const {
  VkCommandBuffer commands = begin();
  record(commands);
  check(vkEndCommandBuffer(commands));
  const Fence fence = create<Fence>(gpu_.device(), vkCreateFence, {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO});
  const VkSubmitInfo submit{
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
  check(vkQueueSubmit(gpu_.queue(), 1, &submit, fence.get()));
  check(vkWaitForFences(gpu_.device(), 1, fence.address(), VK_TRUE, UINT64_MAX));
  vkFreeCommandBuffers(gpu_.device(), pool_.get(), 1, &commands);
}

void transition(VkCommandBuffer commands, const Transition& what) {
  constexpr VkAccessFlags kAll = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  const VkImageMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                     .srcAccessMask = kAll,
                                     .dstAccessMask = kAll,
                                     .oldLayout = what.from,
                                     .newLayout = what.to,
                                     .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                     .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                     .image = what.image,
                                     .subresourceRange = {what.aspect, what.level, what.levels, 0, 1}};
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, nullptr,
                       0, nullptr, 1, &barrier);
}

void full_barrier(VkCommandBuffer commands) {
  constexpr VkAccessFlags kAll = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
  const VkMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = kAll | VK_ACCESS_HOST_WRITE_BIT,
                                .dstAccessMask = kAll | VK_ACCESS_HOST_READ_BIT};
  constexpr VkPipelineStageFlags kStages = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT;
  vkCmdPipelineBarrier(commands, kStages, kStages, 0, 1, &barrier, 0, nullptr, 0, nullptr);
}

Pipeline compute_pipeline(const Gpu& gpu, std::span<const std::uint32_t> spirv, VkPipelineLayout layout,
                          const VkSpecializationInfo* constants) {
  const ShaderModule shader = create<ShaderModule>(
      gpu.device(), vkCreateShaderModule,
      {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = spirv.size_bytes(), .pCode = spirv.data()});
  const VkComputePipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
                                         .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                                                   .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                                                   .module = shader.get(),
                                                   .pName = "main",
                                                   .pSpecializationInfo = constants},
                                         .layout = layout};
  VkPipeline pipeline{};
  check(vkCreateComputePipelines(gpu.device(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline));
  return Pipeline(gpu.device(), pipeline);
}

}  // namespace hesper::clients
