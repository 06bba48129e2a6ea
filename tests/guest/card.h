// Card: the guest's screens by the kernel's own interface (KMS), for test programs. What goes wrong ends the program
// with a line.
#pragma once

#include <drm/drm.h>
#include <drm/drm_mode.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hesper::guest {

// Ends the program, naming errno, unless `good`.
void check(bool good, const char* what);

// An address as the kernel's structs carry it.
[[nodiscard]] std::uint64_t pointer(const void* at);

struct Card {
  int fd;
  std::vector<std::uint32_t> crtcs, connectors;
};

[[nodiscard]] Card open_card();

// The modes of a connector, asked from the screen itself; none: it is not connected.
[[nodiscard]] std::vector<drm_mode_modeinfo> modes_of(const Card& card, std::size_t index);

// A framebuffer of 4 bytes a pixel, the lowest of which is blue, over a buffer. handle: of the buffer. pitch: bytes a
// row.
[[nodiscard]] std::uint32_t add_frame(const Card& card, std::uint32_t handle, std::uint32_t width, std::uint32_t height,
                                      std::uint32_t pitch);
// Shows it on a connector.
void show_frame(const Card& card, std::size_t index, const drm_mode_modeinfo& mode, std::uint32_t frame);

}  // namespace hesper::guest
