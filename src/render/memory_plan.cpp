// Probing: every strategy is tried on a real device before the client is promised anything. What drivers advertise is
// only a reason to try: lavapipe lists dma-buf and fails without /dev/udmabuf.
#include "render/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "platform/shared_memory.h"
#include "render/extensions.h"
#include "render/imported_pages.h"
#include "render/made.h"
#include "render/trial_device.h"

namespace hesper::render {
namespace {

constexpr VkDeviceSize kTrialSize = 64 * 1024;        // bytes; more than any import alignment seen
constexpr std::uint32_t kPattern = 0x48455350;        // "HESP"
constexpr std::uint32_t kMovedPattern = 0x4d4f5645;   // "MOVE"
constexpr std::uint32_t kSparsePattern = 0x53504152;  // "SPAR"
constexpr VkMemoryPropertyFlags kCoherent = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

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

// The bytes that a strategy is tried with: kTrialSize of them in a file, and where the driver's memory has them.
struct TrialBytes {
  int fd = -1;                 // borrowed
  std::uint64_t in_file = 0;   // bytes from the file's start
  VkDeviceSize in_memory = 0;  // bytes from the start of the VkDeviceMemory
};

// A mapping of its own, as the client would have it: of the file up to the end of the bytes.
Result<platform::Mapping> view_of(const TrialBytes& bytes) {
  return platform::Mapping::map(bytes.fd, bytes.in_file + kTrialSize);
}

// Checks that the GPU wrote the pattern to the first half of the bytes.
Result<void> check_pattern(const TrialBytes& bytes, std::uint32_t pattern) {
  auto view = view_of(bytes);
  if (!view) return std::unexpected(view.error());
  for (std::size_t at = 0; at < kTrialSize / 2; at += sizeof(pattern)) {
    std::uint32_t word = 0;
    std::memcpy(&word, view->data() + bytes.in_file + at, sizeof(word));
    if (word != pattern) return fail("What the GPU wrote does not show in the shared pages.");
  }
  return {};
}

// Renders into the second half of the bytes. The answer is a sentence for the report; an error means that the
// pixels are wrong. Drivers that keep images out of imported memory say so by their memory types, which is fine:
// their images then get memory of their own.
Result<std::string> try_image(TrialDevice& trial, std::uint32_t memory_type, const TrialBytes& bytes,
                              VkExternalMemoryHandleTypeFlags external) {
  VkMemoryRequirements requirements{};
  VkSubresourceLayout layout{};
  if (!trial.renders) return "Shared pages show what the GPU writes; it does not render.";
  if (trial.make_image(external, requirements, layout) != VK_SUCCESS) return "Linear images cannot be rendered to.";
  if ((requirements.memoryTypeBits & (1u << memory_type)) == 0) return "Images need memory of another type.";
  constexpr VkDeviceSize kOffset = kTrialSize / 2;
  const VkDeviceSize offset = bytes.in_memory + kOffset;
  if (requirements.size > kTrialSize - kOffset || offset % requirements.alignment != 0) {
    return "Images were not tried.";
  }
  const VkResult r = trial.render_red(offset);
  if (r != VK_SUCCESS) return refused("Rendering into shared pages fails", r);
  auto view = view_of(bytes);
  if (!view) return std::unexpected(view.error());
  constexpr std::array kRed{std::byte{255}, std::byte{0}, std::byte{0}, std::byte{255}};
  for (std::uint32_t y = 0; y < TrialDevice::kImageSize; ++y) {
    for (std::uint32_t x = 0; x < TrialDevice::kImageSize; ++x) {
      const VkDeviceSize at = kOffset + layout.offset + y * layout.rowPitch + x * VkDeviceSize{kRed.size()};
      if (at > kTrialSize - kRed.size() ||
          !std::ranges::equal(kRed, std::span(view->data() + bytes.in_file + at, kRed.size()))) {
        return fail("What the GPU renders does not show in the shared pages.");
      }
    }
  }
  return "Shared pages show what the GPU writes and renders.";
}

// Whether sparse resources can be bound to the shared pages. Lavapipe (Mesa 25.0) takes such a bind for one of its own
// memory, of which it maps file descriptor 0: the bind does nothing, or the resource shows the worker's standard input.
// Drivers that keep sparse resources out of imported memory do so by their memory types, which is fine.
// Neither are they bound where a client's memory may begin at a place that the driver does not take.
bool try_sparse(TrialDevice& trial, std::uint32_t memory_type, const TrialBytes& bytes,
                VkExternalMemoryHandleTypeFlags external) {
  VkMemoryRequirements requirements{};
  if (!trial.binds_sparse) return true;
  if (trial.make_sparse_buffer(kTrialSize, external, requirements) != VK_SUCCESS) return false;
  if ((requirements.memoryTypeBits & (1u << memory_type)) == 0) return true;
  if (requirements.size > kTrialSize) return false;  // larger pages than any driver's that was seen
  if (bytes.in_memory % requirements.alignment != 0) return false;
  return trial.fill_sparse(bytes.in_memory, kSparsePattern) == VK_SUCCESS &&
         check_pattern(bytes, kSparsePattern).has_value();
}

// Whether the driver goes by the addresses that it imported rather than by the pages that were there then. Software
// does, and so do drivers whose kernel half follows the process's page tables; those that pin pages do not.
bool try_replacing(TrialDevice& trial, platform::Mapping& pages, VkDeviceSize in_memory) {
  const auto other = platform::create_shared_memory("hesper-probe", pages.size());
  return other && pages.replace(other->get(), 0) && trial.fill_again(kMovedPattern) == VK_SUCCESS &&
         check_pattern({.fd = other->get(), .in_file = in_memory, .in_memory = in_memory}, kMovedPattern);
}

Result<MemoryPlan> try_hostptr(const InstanceProcs& procs, VkPhysicalDevice physical, const MemoryWish& wish) {
  if (!contains(device_extensions(procs, physical), VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME)) {
    return fail("The driver has no VK_EXT_external_memory_host.");
  }
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &host};
  procs.vkGetPhysicalDeviceProperties2(physical, &properties);
  const VkDeviceSize alignment =
      std::max<VkDeviceSize>({host.minImportedHostPointerAlignment, platform::page_size(), wish.granularity});
  if (!std::has_single_bit(alignment) || alignment > kTrialSize) {
    return fail(
        fmt::format("Host memory can be imported only in steps of {} bytes, which is not a power of two up to "
                    "64 KiB.",
                    alignment));
  }

  TrialDevice trial(procs, physical, {VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME});
  if (trial.result != VK_SUCCESS) return refused("The driver does not create a device", trial.result);
  // Ranges lie somewhere in a file, at any multiple of a client's page: between two of the driver's steps if these are
  // larger.
  const std::uint64_t begin = wish.ranges ? alignment : 0;
  const VkDeviceSize bias = wish.ranges && alignment > kRangeStep ? kRangeStep : 0;
  const VkDeviceSize size = (bias + kTrialSize + (alignment - 1)) & ~(alignment - 1);
  auto fd = platform::create_shared_memory("hesper-probe", wish.ranges ? begin + size + alignment : size);
  if (!fd) return std::unexpected(fd.error());
  const TrialBytes bytes{.fd = fd->get(), .in_file = begin + bias, .in_memory = bias};
  auto pages = platform::Mapping::map(fd->get(), size, begin, alignment);
  if (!pages) return std::unexpected(pages.error());

  if (trial.vk.vkGetMemoryHostPointerPropertiesEXT == nullptr) {
    return fail("The driver announces VK_EXT_external_memory_host, but lacks its function.");
  }
  VkMemoryHostPointerPropertiesEXT importable{.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  VkResult r = trial.vk.vkGetMemoryHostPointerPropertiesEXT(
      trial.device, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, pages->data(), &importable);
  if (r != VK_SUCCESS) return refused("The driver does not import shared memory", r);
  const std::uint32_t mappable = importable.memoryTypeBits & types_with(memory_properties(procs, physical), kCoherent);
  if (mappable == 0) return fail("The driver imports shared memory into no coherent memory type.");

  VkMemoryRequirements requirements{};
  r = trial.make_buffer(kTrialSize / 2, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, requirements);
  if (r != VK_SUCCESS) return refused("The driver does not create a buffer for imported memory", r);
  const std::uint32_t usable = mappable & requirements.memoryTypeBits;
  if (usable == 0 || requirements.size > kTrialSize) return fail("No buffer fits into imported memory.");
  if (bias % requirements.alignment != 0) {
    return fail(
        fmt::format("Buffers are aligned to {} bytes, which is more than clients' pages.", requirements.alignment));
  }

  const VkImportMemoryHostPointerInfoEXT import{.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
                                                .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
                                                .pHostPointer = pages->data()};
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &import,
                                  .allocationSize = size,
                                  .memoryTypeIndex = static_cast<std::uint32_t>(std::countr_zero(usable))};
  r = made(trial.vk.vkAllocateMemory(trial.device, &info, nullptr, &trial.memory), trial.memory);
  if (r != VK_SUCCESS) return refused("Importing shared memory fails", r);
  r = trial.fill(bias, kPattern);
  if (r != VK_SUCCESS) return refused("Filling imported memory fails", r);
  if (auto checked = check_pattern(bytes, kPattern); !checked) return std::unexpected(checked.error());
  const bool names_imports = naming_imports_changes_nothing(procs, physical, trial.vk, trial.device);
  const VkExternalMemoryHandleTypeFlags named =
      names_imports ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT : 0;
  auto images = try_image(trial, info.memoryTypeIndex, bytes, named);
  if (!images) return std::unexpected(images.error());
  const bool sparse = try_sparse(trial, info.memoryTypeIndex, bytes, named);
  if (!sparse) *images += " Sparse resources cannot be bound to them, so there are none.";
  // The last trial, as what is done to the pages does not show in the file any more.
  const bool replaceable = alignment <= kRangeStep && try_replacing(trial, *pages, bias);
  return MemoryPlan{.strategy = MemoryStrategy::hostptr,
                    .mappable_types = mappable,
                    .import_alignment = alignment,
                    .sparse = sparse,
                    .replaceable = replaceable,
                    .names_imports = names_imports,
                    .reason = std::move(*images)};
}

Result<MemoryPlan> try_dmabuf(const InstanceProcs& procs, VkPhysicalDevice physical) {
  constexpr VkExternalMemoryHandleTypeFlagBits kType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
  constexpr std::array kNeeded{VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME};
  for (const char* name : kNeeded) {
    if (!contains(device_extensions(procs, physical), name))
      return fail(std::string("The driver has no ") + name + ".");
  }
  TrialDevice trial(procs, physical, {kNeeded.begin(), kNeeded.end()});
  if (trial.result != VK_SUCCESS) return refused("The driver does not create a device", trial.result);
  const std::uint32_t coherent = types_with(memory_properties(procs, physical), kCoherent);
  VkMemoryRequirements requirements{};
  VkResult r = trial.make_buffer(kTrialSize / 2, kType, requirements);
  if (r != VK_SUCCESS) return refused("The driver does not create a buffer for dma-buf memory", r);
  const std::uint32_t usable = coherent & requirements.memoryTypeBits;
  if (usable == 0 || requirements.size > kTrialSize) return fail("No buffer fits into coherent dma-buf memory.");

  const VkExportMemoryAllocateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                            .handleTypes = kType};
  const VkMemoryAllocateInfo info{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &exported,
                                  .allocationSize = kTrialSize,
                                  .memoryTypeIndex = static_cast<std::uint32_t>(std::countr_zero(usable))};
  r = made(trial.vk.vkAllocateMemory(trial.device, &info, nullptr, &trial.memory), trial.memory);
  if (r != VK_SUCCESS) return refused("Allocating dma-buf memory fails", r);
  const VkMemoryGetFdInfoKHR get{
      .sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR, .memory = trial.memory, .handleType = kType};
  if (trial.vk.vkGetMemoryFdKHR == nullptr) {
    return fail("The driver announces VK_KHR_external_memory_fd, but lacks its function.");
  }
  int raw = -1;
  r = trial.vk.vkGetMemoryFdKHR(trial.device, &get, &raw);
  if (r != VK_SUCCESS) return refused("Exporting a dma-buf fails", r);
  const UniqueFd fd(raw);
  r = trial.fill(0, kPattern);
  if (r != VK_SUCCESS) return refused("Filling dma-buf memory fails", r);
  if (auto checked = check_pattern({.fd = fd.get()}, kPattern); !checked) return std::unexpected(checked.error());
  auto images = try_image(trial, info.memoryTypeIndex, {.fd = fd.get()}, 0);
  if (!images) return std::unexpected(images.error());
  return MemoryPlan{.strategy = MemoryStrategy::dmabuf,
                    .mappable_types = coherent,
                    .import_alignment = platform::page_size(),
                    .reason = "dma-bufs can be mapped. " + *images};
}

}  // namespace

MemoryWish wish_of(const ContextOptions& options) noexcept {
  return {.strategy = options.memory_in_ranges ? MemoryStrategy::hostptr : options.memory,
          .ranges = options.memory_in_ranges,
          .granularity = options.import_granularity};
}

Result<MemoryPlan> plan_memory(const InstanceProcs& procs, VkPhysicalDevice device, const MemoryWish& wish) {
  if (wish.strategy == MemoryStrategy::hostptr) return try_hostptr(procs, device, wish);
  auto dmabuf = try_dmabuf(procs, device);
  if (dmabuf || wish.strategy == MemoryStrategy::dmabuf) return dmabuf;
  auto hostptr = try_hostptr(procs, device, wish);
  if (!hostptr) {
    return fail("Its memory cannot be shared with a client. dmabuf: " + dmabuf.error().message +
                " hostptr: " + hostptr.error().message);
  }
  hostptr->reason += " dmabuf was tried first: " + dmabuf.error().message;
  return hostptr;
}

Emulation plan_emulation(const InstanceProcs& procs, VkPhysicalDevice device, MemoryStrategy strategy,
                         bool dma_buf_wanted) {
  const auto offered = device_extensions(procs, device);
  Emulation emulation{.semaphore_sync_fd = true,
                      .fence_sync_fd = true,
                      .dma_buf = dma_buf_wanted && strategy == MemoryStrategy::hostptr &&
                                 contains(offered, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME)};
  if (contains(offered, VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) {
    const VkPhysicalDeviceExternalSemaphoreInfo info{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
                                                     .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
    VkExternalSemaphoreProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
    procs.vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &answer);
    constexpr VkExternalSemaphoreFeatureFlags kBoth =
        VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT | VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT;
    emulation.semaphore_sync_fd = (answer.externalSemaphoreFeatures & kBoth) != kBoth;
  }
  if (contains(offered, VK_KHR_EXTERNAL_FENCE_FD_EXTENSION_NAME)) {
    const VkPhysicalDeviceExternalFenceInfo info{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_FENCE_INFO,
                                                 .handleType = VK_EXTERNAL_FENCE_HANDLE_TYPE_SYNC_FD_BIT};
    VkExternalFenceProperties answer{.sType = VK_STRUCTURE_TYPE_EXTERNAL_FENCE_PROPERTIES};
    procs.vkGetPhysicalDeviceExternalFenceProperties(device, &info, &answer);
    emulation.fence_sync_fd = (answer.externalFenceFeatures & VK_EXTERNAL_FENCE_FEATURE_EXPORTABLE_BIT) == 0;
  }
  return emulation;
}

}  // namespace hesper::render
