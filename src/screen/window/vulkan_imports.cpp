// VulkanImports: by VK_EXT_external_memory_host.
#include "screen/window/vulkan_imports.h"

#include <algorithm>
#include <utility>

namespace hesper::screen::window {
namespace {

constexpr std::size_t kMostImports = 8;

}  // namespace

VulkanImports::~VulkanImports() {
  for (Import& each : imports_) device_.drop(each.buffer);
}

void VulkanImports::forget() {
  std::erase_if(imports_, [&](Import& each) {
    if (each.pixels.use_count() > 1) return false;
    device_.drop(each.buffer);
    return true;
  });
}

const VulkanImports::Import* VulkanImports::get(const std::shared_ptr<const frame::PixelBuffer>& pixels) {
  const auto known = std::ranges::find(imports_, pixels, &Import::pixels);
  if (known != imports_.end()) return &*known;
  if (device_.import_alignment() == 0 || device_.vk().vkGetMemoryHostPointerPropertiesEXT == nullptr || !may_import_)
    return nullptr;
  if (imports_.size() == kMostImports) {
    device_.drop(imports_.front().buffer);
    imports_.erase(imports_.begin());
  }
  // Whole pages: those at both ends are mapped as a whole in any case. Larger steps may reach beyond them.
  const auto bytes = pixels->bytes();
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uint64_t before = address % device_.import_alignment();
  const std::uint64_t size = (before + bytes.size() + device_.import_alignment() - 1) / device_.import_alignment() *
                             device_.import_alignment();
  constexpr std::uint64_t kPage = 4096;
  // Not this one, but perhaps the next one.
  if (device_.import_alignment() > kPage && (before != 0 || size != bytes.size())) return nullptr;
  may_import_ = false;  // until it has been seen to work
  // SAFETY: the GPU only reads it (TRANSFER_SRC).
  void* start = const_cast<std::byte*>(bytes.data()) - before;
  VkMemoryHostPointerPropertiesEXT properties{.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
  constexpr auto kKind = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
  if (device_.vk().vkGetMemoryHostPointerPropertiesEXT(device_.get(), kKind, start, &properties) != VK_SUCCESS)
    return nullptr;
  const VkExternalMemoryBufferCreateInfo external{.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
                                                  .handleTypes = kKind};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = &external,
                                .size = size,
                                .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT};
  Import made{.pixels = pixels, .buffer = {}, .before = before};
  if (device_.vk().vkCreateBuffer(device_.get(), &info, nullptr, &made.buffer.buffer) != VK_SUCCESS) return nullptr;
  VkMemoryRequirements needs;
  device_.vk().vkGetBufferMemoryRequirements(device_.get(), made.buffer.buffer, &needs);
  const auto type = device_.memory_type(needs.memoryTypeBits & properties.memoryTypeBits, 0);
  const VkImportMemoryHostPointerInfoEXT host{
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT, .handleType = kKind, .pHostPointer = start};
  const VkMemoryAllocateInfo memory{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                    .pNext = &host,
                                    .allocationSize = size,
                                    .memoryTypeIndex = type.value_or(0)};
  if (!type || needs.size > size ||
      device_.vk().vkAllocateMemory(device_.get(), &memory, nullptr, &made.buffer.memory) != VK_SUCCESS ||
      device_.vk().vkBindBufferMemory(device_.get(), made.buffer.buffer, made.buffer.memory, 0) != VK_SUCCESS) {
    device_.drop(made.buffer);
    return nullptr;
  }
  may_import_ = true;
  imports_.push_back(std::move(made));
  return &imports_.back();
}

}  // namespace hesper::screen::window
