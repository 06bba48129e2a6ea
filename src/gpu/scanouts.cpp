// Scanouts: sixteen slots.
#include "gpu/scanouts.h"

namespace hesper::gpu {

void Scanouts::show(std::uint32_t scanout, Resource& resource, const Picture& picture, const Rect& part) {
  Slot& slot = slots_[scanout];
  if (slot.resource != nullptr) slot.resource->scanouts &= ~(1u << scanout);
  slot = {.resource = &resource, .picture = picture, .part = part};
  slot.picture.memory = &resource;
  slot.picture.in_blob = resource.blob() != nullptr;
  slot.picture.resource_serial = resource.serial;
  if (const Blob* blob = resource.blob(); blob != nullptr) {
    slot.picture.blob = blob->host.get();
    if (blob->mapped && !blob->mapping) slot.picture.window_offset = blob->mapped->offset;
  }
  resource.scanouts |= 1u << scanout;
  display_.set_scanout(scanout, &slot.picture, part);
}

void Scanouts::blank(std::uint32_t scanout) {
  Slot& slot = slots_[scanout];
  if (slot.resource == nullptr) return;
  slot.resource->scanouts &= ~(1u << scanout);
  slot = {};
  display_.set_scanout(scanout, nullptr, {});
}

void Scanouts::flush(const Resource& resource, const Rect& damage) {
  for (std::uint32_t scanout = 0; scanout < slots_.size(); ++scanout) {
    if ((resource.scanouts & (1u << scanout)) == 0) continue;
    const Rect seen = intersect(damage, slots_[scanout].part);
    if (!seen.empty()) display_.flushed(scanout, seen);
  }
}

void Scanouts::moved(Resource& resource) {
  for (std::uint32_t scanout = 0; scanout < slots_.size(); ++scanout) {
    if ((resource.scanouts & (1u << scanout)) == 0) continue;
    const Blob* blob = resource.blob();
    if (!resource.readable() && !(blob->mapped && !blob->mapping)) {
      blank(scanout);
      continue;
    }
    Picture picture = slots_[scanout].picture;
    picture.window_offset.reset();
    const Rect part = slots_[scanout].part;
    show(scanout, resource, picture, part);
  }
}

void Scanouts::gone(Resource& resource) {
  for (std::uint32_t scanout = 0; scanout < slots_.size(); ++scanout) {
    if ((resource.scanouts & (1u << scanout)) != 0) blank(scanout);
  }
}

void Scanouts::clear() {
  for (std::uint32_t scanout = 0; scanout < slots_.size(); ++scanout) blank(scanout);
}

const Picture* Scanouts::shown(std::uint32_t scanout) const noexcept {
  return slots_[scanout].resource != nullptr ? &slots_[scanout].picture : nullptr;
}

}  // namespace hesper::gpu
