// Resource: what the guest knows by a resource id: a 2D image, or a blob. ResourceTable: all of them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/budget.h"
#include "gpu/answer.h"
#include "gpu/backing.h"
#include "gpu/context_host.h"
#include "gpu/display.h"
#include "gpu/formats.h"
#include "gpu/geometry.h"

namespace hesper::gpu {

// The host's copy of a 2D resource. Rows follow one another without gaps.
class Image {
 public:
  // width, height: not 0. Zeroed. Error: out_of_memory.
  [[nodiscard]] static Answer<Image> create(Format format, std::uint32_t width, std::uint32_t height, Budget& budget);

  [[nodiscard]] Format format() const noexcept { return format_; }
  [[nodiscard]] std::uint32_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint32_t height() const noexcept { return height_; }
  [[nodiscard]] std::uint32_t stride() const noexcept { return width_ * kBytesPerPixel; }
  [[nodiscard]] std::uint64_t size() const noexcept { return std::uint64_t{stride()} * height_; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {at(), size()}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {at(), size()}; }

  // As PixelMemory has it: moves the pixels, once.
  [[nodiscard]] std::shared_ptr<const platform::PublishedMemory> share();

 private:
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  Image() = default;
  [[nodiscard]] std::byte* at() const noexcept { return shared_ ? shared_->mapping.data() : pixels_.get(); }

  Format format_ = Format::b8g8r8x8;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::unique_ptr<std::byte[], Free> pixels_;
  std::shared_ptr<const platform::PublishedMemory> shared_;  // then there are no pixels_
  Budget::Charge charge_;
};

struct Blob {
  std::uint32_t blob_mem;
  std::uint32_t blob_flags;
  std::uint64_t size;              // bytes
  std::unique_ptr<HostBlob> host;  // nullptr for guest blobs
  // Its place in the window, from MAP_BLOB on.
  std::optional<WindowRange> mapped;
  std::optional<Cookie> mapping;  // MAP_BLOB has not been answered yet
};

// Also the memory that pictures of it lie in. Does not move.
class Resource final : public PixelMemory {
 public:
  Resource(ResourceId its_id, std::uint64_t its_serial, const GuestMemory& memory, std::variant<Image, Blob> its_kind)
      : id(its_id), serial(its_serial), kind(std::move(its_kind)), memory_(memory) {}

  [[nodiscard]] Image* image() noexcept { return std::get_if<Image>(&kind); }
  [[nodiscard]] Blob* blob() noexcept { return std::get_if<Blob>(&kind); }
  [[nodiscard]] const Image* image() const noexcept { return std::get_if<Image>(&kind); }
  [[nodiscard]] const Blob* blob() const noexcept { return std::get_if<Blob>(&kind); }
  [[nodiscard]] std::uint64_t size() const noexcept;  // bytes

  // Pixels can be read: of the host's memory, or of a guest blob's backing.
  [[nodiscard]] bool readable() const noexcept;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override;
  [[nodiscard]] bool read(std::uint64_t offset, std::span<std::byte> to) const noexcept override;
  // Images only.
  [[nodiscard]] std::shared_ptr<const platform::PublishedMemory> share() override;

  const ResourceId id;
  const std::uint64_t serial;  // never used twice, unlike the id
  std::variant<Image, Blob> kind;
  std::optional<Backing> backing;
  std::uint32_t scanouts = 0;       // that show it, a bit each
  std::vector<ContextId> contexts;  // that it is attached to, each once

 private:
  const GuestMemory& memory_;
};

class ResourceTable {
 public:
  // most: how many resources may exist.
  ResourceTable(const GuestMemory& memory, std::size_t most) noexcept : memory_(memory), most_(most) {}

  // Whether a resource of this id could be added. Errors: invalid_resource_id (0, or it exists), out_of_memory.
  [[nodiscard]] Answer<void> check_new(ResourceId id) const;
  // After check_new().
  Resource& add(ResourceId id, std::variant<Image, Blob> kind);
  // Error: invalid_resource_id.
  [[nodiscard]] Answer<Resource*> find(ResourceId id);
  void remove(ResourceId id) { resources_.erase(id); }
  void clear() { resources_.clear(); }
  // action: called with each Resource&; must neither add nor remove any.
  template <class Action>
  void for_each(Action action) {
    for (auto& [id, resource] : resources_) action(*resource);
  }
  [[nodiscard]] std::size_t size() const noexcept { return resources_.size(); }

 private:
  const GuestMemory& memory_;
  const std::size_t most_;
  std::uint64_t last_serial_ = 0;
  std::unordered_map<ResourceId, std::unique_ptr<Resource>> resources_;
};

}  // namespace hesper::gpu
