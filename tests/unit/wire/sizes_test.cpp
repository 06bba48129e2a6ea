// Sizes of requests and replies that were measured with other implementations of the protocol (docs/wire.md). Every
// command is also decoded and encoded again, both ways.
#include "coding.h"

namespace hesper::wire {
namespace {

TEST(Size, EnumeratePhysicalDevices) {
  std::uint32_t count = 0;
  vkEnumeratePhysicalDevices_args args;
  args.instance.id = 1;
  args.pPhysicalDeviceCount = &count;
  RoundTrip query(args);
  EXPECT_EQ(query.request_size(), 36u);
  EXPECT_EQ(query.reply_size(), 28u);

  count = 1;
  ObjectId id = 2;
  args.pPhysicalDevices_ids = &id;
  RoundTrip one(args);
  EXPECT_EQ(one.request_size(), 44u);
  EXPECT_EQ(one.reply_size(), 36u);
}

TEST(Size, CreateInstance) {
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "app",
                                      .pEngineName = "engine!",
                                      .apiVersion = VK_API_VERSION_1_1};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  ObjectId id = 1;
  vkCreateInstance_args args;
  args.pCreateInfo = &info;
  args.pInstance_ids = &id;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 140u);
  EXPECT_EQ(trip.reply_size(), 24u);
  EXPECT_STREQ(trip.args.pCreateInfo->pApplicationInfo->pEngineName, "engine!");
}

TEST(Size, PhysicalDeviceProperties) {
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties_args args;
  args.physicalDevice.id = 2;
  args.pProperties = &properties;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 24u);
  EXPECT_EQ(trip.reply_size(), 880u);
}

struct ChainCase {
  const char* name;
  VkStructureType stype;
  std::size_t request;
  std::size_t reply;
};
constexpr ChainCase kProperties[] = {
    {"id", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, 48, 976},
    {"1.1", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES, 48, 1020},
    {"1.2", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES, 48, 1648},
    {"1.3", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES, 48, 1096},
    {"1.4", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_4_PROPERTIES, 72, 1032},
    {"host image copy", VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_HOST_IMAGE_COPY_PROPERTIES, 72, 956},
};

TEST(Size, PhysicalDeviceProperties2WithChains) {
  for (const ChainCase& row : kProperties) {
    SCOPED_TRACE(row.name);
    // Large enough for each of the structs.
    alignas(8) std::byte chained[2048] = {};
    std::memcpy(chained, &row.stype, sizeof row.stype);
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = chained};
    vkGetPhysicalDeviceProperties2_args args;
    args.physicalDevice.id = 2;
    args.pProperties = &properties;
    RoundTrip trip(args);
    EXPECT_EQ(trip.request_size(), row.request);
    EXPECT_EQ(trip.reply_size(), row.reply);
  }
}

TEST(Size, PhysicalDeviceFeatures) {
  VkPhysicalDeviceFeatures features{};
  vkGetPhysicalDeviceFeatures_args args;
  args.physicalDevice.id = 2;
  args.pFeatures = &features;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 24u);
  EXPECT_EQ(trip.reply_size(), 232u);

  VkPhysicalDeviceVulkan12Features features12{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceVulkan11Features features11{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                              .pNext = &features12};
  VkPhysicalDeviceFeatures2 features2{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &features11};
  vkGetPhysicalDeviceFeatures2_args args2;
  args2.physicalDevice.id = 2;
  args2.pFeatures = &features2;
  RoundTrip trip2(args2);
  EXPECT_EQ(trip2.request_size(), 60u);
  EXPECT_EQ(trip2.reply_size(), 504u);
}

TEST(Size, PhysicalDeviceMemoryProperties) {
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties_args args;
  args.physicalDevice.id = 2;
  args.pMemoryProperties = &memory;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 40u);
  EXPECT_EQ(trip.reply_size(), 484u);

  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
  VkPhysicalDeviceMemoryProperties2 memory2{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                            .pNext = &budget};
  vkGetPhysicalDeviceMemoryProperties2_args args2;
  args2.physicalDevice.id = 2;
  args2.pMemoryProperties = &memory2;
  RoundTrip trip2(args2);
  EXPECT_EQ(trip2.request_size(), 64u);
  EXPECT_EQ(trip2.reply_size(), 780u);
}

TEST(Size, EnumeratePhysicalDeviceGroups) {
  std::uint32_t count = 1;
  VkPhysicalDeviceGroupProperties group{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GROUP_PROPERTIES};
  group.physicalDevices[0] = handle<VkPhysicalDevice>(2);
  vkEnumeratePhysicalDeviceGroups_args args;
  args.instance.id = 1;
  args.pPhysicalDeviceGroupCount = &count;
  args.pPhysicalDeviceGroupProperties = &group;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 312u);
  EXPECT_EQ(trip.reply_size(), 312u);
  EXPECT_EQ(trip.args.pPhysicalDeviceGroupProperties->physicalDevices[0], handle<VkPhysicalDevice>(2));
}

TEST(Size, QueueFamilyProperties2) {
  std::uint32_t count = 2;
  VkQueueFamilyProperties2 families[2] = {{.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2},
                                          {.sType = VK_STRUCTURE_TYPE_QUEUE_FAMILY_PROPERTIES_2}};
  vkGetPhysicalDeviceQueueFamilyProperties2_args args;
  args.physicalDevice.id = 2;
  args.pQueueFamilyPropertyCount = &count;
  args.pQueueFamilyProperties = families;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 60u);
  EXPECT_EQ(trip.reply_size(), 96u);
}

TEST(Size, EnumerateDeviceExtensionProperties) {
  std::uint32_t count = 2;
  VkExtensionProperties properties[2] = {};
  vkEnumerateDeviceExtensionProperties_args args;
  args.physicalDevice.id = 2;
  args.pPropertyCount = &count;
  args.pProperties = properties;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 44u);
  EXPECT_EQ(trip.reply_size(), 564u);
}

TEST(Size, ExternalSemaphoreProperties) {
  const VkPhysicalDeviceExternalSemaphoreInfo info{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
                                                   .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
  VkExternalSemaphoreProperties properties{.sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
  vkGetPhysicalDeviceExternalSemaphoreProperties_args args;
  args.physicalDevice.id = 2;
  args.pExternalSemaphoreInfo = &info;
  args.pExternalSemaphoreProperties = &properties;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 60u);
  EXPECT_EQ(trip.reply_size(), 36u);
}

TEST(Size, AllocateMemory) {
  const VkImportMemoryResourceInfoMESA import{
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA, .pNext = nullptr, .resourceId = 7};
  const VkMemoryDedicatedAllocateInfo dedicated{
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, .pNext = &import, .buffer = handle<VkBuffer>(77)};
  const VkMemoryAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = &dedicated, .allocationSize = 4096};
  ObjectId id = 78;
  vkAllocateMemory_args args;
  args.device.id = 5;
  args.pAllocateInfo = &info;
  args.pMemory_ids = &id;
  EXPECT_EQ(RoundTrip(args).request_size(), 116u);
}

TEST(Size, GetDeviceQueue2) {
  const VkDeviceQueueTimelineInfoMESA timeline{
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_TIMELINE_INFO_MESA, .pNext = nullptr, .ringIdx = 1};
  const VkDeviceQueueInfo2 info{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_INFO_2, .pNext = &timeline};
  ObjectId id = 6;
  vkGetDeviceQueue2_args args;
  args.device.id = 5;
  args.pQueueInfo = &info;
  args.pQueue_ids = &id;
  EXPECT_EQ(RoundTrip(args).request_size(), 80u);
}

TEST(Size, QueueSubmit) {
  const VkSemaphore wait = handle<VkSemaphore>(10);
  const VkSemaphore signal = handle<VkSemaphore>(11);
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  const VkCommandBuffer commands = handle<VkCommandBuffer>(12);
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .waitSemaphoreCount = 1,
                            .pWaitSemaphores = &wait,
                            .pWaitDstStageMask = &stage,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands,
                            .signalSemaphoreCount = 1,
                            .pSignalSemaphores = &signal};
  vkQueueSubmit_args args;
  args.queue.id = 6;
  args.submitCount = 1;
  args.pSubmits = &submit;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 120u);
  EXPECT_EQ(trip.args.pSubmits->pCommandBuffers[0], commands);
  EXPECT_EQ(trip.args.pSubmits->pSignalSemaphores[0], signal);
}

TEST(Size, WaitForFences) {
  const ObjectId ids[2] = {20, 21};
  vkWaitForFences_args args;
  args.device.id = 5;
  args.fenceCount = 2;
  args.pFences_ids = ids;
  args.waitAll = VK_TRUE;
  args.timeout = UINT64_MAX;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 56u);
  EXPECT_EQ(trip.reply_size(), 8u);
  EXPECT_EQ(trip.args.pFences[1], handle<VkFence>(21));
}

TEST(Size, WaitSemaphores) {
  const VkSemaphore semaphore = handle<VkSemaphore>(10);
  const std::uint64_t value = 3;
  const VkSemaphoreWaitInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                 .semaphoreCount = 1,
                                 .pSemaphores = &semaphore,
                                 .pValues = &value};
  vkWaitSemaphores_args args;
  args.device.id = 5;
  args.pWaitInfo = &info;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 84u);
  EXPECT_EQ(trip.reply_size(), 8u);
}

TEST(Size, GetCalibratedTimestamps) {
  const VkCalibratedTimestampInfoKHR info{.sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_KHR};
  std::uint64_t timestamp = 0;
  std::uint64_t deviation = 0;
  vkGetCalibratedTimestampsKHR_args args;
  args.device.id = 5;
  args.timestampCount = 1;
  args.pTimestampInfos = &info;
  args.pTimestamps = &timestamp;
  args.pMaxDeviation = &deviation;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 60u);
  EXPECT_EQ(trip.reply_size(), 40u);
}

TEST(Size, GetQueryPoolResults) {
  std::byte data[6] = {};
  vkGetQueryPoolResults_args args;
  args.device.id = 5;
  args.queryPool.id = 30;
  args.queryCount = 1;
  args.dataSize = sizeof data;
  args.pData = data;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 60u);
  EXPECT_EQ(trip.reply_size(), 24u);
}

TEST(Size, AllocateCommandBuffers) {
  const VkCommandBufferAllocateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = handle<VkCommandPool>(40),
                                         .commandBufferCount = 2};
  ObjectId ids[2] = {41, 42};
  vkAllocateCommandBuffers_args args;
  args.device.id = 5;
  args.pAllocateInfo = &info;
  args.pCommandBuffers_ids = ids;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 76u);
  EXPECT_EQ(trip.reply_size(), 32u);
}

TEST(Size, GetMemoryResourceProperties) {
  VkMemoryResourceAllocationSizePropertiesMESA size{
      .sType = VK_STRUCTURE_TYPE_MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA,
      .pNext = nullptr,
      .allocationSize = 0};
  VkMemoryResourcePropertiesMESA properties{
      .sType = VK_STRUCTURE_TYPE_MEMORY_RESOURCE_PROPERTIES_MESA, .pNext = &size, .memoryTypeBits = 0};
  vkGetMemoryResourcePropertiesMESA_args args;
  args.device.id = 3;
  args.resourceId = 9;
  args.pMemoryResourceProperties = &properties;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 52u);
  EXPECT_EQ(trip.reply_size(), 52u);
}

TEST(Size, CreateGraphicsPipelines) {
  const VkPipelineRasterizationLineStateCreateInfo lines{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_LINE_STATE_CREATE_INFO, .lineStipplePattern = 0xbeef};
  const VkPipelineRasterizationStateCreateInfo rasterization{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO, .pNext = &lines};
  const VkGraphicsPipelineCreateInfo info{.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                          .pRasterizationState = &rasterization};
  ObjectId id = 50;
  vkCreateGraphicsPipelines_args args;
  args.device.id = 5;
  args.createInfoCount = 1;
  args.pCreateInfos = &info;
  args.pPipelines_ids = &id;
  RoundTrip trip(args);
  EXPECT_EQ(trip.request_size(), 276u);
  EXPECT_EQ(trip.reply_size(), 24u);
  const auto* received = static_cast<const VkPipelineRasterizationLineStateCreateInfo*>(
      trip.args.pCreateInfos->pRasterizationState->pNext);
  EXPECT_EQ(received->lineStipplePattern, 0xbeef);
}

}  // namespace
}  // namespace hesper::wire
