// The search for Venus's manifest.
#include "cli/venus_icd.h"

#include <algorithm>
#include <ranges>
#include <string_view>

#include "cli/environment.h"

namespace hesper::cli {

bool is_venus_icd(const std::filesystem::path& manifest) {
  const std::string name = manifest.filename().native();
  return name.starts_with("virtio_icd") && name.ends_with(".json");
}

std::vector<std::filesystem::path> icd_directories(const Environment& environment) {
  const std::string home = environment.get("HOME").value_or("");
  std::string roots;
  const auto add = [&](const std::string& list) { roots += list + ':'; };
  add(environment.get_filled("XDG_CONFIG_HOME").value_or(home + "/.config"));
  add(environment.get_filled("XDG_CONFIG_DIRS").value_or("/etc/xdg"));
  add("/usr/local/etc:/etc");
  add(environment.get_filled("XDG_DATA_HOME").value_or(home + "/.local/share"));
  add(environment.get_filled("XDG_DATA_DIRS").value_or("/usr/local/share:/usr/share"));

  std::vector<std::filesystem::path> result;
  for (const auto part : std::views::split(roots, ':')) {
    const std::filesystem::path root(part.begin(), part.end());
    if (root.is_absolute()) result.push_back(root / "vulkan/icd.d");
  }
  return result;
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
