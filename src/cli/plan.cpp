// The list of options, and the first one in full.
#include "cli/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "advice/option_json.h"
#include "advice/options.h"
#include "base/log.h"
#include "cli/host_of_command.h"
#include "cli/page.h"
#include "host/gather.h"

namespace hesper::cli {
namespace {

using advice::Option;
using advice::Viability;

constexpr std::size_t kText = 4;  // where an option's sentences begin

struct Label {
  std::string_view text;
  Style style;
};

Label label_of(const Option& option) {
  switch (option.viability) {
    case Viability::works_now: return {"works now", Style::good};
    case Viability::after_steps: return {"after these steps", Style::better};
    case Viability::not_here: break;
  }
  return {"not here", Style::bad};
}

void write_line(Page& page, std::size_t number, const Option& option) {
  const Label label = label_of(option);
  const std::string gpu = option.gpu.empty() ? std::string() : fmt::format(" [{}]", option.gpu);
  page.add_line(fmt::format("{}. {}{}: {}", number, option.title, gpu, label.text), 0, Style::bold);
  page.add(option.viability == Viability::works_now ? option.summary : option.because, kText);
}

void write_list(Page& page, std::string_view title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  page.add_line(title, kText, Style::bold);
  for (const std::string& item : items) page.add(item, kText + 4, Style::plain, "      - ");
}

void write_list(Page& page, std::string_view title, const std::vector<advice::Sourced>& items) {
  if (items.empty()) return;
  page.add_line(title, kText, Style::bold);
  for (const advice::Sourced& item : items) {
    page.add(item.sentence, kText + 4, Style::plain, "      - ");
    if (!item.source.empty()) page.add_line(item.source, kText + 4, Style::faint);
  }
}

void write_whole(Page& page, const Option& option) {
  const Label label = label_of(option);
  page.add(option.summary, kText);
  page.add(option.because, kText, label.style);
  write_list(page, "It rests on", option.rests_on);
  write_list(page, "Gains", option.gains);
  write_list(page, "Losses", option.losses);
  write_list(page, "What to expect", option.effects);
  if (option.viability != Viability::not_here) {
    for (const advice::Step& step : option.steps) {
      page.add_empty_line();
      page.add_line(step.title, kText, Style::bold);
      for (const advice::WrittenFile& file : step.files) page.add_line("writes " + file.path.native(), kText);
      page.add_step(step, kText);
      for (const std::string& undo : step.undo) page.add_line("undo: " + undo, kText, Style::faint);
      if (!step.if_it_fails.empty()) page.add("If it fails: " + step.if_it_fails, kText);
    }
    page.add_empty_line();
    write_list(page, "If it goes wrong", option.if_it_goes_wrong);
  }
}

void print_text(const PlanOptions& choice, const std::vector<Option>& options,
                const std::vector<advice::Sourced>& remarks) {
  Page page(look_of_standard_output(choice.colours));
  std::size_t number = 0;
  for (const Option& option : options) {
    if (option.viability == Viability::not_here && !choice.all) continue;
    write_line(page, ++number, option);
    if (choice.all) write_whole(page, option);
    if (choice.all) page.add_empty_line();
  }
  const auto impossible = std::ranges::count(options, Viability::not_here, &Option::viability);
  if (impossible > 0 && !choice.all)
    page.add(fmt::format("{} more are not possible here; -v says why.", impossible), 0, Style::faint);
  if (!choice.all && !options.empty() && options.front().viability != Viability::not_here) {
    page.add_empty_line();
    page.add_line("The first one in full: " + options.front().title, 0, Style::bold);
    write_whole(page, options.front());
  }
  if (!remarks.empty()) {
    page.add_empty_line();
    write_list(page, "For such guests in general", remarks);
  }
  fmt::print("{}", page.text());
}

}  // namespace

CLI::App* add_plan_command(CLI::App& app, PlanOptions& options) {
  CLI::App* command = app.add_subcommand("plan", "Rank the ways to graphics for a guest on this host; changes nothing");
  command->add_option("--guest", options.guest, "The guest's system")
      ->check(CLI::IsMember({"linux", "macos", "windows", "other"}))
      ->capture_default_str()
      ->type_name("SYSTEM");
  command->add_option("--gpu", options.gpu, "Consider only this GPU of the host, by its PCI address, as 01:00.0")
      ->type_name("ADDR");
  command->add_flag("--keep-host-display", options.keep_host_display, "Rule out what takes the host's own screen");
  command->add_flag("--json", options.json, "Print JSON");
  command->add_flag("-v,--verbose", options.all, "All options in full, and why some are not possible");
  command
      ->add_option("--description", options.description,
                   "Plan for the host that this file of hesper doctor --describe tells of")
      ->type_name("FILE");
  command->add_option("--color", options.colours, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("WHEN");
  command->footer("Exit status: 0 if something is possible, 1 if nothing is.");
  return command;
}

int plan(const char* argv0, const PlanOptions& options) {
  const auto host = HostOfCommand::open(argv0, options.description);
  if (!host) {
    log::error("{}", host.error().message);
    return 1;
  }
  const host::Facts facts = host::gather_facts(host->system());
  const advice::Question question{.guest = *advice::guest_system(options.guest),
                                  .gpu = options.gpu.empty() ? std::nullopt : std::optional(options.gpu),
                                  .keep_host_display = options.keep_host_display};
  const std::vector<Option> ranked = advice::options(facts, question);
  const std::vector<advice::Sourced> remarks = advice::remarks(facts, question);
  if (options.json) {
    nlohmann::json object = {{"version", 1},
                             {"guest", options.guest},
                             {"options", nlohmann::json::array()},
                             {"remarks", nlohmann::json::array()}};
    for (const Option& option : ranked) object["options"].push_back(advice::to_json(option));
    for (const advice::Sourced& remark : remarks) object["remarks"].push_back(advice::to_json(remark));
    fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    print_text(options, ranked, remarks);
  }
  return ranked.front().viability == Viability::not_here ? 1 : 0;
}

}  // namespace hesper::cli
