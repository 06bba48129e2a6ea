// Picture: RGBA pixels that a test program read back, their checksum and a PNG of them. Knows no Vulkan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hesper::clients {

[[nodiscard]] std::uint32_t crc32_of(std::span<const std::byte> bytes);

// rgba: width * height * 4 bytes, rows from top to bottom without gaps. Equal pixels give equal files.
void write_png(const std::string& path, std::uint32_t width, std::uint32_t height, std::span<const std::byte> rgba);

}  // namespace hesper::clients
