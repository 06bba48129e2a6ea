// Options of outputs.
#include "cli/view_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace hesper::cli {

void add_view_options(CLI::App& command, ViewOptions& options) {
  command
      .add_option_function<std::string>(
          "--trace", [&options](const std::string& file) { options.trace = {.file = file}; },
          "Write a line of JSON for each frame, for tests; -: to standard output")
      ->take_last()
      ->type_name("FILE");
}

std::vector<std::string> arguments_of(const CLI::App& command, const std::vector<std::string>& without) {
  std::vector<std::string> arguments;
  for (const CLI::Option* option : command.get_options()) {
    if (option->empty() || option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (std::ranges::contains(without, name)) continue;
    const bool is_flag = option->get_items_expected_max() == 0;
    for (const std::string& value : option->results())
      arguments.push_back(is_flag || value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  return arguments;
}

}  // namespace hesper::cli
