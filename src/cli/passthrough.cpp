// The plan as a page; and carrying it out by advice::apply.
#include "cli/passthrough.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "advice/apply.h"
#include "advice/passthrough.h"
#include "advice/passthrough_json.h"
#include "advice/pci_address.h"
#include "base/log.h"
#include "cli/host_of_command.h"
#include "cli/page.h"
#include "host/gather.h"
#include "platform/system.h"
#include "vm/command_lines.h"

namespace hesper::cli {
namespace {

using advice::PassthroughPlan;

constexpr std::size_t kText = 4;

advice::Place this_host() {
  advice::Place place;
  place.boot = platform::boot_identity();
  return place;
}

std::string journal_name(const std::string& address) { return "passthrough-" + address; }

void write_step(Page& page, const advice::Step& step) {
  page.add_empty_line();
  page.add_line(step.title, 0, Style::bold);
  if (!step.reason.empty()) page.add(step.reason, kText);
  page.add_step(step, kText);
  for (const std::string& undo : step.undo) page.add_line("undo: " + undo, kText, Style::faint);
  if (!step.if_it_fails.empty()) page.add("If it fails: " + step.if_it_fails, kText);
}

void write_refusals(Page& page, const PassthroughPlan& plan) {
  for (const advice::Refusal& refusal : plan.refusals) {
    page.add(refusal.sentence, kText, Style::plain, "no  ", Style::bad);
    for (const advice::Step& step : refusal.steps) write_step(page, step);
  }
}

void write_plan(Page& page, const PassthroughPlan& plan) {
  page.add_line(plan.name, 0, Style::bold);
  for (const host::PciFunction& function : plan.functions)
    page.add_line(fmt::format("{} {:04x}:{:04x} {}, driver {}, IOMMU group {}", function.address, function.vendor,
                              function.device, function.name, function.driver.value_or("none"),
                              function.iommu_group ? std::to_string(*function.iommu_group) : "unknown"),
                  kText);
  write_refusals(page, plan);
  for (const std::string& warning : plan.warnings) page.add(warning, kText, Style::plain, "!   ", Style::better);
  if (!plan.actions.empty()) write_step(page, plan.binding);
  for (const advice::Step& step : plan.also) write_step(page, step);
  page.add_empty_line();
  page.add_line("For QEMU", 0, Style::bold);
  page.add_line(vm::quoted_for_shell(advice::qemu_arguments(plan.device)), kText);
  page.add_empty_line();
  page.add_line("For libvirt, in <devices>", 0, Style::bold);
  const std::string xml = advice::libvirt_hostdevs(plan.device) + advice::libvirt_elsewhere(plan.device);
  std::string_view rest = xml;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    page.add_line(rest.substr(0, end), kText);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  page.add_empty_line();
  page.add_line("If it goes wrong", 0, Style::bold);
  for (const std::string& way : plan.recovery) page.add(way, kText, Style::plain, "  - ");
}

Result<PassthroughPlan> plan_of(const char* argv0, const PassthroughOptions& options) {
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) return std::unexpected(host.error());
  const host::Facts facts = host::gather_facts(host->system(), {.run_self_tests = false});
  return advice::plan_passthrough(facts, {.address = options.address,
                                          .binding = options.now ? advice::Binding::now : advice::Binding::boot,
                                          .remote_access_confirmed = options.remote_access_confirmed});
}

int failed(const Error& error) {
  log::error("{}", error.message);
  return 1;
}

void print_json(nlohmann::json object) {
  object["version"] = 1;
  fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

// Changing the host takes its owner.
Result<void> may_change(const PassthroughOptions& options) {
  if (!options.description.empty())
    return fail("--apply changes this host, and --description tells of another one.", EINVAL);
  if (::geteuid() != 0) return fail("--apply needs root: start it with sudo.", EPERM);
  return {};
}

}  // namespace

PassthroughCommands add_passthrough_commands(CLI::App& app, PassthroughOptions& options) {
  PassthroughCommands commands;
  commands.command = app.add_subcommand("passthrough", "Give a whole GPU to guests by VFIO, and take it back");
  commands.command->require_subcommand(1);
  commands.plan =
      commands.command->add_subcommand("plan", "Say what is in the way, what would be done, and what QEMU is told");
  commands.enable = commands.command->add_subcommand("enable", "Bind it to vfio-pci; with --apply, else show how");
  commands.disable = commands.command->add_subcommand("disable", "Take exactly that back; with --apply, else show how");
  for (CLI::App* each : {commands.plan, commands.enable, commands.disable}) {
    each->add_option("ADDR", options.address, "The GPU's PCI address, as 01:00.0")
        ->required()
        ->check([](const std::string& text) {
          return advice::parse_pci_address(text) ? std::string()
                                                 : std::string("A PCI address is written as 0000:01:00.0.");
        });
    each->add_flag("--json", options.json, "Print JSON");
  }
  for (CLI::App* each : {commands.plan, commands.enable}) {
    each->add_flag("--remote-access-confirmed", options.remote_access_confirmed,
                   "I can come in when the host's screen is gone");
    CLI::Option* now = each->add_flag("--now", options.now, "Until the next boot, at once");
    each->add_flag_callback(
            "--boot", [&options] { options.now = false; }, "From the next boot on (the default)")
        ->excludes(now);
    each->add_option("--description", options.description,
                     "Plan for the host that this file of hesper doctor --describe tells of")
        ->type_name("FILE");
    each->add_option("--color", options.colours, "auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->type_name("WHEN");
  }
  for (CLI::App* each : {commands.enable, commands.disable})
    each->add_flag("--apply", options.apply, "Do it; needs root");
  commands.command->footer("Exit status: 0; 1 if it is refused, or fails.");
  return commands;
}

int plan_passthrough(const char* argv0, const PassthroughOptions& options) {
  const auto plan = plan_of(argv0, options);
  if (!plan) return failed(plan.error());
  if (options.json) {
    print_json(advice::to_json(*plan));
  } else {
    Page page(look_of_standard_output(options.colours));
    write_plan(page, *plan);
    fmt::print("{}", page.text());
  }
  return plan->refusals.empty() ? 0 : 1;
}

int enable_passthrough(const char* argv0, const PassthroughOptions& options) {
  if (options.apply)
    if (const auto may = may_change(options); !may) return failed(may.error());
  const auto plan = plan_of(argv0, options);
  if (!plan) return failed(plan.error());
  const bool refused = !plan->refusals.empty();
  bool applied = false;
  if (options.apply && !refused) {
    const auto done = advice::apply(plan->actions, journal_name(plan->address), this_host(), *advice::real_hands());
    if (!done) return failed(done.error());
    applied = true;
  }
  if (options.json) {
    nlohmann::json object = advice::to_json(*plan);
    object["applied"] = applied;
    print_json(std::move(object));
    return refused ? 1 : 0;
  }
  Page page(look_of_standard_output(options.colours));
  if (refused) {
    page.add_line(fmt::format("{} is not bound:", plan->name), 0, Style::bold);
    write_refusals(page, *plan);
  } else if (applied) {
    page.add(options.now ? fmt::format("{} is bound to vfio-pci until the next boot.", plan->name)
                         : fmt::format("{} will be bound to vfio-pci from the next boot on.", plan->name),
             0, Style::good);
    page.add(
        fmt::format("Back: sudo hesper passthrough disable {} --apply. hesper passthrough plan {} has the lines for "
                    "QEMU and libvirt.",
                    plan->address, plan->address),
        0);
  } else {
    page.add_line("--apply would do this:", 0, Style::bold);
    write_step(page, plan->binding);
  }
  for (const std::string& warning : plan->warnings) page.add(warning, kText, Style::plain, "!   ", Style::better);
  fmt::print("{}", page.text());
  return refused ? 1 : 0;
}

int disable_passthrough(const PassthroughOptions& options) {
  if (options.apply)
    if (const auto may = may_change(options); !may) return failed(may.error());
  const std::string address = advice::text_of(*advice::parse_pci_address(options.address));
  const advice::Place place = this_host();
  const auto lines = advice::what_take_back_does(journal_name(address), place);
  if (!lines)
    return failed(
        lines.error().code == ENOENT
            ? Error{.message = fmt::format("hesper passthrough enable --apply has not bound {}, or it was taken "
                                           "back since.",
                                           address),
                    .code = ENOENT}
            : lines.error());
  if (options.apply)
    if (const auto undone = advice::take_back(journal_name(address), place, *advice::real_hands()); !undone)
      return failed(undone.error());
  if (options.json) {
    print_json({{"address", address}, {"applied", options.apply}, {"undo", *lines}});
    return 0;
  }
  fmt::print("{}\n", options.apply ? "Done:" : "--apply would:");
  for (const std::string& line : *lines) fmt::print("    {}\n", line);
  if (options.apply) fmt::print("The GPU's own driver gets it back at the next boot, unless it has it by now.\n");
  return 0;
}

}  // namespace hesper::cli
