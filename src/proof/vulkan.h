// Vulkan: a Venus client in the guest, by way of the player: it draws a picture with the host's driver into memory that
// it maps. Knows no screen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/error.h"
#include "proof/driver.h"
#include "proof/picture.h"
#include "wire/commands_gen.h"

namespace hesper::proof {

// In the order in which they are here. Errors of all: what the host's driver or Hesper refuses, and those of Driver.
class VulkanClient {
 public:
  static constexpr std::uint32_t kPicture = 101;                          // its resource
  static constexpr std::uint64_t kPicturePlace = std::uint64_t{2} << 20;  // its offset in the window
  static constexpr std::uint8_t kQueueRing = 1;                           // of its queue's fences

  VulkanClient(Driver& driver, Player& player) noexcept : driver_(driver), player_(player) {}

  // A context, and memory for replies.
  [[nodiscard]] Result<void> start();
  // Instance and device: the host's fastest kind. Its name, and that of its driver.
  [[nodiscard]] Result<std::string> make_device();
  // A buffer for the picture in memory that the guest has mapped, and what is needed to draw.
  [[nodiscard]] Result<void> make_memory();
  // Draws the tiles, by clearing layers of an image and copying them, and ends when the GPU says so.
  [[nodiscard]] Result<void> draw(std::span<const Tile> tiles);

 private:
  [[nodiscard]] wire::ObjectId new_id() noexcept { return ++last_id_; }

  // A command without a reply joins those that go out with the next call().
  template <class Args>
  void add(const Args& args);
  // Executes it, after all that was added. args then has the reply, valid until the next call(). most: bytes of that.
  template <class Args>
  [[nodiscard]] Result<void> call(Args& args, std::size_t most = 128);

  [[nodiscard]] Result<wire::ObjectId> choose_physical_device(wire::ObjectId instance);
  [[nodiscard]] Result<void> choose_queue_family();
  [[nodiscard]] Result<std::uint32_t> memory_type(std::uint32_t allowed, VkMemoryPropertyFlags wanted);
  [[nodiscard]] Result<void> make_buffer();
  [[nodiscard]] Result<void> make_image();
  [[nodiscard]] Result<void> make_commands();
  void add_barrier(VkImageLayout from, VkImageLayout to);
  void add_clear(std::uint32_t layer, std::uint32_t pixel);
  void add_copy(std::span<const Tile> tiles);

  Driver& driver_;
  Player& player_;
  std::vector<std::byte> waiting_;
  Arena arena_{std::size_t{1} << 20};
  wire::ObjectId last_id_ = 0;
  bool blobs_first_ = false;
  std::string device_name_;
  std::uint32_t queue_family_ = 0;
  VkPhysicalDeviceMemoryProperties memories_{};
  wire::ObjectId physical_device_ = 0;
  wire::ObjectId device_ = 0;
  wire::ObjectId queue_ = 0;
  wire::ObjectId buffer_ = 0;
  wire::ObjectId image_ = 0;
  wire::ObjectId commands_ = 0;
};

}  // namespace hesper::proof
