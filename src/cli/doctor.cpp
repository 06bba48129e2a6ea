// From a host to facts, from facts to findings, from findings to a report.
#include "cli/doctor.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "advice/finding_json.h"
#include "advice/findings.h"
#include "base/log.h"
#include "base/tell.h"
#include "cli/doctor_report.h"
#include "cli/exec.h"
#include "cli/host_of_command.h"
#include "cli/new_file.h"
#include "cli/page.h"
#include "cli/prove.h"
#include "cli/standard_output.h"
#include "host/gather.h"
#include "platform/signals.h"
#include "proof/proof.h"

namespace hesper::cli {
namespace {

using nlohmann::json;

int status_of(advice::Acceleration acceleration) {
  switch (acceleration) {
    case advice::Acceleration::full: return 0;
    case advice::Acceleration::reduced: return 1;
    case advice::Acceleration::none: return 2;
  }
  return 2;
}

struct Examination {
  host::Facts facts;
  std::vector<advice::Finding> findings;
  advice::Verdict verdict;
};

Examination examine(const host::System& system) {
  Examination result{.facts = host::gather_facts(system)};
  result.findings = advice::findings(result.facts);
  result.verdict = advice::verdict_of(result.facts, result.findings);
  return result;
}

Result<void> write_files(const DoctorOptions& options, const Examination& examination, const HostOfCommand& host,
                         const std::vector<advice::Step>& steps) {
  if (!options.fix_script.empty() && !steps.empty()) {
    const std::string script = advice::script_of(
        steps, fmt::format("What hesper doctor advises on this host: {}", examination.verdict.reason));
    if (auto written = write_new_file(options.fix_script, script, options.force, 0700); !written) return written;
  }
  if (!options.describe.empty()) return write_new_file(options.describe, host.description(), options.force, 0600);
  return {};
}

void print_report(const DoctorOptions& options, const Examination& examination,
                  const std::vector<advice::Step>& steps) {
  Page page(look_of_standard_output(options.colours));
  write_findings(page, examination.findings, {.all = options.verbose});
  write_verdict(page, examination.verdict);
  if (!options.fix_script.empty())
    page.add(steps.empty()
                 ? std::string("There is nothing to type, so no script was written.")
                 : fmt::format("'{}' has what to type. Read it before you run it.", options.fix_script.native()),
             0);
  else if (!steps.empty())
    page.add("hesper doctor --fix-script FILE writes what to type as a script.", 0, Style::faint);
  fmt::print("{}", page.text());
  flush_standard_output();
}

void print_proof(const DoctorOptions& options, const proof::Proof& proof) {
  Page page(look_of_standard_output(options.colours));
  page.add(describe(proof), 0, Style::plain,
           proof.passed ? "Proof: " : "The proof fails: ", proof.passed ? Style::good : Style::bad);
  fmt::print("{}", page.text());
}

// A line on a terminal for as long as it lives.
class Progress {
 public:
  explicit Progress(const char* text) : shown_(::isatty(STDERR_FILENO) != 0) {
    if (shown_) tell("{}", text);
  }
  ~Progress() {
    if (shown_) tell("\r\x1b[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  bool shown_;
};

// Nothing: it was not wanted, or there is nothing that could pass it.
std::optional<proof::Proof> try_proof(const char* argv0, const DoctorOptions& options, const Examination& examination) {
  if (!options.proof || !options.description.empty()) return std::nullopt;
  if (examination.verdict.acceleration == advice::Acceleration::none) return std::nullopt;
  const Progress progress("A tiny guest draws a picture ...");
  auto proof = prove(argv0, ProveOptions{});
  if (proof) return std::move(*proof);
  proof::Proof failed;
  failed.problem = std::move(proof.error().message);
  return failed;
}

void print_json(const Examination& examination, const std::optional<proof::Proof>& proof) {
  json findings = json::array();
  for (const advice::Finding& finding : examination.findings) findings.push_back(to_json(finding));
  const json all = {{"version", 1},
                    {"verdict", to_json(examination.verdict)},
                    {"findings", std::move(findings)},
                    {"facts", host::to_json(examination.facts)},
                    {"proof", proof ? to_json(*proof) : json()}};
  fmt::print("{}\n", all.dump(2, ' ', false, json::error_handler_t::replace));
}

}  // namespace

CLI::App* add_doctor_command(CLI::App& app, DoctorOptions& options) {
  CLI::App* command = app.add_subcommand("doctor", "Say what this host can do for virtual machines, and what to mend");
  command->add_flag("--json", options.json, "Print JSON: verdict, findings, facts and proof");
  command->add_flag("-v,--verbose", options.verbose, "Also what is fine and of little interest, and how it is known");
  command->add_flag_callback(
      "--no-proof", [&options] { options.proof = false; }, "Do not start a tiny guest that draws a known picture");
  command
      ->add_option("--fix-script", options.fix_script, "Write what is advised as a shell script; nothing is executed")
      ->type_name("FILE");
  command
      ->add_option("--describe", options.describe,
                   "Write what was looked at on this host and found, without serial numbers and names, for others to "
                   "work on")
      ->type_name("FILE");
  command->add_option("--description", options.description, "Work on such a file instead of on this host")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  command->add_flag("--force", options.force, "Replace files that exist already");
  command->add_option("--color", options.colours, "Colours: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str()
      ->type_name("WHEN");
  command->footer(
      "Exit status: 0 if hesper run works with full acceleration, 1 with a reduced one (emulated processors, a "
      "software\n"
      "Vulkan driver), 2 without any, 125 if Hesper itself fails. Nothing on this host is changed.");
  return command;
}

int doctor(const char* argv0, const DoctorOptions& options) {
  platform::ignore_broken_pipes();
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) {
    log::error("{}", host.error().message);
    return kExitHesperFailed;
  }
  const Examination examination = examine(host->system());
  const auto steps = advice::steps_of(examination.findings);
  if (auto written = write_files(options, examination, *host, steps); !written) {
    log::error("{}", written.error().message);
    return kExitHesperFailed;
  }
  if (!options.json) print_report(options, examination, steps);
  const auto proof = try_proof(argv0, options, examination);
  if (options.json)
    print_json(examination, proof);
  else if (proof)
    print_proof(options, *proof);
  return proof && !proof->passed ? status_of(advice::Acceleration::none) : status_of(examination.verdict.acceleration);
}

}  // namespace hesper::cli
