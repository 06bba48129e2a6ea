// The search for manifests, as the Vulkan loader does it, and what can be told from them.
#include "sandbox/drivers.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>
#include <utility>

namespace hesper::sandbox {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> filled(const Getenv& environment, const char* name) {
  auto value = environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(list, separator))
    if (!part.empty()) parts.emplace_back(part.begin(), part.end());
  return parts;
}

// The manifests at a path: itself, or those in it if it is a folder.
void add_manifests(const fs::path& path, std::vector<fs::path>& manifests) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    manifests.push_back(path);
    return;
  }
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path, error))
    if (entry.path().extension() == ".json") found.push_back(entry.path());
  std::ranges::sort(found);
  std::ranges::move(found, std::back_inserter(manifests));
}

std::vector<fs::path> driver_manifests(const Getenv& environment) {
  std::vector<fs::path> manifests;
  auto named = filled(environment, "VK_DRIVER_FILES");
  if (!named) named = filled(environment, "VK_ICD_FILENAMES");
  if (named) {
    for (const auto& path : split(*named, ':')) add_manifests(path, manifests);
    return manifests;
  }
  for (const auto& path : split(environment("VK_ADD_DRIVER_FILES").value_or(""), ':')) add_manifests(path, manifests);
  for (const auto& folder : vulkan_folders(environment, "icd.d")) {
    std::error_code error;
    if (fs::is_directory(folder, error)) add_manifests(folder, manifests);
  }
  return manifests;
}

bool matches(const fs::path& manifest, const std::string& globs) {
  const std::string name = manifest.filename().native();
  return std::ranges::any_of(split(globs, ','),
                             [&](const auto& glob) { return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0; });
}

bool is_selected(const fs::path& manifest, const Getenv& environment) {
  if (const auto only = filled(environment, "VK_LOADER_DRIVERS_SELECT"); only && matches(manifest, *only))
    return true;
  else if (only)
    return false;
  const auto without = filled(environment, "VK_LOADER_DRIVERS_DISABLE");
  return !without || !matches(manifest, *without);
}

// The library that a manifest of a driver ("ICD") or a layer ("layer") names.
std::optional<fs::path> library_of(const fs::path& manifest, const char* section) {
  std::ifstream file(manifest);
  const auto json = nlohmann::json::parse(file, nullptr, false, true);
  if (!json.is_object() || !json.contains(section) || !json[section].is_object()) return std::nullopt;
  const auto path = json[section].find("library_path");
  if (path == json[section].end() || !path->is_string()) return std::nullopt;
  const fs::path library(path->get<std::string>());
  // A name alone is for the dynamic linker; a relative path starts at the manifest.
  return library.has_parent_path() && library.is_relative() ? manifest.parent_path() / library : library;
}

void add_files(const fs::path& manifest, const fs::path& library, HostDrivers& result) {
  std::error_code error;
  result.files.push_back(fs::absolute(manifest, error));
  if (library.has_parent_path()) result.files.push_back(library);
}

// Layers that the user named a place for. Those of the system lie where every library does.
void add_layers(const Getenv& environment, HostDrivers& result) {
  for (const char* variable :
       {"VK_LAYER_PATH", "VK_ADD_LAYER_PATH", "VK_IMPLICIT_LAYER_PATH", "VK_ADD_IMPLICIT_LAYER_PATH"}) {
    std::vector<fs::path> manifests;
    for (const auto& path : split(environment(variable).value_or(""), ':')) add_manifests(path, manifests);
    for (const auto& manifest : manifests)
      if (const auto library = library_of(manifest, "layer")) add_files(manifest, *library, result);
  }
}

}  // namespace

const char* name_of(Family family) noexcept {
  switch (family) {
    case Family::lavapipe: return "lavapipe";
    case Family::mesa: return "Mesa";
    case Family::nvidia: return "NVIDIA";
    case Family::unknown: return "unknown";
    case Family::none: return "no driver";
    case Family::view: return "hesper-view";
  }
  return "unknown";
}

Family family_of(const fs::path& library) {
  const std::string name = library.filename().native();
  const auto has = [&](std::string_view part) { return name.find(part) != std::string::npos; };
  if (has("vulkan_lvp")) return Family::lavapipe;
  if (has("nvidia")) return Family::nvidia;
  constexpr std::array kMesa = {"radeon",   "intel",    "nouveau",      "asahi",     "freedreno",
                                "panfrost", "broadcom", "powervr_mesa", "gfxstream", "virtio"};
  if (has("libvulkan_") && std::ranges::any_of(kMesa, has)) return Family::mesa;
  return Family::unknown;
}

std::vector<fs::path> vulkan_folders(const Getenv& environment, std::string_view below) {
  const std::string home = environment("HOME").value_or("");
  std::string roots;
  const auto add = [&](const std::string& list) { roots += list + ':'; };
  add(filled(environment, "XDG_CONFIG_HOME").value_or(home + "/.config"));
  add(filled(environment, "XDG_CONFIG_DIRS").value_or("/etc/xdg"));
  add("/usr/local/etc:/etc");
  add(filled(environment, "XDG_DATA_HOME").value_or(home + "/.local/share"));
  add(filled(environment, "XDG_DATA_DIRS").value_or("/usr/local/share:/usr/share"));

  std::vector<fs::path> result;
  for (const auto& root : split(roots, ':'))
    if (fs::path(root).is_absolute()) result.push_back(fs::path(root) / "vulkan" / below);
  return result;
}

HostDrivers find_host_drivers(const Getenv& environment) {
  HostDrivers result;
  std::set<Family> families;
  for (const auto& manifest : driver_manifests(environment)) {
    if (!is_selected(manifest, environment)) continue;
    const auto library = library_of(manifest, "ICD");
    if (!library) continue;
    const Family family = family_of(*library);
    families.insert(family);
    if (family == Family::unknown) result.unknown.push_back(*library);
    add_files(manifest, *library, result);
  }
  result.families.assign(families.begin(), families.end());
  add_layers(environment, result);
  return result;
}

}  // namespace hesper::sandbox
