// Driver: what a guest's driver asks of a virtio-gpu device, by way of the player. Knows the device's commands, and
// neither Vulkan nor pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gpu/protocol.h"
#include "proof/player.h"

namespace hesper::proof {

inline constexpr std::uint32_t kContext = 1;

// Errors of all: what the device answers instead (ECONNABORTED: as when a context is lost), and those of Player.
class Driver {
 public:
  explicit Driver(Player& player) noexcept : player_(player) {}

  // command: one of gpu/protocol.h's, with a type. The answer's bytes, header included.
  template <class Command>
  Result<std::vector<std::byte>> ask(const Command& command, std::uint32_t expected = gpu::VIRTIO_GPU_RESP_OK_NODATA,
                                     std::span<const std::byte> behind = {}) {
    std::vector<std::byte> bytes(sizeof(command) + behind.size());
    std::memcpy(bytes.data(), &command, sizeof(command));
    if (!behind.empty()) std::memcpy(bytes.data() + sizeof(command), behind.data(), behind.size());
    return send(bytes, expected);
  }

  // A picture in the guest's memory, of kWidth times kHeight pixels, as an image of the device's.
  [[nodiscard]] Result<void> make_image(std::uint32_t resource, std::uint64_t address);
  [[nodiscard]] Result<void> transfer(std::uint32_t resource);
  [[nodiscard]] Result<void> show_image(std::uint32_t resource);
  // The same of a picture in a blob. Ends when the device has shown it.
  [[nodiscard]] Result<void> show_blob(std::uint32_t resource);
  [[nodiscard]] Result<void> flush(std::uint32_t resource);

  // Whether programs make blobs before the memory that lies in them. Error: there is no capset of Venus's.
  [[nodiscard]] Result<bool> blobs_come_first();
  [[nodiscard]] Result<void> make_context();
  // A blob of host memory that the context knows and that lies at this offset of the window. blob_id: of a memory, or
  // 0.
  [[nodiscard]] Result<void> make_blob(std::uint32_t resource, std::uint64_t blob_id, std::uint64_t offset,
                                       std::uint64_t size);
  // Ends when the context has executed them.
  [[nodiscard]] Result<void> submit(std::span<const std::byte> commands);
  // An empty submission with a fence. ring: of the context (0), or of a queue. Ends when that is reached.
  [[nodiscard]] Result<void> fence(std::uint8_t ring);
  // As ask(): a command that changes nothing, with a fence.
  [[nodiscard]] Result<void> ask_for_nothing();

 private:
  Result<std::vector<std::byte>> send(std::span<const std::byte> bytes, std::uint32_t expected);
  gpu::virtio_gpu_ctrl_hdr header(std::uint32_t type) noexcept;
  gpu::virtio_gpu_ctrl_hdr fenced(std::uint32_t type, std::optional<std::uint8_t> ring) noexcept;

  Player& player_;
  std::uint64_t fence_ = 0;
};

}  // namespace hesper::proof
