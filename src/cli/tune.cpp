// hesper tune: a machine and a host to a question, and its answer to people, programs and threads.
#include "cli/tune.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "advice/pci_address.h"
#include "advice/step_json.h"
#include "advice/tuning.h"
#include "base/log.h"
#include "base/printable.h"
#include "cli/environment.h"
#include "cli/host_of_command.h"
#include "cli/page.h"
#include "host/gather.h"
#include "platform/affinity.h"
#include "platform/signals.h"
#include "vm/control.h"
#include "vm/pinning.h"
#include "vm/plan_json.h"
#include "vm/runtime_folder.h"

namespace hesper::cli {
namespace {

using nlohmann::json;
using Kind = advice::Measure::Kind;

// A machine that runs.
struct Running {
  std::filesystem::path folder;
  json description;
  vm::Machine machine;
};

Result<Running> find_running(const std::string& name) {
  const auto root = vm::runtime_root(Environment::of_this_process().get_filled("XDG_RUNTIME_DIR"));
  if (!root) return std::unexpected(root.error());
  auto folder = vm::find_machine(*root, name);
  if (!folder && name.empty() && folder.error().code == ENOENT)
    return fail("No virtual machine runs. With --cpus N and --memory SIZE it is told for one that does not.", ENOENT);
  if (!folder) return std::unexpected(std::move(folder.error()));
  auto description = vm::describe_machine(*folder);
  if (!description) return std::unexpected(std::move(description.error()));
  const auto plan_text = vm::plan_of_machine(*folder);
  if (!plan_text) return std::unexpected(plan_text.error());
  auto plan = vm::plan_from_json(*plan_text);
  if (!plan) return std::unexpected(std::move(plan.error()));
  return Running{
      .folder = *std::move(folder), .description = *std::move(description), .machine = std::move(plan->machine)};
}

// The PCI devices that a guest has for itself, from QEMU's arguments: "vfio-pci,host=01:00.0".
std::vector<std::string> passed_through(const std::vector<std::string>& arguments) {
  std::vector<std::string> addresses;
  for (const std::string& argument : arguments) {
    constexpr std::string_view kHost = ",host=";
    const std::size_t at = argument.find(kHost);
    if (!argument.starts_with("vfio-pci") || at == std::string::npos) continue;
    const std::string_view rest = std::string_view(argument).substr(at + kHost.size());
    if (const auto address = advice::parse_pci_address(rest.substr(0, rest.find(','))))
      addresses.push_back(text_of(*address));
  }
  return addresses;
}

std::optional<std::string> governor(const host::System& system) {
  auto text = system.read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!text) return std::nullopt;
  return text->substr(0, text->find('\n'));
}

advice::TuningQuestion question_of(const TuneOptions& options, const std::optional<Running>& running,
                                   const host::System& system) {
  advice::TuningQuestion question{.cpus = options.cpus, .memory = options.memory, .governor = governor(system)};
  if (!running) {
    if (auto own = platform::processors_of(0); own && options.description.empty()) question.allowed = *std::move(own);
    return question;
  }
  const vm::Machine& machine = running->machine;
  question.machine = machine.name;
  question.cpus = machine.cpus;
  question.memory = machine.memory;
  question.passed_through = passed_through(machine.qemu_arguments);
  question.topology = machine.topology;
  question.huge_pages = machine.huge_pages;
  question.memory_node = machine.memory_node;
  question.lock_memory = machine.lock_memory;
  // What QEMU may use; what hesper tune has changed about it does not count.
  question.allowed = vm::processors_before(running->folder, running->description);
  const auto qemu = running->description.value("qemu_process", json());
  if (!question.allowed && qemu.is_number_unsigned())
    if (auto now = platform::processors_of(qemu.get<pid_t>())) question.allowed = *std::move(now);
  return question;
}

json to_json(const advice::Placement& placement) {
  return {{"cpus", placement.cpus},
          {"others", placement.others},
          {"idle", placement.idle},
          {"topology",
           {{"sockets", placement.topology.sockets},
            {"cores", placement.topology.cores},
            {"threads", placement.topology.threads}}},
          {"node", placement.node ? json(*placement.node) : json()},
          {"remarks", placement.remarks}};
}

json to_json(const advice::Measure& measure) {
  constexpr const char* kKinds[] = {"apply", "option", "by_hand"};
  return {{"id", measure.id},           {"kind", kKinds[std::to_underlying(measure.kind)]},
          {"options", measure.options}, {"step", advice::to_json(measure.step)},
          {"effect", measure.effect},   {"cost", measure.cost},
          {"source", measure.source}};
}

json to_json(const std::vector<vm::MachineThread>& threads) {
  json list = json::array();
  for (const vm::MachineThread& each : threads)
    list.push_back({{"process", each.thread.process},
                    {"thread", each.thread.thread},
                    {"name", each.thread.name},
                    {"cpu", each.cpu ? json(*each.cpu) : json()},
                    {"processors", each.processors}});
  return list;
}

void print_json(const advice::TuningQuestion& question, const advice::Tuning& tuning,
                const std::vector<vm::MachineThread>& threads) {
  json measures = json::array();
  for (const advice::Measure& measure : tuning.measures) measures.push_back(to_json(measure));
  const json answer = {{"version", 1},
                       {"machine", question.machine.empty() ? json() : json(question.machine)},
                       {"cpus", question.cpus},
                       {"memory", question.memory},
                       {"placement", tuning.placement ? to_json(*tuning.placement) : json()},
                       {"why_not", tuning.why_not},
                       {"measures", std::move(measures)},
                       {"threads", to_json(threads)}};
  fmt::print("{}\n", answer.dump(2, ' ', false, json::error_handler_t::replace));
}

std::string_view said(Kind kind) {
  switch (kind) {
    case Kind::apply: return "at once";
    case Kind::option: return "next start";
    case Kind::by_hand: return "by hand";
  }
  return "";
}

void add_measure(Page& page, const advice::Measure& measure) {
  constexpr std::size_t kIndent = 12;
  page.add(measure.step.title, kIndent, Style::bold, said(measure.kind), Style::better);
  if (!measure.step.reason.empty()) page.add(measure.step.reason, kIndent);
  page.add_step(measure.step, kIndent);
  for (const std::string& option : measure.options)
    page.add_line("hesper run " + option + " ...", kIndent, Style::bold);
  page.add(measure.effect, kIndent, Style::plain, "  Effect", Style::faint);
  if (!measure.cost.empty()) page.add(measure.cost, kIndent, Style::plain, "  Cost", Style::faint);
  if (!measure.step.if_it_fails.empty())
    page.add(measure.step.if_it_fails, kIndent, Style::plain, "  If it fails", Style::faint);
  for (const std::string& command : measure.step.undo) page.add_line("undo: $ " + command, kIndent);
  page.add(measure.source, kIndent, Style::faint, "  Source", Style::faint);
  page.add_empty_line();
}

void print_page(const TuneOptions& options, const advice::TuningQuestion& question, const advice::Tuning& tuning) {
  Page page(look_of_standard_output(options.colours));
  const std::string name = question.machine.empty() ? "A virtual machine" : fmt::format("'{}'", question.machine);
  page.add(fmt::format("{} with {} processor{} and {} MiB", name, question.cpus, question.cpus == 1 ? "" : "s",
                       question.memory >> 20),
           0, Style::bold);
  page.add_empty_line();
  if (!tuning.placement) page.add(tuning.why_not, 12, Style::plain, "no pinning", Style::better);
  if (tuning.placement)
    for (const std::string& remark : tuning.placement->remarks) page.add(remark, 0);
  page.add_empty_line();
  for (const advice::Measure& measure : tuning.measures) add_measure(page, measure);
  fmt::print("{}", page.text());
}

// What was done, for people.
void print_threads(const std::vector<vm::MachineThread>& threads) {
  for (const vm::MachineThread& each : threads)
    fmt::print("{:<10} {:<16} {}\n", each.thread.thread,
               each.cpu ? fmt::format("processor {}", *each.cpu) : printable(each.thread.name),
               advice::as_list(each.processors));
}

Result<void> undo(const TuneOptions& options) {
  const auto running = find_running(options.name);
  if (!running) return std::unexpected(running.error());
  const auto threads = vm::unpin_machine(running->folder, running->description);
  if (!threads) return std::unexpected(threads.error());
  if (options.json)
    fmt::print("{}\n", json{{"version", 1}, {"machine", running->machine.name}, {"threads", to_json(*threads)}}.dump(
                           2, ' ', false, json::error_handler_t::replace));
  else
    print_threads(*threads);
  return {};
}

Result<void> run(const char* argv0, const TuneOptions& options) {
  platform::ignore_broken_pipes();
  if (options.undo) return undo(options);
  std::optional<Running> running;
  if (options.cpus == 0) {
    auto found = find_running(options.name);
    if (!found) return std::unexpected(std::move(found.error()));
    running = *std::move(found);
  }
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) return std::unexpected(host.error());
  const advice::TuningQuestion question = question_of(options, running, host->system());
  const advice::Tuning tuning = advice::tuning(host::gather_facts(host->system(), {.run_self_tests = false}), question);
  std::vector<vm::MachineThread> threads;
  if (options.apply) {
    if (!tuning.placement) return fail(tuning.why_not + " Nothing is changed.");
    auto pinned =
        vm::pin_machine(running->folder, running->description, tuning.placement->cpus, tuning.placement->others);
    if (!pinned) return std::unexpected(std::move(pinned.error()));
    threads = *std::move(pinned);
    if (!options.json) {
      print_threads(threads);
      return {};
    }
  } else if (running) {
    if (auto found = vm::threads_of_machine(running->description)) threads = *std::move(found);
  }
  options.json ? print_json(question, tuning, threads) : print_page(options, question, tuning);
  return {};
}

}  // namespace

CLI::App* add_tune_command(CLI::App& app, TuneOptions& options) {
  CLI::App* command =
      app.add_subcommand("tune", "Say how a virtual machine would run faster here, and place its threads");
  CLI::Option* name = command->add_option("VM", options.name, "Its name, see hesper list; not needed if only one runs");
  CLI::Option* apply =
      command->add_flag("--apply", options.apply, "Place its threads on the processors that are advised");
  command->add_flag("--undo", options.undo, "Give its threads back what they had before --apply")->excludes(apply);
  command->add_flag("--json", options.json, "Print JSON");
  command->add_option("--color", options.colours, "Whether to use colours: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  CLI::Option* cpus =
      command->add_option("--cpus", options.cpus, "For a virtual machine that does not run: how many processors it has")
          ->check(CLI::Range(1, 1024))
          ->excludes(name)
          ->excludes(apply)
          ->type_name("N");
  command->add_option("--memory", options.memory, "Likewise its memory, as 4G (default: 2G)")
      ->transform(CLI::AsSizeValue(false))
      ->needs(cpus)
      ->type_name("SIZE");
  command
      ->add_option("--description", options.description,
                   "For another host than this one: what hesper doctor --describe has written there")
      ->check(CLI::ExistingFile)
      ->needs(cpus)
      ->type_name("FILE");
  command->footer(
      "--apply changes only which processors the threads of a running machine may use. What starts at the next start "
      "is\n"
      "an option of hesper run, and what concerns the host is a command to type.\n"
      "Exit status: 0; 1 if something fails, or there is nothing to apply or to undo.");
  return command;
}

int tune(const char* argv0, const TuneOptions& options) {
  const auto done = run(argv0, options);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}

}  // namespace hesper::cli
