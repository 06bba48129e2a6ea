// hesper run: from options to a vm::Machine, to a vm::Plan, to its launcher.
#include "cli/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "base/log.h"
#include "base/tell.h"
#include "cli/control_client.h"
#include "cli/environment.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "vm/attendance.h"
#include "vm/export_shell.h"
#include "vm/launcher.h"
#include "vm/machine_file.h"
#include "vm/plan.h"
#include "vm/runtime_folder.h"
#include "vm/settings.h"

namespace hesper::cli {

Result<vm::Machine> machine_of(const RunOptions& options) {
  vm::Machine machine;
  const bool is_file = options.image.extension() == ".toml";
  if (is_file) {
    const std::array tables = {vm::OptionTable{.table = "gpu",
                                               .command = "hesper gpu",
                                               .options = options.gpu_options,
                                               .arguments = &vm::Machine::gpu_arguments},
                               vm::OptionTable{.table = "view",
                                               .command = "hesper view",
                                               .options = options.view_options,
                                               .arguments = &vm::Machine::view_arguments}};
    if (const auto read = vm::read_machine_file(options.image, tables, machine); !read)
      return std::unexpected(read.error());
  }
  for (const vm::Setting& setting : vm::settings()) {
    const auto given = options.settings.find(std::string(setting.name));
    if (given == options.settings.end() || given->second.empty()) continue;
    // What the command line says replaces what the file says.
    if (setting.clear != nullptr) setting.clear(machine);
    for (const std::string& value : given->second)
      if (const auto set = setting.set(machine, value, {}); !set)
        return fail(fmt::format("--{}: {}", setting.name, set.error().message), set.error().code);
  }
  if (!options.image.empty() && !is_file)
    machine.disks.insert(machine.disks.begin(), vm::Disk{.path = options.image, .format = {}, .read_only = false});
  machine.gpu_arguments.insert(machine.gpu_arguments.end(), options.gpu_arguments.begin(), options.gpu_arguments.end());
  machine.view_arguments.insert(machine.view_arguments.end(), options.view_arguments.begin(),
                                options.view_arguments.end());
  const auto is_web = [](const std::string& argument) { return argument == "--web" || argument.starts_with("--web="); };
  if (std::erase(machine.view_arguments, kNoWeb) == 0 && std::ranges::none_of(machine.view_arguments, is_web))
    machine.view_arguments.insert(machine.view_arguments.begin(), "--web");
  if (options.verbose) {
    machine.gpu_arguments.emplace_back("--verbose");
    if (!machine.view_arguments.empty()) machine.view_arguments.emplace_back("--verbose");
  }
  return machine;
}

std::filesystem::path accelerator_cache(const Environment& environment) {
  if (const auto cache = environment.get_filled("XDG_CACHE_HOME"))
    return std::filesystem::path(*cache) / "hesper/accelerators";
  if (const auto home = environment.get_filled("HOME"))
    return std::filesystem::path(*home) / ".cache/hesper/accelerators";
  return {};
}

namespace {

std::string describe(const vm::Plan& plan) {
  std::string accelerator(vm::name_of(plan.accelerator));
  std::ranges::transform(accelerator, accelerator.begin(), [](unsigned char c) { return std::toupper(c); });
  return fmt::format("'{}' ({}, {}, {} processor{}, {} MiB)", plan.machine.name, vm::name_of(plan.machine.architecture),
                     accelerator, plan.machine.cpus, plan.machine.cpus == 1 ? "" : "s", plan.machine.memory >> 20);
}

Result<void> run(const char* argv0, const RunOptions& options) {
  platform::ignore_broken_pipes();
  const Environment environment = Environment::of_this_process();
  auto machine = machine_of(options);
  if (!machine) return std::unexpected(std::move(machine.error()));
  const auto folder = platform::own_directory(argv0);
  if (!folder) return std::unexpected(folder.error());
  const auto root = vm::runtime_root(environment.get_filled("XDG_RUNTIME_DIR"));
  if (!root) return std::unexpected(root.error());
  auto attendants = vm::Attendants::create(*folder / "hesper");
  if (!attendants) return std::unexpected(std::move(attendants.error()));

  const bool named = !machine->name.empty();
  auto plan = vm::make_plan(std::move(*machine), *attendants, *root, accelerator_cache(environment));
  if (!plan) return std::unexpected(std::move(plan.error()));
  if (!plan->accelerator_reason.empty()) log::warn("{}", plan->accelerator_reason);
  if (options.dry_run) {
    plan->folder = *root / plan->machine.name;
    fmt::print("{}", vm::shell_lines(*plan));
    return {};
  }
  auto claimed = vm::RuntimeFolder::claim(*root, plan->machine.name, named);
  if (!claimed) return std::unexpected(std::move(claimed.error()));
  plan->folder = claimed->path();
  plan->machine.name = claimed->name();
  tell("hesper: starting {}\n", describe(*plan));
  return vm::run_machine(
      *plan, std::move(*claimed), *attendants,
      {.driver_runs =
           [&] {
             const auto report = ask_for_report(plan->gpu_socket());
             return report && report->has_guest != 0;
           },
       .open_input_tap = [&] { return open_channel(plan->gpu_socket(), device::ControlCommand::input_tap); }});
}

}  // namespace

int run_virtual_machine(const char* argv0, const RunOptions& options) {
  const auto done = run(argv0, options);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}

}  // namespace hesper::cli
