// hesper export: from options, or a machine that runs, to a vm::Plan, to files.
#include "cli/export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"
#include "cli/environment.h"
#include "cli/run_options.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "vm/attendance.h"
#include "vm/control.h"
#include "vm/export_libvirt.h"
#include "vm/export_shell.h"
#include "vm/export_systemd.h"
#include "vm/plan.h"
#include "vm/plan_json.h"
#include "vm/runtime_folder.h"

namespace hesper::cli {
namespace {

using Path = std::filesystem::path;
using Files = std::vector<vm::ExportedFile>;

// The folder of the machine that is meant instead of a file; nothing: a file is.
Result<std::optional<Path>> running_machine(const RunOptions& options, const Path& root) {
  std::error_code error;
  const std::string& name = options.image.native();
  const auto given = [](const auto& setting) { return !setting.second.empty(); };
  if (!vm::is_name(name) || std::filesystem::exists(options.image, error)) return std::nullopt;
  auto folder = vm::find_machine(root, name);
  if (!folder)
    return fail(fmt::format("'{0}' is neither a file nor the name of a virtual machine that runs. hesper list shows "
                            "those that do.",
                            name),
                ENOENT);
  if (std::ranges::any_of(options.settings, given) || !options.gpu_arguments.empty() || !options.view_arguments.empty())
    return fail(fmt::format("'{}' runs, and is exported as it does. Leave the other options out.", name), EINVAL);
  return *std::move(folder);
}

Result<vm::Plan> plan_of(const char* argv0, const ExportOptions& options, const Environment& environment,
                         const Path& root) {
  const auto running = running_machine(options.run, root);
  if (!running) return std::unexpected(running.error());
  if (*running) {
    const auto plan = vm::plan_of_machine(**running);
    if (!plan) return std::unexpected(plan.error());
    return vm::plan_from_json(*plan);
  }
  auto machine = machine_of(options.run);
  if (!machine) return std::unexpected(std::move(machine.error()));
  const auto folder = platform::own_directory(argv0);
  if (!folder) return std::unexpected(folder.error());
  auto attendants = vm::Attendants::create(*folder / "hesper");
  if (!attendants) return std::unexpected(std::move(attendants.error()));
  auto plan =
      vm::make_plan(*std::move(machine), *attendants, root, accelerator_cache(environment), vm::Occasion::later);
  if (plan && !plan->accelerator_reason.empty()) log::warn("{}", plan->accelerator_reason);
  return plan;
}

// Of the manager of systemd that the units are for.
Path manager_folder(const ExportOptions& options, const Environment& environment) {
  if (options.system_wide) return "/run";
  return environment.get_filled("XDG_RUNTIME_DIR").value_or(fmt::format("/run/user/{}", ::geteuid()));
}

Result<Files> one_file(std::string name, Result<std::string> contents, bool executable) {
  if (!contents) return std::unexpected(std::move(contents.error()));
  return Files{{.name = std::move(name), .contents = *std::move(contents), .executable = executable}};
}

Result<Files> files_of(vm::Plan plan, const ExportOptions& options, const Environment& environment, const Path& root) {
  if (options.format == ExportFormat::qemu) {
    plan.folder = vm::exported_folder(root, plan.machine.name);
    if (options.bare) return one_file(plan.machine.name + ".sh", vm::shell_lines(plan), false);
    return one_file(plan.machine.name + ".sh", vm::shell_script(plan), true);
  }
  plan.folder = manager_folder(options, environment) / vm::unit_folder(plan);
  vm::UnitOptions units{.system_wide = options.system_wide, .user = options.user};
  const bool libvirt = options.format == ExportFormat::libvirt;
  if (units.user.empty())
    units.user = libvirt ? "libvirt-qemu" : environment.get_filled("USER").value_or(std::to_string(::geteuid()));
  if (!vm::is_name(units.user)) return fail(fmt::format("'{}' is no name of a user.", units.user), EINVAL);
  return libvirt ? vm::libvirt_files(plan, units) : vm::systemd_units(plan, units);
}

Result<void> write_all(int file, std::string_view text, const Path& path) {
  while (!text.empty()) {
    const ssize_t size = ::write(file, text.data(), text.size());
    if (size < 0 && errno != EINTR) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

// Whole or not at all: beside it first.
Result<void> write_file(const Path& path, const vm::ExportedFile& file) {
  Path beside = path;
  beside += fmt::format(".{}", ::getpid());
  UniqueFd opened(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file.executable ? 0777 : 0666));
  if (!opened) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
  auto written = write_all(opened.get(), file.contents, path);
  if (written && ::rename(beside.c_str(), path.c_str()) != 0)
    written = fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
  if (!written) ::unlink(beside.c_str());
  return written;
}

void print(const Files& files) {
  for (const vm::ExportedFile& file : files) {
    if (files.size() > 1) fmt::print("{}# ---- {} ----\n", &file == files.data() ? "" : "\n", file.name);
    fmt::print("{}", file.contents);
  }
}

// Where each is to be written. Errors: one is there, and must not be replaced.
Result<std::vector<Path>> places_of(const Files& files, const ExportOptions& options) {
  std::error_code error;
  const bool slash = options.output.native().ends_with('/');
  const bool folder = slash || std::filesystem::is_directory(options.output, error);
  if (slash && !std::filesystem::create_directories(options.output, error) && error)
    return fail(fmt::format("The folder '{}' cannot be made: {}.", options.output.native(), error.message()),
                error.value());
  if (!folder && files.size() > 1)
    return fail(fmt::format("There are several files: give -o a folder for them, as {}/.", options.output.native()),
                ENOTDIR);
  std::vector<Path> places;
  for (const vm::ExportedFile& file : files) places.push_back(folder ? options.output / file.name : options.output);
  for (const Path& place : places)
    if (!options.force && std::filesystem::exists(std::filesystem::symlink_status(place, error)))
      return fail(fmt::format("'{}' is there already; --force replaces it.", place.native()), EEXIST);
  return places;
}

Result<void> run(const char* argv0, const ExportOptions& options) {
  platform::ignore_broken_pipes();
  const Environment environment = Environment::of_this_process();
  const auto root = vm::runtime_root(environment.get_filled("XDG_RUNTIME_DIR"));
  if (!root) return std::unexpected(root.error());
  auto plan = plan_of(argv0, options, environment, *root);
  if (!plan) return std::unexpected(std::move(plan.error()));
  const bool with_view = !plan->machine.view_arguments.empty();
  auto files = files_of(*std::move(plan), options, environment, *root);
  if (!files) return std::unexpected(std::move(files.error()));
  std::error_code error;
  const bool one_of_libvirt = options.format == ExportFormat::libvirt && !options.output.native().ends_with('/') &&
                              !std::filesystem::is_directory(options.output, error);
  if (one_of_libvirt) {
    // A domain is one file for virsh, also from standard input.
    log::warn(
        "This is the domain alone. hesper gpu{} must run beside it: -o FOLDER/ also writes the units for that, "
        "and what to do with them.",
        with_view ? " and hesper view" : "");
    files->resize(1);
  }
  if (options.output.empty()) {
    print(*files);
    return {};
  }
  const auto places = places_of(*files, options);
  if (!places) return std::unexpected(places.error());
  for (std::size_t i = 0; i < files->size(); ++i)
    if (auto written = write_file((*places)[i], (*files)[i]); !written) return written;
  for (const Path& place : *places) fmt::print("{}\n", place.native());
  return {};
}

}  // namespace

CLI::App* add_export_command(CLI::App& app, const CLI::App& gpu_command, const CLI::App& view_command,
                             ExportOptions& options) {
  CLI::App* command = app.add_subcommand("export", "Write what runs a virtual machine without hesper run");
  command->require_subcommand(1);
  command->footer(
      "Each takes what hesper run takes, or the name of a virtual machine that runs.\n"
      "Examples: hesper export qemu debian.qcow2 --cpus 4 -o debian.sh\n"
      "          hesper export libvirt debian.toml -o libvirt/\n"
      "          hesper export systemd debian -o units/");
  struct Format {
    const char* name;
    const char* description;
    ExportFormat format;
  };
  for (const auto& [name, description, format] :
       {Format{.name = "qemu", .description = "A shell script", .format = ExportFormat::qemu},
        Format{.name = "libvirt",
               .description = "A domain of libvirt's, and the units of systemd beside it",
               .format = ExportFormat::libvirt},
        Format{.name = "systemd", .description = "Units of systemd", .format = ExportFormat::systemd}}) {
    CLI::App* one = command->add_subcommand(name, description);
    one->usage(fmt::format("Usage: hesper export {} [IMAGE | FILE.toml | VM] [OPTIONS]", name));
    one->parse_complete_callback([&options, format] { options.format = format; });
    one->add_option("-o,--output", options.output,
                    "Where to write: a file, or a folder if it is one or ends with / (default: standard output)")
        ->type_name("PATH");
    one->add_flag("--force", options.force, "Replace files that are there");
    if (format == ExportFormat::qemu) {
      one->add_flag("--bare", options.bare, "Only the lines, as hesper run --dry-run prints them");
    } else {
      one->add_flag("--system", options.system_wide, "For the system's manager, not for your own");
      one->add_option("--as", options.user,
                      format == ExportFormat::libvirt ? "Who libvirt runs QEMU as with --system (default: libvirt-qemu)"
                                                      : "Who runs it with --system (default: you)")
          ->type_name("USER");
    }
    add_machine_description(*one, gpu_command, view_command, options.run);
  }
  return command;
}

int export_machine(const char* argv0, const ExportOptions& options) {
  const auto done = run(argv0, options);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}

}  // namespace hesper::cli
