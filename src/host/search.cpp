// excerpt_of() and holders_by_proc().
#include <algorithm>
#include <set>

#include "host/system.h"
#include "host/text.h"

namespace hesper::host {
namespace {

constexpr std::size_t kMostLinks = 200'000;

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of('\t'), line.size()); }

}  // namespace

std::string excerpt_of(std::string_view text, const std::vector<std::string>& beginnings) {
  std::string result;
  std::vector<std::string_view> above;  // the lines that the present one stands below, and whether they were taken
  std::size_t taken_above = 0;
  const auto wanted = [&](std::string_view line) {
    return std::ranges::any_of(beginnings, [&](const std::string& beginning) { return line.starts_with(beginning); });
  };
  for (const std::string_view line : lines_of(text)) {
    const std::size_t depth = indentation(line);
    if (depth == line.size()) continue;
    if (depth < above.size()) above.resize(depth);
    taken_above = std::min(taken_above, above.size());
    if (wanted(line)) {
      for (; taken_above < above.size(); ++taken_above) (result += above[taken_above]) += '\n';
      (result += line) += '\n';
      above.push_back(line);
      taken_above = above.size();
    } else if (depth == above.size()) {
      above.push_back(line);
    }
  }
  return result;
}

std::vector<Holder> holders_by_proc(const System& system, const std::vector<std::filesystem::path>& files) {
  std::set<Holder> found;
  const auto processes = system.list("/proc");
  if (!processes || files.empty()) return {};
  std::size_t links = 0;
  for (const std::string& name : *processes) {
    const auto process = small_number_in(name);
    if (!process) continue;
    const std::filesystem::path folder = std::filesystem::path("/proc") / name;
    const auto descriptors = system.list(folder / "fd");
    if (!descriptors) continue;  // somebody else's
    for (const std::string& descriptor : *descriptors) {
      if (++links > kMostLinks) return {found.begin(), found.end()};
      const auto target = system.read_link(folder / "fd" / descriptor);
      if (!target || !std::ranges::contains(files, std::filesystem::path(*target))) continue;
      const auto program = system.read(folder / "comm");
      found.insert(
          {.file = *target, .process = *process, .program = program ? shown(trimmed(*program), 64) : std::string()});
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace hesper::host
