// hesper view: becomes hesper-view, the program that shows a guest's screens (hesper_view.cpp).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hesper::cli {

// socket: of hesper gpu. arguments: options of hesper-view. Returns only if it cannot be started: 1, with an error in
// the log.
[[nodiscard]] int become_view(const char* argv0, const std::filesystem::path& socket,
                              const std::vector<std::string>& arguments);

}  // namespace hesper::cli
