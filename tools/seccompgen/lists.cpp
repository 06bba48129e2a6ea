// The parser of the lists, and the C++ that comes out.
#include "lists.h"

#include <charconv>
#include <format>
#include <optional>
#include <ranges>

namespace seccompgen {
namespace {

constexpr std::string_view kSpace = " \t\r";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const auto end = std::min(text.find_first_of(kSpace), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  const bool hex = word.starts_with("0x");
  if (hex) word.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// The words of one line, taken from the front.
class Line {
 public:
  explicit Line(std::vector<std::string_view> words) : words_(std::move(words)) {}

  [[nodiscard]] bool empty() const { return at_ == words_.size(); }
  std::string_view take() { return empty() ? std::string_view() : words_[at_++]; }
  bool take_if(std::string_view word) {
    if (empty() || words_[at_] != word) return false;
    ++at_;
    return true;
  }

 private:
  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
};

// argN [& MASK] == VALUE|self
std::expected<Condition, std::string> parse_condition(Line& line) {
  Condition test;
  const std::string_view argument = line.take();
  if (argument.size() != 4 || !argument.starts_with("arg") || argument[3] < '0' || argument[3] > '5')
    return std::unexpected(std::format("'{}' is not one of arg0 to arg5", argument));
  test.argument = static_cast<unsigned>(argument[3] - '0');
  if (line.take_if("&")) {
    const auto mask = number_of(line.take());
    if (!mask) return std::unexpected("after '&' comes a number");
    test.mask = *mask;
  }
  if (!line.take_if("==")) return std::unexpected("the only comparison is '=='");
  const std::string_view value = line.take();
  if (value == "self") {
    test.own_process = true;
    return test;
  }
  const auto number = number_of(value);
  if (!number) return std::unexpected(std::format("'{}' is neither a number nor 'self'", value));
  if ((*number & ~test.mask) != 0) return std::unexpected("the value has bits outside of the mask");
  test.value = *number;
  return test;
}

std::expected<Rule, std::string> parse_rule(Line& line) {
  Rule rule{.call = std::string(line.take()), .tests = {}};
  if (line.take_if("if")) {
    do {
      auto test = parse_condition(line);
      if (!test) return std::unexpected(std::move(test.error()));
      rule.tests.push_back(*test);
    } while (line.take_if("and"));
  }
  if (line.empty()) return rule;
  rule.action = line.take();
  if (rule.action == "refuse" || rule.action == "report") {
    rule.error = line.take();
    if (!rule.error.starts_with('E')) return std::unexpected(std::format("after '{}' comes an errno", rule.action));
  } else if (rule.action != "kill") {
    return std::unexpected(std::format("'{}' is neither 'if', 'refuse', 'report' nor 'kill'", rule.action));
  }
  if (!line.empty()) return std::unexpected(std::format("'{}' is one word too many", line.take()));
  return rule;
}

}  // namespace

Numbers parse_numbers(std::string_view macros) {
  Numbers numbers;
  for (const auto part : std::views::split(macros, '\n')) {
    const auto words = words_of(std::string_view(part.begin(), part.end()));
    if (words.size() != 3 || words[0] != "#define" || !words[1].starts_with("__NR_")) continue;
    if (const auto number = number_of(words[2]))
      numbers.emplace(words[1].substr(5), static_cast<std::uint32_t>(*number));
  }
  return numbers;
}

std::expected<List, std::string> parse_list(std::string_view text, const Numbers& names) {
  List list;
  int number = 0;
  for (const auto part : std::views::split(text, '\n')) {
    ++number;
    const std::string_view whole(part.begin(), part.end());
    Line line(words_of(whole.substr(0, whole.find('#'))));
    if (line.empty()) continue;
    if (line.take_if("silent")) {
      if (!line.empty()) return std::unexpected(std::format("line {}: 'silent' is a line of its own.", number));
      list.silent = true;
      continue;
    }
    auto rule = parse_rule(line);
    if (!rule) return std::unexpected(std::format("line {}: {}.", number, rule.error()));
    if (!names.empty() && !names.contains(rule->call))
      return std::unexpected(std::format("line {}: there is no system call '{}'.", number, rule->call));
    list.rules.push_back(std::move(*rule));
  }
  return list;
}

std::string emit(const std::map<std::string, List>& lists, const Numbers& numbers) {
  std::string text =
      "// By seccompgen from registry/seccomp: the system calls that workers may make, and all calls' names.\n"
      "#include \"sandbox/syscall_lists.h\"\n\n#include <cerrno>\n\nnamespace hesper::sandbox {\nnamespace {\n\n"
      "using platform::ArgumentTest;\nusing platform::SyscallRule;\nusing enum platform::SyscallRule::Action;\n\n";
  std::string tests;
  std::string tables;
  std::string choices;
  int test_count = 0;
  for (const auto& [name, list] : lists) {
    std::string rows;
    for (const Rule& rule : list.rules) {
      const auto number = numbers.find(rule.call);
      if (number == numbers.end()) continue;
      std::string which = "{}";
      if (!rule.tests.empty()) {
        which = std::format("kTests{}", test_count++);
        tests += std::format("constexpr ArgumentTest {}[] = {{", which);
        for (const Condition& test : rule.tests)
          tests += std::format("{{{}, {:#x}u, {:#x}u, {}}}, ", test.argument, test.mask, test.value, test.own_process);
        tests += "};\n";
      }
      rows += std::format("    {{{}, {}, {}, {}}},  // {}\n", number->second, rule.action,
                          rule.error.empty() ? "0" : rule.error, which, rule.call);
    }
    const std::string rules = rows.empty() ? "{}" : "k_" + name;
    if (!rows.empty()) tables += std::format("\nconstexpr SyscallRule k_{}[] = {{\n{}}};\n", name, rows);
    choices += std::format("  if (name == \"{}\") return {{.rules = {}, .silent = {}}};\n", name, rules, list.silent);
  }
  text += tests + tables;

  std::map<std::uint32_t, std::string_view> names;
  for (const auto& [name, number] : numbers) names.emplace(number, name);
  std::string all_names;
  std::uint32_t next = 0;
  for (const auto& [number, name] : names) {
    if (number >= 1024) break;
    for (; next < number; ++next) all_names += "    nullptr,\n";
    all_names += std::format("    \"{}\",\n", name);
    ++next;
  }
  if (!all_names.empty()) text += std::format("\nconstexpr const char* kNames[] = {{\n{}}};\n", all_names);
  text += std::format(
      "\n}}  // namespace\n\nSyscallList syscall_list(std::string_view name) {{\n{}  return {{}};\n}}\n", choices);
  text += std::format(
      "\nstd::span<const char* const> syscall_names() {{ return {}; }}\n\n}}  // namespace hesper::sandbox\n",
      all_names.empty() ? "{}" : "kNames");
  return text;
}

}  // namespace seccompgen
