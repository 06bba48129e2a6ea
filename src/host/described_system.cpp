// The host that a description tells of.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "host/description.h"
#include "host/sections.h"
#include "host/text.h"
#include "vm/command_lines.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;

constexpr int kMostLinksOnTheWay = 40;  // as Linux has it

class DescribedSystem final : public System {
 public:
  explicit DescribedSystem(Sections sections) : sections_(std::move(sections)) {
    for (const auto& [path, entry] : sections_.files) {
      add_to_folders(path);
      if (entry.names) folders_[path].insert(entry.names->begin(), entry.names->end());
    }
    for (const std::string& program : sections_.programs) add_to_folders(program);
  }

  Result<std::string> read(const Path& file) const override {
    const Found found = find(file);
    if (const int error = error_of(found)) return no("read", file, error);
    if (folders_.contains(found.path)) return no("read", file, EISDIR);
    if (found.entry == nullptr) return std::string();
    if (found.entry->status && found.entry->status->kind != FileStatus::Kind::file)
      return fail(fmt::format("'{}' cannot be read: it is no regular file.", file.native()), EINVAL);
    return found.entry->text.value_or("");
  }

  Result<std::string> excerpt(const Path& file, const std::vector<std::string>& beginnings) const override {
    const auto text = read(file);
    if (!text) return std::unexpected(text.error());
    return excerpt_of(*text, beginnings);
  }

  Result<std::vector<std::string>> list(const Path& folder) const override {
    const Found found = find(folder);
    if (const int error = error_of(found)) return no("listed", folder, error);
    const auto names = folders_.find(found.path);
    if (names != folders_.end()) return std::vector(names->second.begin(), names->second.end());
    if (found.entry != nullptr && found.entry->status && found.entry->status->kind == FileStatus::Kind::folder)
      return std::vector<std::string>();
    return no("listed", folder, ENOTDIR);
  }

  Result<std::string> read_link(const Path& link) const override {
    const std::string path = normal_path(link);
    if (const auto exact = sections_.files.find(path); exact != sections_.files.end() && exact->second.link)
      return *exact->second.link;
    const Path parent = find(link.parent_path()).path;
    const auto entry = sections_.files.find(normal_path(parent / link.filename()));
    if (entry == sections_.files.end() || !entry->second.link) {
      const int error = error_of(find(link));
      return no("followed", link, error != 0 ? error : EINVAL);
    }
    return *entry->second.link;
  }

  Result<FileStatus> status(const Path& file) const override {
    const Found found = find(file);
    if (found.entry != nullptr && found.entry->status) return *found.entry->status;
    if (const int error = error_of(found)) return no("looked at", file, error);
    const bool is_folder = folders_.contains(found.path);
    const bool is_program = sections_.programs.contains(found.path);
    return FileStatus{.kind = is_folder ? FileStatus::Kind::folder : FileStatus::Kind::file,
                      .mode = is_folder || is_program ? 0755u : 0644u,
                      .owner = "root",
                      .group = "root"};
  }

  Result<void> may(Access access, const Path& file) const override {
    const Found found = find(file);
    for (const std::string& path : {normal_path(file), found.path}) {
      const auto right = sections_.rights.find({path, access});
      if (right == sections_.rights.end()) continue;
      if (right->second != 0) return no("used", file, right->second);
      return {};
    }
    const auto known = status(file);
    if (!known) return std::unexpected(known.error());
    if (!allows(*known, access)) return no("used", file, EACCES);
    return {};
  }

  std::vector<Holder> holders(const std::vector<Path>& files) const override {
    std::vector<Holder> found;
    for (const Holder& holder : sections_.holders)
      if (std::ranges::contains(files, holder.file)) found.push_back(holder);
    return found;
  }

  Result<CommandOutput> run(const std::vector<std::string>& command, std::chrono::milliseconds) const override {
    if (command.empty()) return fail("There is no command to run.", EINVAL);
    const auto found = sections_.commands.find(command);
    if (found == sections_.commands.end()) {
      if (!find_program(command.front()))
        return fail(fmt::format("There is no program '{}'.", shown(command.front())), ENOENT);
      return fail(fmt::format("The description does not tell what '{}' says.", shown(vm::quoted_for_shell(command))),
                  ENOENT);
    }
    if (found->second.error != 0)
      return fail_errno(fmt::format("'{}' fails", shown(vm::quoted_for_shell(command))), found->second.error);
    return found->second.output;
  }

  std::optional<Path> find_program(std::string_view name) const override {
    if (name.contains('/')) {
      if (sections_.programs.contains(std::string(name)) || starts_command(name)) return Path(name);
      const auto known = status(Path(name));
      const bool runs = known && known->kind == FileStatus::Kind::file && (known->mode & 0111) != 0;
      return runs ? std::optional<Path>(name) : std::nullopt;
    }
    for (const std::string& program : sections_.programs)
      if (Path(program).filename() == name) return Path(program);
    if (starts_command(name)) return Path("/usr/bin") / name;
    return std::nullopt;
  }

  std::optional<std::string> variable(std::string_view name) const override {
    const auto found = sections_.variables.find(name);
    return found != sections_.variables.end() ? std::optional(found->second) : std::nullopt;
  }

  User user() const override { return sections_.user.value_or(User{.name = "user", .id = 1000, .groups = {"user"}}); }

 private:
  struct Found {
    std::string path;                        // links followed
    const Sections::Entry* entry = nullptr;  // none: a folder that others lie in, or nothing
    int error = 0;                           // of the way
  };

  void add_to_folders(const std::string& path) {
    for (Path child = path; child.has_relative_path(); child = child.parent_path())
      if (!folders_[child.parent_path().native()].insert(child.filename().native()).second) break;
  }

  [[nodiscard]] static std::unexpected<Error> no(const char* what, const Path& file, int error) {
    return fail_errno(fmt::format("'{}' cannot be {}", shown(file.native()), what), error);
  }

  // A name that its folder's section lists, and nothing else tells of.
  [[nodiscard]] bool is_listed(const std::string& path) const {
    const Path whole(path);
    const auto folder = folders_.find(whole.parent_path().native());
    return folder != folders_.end() && folder->second.contains(whole.filename().native());
  }

  [[nodiscard]] const Sections::Entry* entry_at(const std::string& path) const {
    const auto found = sections_.files.find(path);
    return found != sections_.files.end() ? &found->second : nullptr;
  }

  // The path itself, or where links on its way lead.
  [[nodiscard]] Found find(const Path& asked) const {
    std::string path = normal_path(asked);
    for (int links = 0; links <= kMostLinksOnTheWay; ++links) {
      const Sections::Entry* const exact = entry_at(path);
      const bool leads_on = exact != nullptr && exact->link && !exact->status && !exact->text && exact->error == 0;
      if (!leads_on && (exact != nullptr || folders_.contains(path))) return {.path = path, .entry = exact};
      const auto next = followed(path);
      if (!next) return {.path = path, .entry = exact};
      path = *next;
    }
    return {.path = path, .entry = nullptr, .error = ELOOP};
  }

  // The first link on the way, or at its end, replaced by its target.
  [[nodiscard]] std::optional<std::string> followed(const std::string& path) const {
    std::size_t end = 0;
    while (end < path.size()) {
      end = std::min(path.find('/', end + 1), path.size());
      const Sections::Entry* const entry = entry_at(path.substr(0, end));
      if (entry == nullptr || !entry->link || entry->link->size() > 4096) continue;
      const Path link = path.substr(0, end);
      std::string next = normal_path(link.parent_path() / *entry->link);
      if (end < path.size()) next = normal_path(Path(next) / path.substr(end + 1));
      if (next.size() > 8192) return std::nullopt;
      return next;
    }
    return std::nullopt;
  }

  // Of reading what was found; 0: none.
  [[nodiscard]] int error_of(const Found& found) const {
    if (found.error != 0) return found.error;
    if (found.entry != nullptr && found.entry->error != 0) return found.entry->error;
    const bool has_contents =
        found.entry != nullptr && (found.entry->text || found.entry->status || found.entry->names);
    const bool there = has_contents || folders_.contains(found.path) || sections_.programs.contains(found.path) ||
                       is_only_listed(found);
    return there ? 0 : ENOENT;
  }

  // add_to_folders() lists what has an entry, too, though only a right or a link may be known of it.
  [[nodiscard]] bool is_only_listed(const Found& found) const {
    return found.entry == nullptr && is_listed(found.path);
  }

  [[nodiscard]] bool allows(const FileStatus& file, Access access) const {
    const User own = user();
    const std::uint32_t wanted = access == Access::read      ? 4u
                                 : access == Access::write   ? 2u
                                 : access == Access::execute ? 1u
                                                             : 6u;
    if (own.id == 0) return access != Access::execute || (file.mode & 0111) != 0;
    const unsigned shift = file.owner == own.name ? 6 : std::ranges::contains(own.groups, file.group) ? 3 : 0;
    return ((file.mode >> shift) & wanted) == wanted;
  }

  [[nodiscard]] bool starts_command(std::string_view name) const {
    const auto first = sections_.commands.lower_bound({std::string(name)});
    return first != sections_.commands.end() && first->first.front() == name;
  }

  const Sections sections_;
  std::map<std::string, std::set<std::string>> folders_;  // names in them
};

}  // namespace

Result<std::unique_ptr<System>> described_system(std::string_view text) {
  auto sections = parse_sections(text);
  if (!sections) return std::unexpected(std::move(sections.error()));
  return std::make_unique<DescribedSystem>(*std::move(sections));
}

}  // namespace hesper::host
