// Scanouts: which resource each scanout shows. Tells the Display; reads no pixels.
#pragma once

#include <array>
#include <cstdint>

#include "gpu/display.h"
#include "gpu/protocol.h"
#include "gpu/resource.h"

namespace hesper::gpu {

// Scanout numbers are below 16, and checked by the caller. Resources live until gone() was called for them.
class Scanouts {
 public:
  explicit Scanouts(Display& display) noexcept : display_(display) {}

  // picture: of the resource; its resource's fields are filled in here. part: within the picture.
  void show(std::uint32_t scanout, Resource& resource, const Picture& picture, const Rect& part);
  void blank(std::uint32_t scanout);
  // damage: pixels of the resource, any.
  void flush(const Resource& resource, const Rect& damage);
  // The resource moved in or out of the window: the displays are told where it is now; those that cannot be shown any
  // more are blanked.
  void moved(Resource& resource);
  // Blanks what shows it.
  void gone(Resource& resource);
  void clear();

  // Picture of what is shown, or nullptr.
  [[nodiscard]] const Picture* shown(std::uint32_t scanout) const noexcept;

 private:
  struct Slot {
    Resource* resource = nullptr;
    Picture picture;
    Rect part;
  };

  Display& display_;
  std::array<Slot, VIRTIO_GPU_MAX_SCANOUTS> slots_;
};

}  // namespace hesper::gpu
