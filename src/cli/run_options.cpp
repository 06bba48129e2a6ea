// add_run_command: one option for each vm::Setting, one for each option of hesper gpu.
#include "cli/run_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "vm/settings.h"

namespace hesper::cli {
namespace {

// Options that the launcher sets itself, or has too.
constexpr std::array<std::string_view, 9> kOwn = {"help",    "socket", "displays", "mode", "once",
                                                  "verbose", "state",  "report",   "agent"};

// Options that the GPU's workers have too: theirs come without a prefix, as those of the processes that need it most.
constexpr std::array<std::string_view, 2> kOfWorkers = {"sandbox", "require-sandbox"};

void add_setting(CLI::App& command, const vm::Setting& setting, RunOptions& options) {
  const std::string name = "--" + std::string(setting.name);
  std::vector<std::string>& values = options.settings[std::string(setting.name)];
  CLI::Option* added = nullptr;
  if (setting.clear != nullptr) {
    added = command.add_option(name, values)->allow_extra_args(false);
  } else {
    added = command.add_option_function<std::string>(name, [&values](const std::string& value) { values = {value}; });
    added->take_last();
  }
  added->description(std::string(setting.description))->type_name(std::string(setting.type_name));
}

constexpr std::string_view kViewPrefix = "view-";

// Another command whose options are passed on.
struct PassedOn {
  const CLI::App& command;
  std::string_view prefix;  // of an option's name, where a setting or a command before this one has it
  std::string_view group;
  std::vector<std::string>& names;      // of all its options
  std::vector<std::string>& arguments;  // those that were given
};

void pass_on(CLI::App& run_command, const PassedOn& from, const CLI::Option& option) {
  const std::string& bare = option.get_lnames().front();
  const std::string name = "--" + bare;
  // As --memory of the machine is not that of the GPU's workers, and --window not the window that its memory lies in.
  const bool is_taken = std::ranges::contains(vm::settings(), bare, &vm::Setting::name) ||
                        run_command.get_option_no_throw(name) != nullptr ||
                        (from.prefix == kViewPrefix && std::ranges::contains(kOfWorkers, bare));
  const std::string name_here = is_taken ? fmt::format("--{}{}", from.prefix, bare) : name;
  from.names.push_back(name);
  CLI::Option* added = nullptr;
  const auto pass_on = [&arguments = from.arguments, name](const std::string& value) {
    arguments.push_back(value.empty() ? name : fmt::format("{}={}", name, value));
  };
  const int most = option.get_items_expected_max();
  if (most == 0) {
    added = run_command.add_flag_callback(name_here, [pass_on] { pass_on(""); });
  } else if (most == 1) {
    added = run_command.add_option_function<std::string>(name_here, pass_on)
                ->take_last()
                ->expected(option.get_items_expected_min(), most);
  } else {
    const auto pass_on_all = [pass_on](const std::vector<std::string>& values) {
      std::ranges::for_each(values, pass_on);
    };
    added = run_command.add_option_function<std::vector<std::string>>(name_here, pass_on_all)->allow_extra_args(false);
  }
  // Without what its values are checked for, which the other command does.
  const std::string type_name = option.get_type_name();
  if (most > 0) added->type_name(type_name.substr(0, type_name.find(':')));
  added->description(option.get_description())->group(std::string(from.group));
}

void pass_on(CLI::App& run_command, const PassedOn& from) {
  for (const CLI::Option* option : from.command.get_options())
    if (!option->get_lnames().empty() && !std::ranges::contains(kOwn, option->get_lnames().front()))
      pass_on(run_command, from, *option);
}

}  // namespace

void add_machine_description(CLI::App& command, const CLI::App& gpu_command, const CLI::App& view_command,
                             RunOptions& options) {
  command.add_option("FILE", options.image, "The image of the disk to boot, or a TOML file that describes the machine");
  for (const vm::Setting& setting : vm::settings()) add_setting(command, setting, options);
  pass_on(command, {.command = view_command,
                    .prefix = kViewPrefix,
                    .group = "Options of the screens, as of hesper view",
                    .names = options.view_options,
                    .arguments = options.view_arguments});
  command
      .add_flag_callback(
          "--no-web", [&options] { options.view_arguments.emplace_back(kNoWeb); },
          "Do not serve browsers, which otherwise is done at 127.0.0.1 and a free port")
      ->group("Options of the screens, as of hesper view");
  options.view_options.emplace_back(kNoWeb);
  pass_on(command, {.command = gpu_command,
                    .prefix = "gpu-",
                    .group = "Options of the GPU, as of hesper gpu",
                    .names = options.gpu_options,
                    .arguments = options.gpu_arguments});
}

CLI::App* add_run_command(CLI::App& app, const CLI::App& gpu_command, const CLI::App& view_command,
                          RunOptions& options) {
  CLI::App* command = app.add_subcommand("run", "Run a virtual machine with Hesper as its GPU");
  command->usage("Usage: hesper run [IMAGE | FILE.toml] [OPTIONS]");
  command->add_flag("--dry-run", options.dry_run, "Print the command lines instead, for a shell");
  command->add_flag("-v,--verbose", options.verbose, "Print what QEMU is told and says, and what the GPU does");
  add_machine_description(*command, gpu_command, view_command, options);
  command->footer(
      "The guest's serial console is on the terminal: Ctrl-C is the guest's, Ctrl-a x shuts it down, Ctrl-a x again "
      "ends\n"
      "it. Without the console (--serial none) Ctrl-C does both. A TOML file has the options' names as keys, and "
      "tables\n"
      "[gpu] and [view] for those of the GPU and of the screens; the command line wins.\n"
      "Examples: hesper run debian.qcow2 --cpus 4 --memory 4G --forward 2222:22 --share ~/src:src\n"
      "          hesper run --kernel vmlinuz --initrd initrd.img --append console=ttyS0\n"
      "Exit status: 0 if the guest has shut down or was told to end; 1 otherwise.");
  return command;
}

}  // namespace hesper::cli
