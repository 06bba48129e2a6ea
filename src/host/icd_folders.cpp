// The loader's list, after the environment.
#include "host/icd_folders.h"

#include <ranges>

namespace hesper::host {

std::vector<std::filesystem::path> icd_folders(const Variables& variables) {
  const auto filled = [&](std::string_view name, const std::string& otherwise) {
    const auto value = variables(name);
    return value && !value->empty() ? *value : otherwise;
  };
  const std::string home = filled("HOME", "");
  std::string roots;
  const auto add = [&](const std::string& list) { roots += list + ':'; };
  add(filled("XDG_CONFIG_HOME", home + "/.config"));
  add(filled("XDG_CONFIG_DIRS", "/etc/xdg"));
  add("/usr/local/etc:/etc");
  add(filled("XDG_DATA_HOME", home + "/.local/share"));
  add(filled("XDG_DATA_DIRS", "/usr/local/share:/usr/share"));

  std::vector<std::filesystem::path> result;
  for (const auto part : std::views::split(roots, ':')) {
    const std::filesystem::path root(part.begin(), part.end());
    if (root.is_absolute()) result.push_back(root / "vulkan/icd.d");
  }
  return result;
}

}  // namespace hesper::host
