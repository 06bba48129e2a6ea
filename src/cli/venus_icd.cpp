// The search for Venus's manifest.
#include "cli/venus_icd.h"

#include <algorithm>
#include <ranges>
#include <string_view>

#include "cli/environment.h"
#include "host/icd_folders.h"

namespace hesper::cli {

bool is_venus_icd(const std::filesystem::path& manifest) {
  const std::string name = manifest.filename().native();
  return name.starts_with("virtio_icd") && name.ends_with(".json");
}

std::vector<std::filesystem::path> icd_directories(const Environment& environment) {
  return host::icd_folders([&](std::string_view name) { return environment.get(name); });
}

Result<std::string> find_venus_icd(const std::vector<std::filesystem::path>& directories) {
  for (const auto& directory : directories) {
    std::vector<std::string> found;
    std::error_code ignored;  // most of the folders do not exist
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored))
      if (is_venus_icd(entry.path())) found.push_back(entry.path().native());
    if (found.empty()) continue;
    std::ranges::sort(found);
    std::string list = found.front();
    for (const auto& more : found | std::views::drop(1)) list += ':' + more;
    return list;
  }
  return fail(
      "No Venus driver is installed: no virtio_icd*.json lies in the Vulkan loader's driver folders. Install the "
      "package mesa-vulkan-drivers, or name the file with --icd.");
}

}  // namespace hesper::cli
