// The text of descriptions.
#include "host/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>

#include "host/text.h"
#include "vm/command_lines.h"

namespace hesper::host {
namespace {

constexpr std::size_t kLongestPath = 4096;
constexpr std::ptrdiff_t kMostFolders = 64;
constexpr std::size_t kLongestWords = 65536;
constexpr std::size_t kMostDescription = std::size_t{64} << 20;

struct NamedErrno {
  std::string_view name;
  int number;
};
constexpr std::array kErrnos = {
    NamedErrno{"EIO", EIO},       NamedErrno{"ENOENT", ENOENT},         NamedErrno{"EACCES", EACCES},
    NamedErrno{"EPERM", EPERM},   NamedErrno{"ENOTDIR", ENOTDIR},       NamedErrno{"EISDIR", EISDIR},
    NamedErrno{"EINVAL", EINVAL}, NamedErrno{"ENODEV", ENODEV},         NamedErrno{"ENXIO", ENXIO},
    NamedErrno{"ELOOP", ELOOP},   NamedErrno{"EFBIG", EFBIG},           NamedErrno{"ETIMEDOUT", ETIMEDOUT},
    NamedErrno{"EBUSY", EBUSY},   NamedErrno{"EAGAIN", EAGAIN},         NamedErrno{"ENOEXEC", ENOEXEC},
    NamedErrno{"ENOSYS", ENOSYS}, NamedErrno{"EOPNOTSUPP", EOPNOTSUPP}, NamedErrno{"ESRCH", ESRCH},
    NamedErrno{"ENOMEM", ENOMEM}, NamedErrno{"EMFILE", EMFILE},         NamedErrno{"ENFILE", ENFILE},
    NamedErrno{"ENOTTY", ENOTTY}, NamedErrno{"EROFS", EROFS},           NamedErrno{"ENAMETOOLONG", ENAMETOOLONG},
};

struct NamedAccess {
  std::string_view name;
  Access access;
};
constexpr std::array kAccesses = {NamedAccess{"read", Access::read}, NamedAccess{"write", Access::write},
                                  NamedAccess{"read_write", Access::read_write},
                                  NamedAccess{"execute", Access::execute}};

struct NamedKind {
  std::string_view name;
  FileStatus::Kind kind;
};
constexpr std::array kKinds = {NamedKind{"file", FileStatus::Kind::file}, NamedKind{"folder", FileStatus::Kind::folder},
                               NamedKind{"device", FileStatus::Kind::device},
                               NamedKind{"socket", FileStatus::Kind::socket},
                               NamedKind{"other", FileStatus::Kind::other}};

template <class Table>
auto find_name(const Table& table, std::string_view name) -> const typename Table::value_type* {
  const auto found = std::ranges::find_if(table, [&](const auto& row) { return row.name == name; });
  return found != table.end() ? &*found : nullptr;
}

// As a POSIX shell has it: blanks between words, quotes of both kinds, "\" before one character. Nothing: a quote is
// not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else if (c == '\\' && quote == '"' && i + 1 < line.size())
        word += line[++i];
      else
        word += c;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      in_word = true;
      if (c == '\'' || c == '"')
        quote = c;
      else if (c == '\\' && i + 1 < line.size())
        word += line[++i];
      else
        word += c;
    }
  }
  if (quote != 0) return std::nullopt;
  if (in_word) words.push_back(std::move(word));
  return words;
}

// How a text stands in the lines behind its heading.
enum class Form : std::uint8_t { lines, no_end, hex };

std::optional<std::string> bytes_of_hex(std::string_view digits) {
  std::string bytes;
  std::string pair;
  for (const char c : digits) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    pair += c;
    if (pair.size() < 2) continue;
    const auto byte = pair.front() == '0' && (pair[1] == 'x' || pair[1] == 'X') ? std::nullopt : number_in(pair, 16);
    if (!byte) return std::nullopt;
    bytes += static_cast<char>(*byte);
    pair.clear();
  }
  return pair.empty() ? std::optional(std::move(bytes)) : std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Sections> parse() {
    if (rest_.size() > kMostDescription) return fail("A description has 64 MiB at most.", EFBIG);
    while (!rest_.empty() && !rest_.starts_with('@')) {  // comments before the first section
      const std::string_view line = take_line();
      if (!trimmed(line).empty() && !line.starts_with('#'))
        return wrong("Here stands no section yet; it begins with \"@ \".");
    }
    while (!rest_.empty()) {
      if (auto parsed = parse_section(); !parsed) return std::unexpected(std::move(parsed.error()));
    }
    return std::move(sections_);
  }

 private:
  using Words = std::vector<std::string>;

  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    ++line_;
    return line;
  }

  [[nodiscard]] std::unexpected<Error> wrong(std::string_view what) const {
    return fail(fmt::format("Line {} of the description: {}", line_, what), EINVAL);
  }

  // The lines up to the next section.
  std::string take_text() {
    std::string text;
    while (!rest_.empty() && !rest_.starts_with('@')) {
      std::string_view line = take_line();
      if (line.starts_with('\\')) line.remove_prefix(1);
      (text += line) += '\n';
    }
    return text;
  }

  Result<std::string> take_text(Form form) {
    const unsigned heading = line_;
    std::string text = take_text();
    if (form == Form::no_end && text.ends_with('\n')) text.pop_back();
    if (form != Form::hex) return text;
    auto bytes = bytes_of_hex(text);
    line_ = bytes ? line_ : heading;
    if (!bytes) return wrong("What follows are no hexadecimal digits.");
    return *std::move(bytes);
  }

  // Of sections that have none.
  Result<void> take_no_text() {
    const std::string text = take_text();
    if (!trimmed(text).empty()) return wrong("This section has no lines.");
    return {};
  }

  static Form take_form(Words& words, std::size_t at) {
    if (words.size() <= at) return Form::lines;
    const Form form = words[at] == "no-end" ? Form::no_end : words[at] == "hex" ? Form::hex : Form::lines;
    if (form != Form::lines) words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
    return form;
  }

  Result<void> parse_section() {
    const std::string_view heading = take_line();
    if (!heading.starts_with("@ "))
      return wrong("A section begins with \"@ \"; a line with \"@\" has a \"\\\" before it.");
    if (trimmed(heading.substr(2)).starts_with('#')) {
      static_cast<void>(take_text());
      return {};
    }
    const std::string_view line = heading.ends_with('\r') ? heading.substr(0, heading.size() - 1) : heading;
    if (!is_text(line)) return wrong("A section's first line is UTF-8 without control characters.");
    auto words = split_words(line.substr(2));
    if (!words) return wrong("A quote is not closed.");
    if (words->empty()) return wrong("The section has no name.");
    const std::string name = words->front();
    words->erase(words->begin());
    using Take = Result<void> (Parser::*)(Words);
    struct Row {
      std::string_view name;
      Take take;
    };
    constexpr std::array kTable = {
        Row{"file", &Parser::take_file},         Row{"link", &Parser::take_link},
        Row{"folder", &Parser::take_folder},     Row{"error", &Parser::take_error},
        Row{"may", &Parser::take_may},           Row{"holder", &Parser::take_holder},
        Row{"command", &Parser::take_command},   Row{"errors", &Parser::take_errors},
        Row{"fails", &Parser::take_fails},       Row{"program", &Parser::take_program},
        Row{"variable", &Parser::take_variable}, Row{"user", &Parser::take_user},
    };
    const auto* const row = find_name(kTable, name);
    if (row == nullptr) return wrong(fmt::format("There is no section \"{}\".", shown(name)));
    if (name != "errors") last_command_ = nullptr;
    return (this->*row->take)(std::move(*words));
  }

  Result<Sections::Entry*> entry_of(const std::string& path) {
    if (!path.starts_with('/')) return wrong(fmt::format("\"{}\" is no absolute path.", shown(path)));
    if (path.size() > kLongestPath || std::ranges::count(path, '/') > kMostFolders)
      return wrong("The path is too long.");
    return &sections_.files[normal_path(path)];
  }

  Result<void> take_file(Words words) {
    if (words.empty()) return wrong("The file's path is missing.");
    const Form form = take_form(words, 1);
    auto entry = entry_of(words[0]);
    if (!entry) return std::unexpected(entry.error());
    if ((*entry)->text || (*entry)->status) return wrong("This path is there twice.");
    FileStatus status{.mode = 0644, .owner = "root", .group = "root"};
    if (words.size() == 4) {
      const auto* const kind = find_name(kKinds, words[1]);
      const auto mode = small_number_in(words[2], 8);
      const auto [owner, group] = split_at(words[3], ':');
      if (kind == nullptr || !mode || *mode > 07777 || owner.empty() || group.empty())
        return wrong("A file's kind, mode and owner are given as in: device 0660 root:render");
      status = {.kind = kind->kind, .mode = *mode, .owner = std::string(owner), .group = std::string(group)};
    } else if (words.size() != 1) {
      return wrong("Behind a file's path stand its kind, mode and owner, or nothing.");
    }
    auto text = take_text(form);
    if (!text) return std::unexpected(std::move(text.error()));
    (*entry)->status = std::move(status);
    if ((*entry)->status->kind == FileStatus::Kind::file)
      (*entry)->text = std::move(*text);
    else if (!trimmed(*text).empty())
      return wrong("Only files have lines.");
    return {};
  }

  Result<void> take_link(Words words) {
    if (words.size() != 2) return wrong("A link has a path and a target.");
    auto entry = entry_of(words[0]);
    if (!entry) return std::unexpected(entry.error());
    if ((*entry)->link) return wrong("This path is there twice.");
    (*entry)->link = words[1];
    return take_no_text();
  }

  Result<void> take_folder(Words words) {
    if (words.size() != 1) return wrong("A folder has a path only.");
    auto entry = entry_of(words[0]);
    if (!entry) return std::unexpected(entry.error());
    if ((*entry)->text || (*entry)->names) return wrong("This path is there twice.");
    (*entry)->names.emplace();
    const std::string text = take_text();
    for (const std::string_view line : lines_of(text)) {
      if (trimmed(line).empty()) continue;
      if (!is_file_name(line) || !is_text(line))
        return wrong(fmt::format("\"{}\" is no name in a folder.", shown(line)));
      (*entry)->names->emplace(line);
    }
    return {};
  }

  Result<void> take_error(Words words) {
    const auto* const error = words.size() == 2 ? find_name(kErrnos, words[0]) : nullptr;
    if (error == nullptr) return wrong("An error is told as in: error EACCES /etc/secret");
    auto entry = entry_of(words[1]);
    if (!entry) return std::unexpected(entry.error());
    if ((*entry)->error != 0) return wrong("This path is there twice.");
    (*entry)->error = error->number;
    return take_no_text();
  }

  Result<void> take_may(Words words) {
    int error = 0;
    if (words.size() == 4 && words[0] == "not") {
      const auto* const found = find_name(kErrnos, words[1]);
      if (found == nullptr) return wrong(fmt::format("\"{}\" is no error that is known here.", shown(words[1])));
      error = found->number;
      words.erase(words.begin(), words.begin() + 2);
    }
    const auto* const access = words.size() == 2 ? find_name(kAccesses, words[0]) : nullptr;
    if (access == nullptr || !words[1].starts_with('/'))
      return wrong("A right is told as in: may read_write /dev/kvm, or: may not EACCES read_write /dev/kvm");
    if (auto entry = entry_of(words[1]); !entry) return std::unexpected(entry.error());
    if (!sections_.rights.emplace(std::pair(normal_path(words[1]), access->access), error).second)
      return wrong("This right is there twice.");
    return take_no_text();
  }

  Result<void> take_holder(Words words) {
    const auto process = words.size() == 3 ? small_number_in(words[1]) : std::nullopt;
    if (!process) return wrong("A holder is told as in: holder /dev/dri/card0 1234 Xorg");
    sections_.holders.insert({.file = words[0], .process = *process, .program = words[2]});
    return take_no_text();
  }

  Result<void> take_command(Words words) {
    const unsigned status = words.empty() ? 256 : small_number_in(words[0]).value_or(256);
    const Form form = take_form(words, 1);
    if (status > 255 || words.size() < 2)
      return wrong("A command is told as in: command 0 uname -s, with its exit status first.");
    words.erase(words.begin());
    auto text = take_text(form);
    if (!text) return std::unexpected(std::move(text.error()));
    const auto [made, is_new] = sections_.commands.emplace(
        std::move(words),
        Sections::Command{.output = {.status = static_cast<int>(status), .output = std::move(*text), .errors = {}},
                          .error = 0});
    if (!is_new) return wrong("This command is there twice.");
    last_command_ = &made->second;
    return {};
  }

  Result<void> take_errors(Words words) {
    const Form form = take_form(words, 0);
    if (last_command_ == nullptr || !words.empty()) return wrong("\"@ errors\" follows a command.");
    auto text = take_text(form);
    if (!text) return std::unexpected(std::move(text.error()));
    last_command_->output.errors = std::move(*text);
    last_command_ = nullptr;
    return {};
  }

  Result<void> take_fails(Words words) {
    const auto* const error = words.size() >= 2 ? find_name(kErrnos, words[0]) : nullptr;
    if (error == nullptr) return wrong("A command that fails is told as in: fails ETIMEDOUT virsh --version");
    words.erase(words.begin());
    if (!sections_.commands.emplace(std::move(words), Sections::Command{.output = {}, .error = error->number}).second)
      return wrong("This command is there twice.");
    return take_no_text();
  }

  Result<void> take_program(Words words) {
    if (words.size() != 1 || !words[0].starts_with('/')) return wrong("A program has an absolute path.");
    if (words[0].size() > kLongestPath || std::ranges::count(words[0], '/') > kMostFolders)
      return wrong("The path is too long.");
    sections_.programs.insert(normal_path(words[0]));
    return take_no_text();
  }

  Result<void> take_variable(Words words) {
    if (words.size() != 2) return wrong("A variable has a name and a value.");
    if (!sections_.variables.emplace(words[0], words[1]).second) return wrong("This variable is there twice.");
    return take_no_text();
  }

  Result<void> take_user(Words words) {
    const auto id = words.size() >= 2 ? small_number_in(words[1]) : std::nullopt;
    if (!id || sections_.user) return wrong("There is one user, as in: user alice 1000 alice render kvm");
    sections_.user = User{.name = words[0], .id = *id, .groups = {words.begin() + 2, words.end()}};
    return take_no_text();
  }

  std::string_view rest_;
  unsigned line_ = 0;
  Sections sections_;
  Sections::Command* last_command_ = nullptr;
};

// Words stand in one line.
std::string quoted(const std::string& word) { return vm::quoted_for_shell(std::vector{shown(word, kLongestWords)}); }

std::string quoted(const std::vector<std::string>& words) {
  std::vector<std::string> plain;
  for (const std::string& word : words) plain.push_back(shown(word, kLongestWords));
  return vm::quoted_for_shell(plain);
}

// The heading's word for how `text` follows, and the lines.
std::pair<std::string_view, std::string> lines_for(const std::string& text) {
  if (!is_text(text)) {
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i)
      digits += fmt::format("{:02x}{}", static_cast<unsigned char>(text[i]), i % 32 == 31 ? "\n" : "");
    return {" hex", digits.empty() || digits.ends_with('\n') ? digits : digits + '\n'};
  }
  std::string lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (line.starts_with('@') || line.starts_with('\\')) lines += '\\';
    (lines += line) += '\n';
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {text.empty() || text.ends_with('\n') ? "" : " no-end", lines};
}

bool is_usual(const FileStatus& status) {
  return status == FileStatus{.kind = FileStatus::Kind::file, .mode = 0644, .owner = "root", .group = "root"};
}

void write_entry(std::string& out, const std::string& path, const Sections::Entry& entry) {
  if (entry.status || entry.text) {
    const auto [form, lines] = lines_for(entry.text.value_or(""));
    out += fmt::format("@ file {}{}", quoted(path), form);
    if (entry.status && !is_usual(*entry.status)) {
      const auto kind =
          std::ranges::find_if(kKinds, [&](const NamedKind& row) { return row.kind == entry.status->kind; });
      out += fmt::format(" {} {:04o} {}", kind->name, entry.status->mode,
                         quoted(entry.status->owner + ":" + entry.status->group));
    }
    (out += '\n') += lines;
  }
  if (entry.link) out += fmt::format("@ link {} {}\n", quoted(path), quoted(*entry.link));
  if (entry.names) {
    out += fmt::format("@ folder {}\n", quoted(path));
    for (const std::string& name : *entry.names)
      if (is_text(name) && !name.contains('\n') && !name.starts_with('@') && !name.starts_with('\\'))
        out += name + '\n';
  }
  if (entry.error != 0) out += fmt::format("@ error {} {}\n", name_of_errno(entry.error), quoted(path));
}

}  // namespace

std::string normal_path(const std::filesystem::path& path) {
  std::string text = path.lexically_normal().native();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

std::string_view name_of(Access access) noexcept {
  for (const NamedAccess& row : kAccesses)
    if (row.access == access) return row.name;
  return "read";
}

std::string_view name_of_errno(int error) noexcept {
  for (const NamedErrno& row : kErrnos)
    if (row.number == error) return row.name;
  return "EIO";
}

Result<Sections> parse_sections(std::string_view text) { return Parser(text).parse(); }

std::string text_of(const Sections& sections) {
  std::string out;
  if (sections.user) {
    std::vector<std::string> words = {sections.user->name, std::to_string(sections.user->id)};
    words.insert(words.end(), sections.user->groups.begin(), sections.user->groups.end());
    out += fmt::format("@ user {}\n", quoted(words));
  }
  for (const auto& [name, value] : sections.variables)
    out += fmt::format("@ variable {} {}\n", quoted(name), quoted(value));
  for (const std::string& program : sections.programs) out += fmt::format("@ program {}\n", quoted(program));
  for (const auto& [path, entry] : sections.files) write_entry(out, path, entry);
  for (const auto& [what, error] : sections.rights) {
    const std::string no = error != 0 ? fmt::format("not {} ", name_of_errno(error)) : std::string();
    out += fmt::format("@ may {}{} {}\n", no, name_of(what.second), quoted(what.first));
  }
  for (const Holder& holder : sections.holders)
    out += fmt::format("@ holder {} {} {}\n", quoted(holder.file.native()), holder.process, quoted(holder.program));
  for (const auto& [words, command] : sections.commands) {
    const std::string line = quoted(words);
    if (command.error != 0) {
      out += fmt::format("@ fails {} {}\n", name_of_errno(command.error), line);
      continue;
    }
    const auto [form, lines] = lines_for(command.output.output);
    out += fmt::format("@ command {}{} {}\n{}", command.output.status, form, line, lines);
    if (command.output.errors.empty()) continue;
    const auto [error_form, error_lines] = lines_for(command.output.errors);
    out += fmt::format("@ errors{}\n{}", error_form, error_lines);
  }
  return out;
}

}  // namespace hesper::host
