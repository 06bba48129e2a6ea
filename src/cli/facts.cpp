// hesper facts: gather_facts() and its JSON.
#include "cli/facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "cli/exec.h"
#include "cli/host_of_command.h"
#include "host/gather.h"
#include "platform/signals.h"

namespace hesper::cli {
namespace {

// For nobody else's eyes before its user has looked at it.
Result<void> write_private_file(const std::filesystem::path& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
  while (!text.empty()) {
    const ssize_t size = ::write(file.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(fmt::format("'{}' cannot be written", path.native()), errno);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

Result<void> run(const char* argv0, const FactsOptions& options) {
  platform::ignore_broken_pipes();
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) return std::unexpected(host.error());
  const host::Facts facts = host::gather_facts(host->system(), {.run_self_tests = !options.quick});
  const nlohmann::json json = {{"version", 1}, {"facts", host::to_json(facts)}};
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  if (options.describe.empty()) return {};
  return write_private_file(options.describe, host->description());
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
