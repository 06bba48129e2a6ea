// Shell completion scripts, made from the same option list that parses the command line.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace CLI {
class App;
}

namespace hesper::cli {

// shell: "bash", "zsh" or "fish". Error: any other.
[[nodiscard]] Result<std::string> completion_script(const CLI::App& app, std::string_view shell);

}  // namespace hesper::cli
