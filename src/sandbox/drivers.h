// Which Vulkan drivers and layers the loader is going to load, found out without loading any: a look at the manifests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hesper::sandbox {

// Drivers that need the same: system calls, files and limits. Of processes that load no driver: none, and view, which
// is hesper-view with its codecs and its viewers.
enum class Family : std::uint8_t { lavapipe, mesa, nvidia, unknown, none, view };

[[nodiscard]] const char* name_of(Family family) noexcept;

// By the file name of the driver's library.
[[nodiscard]] Family family_of(const std::filesystem::path& library);

// An environment variable's value; nullopt: unset.
using Getenv = std::function<std::optional<std::string>(const char*)>;

// The folders SUB in which the Vulkan loader looks for manifests, in its order; most do not exist.
// below: "icd.d", "implicit_layer.d" or "explicit_layer.d".
// Spec: Vulkan-Loader, LoaderDriverInterface.md, "Driver Discovery on Linux".
[[nodiscard]] std::vector<std::filesystem::path> vulkan_folders(const Getenv& environment, std::string_view below);

struct HostDrivers {
  std::vector<Family> families;                // each once; in the order of the enum
  std::vector<std::filesystem::path> unknown;  // libraries of Family::unknown
  std::vector<std::filesystem::path> files;    // manifests, and libraries that are not found by name alone
};

// Follows VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES, VK_LOADER_DRIVERS_SELECT and _DISABLE, and the layer
// paths. A manifest that cannot be read is left out, as the loader does.
[[nodiscard]] HostDrivers find_host_drivers(const Getenv& environment);

}  // namespace hesper::sandbox
