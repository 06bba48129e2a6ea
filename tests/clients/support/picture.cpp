// Picture: checksums by zlib, files by libpng.
#include "support/picture.h"

#include <png.h>
#include <zlib.h>

#include <format>
#include <stdexcept>

namespace hesper::clients {

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  // SAFETY: bytes may be looked at through unsigned char.
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void write_png(const std::string& path, std::uint32_t width, std::uint32_t height, std::span<const std::byte> rgba) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGBA;
  if (png_image_write_to_file(&image, path.c_str(), 0, rgba.data(), 0, nullptr) == 0) {
    throw std::runtime_error(std::format("{} cannot be written: {}.", path, image.message));
  }
}

}  // namespace hesper::clients
