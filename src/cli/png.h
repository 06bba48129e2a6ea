// write_png: a picture as a PNG file. Colours are taken as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/error.h"

namespace hesper::cli {

// rgba: width * height * 4 bytes, rows from top to bottom. Replaces the file.
[[nodiscard]] Result<void> write_png(const std::filesystem::path& path, std::uint32_t width, std::uint32_t height,
                                     std::span<const std::byte> rgba);

}  // namespace hesper::cli
