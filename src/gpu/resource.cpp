// Resource: images, where pixels are read from, and the table.
#include "gpu/resource.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace hesper::gpu {

Answer<Image> Image::create(Format format, std::uint32_t width, std::uint32_t height, Budget& budget) {
  const std::uint64_t size = std::uint64_t{width} * height * kBytesPerPixel;
  Image image;
  image.charge_ = Budget::Charge(budget, size);
  if (!image.charge_)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                  fmt::format("An image of {}x{} pixels does not fit in what is left of {} MiB.", width, height,
                              budget.limit() >> 20));
  // calloc: of a large image only the pages that are written to cost memory.
  image.pixels_.reset(static_cast<std::byte*>(std::calloc(size, 1)));
  if (!image.pixels_)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, fmt::format("The host has no {} bytes for an image.", size));
  image.format_ = format;
  image.width_ = width;
  image.height_ = height;
  return image;
}

std::shared_ptr<const platform::PublishedMemory> Image::share() {
  if (shared_) return shared_;
  auto memory = platform::create_published_memory("hesper-image", size());
  if (!memory) {
    log::warn("An image of {}x{} pixels cannot be shared. {}", width_, height_, memory.error().message);
    return nullptr;
  }
  std::memcpy(memory->mapping.data(), pixels_.get(), size());
  pixels_.reset();
  shared_ = std::make_shared<const platform::PublishedMemory>(std::move(*memory));
  return shared_;
}

std::shared_ptr<const platform::PublishedMemory> Resource::share() {
  Image* is_image = image();
  return is_image != nullptr ? is_image->share() : nullptr;
}

std::uint64_t Resource::size() const noexcept {
  const Blob* is_blob = blob();
  return is_blob != nullptr ? is_blob->size : image()->size();
}

bool Resource::readable() const noexcept {
  const Blob* is_blob = blob();
  if (is_blob == nullptr) return true;
  return is_blob->host ? !is_blob->host->bytes().empty() : backing.has_value();
}

std::span<const std::byte> Resource::bytes() const noexcept {
  const Blob* is_blob = blob();
  if (is_blob == nullptr) return image()->bytes();
  return is_blob->host ? is_blob->host->bytes() : std::span<const std::byte>();
}

bool Resource::read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  const Blob* is_blob = blob();
  if (is_blob != nullptr && !is_blob->host) return backing && backing->read(*memory_.view(), offset, to);
  const auto from = bytes();
  if (offset > from.size() || to.size() > from.size() - offset) return false;
  std::memcpy(to.data(), from.data() + offset, to.size());
  return true;
}

Answer<void> ResourceTable::check_new(ResourceId id) const {
  if (id == ResourceId{0}) return refuse(VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "Resource id 0 means none.");
  if (resources_.contains(id))
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                  fmt::format("Resource {} exists already.", std::to_underlying(id)));
  if (resources_.size() >= most_)
    return cannot(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, fmt::format("{} resources exist, the limit.", most_));
  return {};
}

Resource& ResourceTable::add(ResourceId id, std::variant<Image, Blob> kind) {
  const auto [at, added] =
      resources_.emplace(id, std::make_unique<Resource>(id, ++last_serial_, memory_, std::move(kind)));
  HESPER_CHECK(added);
  return *at->second;
}

Answer<Resource*> ResourceTable::find(ResourceId id) {
  const auto at = resources_.find(id);
  if (at == resources_.end())
    return refuse(VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                  fmt::format("Resource {} does not exist.", std::to_underlying(id)));
  return at->second.get();
}

}  // namespace hesper::gpu
