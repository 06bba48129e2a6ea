// Pictures: what the client of a capture could see of its images: every copy of an image into a buffer that it maps,
// and every linear image in memory that it maps, as they are once the submission that changed them is complete. That is
// how programs read pixels back, and how they present without a GPU's display.
//
// Learns from the commands' bytes, and reads memory through blobs of its own; gives the driver no command of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "platform/shared_memory.h"
#include "render/client_context.h"
#include "replay/replayer.h"
#include "wire/commands_gen.h"

namespace hesper::replay {

class Pictures {
 public:
  // A command was executed. bytes: all of it.
  void command(wire::CommandType type, std::span<const std::byte> bytes);
  // True if a submission came since the last take().
  [[nodiscard]] bool changed() const noexcept { return submitted_; }
  // All queues are idle.
  [[nodiscard]] std::vector<Picture> take(render::ClientContext& context);

 private:
  struct Image {
    VkFormat format = VK_FORMAT_UNDEFINED;
    VkExtent3D extent{};
    bool linear = false;
    std::uint64_t last_hash = 0;
  };
  struct Place {
    wire::ObjectId memory = 0;
    std::uint64_t offset = 0;
  };
  struct Copy {
    wire::ObjectId image = 0;
    wire::ObjectId buffer = 0;
    VkBufferImageCopy region{};
  };
  struct Recording {
    std::vector<Copy> copies;
    std::vector<wire::ObjectId> secondaries;
  };
  // Where the texels of a picture lie in a memory.
  struct Layout {
    std::uint64_t offset = 0;
    std::uint64_t row_pitch = 0;
    std::uint64_t plane_pitch = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t planes = 1;
  };

  template <class Args>
  [[nodiscard]] std::optional<Args> decode(std::span<const std::byte> bytes);
  void submitted(wire::ObjectId command_buffer);
  void add_copies(wire::ObjectId command_buffer, wire::ObjectId image, wire::ObjectId buffer,
                  std::span<const VkBufferImageCopy> regions);
  // What the client could map of the memory; empty if it could not.
  [[nodiscard]] std::span<const std::byte> bytes_of(render::ClientContext& context, wire::ObjectId memory);
  [[nodiscard]] std::optional<Picture> read(render::ClientContext& context, wire::ObjectId image, VkFormat format,
                                            wire::ObjectId memory, const Layout& layout);
  [[nodiscard]] std::optional<Picture> read_copy(render::ClientContext& context, const Copy& copy);
  [[nodiscard]] std::optional<Picture> read_linear(render::ClientContext& context, wire::ObjectId id,
                                                   const Image& image);

  Arena arena_{std::size_t{64} << 20};
  std::map<wire::ObjectId, Image> images_;
  std::map<wire::ObjectId, Place> image_places_;
  std::map<wire::ObjectId, Place> buffer_places_;
  std::map<wire::ObjectId, Recording> recordings_;
  std::map<wire::ObjectId, platform::Mapping> mappings_;
  std::vector<Copy> due_;
  bool submitted_ = false;
  std::uint32_t next_resource_ = 0xc000'0000u;  // out of the way of the capture's own
};

}  // namespace hesper::replay
