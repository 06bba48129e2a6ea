// Two columns, area and severity, and beside them what is; below it, unwrapped, what to type.
#include "cli/doctor_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hesper::cli {
namespace {

using advice::Finding;
using advice::Severity;

constexpr std::size_t kArea = 16;    // columns
constexpr std::size_t kText = 25;    // where sentences begin
constexpr std::size_t kCommand = 4;  // where commands begin

struct Label {
  std::string_view text;
  Style style;
};

Label label_of(const Finding& finding) {
  switch (finding.severity) {
    case Severity::ok: return {"ok", Style::good};
    case Severity::blocks: return {"blocks", Style::bad};
    case Severity::could_be_better: break;
  }
  return finding.open || finding.effect.empty() ? Label{"unknown", Style::unknown} : Label{"better", Style::better};
}

void write_finding(Page& page, const Finding& finding, std::string_view area, const ReportChoice& choice) {
  const Label label = label_of(finding);
  const std::string first = fmt::format("{:<{}}{:>7}", area, kArea, label.text);
  page.add(finding.sentence, kText, Style::plain, first, label.style);
  if (!finding.effect.empty()) page.add(finding.effect, kText);
  const bool trouble = finding.severity != Severity::ok;
  if (!finding.note.empty() && (trouble || choice.all)) page.add(finding.note, kText, Style::faint);
  for (const advice::Step& step : finding.steps) page.add_step(step, kCommand);
  if (choice.all)
    page.add(fmt::format("{}{}{}", finding.id, finding.sources.empty() ? "" : ": ", fmt::join(finding.sources, ", ")),
             kText, Style::faint);
}

}  // namespace

void write_findings(Page& page, const std::vector<Finding>& findings, const ReportChoice& choice) {
  std::string_view last;
  for (const Finding& finding : findings) {
    if (finding.minor && !choice.all) continue;
    const std::string_view area = title_of(finding.area);
    write_finding(page, finding, area == last ? std::string_view() : area, choice);
    last = area;
  }
}

void write_verdict(Page& page, const advice::Verdict& verdict) {
  std::string_view text;
  Style style = Style::plain;
  switch (verdict.acceleration) {
    case advice::Acceleration::full:
      text = "full acceleration.";
      style = Style::good;
      break;
    case advice::Acceleration::reduced:
      text = "reduced acceleration.";
      style = Style::better;
      break;
    case advice::Acceleration::none:
      text = "no acceleration.";
      style = Style::bad;
      break;
  }
  page.add_empty_line();
  const std::string first = fmt::format("hesper run: {} ", text);
  page.add(verdict.reason, 0, Style::plain, first, style);
  if (!verdict.certain && verdict.acceleration == advice::Acceleration::reduced)
    page.add("It may be less: not everything could be found out.", 0);
}

}  // namespace hesper::cli
