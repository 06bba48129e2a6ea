// Steps as text and as scripts.
#include "advice/step.h"

#include <fmt/format.h>

#include <string_view>

namespace hesper::advice {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::string_view told(Takes takes) {
  switch (takes) {
    case Takes::effect_at_once: return "";
    case Takes::new_login: return "Takes effect when you log in again.";
    case Takes::reboot: return "Takes effect when the host boots again.";
  }
  return "";
}

void append_lines(std::string& text, std::string_view lines, std::string_view before) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    text += fmt::format("{}{}\n", before, lines.substr(0, end));
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
  }
}

// A word that is in no line of the file ends it.
std::string end_of(const std::string& contents) {
  std::string word = "END";
  while (contents.contains(word)) word += '_';
  return word;
}

std::string command_that_writes(const WrittenFile& file) {
  const std::string end = end_of(file.contents);
  const std::string path = quoted(file.path.native());
  const std::string newline = file.contents.ends_with('\n') ? "" : "\n";
  return fmt::format("sudo mkdir -p {}\nsudo tee {} >/dev/null <<'{}'\n{}{}{}\nsudo chmod {:o} {}\n",
                     quoted(file.path.parent_path().native()), path, end, file.contents, newline, end, file.mode, path);
}

}  // namespace

std::string text_of(const Step& step) {
  std::string text = step.title + "\n";
  append_lines(text, step.reason, "  ");
  for (const WrittenFile& file : step.files) {
    text += fmt::format("    write {}:\n", file.path.native());
    append_lines(text, file.contents, "      | ");
  }
  for (const std::string& command : step.commands) append_lines(text, command, "    $ ");
  append_lines(text, told(step.takes), "  ");
  append_lines(text, step.if_it_fails, "  If it fails: ");
  for (const std::string& command : step.undo) append_lines(text, command, "    undo: ");
  return text;
}

std::string script_of(const std::vector<Step>& steps, const std::string& title) {
  std::string script = "#!/bin/sh\n";
  append_lines(script, title, "# ");
  script += "# Read it before you run it. It stops at the first thing that fails.\nset -eu\n";
  for (const Step& step : steps) {
    script += '\n';
    append_lines(script, step.title, "# ");
    append_lines(script, step.reason, "#   ");
    script += fmt::format("printf '%s\\n' {}\n", quoted(step.title));
    for (const WrittenFile& file : step.files) script += command_that_writes(file);
    for (const std::string& command : step.commands) append_lines(script, command, "");
    append_lines(script, told(step.takes), "# ");
  }
  script += "\n# To undo all of it, the last first:\n";
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
    for (const std::string& command : step->undo) append_lines(script, command, "#   ");
  return script;
}

}  // namespace hesper::advice
