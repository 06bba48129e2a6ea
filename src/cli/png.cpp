// write_png, through libpng's simplified interface.
#include "cli/png.h"

#include <fmt/format.h>
#include <png.h>

namespace hesper::cli {

Result<void> write_png(const std::filesystem::path& path, std::uint32_t width, std::uint32_t height,
                       std::span<const std::byte> rgba) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGBA;
  if (rgba.size() == std::size_t{width} * height * 4 &&
      png_image_write_to_file(&image, path.c_str(), 0, rgba.data(), 0, nullptr) != 0) {
    return {};
  }
  return fail(fmt::format("The picture '{}' cannot be written: {}.", path.native(), image.message));
}

}  // namespace hesper::cli
