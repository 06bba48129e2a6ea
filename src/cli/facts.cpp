// hesper facts: gather_facts() and its JSON.
#include "cli/facts.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "cli/exec.h"
#include "cli/host_of_command.h"
#include "cli/new_file.h"
#include "host/gather.h"
#include "platform/signals.h"

namespace hesper::cli {
namespace {

Result<void> run(const char* argv0, const FactsOptions& options) {
  platform::ignore_broken_pipes();
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) return std::unexpected(host.error());
  const host::Facts facts = host::gather_facts(host->system(), {.run_self_tests = !options.quick});
  const nlohmann::json json = {{"version", 1}, {"facts", host::to_json(facts)}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  if (options.describe.empty()) return {};
  // For nobody else's eyes before its user has looked at it.
  return write_new_file(options.describe, host->description(), options.force, 0600);
}

}  // namespace

CLI::App* add_facts_command(CLI::App& app, FactsOptions& options) {
  CLI::App* command = app.add_subcommand("facts", "Print what is true of this host, as JSON");
  command
      ->add_option("--description", options.description, "Look at the host that this file describes, not at this one")
      ->type_name("FILE");
  command
      ->add_option("--describe", options.describe,
                   "Write down what was found, for somebody else to look at with --description")
      ->type_name("FILE");
  command->add_flag("--force", options.force, "Replace that file if it exists already");
  command->add_flag("--quick", options.quick, "Run no self-tests: accelerators and encoders stay unknown");
  return command;
}

int print_facts(const char* argv0, const FactsOptions& options) {
  const auto done = run(argv0, options);
  if (done) return 0;
  log::error("{}", done.error().message);
  return kExitHesperFailed;
}

}  // namespace hesper::cli
