// Actions as lines for a shell.
#include "advice/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "vm/command_lines.h"

namespace hesper::advice {
namespace {

std::string word(const std::string& text) { return vm::quoted_for_shell(std::vector{text}); }

std::string line_that_tells(const std::filesystem::path& file, const std::string& text) {
  return fmt::format("echo {} | sudo tee {} >/dev/null", text.empty() ? "" : word(text), word(file.native()));
}

struct Adder {
  Step& step;
  std::vector<std::string> undo;  // the last first

  void operator()(const WriteFile& action) {
    step.files.push_back(action.file);
    undo.push_back(fmt::format("sudo rm -f {}", word(action.file.path.native())));
  }
  void operator()(const RunCommand& action) {
    if (!action.command.empty()) step.commands.push_back("sudo " + vm::quoted_for_shell(action.command));
    if (!action.undo.empty()) undo.push_back("sudo " + vm::quoted_for_shell(action.undo));
  }
  void operator()(const TellKernel& action) {
    if (!action.file.empty()) step.commands.push_back(line_that_tells(action.file, action.text));
    if (!action.undo_file.empty()) undo.push_back(line_that_tells(action.undo_file, action.undo_text));
  }
};

}  // namespace

void add_actions(Step& step, const std::vector<Action>& actions) {
  Adder adder{.step = step, .undo = {}};
  for (const Action& action : actions) std::visit(adder, action);
  std::ranges::reverse(adder.undo);
  step.undo.insert(step.undo.begin(), adder.undo.begin(), adder.undo.end());
}

}  // namespace hesper::advice
