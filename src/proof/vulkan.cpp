// Commands of Venus, encoded as Mesa's driver would, on the context's stream. Each call's reply is awaited: a picture
// takes some dozens of commands, and whoever reads the proof wants to know which one failed.
#include "proof/vulkan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "wire/encoder.h"
#include "wire/names.h"

namespace hesper::proof {
namespace {

constexpr std::uint32_t kReplies = 100;  // the resource
constexpr std::uint64_t kRepliesPlace = 0;
constexpr std::size_t kRepliesSize = std::size_t{64} << 10;
constexpr std::size_t kLongestCommand = std::size_t{16} << 10;
// Bytes of replies: of a device's properties with its driver's, of its kinds of memory, of its queues.
constexpr std::size_t kProperties = 2048;
constexpr std::size_t kMemories = 1024;
constexpr std::size_t kFamilies = 1024;
static_assert(kProperties <= kMostRead);

// The picture's memory: whole steps of every host's, and less than the window has.
constexpr std::uint64_t kStep = std::uint64_t{64} << 10;
constexpr std::uint64_t kMostMemory = std::uint64_t{8} << 20;

constexpr std::uint32_t kMostDevices = 8;
constexpr std::uint32_t kMostFamilies = 16;
constexpr std::uint32_t kGenerateReply = 1;

// A client's handle is its object id.
template <class Handle>
Handle as_handle(wire::ObjectId id) {
  return std::bit_cast<Handle>(id);
}

template <class Args>
std::vector<std::byte> encode(const Args& args, std::uint32_t flags) {
  std::vector<std::byte> bytes(kLongestCommand);
  wire::Encoder encoder(bytes);
  wire::encode_request(encoder, flags, args);
  bytes.resize(encoder.position());
  return bytes;
}

int rank_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return 1;
    default: return 0;
  }
}

// What the other side fills in may lack its end.
template <std::size_t Size>
std::string text_of(const char (&text)[Size]) {
  std::string result(text, std::find(text, text + Size, '\0'));
  std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

}  // namespace

template <class Args>
void VulkanClient::add(const Args& args) {
  const auto bytes = encode(args, 0);
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
}

template <class Args>
Result<void> VulkanClient::call(Args& args, std::size_t most) {
  add(wire::vkSeekReplyCommandStreamMESA_args{});
  const auto bytes = encode(args, kGenerateReply);
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  const std::string_view name = wire::command_name(std::to_underlying(Args::kType));
  auto submitted = driver_.submit(std::exchange(waiting_, {}));
  if (!submitted)
    return fail(fmt::format("{} is not executed. {}", name, submitted.error().message), submitted.error().code);
  const auto reply = player_.read(kRepliesPlace, most);
  if (!reply) return std::unexpected(reply.error());
  arena_.reset();
  wire::Decoder decoder(arena_, nullptr);
  decoder.reset(*reply);
  const auto type = decoder.take<std::uint32_t>();
  if (type == std::to_underlying(Args::kType)) wire::decode_reply(decoder, args);
  if (type != std::to_underlying(Args::kType) || !decoder.ok())
    return fail(fmt::format("What the guest finds in the memory that it has mapped is no reply to {}.", name), EPROTO);
  if constexpr (requires { args.ret; })
    if (args.ret < 0)
      return fail(fmt::format("{} fails with VkResult {}.", name, std::to_underlying(args.ret)), args.ret);
  return {};
}

Result<void> VulkanClient::start() {
  auto order = driver_.blobs_come_first();
  if (!order) return std::unexpected(std::move(order.error()));
  blobs_first_ = *order;
  if (auto made = driver_.make_context(); !made) return made;
  if (auto made = driver_.make_blob(kReplies, 0, kRepliesPlace, kRepliesSize); !made) return made;
  const wire::VkCommandStreamDescriptionMESA where{.resourceId = kReplies, .offset = 0, .size = kRepliesSize};
  wire::vkSetReplyCommandStreamMESA_args target;
  target.pStream = &where;
  add(target);
  return {};
}

Result<std::string> VulkanClient::make_device() {
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "hesper proof",
                                      .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  wire::ObjectId instance = new_id();
  VkInstance ignored{};
  wire::vkCreateInstance_args create;
  create.pCreateInfo = &info;
  create.pInstance = &ignored;
  create.pInstance_ids = &instance;
  if (auto created = call(create); !created) return std::unexpected(std::move(created.error()));
  auto chosen = choose_physical_device(instance);
  if (!chosen) return std::unexpected(std::move(chosen.error()));
  physical_device_ = *chosen;
  if (auto family = choose_queue_family(); !family) return std::unexpected(std::move(family.error()));

  wire::vkGetPhysicalDeviceMemoryProperties_args get_memories;
  get_memories.physicalDevice.id = physical_device_;
  get_memories.pMemoryProperties = &memories_;
  if (auto got = call(get_memories, kMemories); !got) return std::unexpected(std::move(got.error()));
  memories_ = *get_memories.pMemoryProperties;
  memories_.memoryTypeCount = std::min<std::uint32_t>(memories_.memoryTypeCount, VK_MAX_MEMORY_TYPES);

  const float priority = 1.0F;
  const VkDeviceQueueCreateInfo queue_info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = queue_family_,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
  const VkDeviceCreateInfo device_info{
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue_info};
  device_ = new_id();
  VkDevice made{};
  wire::vkCreateDevice_args make;
  make.physicalDevice.id = physical_device_;
  make.pCreateInfo = &device_info;
  make.pDevice = &made;
  make.pDevice_ids = &device_;
  if (auto created = call(make); !created) return std::unexpected(std::move(created.error()));

  const wire::VkDeviceQueueTimelineInfoMESA bind{
      .sType = wire::VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA, .pNext = nullptr, .ringIdx = kQueueRing};
  const VkDeviceQueueInfo2 which{
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, .pNext = &bind, .queueFamilyIndex = queue_family_};
  wire::ObjectId queue = new_id();
  VkQueue got{};
  wire::vkGetDeviceQueue2_args get_queue;
  get_queue.device.id = device_;
  get_queue.pQueueInfo = &which;
  get_queue.pQueue = &got;
  get_queue.pQueue_ids = &queue;
  queue_ = queue;
  if (auto bound = call(get_queue); !bound) return std::unexpected(std::move(bound.error()));
  return device_name_;
}

Result<wire::ObjectId> VulkanClient::choose_physical_device(wire::ObjectId instance) {
  std::array<wire::ObjectId, kMostDevices> ids;
  for (auto& id : ids) id = new_id();
  std::array<VkPhysicalDevice, kMostDevices> handles{};
  std::uint32_t count = kMostDevices;
  wire::vkEnumeratePhysicalDevices_args enumerate;
  enumerate.instance.id = instance;
  enumerate.pPhysicalDeviceCount = &count;
  enumerate.pPhysicalDevices = handles.data();
  enumerate.pPhysicalDevices_ids = ids.data();
  if (auto done = call(enumerate); !done) return std::unexpected(std::move(done.error()));
  count = std::min(*enumerate.pPhysicalDeviceCount, kMostDevices);
  wire::ObjectId best = 0;
  int best_rank = -1;
  for (std::uint32_t i = 0; i < count; ++i) {
    VkPhysicalDeviceDriverProperties driver{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
    wire::vkGetPhysicalDeviceProperties2_args get;
    get.physicalDevice.id = ids[i];
    get.pProperties = &properties;
    if (auto got = call(get, kProperties); !got) return std::unexpected(std::move(got.error()));
    const VkPhysicalDeviceProperties& told = get.pProperties->properties;
    const int rank = rank_of(told.deviceType);
    if (rank <= best_rank) continue;
    best_rank = rank;
    best = ids[i];
    device_name_ = text_of(told.deviceName);
    const auto* of_driver = static_cast<const VkPhysicalDeviceDriverProperties*>(get.pProperties->pNext);
    if (of_driver != nullptr && of_driver->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES &&
        of_driver->driverName[0] != '\0')
      device_name_ += fmt::format(", driver {} {}", text_of(of_driver->driverName), text_of(of_driver->driverInfo));
  }
  if (best == 0) return fail("Vulkan has no device that a guest can use.", ENODEV);
  return best;
}

Result<void> VulkanClient::choose_queue_family() {
  std::array<VkQueueFamilyProperties, kMostFamilies> families{};
  std::uint32_t count = kMostFamilies;
  wire::vkGetPhysicalDeviceQueueFamilyProperties_args get;
  get.physicalDevice.id = physical_device_;
  get.pQueueFamilyPropertyCount = &count;
  get.pQueueFamilyProperties = families.data();
  if (auto got = call(get, kFamilies); !got) return got;
  // What clears images.
  constexpr VkQueueFlags kAny = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;
  count = std::min(*get.pQueueFamilyPropertyCount, kMostFamilies);
  for (std::uint32_t i = 0; i < count && get.pQueueFamilyProperties != nullptr; ++i) {
    if ((get.pQueueFamilyProperties[i].queueFlags & kAny) == 0) continue;
    queue_family_ = i;
    return {};
  }
  return fail("The device has no queue that draws or computes.", ENODEV);
}

Result<std::uint32_t> VulkanClient::memory_type(std::uint32_t allowed, VkMemoryPropertyFlags wanted) {
  for (const VkMemoryPropertyFlags flags : {wanted, VkMemoryPropertyFlags{0}}) {
    for (std::uint32_t i = 0; i < memories_.memoryTypeCount; ++i)
      if ((allowed >> i & 1) != 0 && (memories_.memoryTypes[i].propertyFlags & flags) == flags) return i;
    if ((wanted & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0) break;  // not a wish
  }
  return fail("The device has no memory that a guest can map, for a buffer to which it copies.", ENOTSUP);
}

Result<void> VulkanClient::make_memory() {
  if (auto made = make_buffer(); !made) return made;
  if (auto made = make_image(); !made) return made;
  return make_commands();
}

Result<void> VulkanClient::make_buffer() {
  const VkBufferCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = kPictureSize, .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  buffer_ = new_id();
  VkBuffer made{};
  wire::vkCreateBuffer_args create;
  create.device.id = device_;
  create.pCreateInfo = &info;
  create.pBuffer = &made;
  create.pBuffer_ids = &buffer_;
  if (auto created = call(create); !created) return created;
  VkMemoryRequirements needs{};
  wire::vkGetBufferMemoryRequirements_args get;
  get.device.id = device_;
  get.buffer.id = buffer_;
  get.pMemoryRequirements = &needs;
  if (auto got = call(get); !got) return got;
  needs = *get.pMemoryRequirements;
  if (needs.size > kMostMemory)
    return fail(fmt::format("A buffer of {} bytes needs {} of memory.", kPictureSize, needs.size), ENOTSUP);
  const std::uint64_t size = (needs.size + kStep - 1) / kStep * kStep;
  const auto type =
      memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  if (!type) return std::unexpected(type.error());

  if (blobs_first_)
    if (auto blob = driver_.make_blob(kPicture, 0, kPicturePlace, size); !blob) return blob;
  const wire::VkImportMemoryResourceInfoMESA import{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA, .pNext = nullptr, .resourceId = kPicture};
  const VkMemoryAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .pNext = blobs_first_ ? &import : nullptr,
                                        .allocationSize = size,
                                        .memoryTypeIndex = *type};
  wire::ObjectId memory = new_id();
  VkDeviceMemory ignored{};
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = device_;
  allocate.pAllocateInfo = &allocation;
  allocate.pMemory = &ignored;
  allocate.pMemory_ids = &memory;
  const wire::ObjectId id = memory;
  if (auto allocated = call(allocate); !allocated) return allocated;
  if (!blobs_first_)
    if (auto blob = driver_.make_blob(kPicture, id, kPicturePlace, size); !blob) return blob;
  wire::vkBindBufferMemory_args bind;
  bind.device.id = device_;
  bind.buffer.id = buffer_;
  bind.memory.id = id;
  return call(bind);
}

Result<void> VulkanClient::make_image() {
  const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = VK_FORMAT_B8G8R8A8_UNORM,
                               .extent = {kTileWidth, kTileHeight, 1},
                               .mipLevels = 1,
                               .arrayLayers = kTiles,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .tiling = VK_IMAGE_TILING_OPTIMAL,
                               .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                               .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED};
  image_ = new_id();
  VkImage made{};
  wire::vkCreateImage_args create;
  create.device.id = device_;
  create.pCreateInfo = &info;
  create.pImage = &made;
  create.pImage_ids = &image_;
  if (auto created = call(create); !created) return created;
  VkMemoryRequirements needs{};
  wire::vkGetImageMemoryRequirements_args get;
  get.device.id = device_;
  get.image.id = image_;
  get.pMemoryRequirements = &needs;
  if (auto got = call(get); !got) return got;
  needs = *get.pMemoryRequirements;
  const auto type = memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  if (!type) return std::unexpected(type.error());
  const VkMemoryAllocateInfo allocation{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = needs.size, .memoryTypeIndex = *type};
  wire::ObjectId memory = new_id();
  const wire::ObjectId id = memory;
  VkDeviceMemory ignored{};
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = device_;
  allocate.pAllocateInfo = &allocation;
  allocate.pMemory = &ignored;
  allocate.pMemory_ids = &memory;
  if (auto allocated = call(allocate); !allocated) return allocated;
  wire::vkBindImageMemory_args bind;
  bind.device.id = device_;
  bind.image.id = image_;
  bind.memory.id = id;
  return call(bind);
}

Result<void> VulkanClient::make_commands() {
  const VkCommandPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = queue_family_};
  wire::ObjectId pool = new_id();
  const wire::ObjectId pool_id = pool;
  VkCommandPool made{};
  wire::vkCreateCommandPool_args create;
  create.device.id = device_;
  create.pCreateInfo = &info;
  create.pCommandPool = &made;
  create.pCommandPool_ids = &pool;
  if (auto created = call(create); !created) return created;
  const VkCommandBufferAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                               .commandPool = as_handle<VkCommandPool>(pool_id),
                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                               .commandBufferCount = 1};
  wire::ObjectId buffer = new_id();
  commands_ = buffer;
  VkCommandBuffer ignored{};
  wire::vkAllocateCommandBuffers_args allocate;
  allocate.device.id = device_;
  allocate.pAllocateInfo = &allocation;
  allocate.pCommandBuffers = &ignored;
  allocate.pCommandBuffers_ids = &buffer;
  return call(allocate);
}

void VulkanClient::add_barrier(VkImageLayout from, VkImageLayout to) {
  const auto access = [](VkImageLayout layout) -> VkAccessFlags {
    if (layout == VK_IMAGE_LAYOUT_UNDEFINED) return 0;
    return layout == VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL ? VK_ACCESS_TRANSFER_READ_BIT : VK_ACCESS_TRANSFER_WRITE_BIT;
  };
  const VkImageMemoryBarrier barrier{
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .srcAccessMask = access(from),
      .dstAccessMask = access(to),
      .oldLayout = from,
      .newLayout = to,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = as_handle<VkImage>(image_),
      .subresourceRange = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = kTiles}};
  wire::vkCmdPipelineBarrier_args command;
  command.commandBuffer.id = commands_;
  command.srcStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
  command.dstStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
  command.imageMemoryBarrierCount = 1;
  command.pImageMemoryBarriers = &barrier;
  add(command);
}

void VulkanClient::add_clear(std::uint32_t layer, std::uint32_t pixel) {
  VkClearColorValue colour{};
  // Exact in eight bits: n / 255 rounds to n.
  for (std::size_t i = 0; i < 3; ++i) colour.float32[i] = static_cast<float>(pixel >> (16 - 8 * i) & 0xff) / 255;
  colour.float32[3] = 1;
  const VkImageSubresourceRange range{
      .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .baseArrayLayer = layer, .layerCount = 1};
  wire::vkCmdClearColorImage_args clear;
  clear.commandBuffer.id = commands_;
  clear.image.id = image_;
  clear.imageLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
  clear.pColor = &colour;
  clear.rangeCount = 1;
  clear.pRanges = &range;
  add(clear);
}

void VulkanClient::add_copy(std::span<const Tile> tiles) {
  std::vector<VkBufferImageCopy> regions;
  for (std::uint32_t i = 0; i < tiles.size(); ++i)
    regions.push_back(
        {.bufferOffset = tiles[i].offset(),
         .bufferRowLength = kWidth,
         .imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .baseArrayLayer = i, .layerCount = 1},
         .imageExtent = {kTileWidth, kTileHeight, 1}});
  wire::vkCmdCopyImageToBuffer_args copy;
  copy.commandBuffer.id = commands_;
  copy.srcImage.id = image_;
  copy.srcImageLayout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  copy.dstBuffer.id = buffer_;
  copy.regionCount = static_cast<std::uint32_t>(regions.size());
  copy.pRegions = regions.data();
  add(copy);
}

Result<void> VulkanClient::draw(std::span<const Tile> tiles) {
  const VkCommandBufferBeginInfo begin_info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  wire::vkBeginCommandBuffer_args begin;
  begin.commandBuffer.id = commands_;
  begin.pBeginInfo = &begin_info;
  if (auto begun = call(begin); !begun) return begun;
  add_barrier(VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  for (std::uint32_t i = 0; i < tiles.size(); ++i) add_clear(i, tiles[i].pixel);
  add_barrier(VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL);
  add_copy(tiles);
  const VkMemoryBarrier to_host{.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
  wire::vkCmdPipelineBarrier_args last;
  last.commandBuffer.id = commands_;
  last.srcStageMask = VK_PIPELINE_STAGE_TRANSFER_BIT;
  last.dstStageMask = VK_PIPELINE_STAGE_HOST_BIT;
  last.memoryBarrierCount = 1;
  last.pMemoryBarriers = &to_host;
  add(last);
  wire::vkEndCommandBuffer_args end;
  end.commandBuffer.id = commands_;
  if (auto ended = call(end); !ended) return ended;

  const auto commands = as_handle<VkCommandBuffer>(commands_);
  const VkSubmitInfo info{
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
  wire::vkQueueSubmit_args submit;
  submit.queue.id = queue_;
  submit.submitCount = 1;
  submit.pSubmits = &info;
  if (auto submitted = call(submit); !submitted) return submitted;
  return driver_.fence(kQueueRing);
}

}  // namespace hesper::proof
