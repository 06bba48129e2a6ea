// completion_script: one function a shell. After its own options, `exec` completes like the command that it runs.
#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <vector>

namespace hesper::cli {
namespace {

struct Option {
  std::vector<std::string> names;  // "-v", "--verbose"
  std::string description;
  bool takes_value;
};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<Option> options_of(const CLI::App& app) {
  std::vector<Option> result;
  for (const CLI::Option* option : app.get_options()) {
    Option row{.names = {}, .description = option->get_description(), .takes_value = option->get_items_expected() > 0};
    for (const auto& name : option->get_snames()) row.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) row.names.push_back("--" + name);
    if (!row.names.empty()) result.push_back(std::move(row));
  }
  return result;
}

std::vector<std::string> words_of(const std::vector<Option>& options) {
  std::vector<std::string> words;
  for (const Option& option : options) words.insert(words.end(), option.names.begin(), option.names.end());
  return words;
}

std::vector<std::string> words_with_value(const std::vector<Option>& options) {
  std::vector<std::string> words;
  for (const Option& option : options)
    if (option.takes_value) words.insert(words.end(), option.names.begin(), option.names.end());
  return words;
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

// A text between single quotes, for every shell.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + '\'';
}

std::string bash(const CLI::App& app) {
  const auto commands = commands_of(app);
  std::string script =
      "# bash completion for hesper: source <(hesper completion bash)\n"
      "_hesper() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} "
      "previous=${COMP_WORDS[COMP_CWORD-1]} i\n"
      "  if ((COMP_CWORD == 1)); then\n";
  script += fmt::format("    COMPREPLY=($(compgen -W '{} {}' -- \"$word\"))\n    return\n  fi\n",
                        fmt::join(names_of(commands), " "), fmt::join(words_of(options_of(app)), " "));
  script += "  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* command : commands) {
    const auto options = options_of(*command);
    const auto valued = words_with_value(options);
    script += fmt::format("    {})\n", command->get_name());
    if (command->get_name() == "exec") {
      script +=
          "      for ((i = 2; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n";
      script += fmt::format("          {}) ((i++)) ;;\n", fmt::join(valued, "|"));
      script +=
          "          --) ((i++)); break ;;\n"
          "          -*) ;;\n"
          "          *) break ;;\n"
          "        esac\n"
          "      done\n"
          "      if ((i <= COMP_CWORD)) && { ((i < COMP_CWORD)) || [[ "
          "$word != -* || ${COMP_WORDS[i-1]} == -- ]]; } &&\n";
      script += fmt::format("         [[ ! \" {} \" == *\" $previous \"* ]]; then\n", fmt::join(valued, " "));
      script +=
          "        if declare -F _command_offset >/dev/null; then "
          "_command_offset \"$i\"\n"
          "        elif ((i == COMP_CWORD)); then COMPREPLY=($(compgen "
          "-c -- \"$word\"))\n"
          "        else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
          "        return\n"
          "      fi\n";
    }
    if (!valued.empty())
      script += fmt::format(
          "      case $previous in {}) COMPREPLY=($(compgen "
          "-f -- \"$word\")); return ;; esac\n",
          fmt::join(valued, "|"));
    script += fmt::format("      COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n", fmt::join(words_of(options), " "));
  }
  return script + "  esac\n}\ncomplete -F _hesper hesper\n";
}

std::string zsh(const CLI::App& app) {
  // ':' and brackets have a meaning to _arguments and _describe.
  const auto plain = [](std::string text) {
    for (char& c : text)
      if (c == ':' || c == '[' || c == ']') c = ' ';
    return text;
  };
  std::string script =
      "#compdef hesper\n"
      "# zsh completion for hesper: hesper completion zsh > a "
      "folder of $fpath/_hesper\n"
      "_hesper() {\n"
      "  local -a commands=(\n";
  for (const CLI::App* command : commands_of(app))
    script += fmt::format("    {}\n", quoted(command->get_name() + ":" + plain(command->get_description())));
  script +=
      "  )\n"
      "  if ((CURRENT == 2)); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; ((CURRENT--))\n"
      "  case $command in\n";
  for (const CLI::App* command : commands_of(app)) {
    script += fmt::format("    {}) _arguments", command->get_name());
    for (const Option& option : options_of(*command))
      for (const std::string& name : option.names)
        script += fmt::format(" \\\n        {}", quoted(name + "[" + plain(option.description) + "]" +
                                                        (option.takes_value ? ":value:_files" : "")));
    if (command->get_name() == "exec")
      script +=
          " \\\n        '(-)1:program:_command_names -e' "
          "'*::arguments:_normal'";
    script += " ;;\n";
  }
  return script + "  esac\n}\ncompdef _hesper hesper\n";
}

std::string fish(const CLI::App& app) {
  std::string script = "# fish completion for hesper: hesper completion fish | source\n";
  for (const CLI::App* command : commands_of(app)) {
    script += fmt::format("complete -c hesper -n __fish_use_subcommand -f -a {} -d {}\n", command->get_name(),
                          quoted(command->get_description()));
    for (const Option& option : options_of(*command)) {
      script += fmt::format("complete -c hesper -n '__fish_seen_subcommand_from {}'", command->get_name());
      for (const std::string& name : option.names)
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      script += fmt::format("{} -d {}\n", option.takes_value ? " -r" : "", quoted(option.description));
    }
  }
  return script +
         "complete -c hesper -n '__fish_seen_subcommand_from exec' -a "
         "'(__fish_complete_subcommand)'\n";
}

}  // namespace

Result<std::string> completion_script(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return zsh(app);
  if (shell == "fish") return fish(app);
  return fail(fmt::format("There is no completion for '{}'; choose bash, zsh or fish.", shell));
}

}  // namespace hesper::cli
