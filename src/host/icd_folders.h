// Where the Vulkan loader looks for drivers. Looks there itself not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hesper::host {

// A variable of the environment; nothing: it is not set.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

// The folders for driver manifests, in the loader's order.
// Spec: Vulkan-Loader, LoaderDriverInterface.md, "Driver Discovery on Linux" and "on macOS".
[[nodiscard]] std::vector<std::filesystem::path> icd_folders(const Variables& variables);

}  // namespace hesper::host
