// Recorder: what was asked and answered, and what is replaced before somebody else reads it.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "host/description.h"
#include "host/sections.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr std::string_view kUser = "user";
constexpr std::string_view kHome = "/home/user";
constexpr std::string_view kHost = "host";
constexpr std::string_view kUuid = "00000000-0000-0000-0000-000000000000";
constexpr std::size_t kLeastName = 3;  // bytes; shorter ones are in too many words

bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool is_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

// Whether `shape`, where 'x' is a hexadecimal digit, stands at `at` and does not go on before or behind.
bool stands_at(std::string_view text, std::size_t at, std::string_view shape) {
  if (text.size() - at < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 'x' ? !is_hex(text[at + i]) : text[at + i] != shape[i]) return false;
  const auto goes_on = [&](char c) { return is_hex(c) || c == shape[2] || c == '-'; };
  if (at > 0 && goes_on(text[at - 1])) return false;
  return at + shape.size() >= text.size() || !goes_on(text[at + shape.size()]);
}

void replace_words(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    const bool begins = at == 0 || !is_of_word(text[at - 1]);
    const bool ends = at + from.size() == text.size() || !is_of_word(text[at + from.size()]);
    if (begins && ends) text.replace(at, from.size(), to);
    at += begins && ends ? to.size() : 1;
  }
}

// What tells who and which machine this is, and what stands there instead.
class Disguise {
 public:
  explicit Disguise(const System& system) : user_(system.user().name), home_(system.variable("HOME").value_or("")) {
    if (home_ == "/" || home_ == "/root" || !home_.starts_with('/')) home_.clear();
    if (user_ == "root") user_.clear();
    if (const auto host = system.read("/proc/sys/kernel/hostname")) host_ = trimmed(*host);
    // A host that is called like its distribution tells nothing by it.
    std::string common = "localhost host user kvm render video intel nvidia amd apple linux ";
    for (const char* file : {"/etc/os-release", "/usr/lib/os-release"}) common += system.read(file).value_or("");
    for (std::string* name : {&host_, &user_}) {
      std::string without = common;
      if (!name->empty()) replace_words(without, *name, "");
      if (name->size() < kLeastName || without != common)
        in_text_.erase(*name);
      else
        in_text_.emplace(*name, name == &host_ ? kHost : kUser);
    }
  }

  [[nodiscard]] std::string name(const std::string& name) const {
    return !user_.empty() && name == user_ ? std::string(kUser) : name;
  }

  // Of paths, variables and words of commands.
  [[nodiscard]] std::string path(std::string text) const {
    if (!home_.empty()) replace_words(text, home_, kHome);
    return text;
  }

  [[nodiscard]] std::string contents(std::string text) const {
    if (!is_text(text)) return text;
    text = path(std::move(text));
    for (const auto& [from, to] : in_text_) replace_words(text, from, to);
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (!is_hex(text[at])) continue;
      constexpr std::string_view kMacShape = "xx:xx:xx:xx:xx:xx";
      constexpr std::string_view kUuidShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
      if (stands_at(text, at, kMacShape)) text.replace(at, kMacShape.size(), "02:00:00:00:00:00");
      if (stands_at(text, at, kUuidShape)) text.replace(at, kUuidShape.size(), kUuid);
    }
    return text;
  }

 private:
  std::string user_;  // empty: nothing is replaced
  std::string home_;
  std::string host_;
  std::map<std::string, std::string_view> in_text_;
};

class RecorderImpl final : public Recorder {
 public:
  explicit RecorderImpl(const System& inner) : inner_(inner) {}

  Result<std::string> read(const Path& file) const override {
    auto answer = inner_.read(file);
    note(file, answer, [](Sections::Entry& entry, const std::string& text) { entry.text = text; });
    return answer;
  }

  Result<std::string> excerpt(const Path& file, const std::vector<std::string>& beginnings) const override {
    auto answer = inner_.excerpt(file, beginnings);
    if (answer) {
      // Several are put together by asking again: the order of lines counts.
      const std::lock_guard lock(mutex_);
      auto& all = beginnings_[file.native()];
      all.insert(all.end(), beginnings.begin(), beginnings.end());
    }
    note(file, answer, [](Sections::Entry& entry, const std::string&) { entry.text.emplace(); });
    return answer;
  }

  Result<std::vector<std::string>> list(const Path& folder) const override {
    auto answer = inner_.list(folder);
    note(folder, answer, [](Sections::Entry& entry, const std::vector<std::string>& names) {
      entry.names.emplace(names.begin(), names.end());
    });
    return answer;
  }

  Result<std::string> read_link(const Path& link) const override {
    auto answer = inner_.read_link(link);
    if (answer || answer.error().code == EACCES)
      note(link, answer, [](Sections::Entry& entry, const std::string& target) { entry.link = target; });
    return answer;
  }

  Result<FileStatus> status(const Path& file) const override {
    auto answer = inner_.status(file);
    note(file, answer, [](Sections::Entry& entry, const FileStatus& status) { entry.status = status; });
    return answer;
  }

  Result<void> may(Access access, const Path& file) const override {
    auto answer = inner_.may(access, file);
    const std::lock_guard lock(mutex_);
    if (answer || answer.error().code != ENOENT)
      sections_.rights[{normal_path(file), access}] = answer ? 0 : answer.error().code;
    return answer;
  }

  std::vector<Holder> holders(const std::vector<Path>& files) const override {
    auto answer = inner_.holders(files);
    const std::lock_guard lock(mutex_);
    sections_.holders.insert(answer.begin(), answer.end());
    return answer;
  }

  Result<CommandOutput> run(const std::vector<std::string>& command,
                            std::chrono::milliseconds patience) const override {
    auto answer = inner_.run(command, patience);
    const std::lock_guard lock(mutex_);
    if (answer)
      sections_.commands[command] = {.output = *answer, .error = 0};
    else if (answer.error().code != ENOENT)
      sections_.commands[command] = {.output = {}, .error = answer.error().code};
    return answer;
  }

  std::optional<Path> find_program(std::string_view name) const override {
    auto answer = inner_.find_program(name);
    const std::lock_guard lock(mutex_);
    if (answer) sections_.programs.insert(normal_path(*answer));
    return answer;
  }

  std::optional<std::string> variable(std::string_view name) const override {
    auto answer = inner_.variable(name);
    const std::lock_guard lock(mutex_);
    if (answer) sections_.variables.insert_or_assign(std::string(name), *answer);
    return answer;
  }

  User user() const override {
    User answer = inner_.user();
    const std::lock_guard lock(mutex_);
    sections_.user = answer;
    return answer;
  }

  std::string description() const override {
    const Disguise disguise(inner_);
    Sections told;
    std::map<std::string, std::vector<std::string>> beginnings;
    {
      const std::lock_guard lock(mutex_);
      told = sections_;
      beginnings = beginnings_;
    }
    for (const auto& [file, lines] : beginnings)
      if (auto text = inner_.excerpt(file, lines)) told.files[normal_path(file)].text = *std::move(text);
    return "# A host, as `hesper` saw it; names, UUIDs and addresses of network cards are replaced.\n" +
           text_of(disguised(disguise, std::move(told)));
  }

 private:
  // What is not there needs no section.
  template <class Answer, class Set>
  void note(const Path& file, const Result<Answer>& answer, Set set) const {
    if (!answer && (answer.error().code == ENOENT || answer.error().code == 0)) return;
    const std::lock_guard lock(mutex_);
    Sections::Entry& entry = sections_.files[normal_path(file)];
    if (answer)
      set(entry, *answer);
    else
      entry.error = answer.error().code;
  }

  static Sections disguised(const Disguise& disguise, Sections from) {
    Sections to;
    for (auto& [path, entry] : from.files) {
      if (entry.text) entry.text = disguise.contents(*std::move(entry.text));
      if (entry.link) entry.link = disguise.path(*std::move(entry.link));
      if (entry.status) {
        entry.status->owner = disguise.name(entry.status->owner);
        entry.status->group = disguise.name(entry.status->group);
      }
      // A folder's status says nothing that its names do not, and it has no text.
      if (entry.names && entry.status && entry.status->kind == FileStatus::Kind::folder) entry.status.reset();
      to.files.insert_or_assign(disguise.path(path), std::move(entry));
    }
    for (const auto& [what, error] : from.rights) to.rights[{disguise.path(what.first), what.second}] = error;
    for (const auto& [command, answer] : from.commands) {
      std::vector<std::string> words;
      for (const std::string& word : command) words.push_back(disguise.path(word));
      to.commands[std::move(words)] = {.output = {.status = answer.output.status,
                                                  .output = disguise.contents(answer.output.output),
                                                  .errors = disguise.contents(answer.output.errors)},
                                       .error = answer.error};
    }
    for (const std::string& program : from.programs) to.programs.insert(disguise.path(program));
    for (const auto& [name, value] : from.variables) to.variables.insert_or_assign(name, disguise.contents(value));
    to.holders = std::move(from.holders);
    if (from.user) {
      to.user = std::move(from.user);
      to.user->name = disguise.name(to.user->name);
      for (std::string& group : to.user->groups) group = disguise.name(group);
    }
    return to;
  }

  const System& inner_;
  mutable std::mutex mutex_;
  mutable Sections sections_;
  mutable std::map<std::string, std::vector<std::string>> beginnings_;  // of excerpts, by file
};

}  // namespace

std::unique_ptr<Recorder> Recorder::create(const System& inner) { return std::make_unique<RecorderImpl>(inner); }

}  // namespace hesper::host
