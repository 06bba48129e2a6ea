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

// Options of hesper gpu that the launcher sets itself.
constexpr std::array<std::string_view, 6> kOwn = {"help", "socket", "displays", "mode", "once", "verbose"};

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

void add_gpu_option(CLI::App& command, const CLI::Option& option, RunOptions& options) {
  const std::string& bare = option.get_lnames().front();
  const std::string name = "--" + bare;
  const bool is_taken = std::ranges::contains(vm::settings(), bare, &vm::Setting::name);
  const std::string name_here = is_taken ? "--gpu-" + bare : name;
  options.gpu_options.push_back(name);
  CLI::Option* added = nullptr;
  const auto pass_on = [&options, name](const std::string& value) {
    options.gpu_arguments.push_back(fmt::format("{}={}", name, value));
  };
  if (option.get_items_expected_max() == 0) {
    added = command.add_flag_callback(name_here, [&options, name] { options.gpu_arguments.push_back(name); });
  } else if (option.get_items_expected_max() == 1) {
    added = command.add_option_function<std::string>(name_here, pass_on)->take_last();
  } else {
    const auto pass_on_all = [pass_on](const std::vector<std::string>& values) {
      std::ranges::for_each(values, pass_on);
    };
    added = command.add_option_function<std::vector<std::string>>(name_here, pass_on_all)->allow_extra_args(false);
  }
  // Without what its values are checked for, which hesper gpu does.
  const std::string type_name = option.get_type_name();
  if (option.get_items_expected_max() > 0) added->type_name(type_name.substr(0, type_name.find(':')));
  added->description(option.get_description())->group("Options of the GPU, as of hesper gpu");
}

}  // namespace

CLI::App* add_run_command(CLI::App& app, const CLI::App& gpu_command, RunOptions& options) {
  CLI::App* command = app.add_subcommand("run", "Run a virtual machine with Hesper as its GPU");
  command->usage("Usage: hesper run [IMAGE | FILE.toml] [OPTIONS]");
  command->add_option("FILE", options.image,
                      "The image of the disk to boot, or a TOML file that describes the machine");
  command->add_flag("--dry-run", options.dry_run, "Print the command lines instead, for a shell");
  command->add_flag("-v,--verbose", options.verbose, "Print what QEMU is told and says, and what the GPU does");
  for (const vm::Setting& setting : vm::settings()) add_setting(*command, setting, options);
  for (const CLI::Option* option : gpu_command.get_options())
    if (!option->get_lnames().empty() && std::ranges::find(kOwn, option->get_lnames().front()) == kOwn.end())
      add_gpu_option(*command, *option, options);
  command->footer(
      "The guest's serial console is on the terminal: Ctrl-C is the guest's, Ctrl-a x shuts it down, Ctrl-a x again "
      "ends\n"
      "it. Without the console (--serial none) Ctrl-C does both. A TOML file has the options' names as keys, and a "
      "table\n"
      "[gpu] for those of the GPU; the command line wins.\n"
      "Examples: hesper run debian.qcow2 --cpus 4 --memory 4G --forward 2222:22 --share ~/src:src\n"
      "          hesper run --kernel vmlinuz --initrd initrd.img --append console=ttyS0\n"
      "Exit status: 0 if the guest has shut down or was told to end; 1 otherwise.");
  return command;
}

}  // namespace hesper::cli
