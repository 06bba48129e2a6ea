// The report of hesper doctor as text: findings by area, then the verdict. Looks at nothing.
#pragma once

#include <vector>

#include "advice/findings.h"
#include "cli/page.h"

namespace hesper::cli {

struct ReportChoice {
  bool all = false;  // also what is fine and of little interest, and where each fact comes from
};

void write_findings(Page& page, const std::vector<advice::Finding>& findings, const ReportChoice& choice);
void write_verdict(Page& page, const advice::Verdict& verdict);

}  // namespace hesper::cli
