// Fakes of what a gpu::Device is given: guest memory with holes, contexts that finish when they are told to, and a
// display that notes what it is told. Shared by unit tests and the fuzz target; checks nothing itself.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gpu/context_host.h"
#include "gpu/display.h"
#include "gpu/guest_memory.h"

namespace hesper::gpu::test {

// RAM as a list of regions. Each is a mapping of its own, so what spans two comes in two pieces.
class FakeMemory final : public GuestMemory {
 public:
  struct Region {
    std::uint64_t address;
    std::vector<std::byte> bytes;
  };

  void add(std::uint64_t address, std::size_t size) {
    auto next = std::make_shared<View>(*view_);
    next->regions.push_back(
        std::make_shared<Region>(Region{.address = address, .bytes = std::vector<std::byte>(size)}));
    view_ = std::move(next);
  }
  // As a new memory table does: a view that is held keeps the old one.
  void remove(std::uint64_t address) {
    auto next = std::make_shared<View>(*view_);
    std::erase_if(next->regions, [&](const auto& region) { return region->address == address; });
    view_ = std::move(next);
  }
  std::byte& operator[](std::uint64_t address) { return view_->at(address, 1).front(); }

  std::shared_ptr<const GuestView> view() const override { return view_; }

 private:
  struct View final : GuestView {
    std::vector<std::shared_ptr<Region>> regions;
    std::span<std::byte> at(std::uint64_t address, std::uint64_t size) const noexcept override {
      for (const auto& region : regions) {
        if (address < region->address || address - region->address >= region->bytes.size()) continue;
        const auto rest = std::span(region->bytes).subspan(address - region->address);
        return rest.first(std::min<std::uint64_t>(size, rest.size()));
      }
      return {};
    }
  };
  std::shared_ptr<View> view_ = std::make_shared<View>();
};

// What a FakeHost has seen, and what it shall do. Outlives its contexts and blobs.
struct HostRecord {
  ContextEvents* events = nullptr;
  bool maps_at_once = true;
  bool fences_at_once = false;
  bool readable_blobs = true;
  std::string refusal;  // not empty: contexts, blobs and submissions are refused with it

  struct Fence {
    std::uint32_t context;
    std::uint8_t ring_idx;
    Cookie cookie;
  };
  struct Map {
    ResourceId resource;
    WindowRange range;
    Cookie cookie;
  };
  std::vector<Fence> fences;  // not reached yet
  std::vector<Map> maps;      // not told yet
  std::map<ResourceId, Map> mapped;
  std::vector<std::pair<std::uint32_t, std::vector<std::byte>>> submissions;
  std::vector<std::pair<std::uint32_t, ResourceId>> attached;
  std::map<std::uint32_t, Cookie> contexts;  // that live
  std::vector<std::string> names;
  std::size_t blobs = 0;  // that live

  // Tells the device that a map of the list `maps` cannot be done, maybe late.
  void fail_map(const Map& map) {
    std::erase_if(mapped, [&](const auto& entry) { return entry.second.cookie == map.cookie; });
    events->blob_mapped(map.cookie, fail("It cannot be mapped."));
  }
};

class FakeBlob final : public HostBlob {
 public:
  FakeBlob(HostRecord& host, const BlobRequest& request) : host_(host), request_(request) {
    ++host_.blobs;
    if (host_.readable_blobs && request.size <= kMostBytes) bytes_.resize(request.size);
  }
  ~FakeBlob() override { --host_.blobs; }

  void map(const WindowRange& range, Cookie cookie) override {
    const HostRecord::Map map{.resource = request_.resource, .range = range, .cookie = cookie};
    host_.mapped.emplace(request_.resource, map);
    if (host_.maps_at_once) return host_.events->blob_mapped(cookie, MapCache::cached);
    host_.maps.push_back(map);
  }
  void unmap() override { host_.mapped.erase(request_.resource); }
  std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  std::span<std::byte> writable() noexcept { return bytes_; }

 private:
  static constexpr std::uint64_t kMostBytes = 1 << 20;
  HostRecord& host_;
  BlobRequest request_;
  std::vector<std::byte> bytes_;
};

class FakeContext final : public HostContext {
 public:
  FakeContext(HostRecord& host, const ContextRequest& request) : host_(host), id_(std::to_underlying(request.id)) {
    host_.contexts.emplace(id_, request.cookie);
    host_.names.emplace_back(request.name);
  }
  ~FakeContext() override {
    host_.contexts.erase(id_);
    std::erase_if(host_.attached, [&](const auto& entry) { return entry.first == id_; });
  }

  Result<void> submit(std::span<const std::byte> commands) override {
    if (!host_.refusal.empty()) return fail(host_.refusal);
    host_.submissions.emplace_back(id_, std::vector(commands.begin(), commands.end()));
    return {};
  }
  void attach(const SharedResource& resource) override { host_.attached.emplace_back(id_, resource.id); }
  void detach(ResourceId resource) override { std::erase(host_.attached, std::pair(id_, resource)); }
  Result<std::unique_ptr<HostBlob>> create_blob(const BlobRequest& request) override {
    if (!host_.refusal.empty()) return fail(host_.refusal);
    return std::make_unique<FakeBlob>(host_, request);
  }
  void fence(std::uint8_t ring_idx, Cookie cookie) override {
    if (host_.fences_at_once) return host_.events->fence_reached(cookie);
    host_.fences.push_back({.context = id_, .ring_idx = ring_idx, .cookie = cookie});
  }

 private:
  HostRecord& host_;
  std::uint32_t id_;
};

class FakeHost final : public ContextHost {
 public:
  static constexpr std::size_t kCapsetSize = 160;

  explicit FakeHost(bool has_contexts = true) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(i);
    if (has_contexts) capsets_.push_back({.id = VIRTIO_GPU_CAPSET_VENUS, .max_version = 0, .bytes = bytes_});
  }

  std::span<const Capset> capsets() const noexcept override { return capsets_; }
  Result<std::unique_ptr<HostContext>> create(const ContextRequest& request) override {
    if (!record.refusal.empty()) return fail(record.refusal);
    return std::make_unique<FakeContext>(record, request);
  }

  HostRecord record;

 private:
  std::array<std::byte, kCapsetSize> bytes_{};
  std::vector<Capset> capsets_;
};

class FakeDisplay final : public Display {
 public:
  struct Scanout {
    std::optional<Picture> picture;
    Rect part;
    std::vector<Rect> flushes;
    std::vector<std::byte> pixels;  // of `part`, as of the last flush
    bool read_failed = false;
    std::optional<Cursor> cursor;
    Point cursor_at;
    int settings = 0;  // calls of set_scanout
  };

  void set_scanout(std::uint32_t scanout, const Picture* picture, const Rect& part) override {
    Scanout& slot = scanouts.at(scanout);
    ++slot.settings;
    slot.picture.reset();
    if (picture != nullptr) slot.picture = *picture;
    slot.part = part;
  }
  void flushed(std::uint32_t scanout, const Rect& damage) override {
    Scanout& slot = scanouts.at(scanout);
    slot.flushes.push_back(damage);
    const std::size_t stride = std::size_t{slot.part.width} * kBytesPerPixel;
    slot.pixels.resize(stride * slot.part.height);
    slot.read_failed = !copy_pixels(*slot.picture, slot.part, slot.pixels, stride);
  }
  void set_cursor(std::uint32_t scanout, const Cursor* cursor, Point position) override {
    Scanout& slot = scanouts.at(scanout);
    slot.cursor.reset();
    if (cursor != nullptr) slot.cursor = *cursor;
    slot.cursor_at = position;
  }
  void move_cursor(std::uint32_t scanout, Point position) override { scanouts.at(scanout).cursor_at = position; }

  std::array<Scanout, 16> scanouts;
};

}  // namespace hesper::gpu::test
