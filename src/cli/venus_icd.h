// Where Mesa's Venus driver tells the Vulkan loader about itself. Does not open the manifest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace hesper::cli {

class Environment;

// The manifest's file name, as the loader's filter variables match it.
inline constexpr const char* kVenusIcdPattern = "virtio_icd*";

[[nodiscard]] bool is_venus_icd(const std::filesystem::path& manifest);

// The folders in which the Vulkan loader looks for driver manifests, in its order (host/icd_folders.h).
[[nodiscard]] std::vector<std::filesystem::path> icd_directories(const Environment& environment);

// Venus's manifests in the first folder that has any (one for each architecture), separated by ':'.
// Error: a sentence with the package to install.
[[nodiscard]] Result<std::string> find_venus_icd(const std::vector<std::filesystem::path>& directories);

}  // namespace hesper::cli
