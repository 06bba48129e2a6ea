// Wrapping and colours.
#include "cli/page.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/printable.h"
#include "cli/environment.h"
#include "vm/command_lines.h"

namespace hesper::cli {
namespace {

constexpr std::size_t kLeastColumns = 40;
constexpr std::size_t kMostColumns = 100;  // longer lines are hard to read

std::string_view code_of(Style style) {
  switch (style) {
    case Style::plain: return "";
    case Style::bold: return "1";
    case Style::faint: return "2";
    case Style::good: return "32";
    case Style::better: return "33";
    case Style::bad: return "1;31";
    case Style::unknown: return "36";
  }
  return "";
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

}  // namespace

PageLook look_of_standard_output(std::string_view colours) {
  PageLook look;
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    look.columns = std::clamp<std::size_t>(size.ws_col, kLeastColumns, kMostColumns);
  const Environment environment = Environment::of_this_process();
  const bool wanted = !environment.get_filled("NO_COLOR") && environment.get("TERM") != "dumb";
  look.colours = colours == "always" || (colours == "auto" && terminal && wanted);
  return look;
}

std::string Page::styled(std::string_view text, Style style) const {
  if (!look_.colours || style == Style::plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(style), text);
}

void Page::add(std::string_view text, std::size_t indent, Style style, std::string_view first, Style first_style) {
  const std::string harmless = printable(text);
  std::string_view rest = harmless;
  const std::string begin = printable(first);
  std::string line = std::string(indent - std::min(indent, columns_of(begin)), ' ');
  text_ += styled(begin, first_style) + line;
  std::size_t column = std::max(indent, columns_of(begin));
  bool empty = true;  // no word in this line
  std::string words;
  const auto end_line = [&] { text_ += styled(words, style) + '\n'; };
  while (!rest.empty()) {
    const std::size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (word.empty()) continue;
    const std::size_t width = columns_of(word);
    if (!empty && column + 1 + width > look_.columns) {
      end_line();
      text_ += std::string(indent, ' ');
      column = indent;
      words.clear();
      empty = true;
    }
    if (!empty) words += ' ';
    words += word;
    column += width + (empty ? 0 : 1);
    empty = false;
  }
  end_line();
}

void Page::add_line(std::string_view text, std::size_t indent, Style style) {
  text_ += std::string(indent, ' ') + styled(printable(text), style) + '\n';
}

void Page::add_step(const advice::Step& step, std::size_t indent) {
  for (const advice::WrittenFile& file : step.files) {
    const auto lines = lines_of(file.contents);
    if (lines.size() == 1) {
      const std::array words = {std::string(lines.front()), file.path.native()};
      const std::span all(words);
      add_line(
          fmt::format("$ echo {} | sudo tee {}", vm::quoted_for_shell(all.first(1)), vm::quoted_for_shell(all.last(1))),
          indent, Style::bold);
      continue;
    }
    add(fmt::format("Write {}:", file.path.native()), indent);
    for (const std::string_view line : lines) add_line(line, indent + 4, Style::bold);
  }
  for (const std::string& command : step.commands)
    for (const std::string_view line : lines_of(command))
      add_line(line.starts_with('#') ? std::string(line) : fmt::format("$ {}", line), indent, Style::bold);
  if (step.takes == advice::Takes::new_login) add("It takes effect when you log in again.", indent + 2);
  if (step.takes == advice::Takes::reboot) add("It takes effect when the host boots again.", indent + 2);
}

}  // namespace hesper::cli
