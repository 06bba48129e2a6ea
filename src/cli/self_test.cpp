// hesper self-test: vm/accelerator.h's, as a command.
#include "cli/self_test.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/environment.h"
#include "cli/exec.h"
#include "cli/run.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "vm/accelerator.h"
#include "vm/runtime_folder.h"

namespace hesper::cli {
namespace {

Result<vm::Verdict> verdict_on(const char* argv0, const SelfTestOptions& options) {
  platform::ignore_broken_pipes();
  const Environment environment = Environment::of_this_process();
  const auto folder = platform::own_directory(argv0);
  if (!folder) return std::unexpected(folder.error());
  const auto root = vm::runtime_root(environment.get_filled("XDG_RUNTIME_DIR"));
  if (!root) return std::unexpected(root.error());
  const auto attendants = vm::Attendants::create(*folder / "hesper");
  if (!attendants) return std::unexpected(attendants.error());
  const vm::Accelerator accelerator = options.accelerator == "kvm"   ? vm::Accelerator::kvm
                                      : options.accelerator == "hvf" ? vm::Accelerator::hvf
                                                                     : vm::Accelerator::tcg;
  return vm::verdict_on_accelerator(accelerator, options.qemu, *root, accelerator_cache(environment), *attendants);
}

}  // namespace

CLI::App* add_self_test_command(CLI::App& app, SelfTestOptions& options) {
  CLI::App* command = app.add_subcommand("self-test")->group("");
  command->add_option("ACCELERATOR", options.accelerator)->required()->check(CLI::IsMember({"kvm", "hvf", "tcg"}));
  command->add_option("--qemu", options.qemu)->required()->type_name("FILE");
  command->add_flag("--json", options.json);
  return command;
}

int run_self_test(const char* argv0, const SelfTestOptions& options) {
  const auto verdict = verdict_on(argv0, options);
  if (!verdict) {
    log::error("{}", verdict.error().message);
    return kExitHesperFailed;
  }
  if (options.json) {
    const nlohmann::json json = {
        {"version", 1}, {"accelerator", options.accelerator}, {"works", verdict->works}, {"verdict", verdict->reason}};
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}\n", verdict->works ? "works" : verdict->reason);
  }
  return verdict->works ? 0 : 1;
}

}  // namespace hesper::cli
