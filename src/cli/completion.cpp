// completion_script: a template a shell, filled with the command line's own commands and options. After its own
// options, `exec` completes like the command that it runs.
#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

namespace hesper::cli {
namespace {

struct Option {
  std::vector<std::string> names;  // "-v", "--verbose"
  std::string description;
  bool takes_value;
};

struct Command {
  std::string name;
  std::string description;
  std::vector<Option> options;  // its own and its subcommands'
  std::vector<std::string> subcommands;
  bool takes_file = false;     // as an argument
  bool takes_machine = false;  // likewise: the name of a virtual machine that runs
};

void add_options(const CLI::App& app, Command& command) {
  for (const CLI::Option* option : app.get_options()) {
    Option row{.names = {}, .description = option->get_description(), .takes_value = option->get_items_expected() > 0};
    for (const auto& name : option->get_snames()) row.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) row.names.push_back("--" + name);
    if (option->get_positional() && option->get_name() == "FILE") command.takes_file = true;
    if (option->get_positional() && option->get_name() == "VM") command.takes_machine = true;
    const auto known = [&](const Option& other) { return other.names == row.names; };
    if (!row.names.empty() && std::ranges::none_of(command.options, known)) command.options.push_back(std::move(row));
  }
}

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->get_group().empty()) continue;  // not for users
    Command command{.name = each->get_name(), .description = each->get_description(), .options = {}, .subcommands = {}};
    add_options(*each, command);
    for (const CLI::App* below : each->get_subcommands([](const CLI::App*) { return true; })) {
      command.subcommands.push_back(below->get_name());
      add_options(*below, command);
    }
    commands.push_back(std::move(command));
  }
  return commands;
}

// All spellings of the options; with_value: of those that take one.
std::vector<std::string> spellings(const Command& command, bool with_value) {
  std::vector<std::string> result;
  for (const Option& option : command.options)
    if (option.takes_value || !with_value) result.insert(result.end(), option.names.begin(), option.names.end());
  return result;
}

// A text between single quotes, for every shell.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + '\'';
}

std::string bash(const std::vector<Command>& commands) {
  std::string script = R"(# bash completion for hesper: source <(hesper completion bash)
_hesper() {
  local word=${COMP_WORDS[COMP_CWORD]} commands i
  declare -A options=() valued=() words=() files=() machines=()
)";
  std::vector<std::string> names;
  for (const Command& command : commands) {
    names.push_back(command.name);
    script += fmt::format("  options[{0}]='{1}' valued[{0}]=' {2} '\n", command.name,
                          fmt::join(spellings(command, false), " "), fmt::join(spellings(command, true), " "));
    if (!command.subcommands.empty()) {
      script += fmt::format("  words[{}]='{}'\n", command.name, fmt::join(command.subcommands, " "));
    }
    if (command.takes_file) script += fmt::format("  files[{}]=1\n", command.name);
    if (command.takes_machine) script += fmt::format("  machines[{}]=1\n", command.name);
  }
  script += fmt::format("  commands='{}'\n", fmt::join(names, " "));
  return script + R"(  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "$commands --help --version" -- "$word"))
    return
  fi
  local command=${COMP_WORDS[1]}
  for ((i = 2; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --) ((i++)); break ;;
      -*) [[ ${valued[$command]} == *" ${COMP_WORDS[i]} "* ]] && ((i++)) ;;
      *) break ;;
    esac
  done
  if ((i > COMP_CWORD)); then
    COMPREPLY=($(compgen -f -- "$word"))
  elif [[ $command == exec ]] && ((i < COMP_CWORD)); then
    _command_offset "$i"
  elif [[ $command == exec && $word != -* ]]; then
    COMPREPLY=($(compgen -c -- "$word"))
  elif ((i == 2 && COMP_CWORD == 2)) && [[ ${words[$command]}${machines[$command]} && $word != -* ]]; then
    COMPREPLY=($(compgen -W "${words[$command]} ${machines[$command]:+$(hesper list --names 2>/dev/null)}" -- "$word"))
  elif [[ ${files[$command]} && $word != -* ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
  else
    COMPREPLY=($(compgen -W "${options[$command]}" -- "$word"))
  fi
}
complete -F _hesper hesper
)";
}

std::string zsh(const std::vector<Command>& commands) {
  // ':' and brackets have a meaning to _arguments and _describe.
  const auto plain = [](std::string text) {
    for (char& c : text)
      if (c == ':' || c == '[' || c == ']') c = ' ';
    return text;
  };
  std::string script = R"(#compdef hesper
# zsh completion for hesper: hesper completion zsh > _hesper, in a folder of $fpath
_hesper() {
  local -a commands=(
)";
  for (const Command& command : commands)
    script += fmt::format("    {}\n", quoted(command.name + ":" + plain(command.description)));
  script += R"(  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
)";
  for (const Command& command : commands) {
    script += fmt::format("    {}) _arguments", command.name);
    for (const Option& option : command.options) {
      for (const std::string& name : option.names) {
        const std::string value = option.takes_value ? ":value:_files" : "";
        script += " \\\n      " + quoted(name + "[" + plain(option.description) + "]" + value);
      }
    }
    if (command.name == "exec") script += " \\\n      '(-)1:program:_command_names -e' '*::arguments:_normal'";
    const std::string machines = command.takes_machine ? " $(hesper list --names 2>/dev/null)" : "";
    if (!command.subcommands.empty() || command.takes_machine)
      script += fmt::format(" \\\n      \"1:what:({}{})\"", fmt::join(command.subcommands, " "), machines);
    if (command.takes_file) script += " \\\n      '*:file:_files'";
    script += " ;;\n";
  }
  return script + "  esac\n}\n_hesper \"$@\"\n";
}

std::string fish(const std::vector<Command>& commands) {
  std::string script = "# fish completion for hesper: hesper completion fish | source\n";
  for (const Command& command : commands) {
    script += fmt::format("complete -c hesper -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                          quoted(command.description));
    for (const Option& option : command.options) {
      script += fmt::format("complete -c hesper -n '__fish_seen_subcommand_from {}'", command.name);
      for (const std::string& name : option.names)
        script += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      script += fmt::format("{} -d {}\n", option.takes_value ? " -r" : "", quoted(option.description));
    }
  }
  for (const Command& command : commands) {
    if (command.takes_machine)
      script += fmt::format("complete -c hesper -n '__fish_seen_subcommand_from {}' -f -a '(hesper list --names)'\n",
                            command.name);
    if (command.subcommands.empty()) continue;
    script += fmt::format("complete -c hesper -n '__fish_seen_subcommand_from {}' -a {}\n", command.name,
                          quoted(fmt::format("{}", fmt::join(command.subcommands, " "))));
  }
  return script + "complete -c hesper -n '__fish_seen_subcommand_from exec' -a '(__fish_complete_subcommand)'\n";
}

}  // namespace

Result<std::string> completion_script(const CLI::App& app, std::string_view shell) {
  const std::vector<Command> commands = commands_of(app);
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return fail(fmt::format("There is no completion for '{}'; choose bash, zsh or fish.", shell));
}

}  // namespace hesper::cli
