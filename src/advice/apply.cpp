// Carrying out and taking back. The journal is a step ahead of the host: an entry that was begun and not done is undone
// like the others, which is why every undoing must be harmless where there is nothing to undo.
#include "advice/apply.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ranges>
#include <system_error>
#include <utility>

#include "advice/journal.h"
#include "base/check.h"
#include "base/unique_fd.h"
#include "platform/process.h"
#include "vm/command_lines.h"

namespace hesper::advice {
namespace {

// What a file that we replace may hold.
constexpr std::size_t kMostFile = std::size_t{1} << 20;

std::filesystem::path below(const Place& place, const std::filesystem::path& path) {
  return place.root / path.relative_path();
}

std::filesystem::path journal_file(std::string_view name, const Place& place) {
  HESPER_CHECK(!name.empty() && name.find('/') == std::string_view::npos && name.front() != '.');
  return below(place, place.journals) / fmt::format("{}.json", name);
}

// Nothing, if there is no such file.
Result<std::optional<EarlierFile>> look_at(const std::filesystem::path& file) {
  struct stat status{};
  if (::lstat(file.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail_errno(fmt::format("Cannot look at {}", file.native()), errno);
  }
  auto contents = read_regular_file(file, kMostFile);
  if (!contents) return std::unexpected(contents.error());
  return EarlierFile{.contents = std::move(*contents),
                     .mode = static_cast<std::uint32_t>(status.st_mode & 07777),
                     .owner = status.st_uid,
                     .group = status.st_gid};
}

// The folders that are missing above a file, the outermost first.
std::vector<std::filesystem::path> missing_folders(std::filesystem::path folder) {
  std::vector<std::filesystem::path> missing;
  std::error_code error;
  for (; !std::filesystem::exists(folder, error) && folder.has_relative_path(); folder = folder.parent_path())
    missing.push_back(folder);
  std::ranges::reverse(missing);
  return missing;
}

Result<void> make_folders(const std::vector<std::filesystem::path>& folders) {
  for (const auto& folder : folders)
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno(fmt::format("Cannot make {}", folder.native()), errno);
  return {};
}

// Those that somebody else uses by now stay.
void remove_folders(const std::vector<std::filesystem::path>& folders) {
  for (const auto& folder : folders | std::views::reverse) (void)::rmdir(folder.c_str());
}

bool same(const std::optional<EarlierFile>& one, const std::optional<EarlierFile>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return one->contents == other->contents && one->mode == other->mode;
}

std::optional<EarlierFile> as_written(const WriteFile& action) {
  return EarlierFile{.contents = action.file.contents, .mode = action.file.mode, .owner = 0, .group = 0};
}

// What one action does and undoes.
class Worker {
 public:
  Worker(const Place& place, Hands& hands) : place_(place), hands_(hands) {}

  // Fills in what the entry needs to be undone; changes nothing.
  Result<void> prepare(JournalEntry& entry) const {
    const auto* write = std::get_if<WriteFile>(&entry.action);
    if (write == nullptr) return {};
    const std::filesystem::path file = below(place_, write->file.path);
    auto earlier = look_at(file);
    if (!earlier) return std::unexpected(earlier.error());
    entry.earlier = std::move(*earlier);
    entry.folders_made = missing_folders(file.parent_path());
    return {};
  }

  Result<void> carry_out(const JournalEntry& entry) {
    if (const auto* write = std::get_if<WriteFile>(&entry.action)) {
      if (auto made = make_folders(entry.folders_made); !made) return made;
      return replace_file(
          below(place_, write->file.path),
          {.contents = write->file.contents, .mode = write->file.mode, .owner = ::geteuid(), .group = ::getegid()});
    }
    if (const auto* run = std::get_if<RunCommand>(&entry.action))
      return run->command.empty() ? Result<void>() : hands_.run(run->command);
    const auto& tell = std::get<TellKernel>(entry.action);
    return tell.file.empty() ? Result<void>() : hands_.tell_kernel(below(place_, tell.file), tell.text);
  }

  // Whether undoing would lose what somebody else has written.
  Result<void> check(const JournalEntry& entry) const {
    const auto* write = std::get_if<WriteFile>(&entry.action);
    if (write == nullptr) return {};
    const std::filesystem::path file = below(place_, write->file.path);
    const auto now = look_at(file);
    if (!now) return std::unexpected(now.error());
    if (same(*now, as_written(*write)) || same(*now, entry.earlier)) return {};
    return fail(fmt::format("{} was {} since Hesper wrote it; it had:\n{}Make it so again, and try once more.",
                            file.native(), *now ? "changed" : "removed", write->file.contents));
  }

  // same_boot: what was told to the kernel is still in force.
  Result<void> undo(const JournalEntry& entry, bool same_boot) {
    if (const auto* write = std::get_if<WriteFile>(&entry.action)) {
      const std::filesystem::path file = below(place_, write->file.path);
      if (entry.earlier) {
        if (auto written = replace_file(file, *entry.earlier); !written) return written;
      } else if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return fail_errno(fmt::format("Cannot remove {}", file.native()), errno);
      }
      remove_folders(entry.folders_made);
      return {};
    }
    if (const auto* run = std::get_if<RunCommand>(&entry.action))
      return run->undo.empty() ? Result<void>() : hands_.run(run->undo);
    const auto& tell = std::get<TellKernel>(entry.action);
    if (tell.undo_file.empty() || !same_boot) return {};
    auto told = hands_.tell_kernel(below(place_, tell.undo_file), tell.undo_text);
    // No such device, or no driver that could let go of it: what was to be undone is so already.
    if (!told && (told.error().code == ENOENT || told.error().code == ENODEV)) return {};
    return told;
  }

 private:
  const Place& place_;
  Hands& hands_;
};

// The last first; what is undone leaves the journal, which goes with its last entry.
Result<void> undo_all(Journal journal, const std::filesystem::path& file, const Place& place, Worker& worker) {
  const bool same_boot = place.boot.empty() || journal.boot.empty() || journal.boot == place.boot;
  while (!journal.entries.empty()) {
    if (auto undone = worker.undo(journal.entries.back(), same_boot); !undone) return undone;
    journal.entries.pop_back();
    if (auto written = write_journal(file, journal); !written) return written;
  }
  if (::unlink(file.c_str()) != 0) return fail_errno(fmt::format("Cannot remove {}", file.native()), errno);
  remove_folders(journal.folders_made);
  return {};
}

class RealHands : public Hands {
 public:
  Result<void> run(const std::vector<std::string>& command) override {
    const auto child = platform::spawn({.program = command.front(),
                                        .arguments = command,
                                        .environment = platform::environment_of_this_process(),
                                        .fds = {},
                                        .new_session = false,
                                        .default_sigpipe = true});
    if (!child) return fail(fmt::format("Cannot start {}: {}", command.front(), child.error().message));
    const platform::ChildState state = platform::wait_for_child(*child);
    if (state.kind == platform::ChildState::Kind::exited && state.value == 0) return {};
    return fail(fmt::format("{} ended with {} {}.", vm::quoted_for_shell(command),
                            state.kind == platform::ChildState::Kind::exited ? "status" : "signal", state.value));
  }

  Result<void> tell_kernel(const std::filesystem::path& file, std::string_view text) override {
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0) return fail_errno(fmt::format("Cannot open {}", file.native()), errno);
    const std::string line = std::string(text) + "\n";
    if (::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      return fail_errno(fmt::format("Cannot write \"{}\" to {}", text, file.native()), errno);
    return {};
  }
};

std::string told(const JournalEntry& entry, bool same_boot) {
  if (const auto* write = std::get_if<WriteFile>(&entry.action))
    return fmt::format("{} {}", entry.earlier ? "restore" : "remove", write->file.path.native());
  if (const auto* run = std::get_if<RunCommand>(&entry.action))
    return run->undo.empty() ? std::string() : "run " + vm::quoted_for_shell(run->undo);
  const auto& tell = std::get<TellKernel>(entry.action);
  if (tell.undo_file.empty() || !same_boot) return {};
  return fmt::format("write \"{}\" to {}", tell.undo_text, tell.undo_file.native());
}

}  // namespace

std::unique_ptr<Hands> real_hands() { return std::make_unique<RealHands>(); }

bool is_applied(std::string_view name, const Place& place) {
  struct stat status{};
  return ::lstat(journal_file(name, place).c_str(), &status) == 0;
}

Result<void> apply(const std::vector<Action>& actions, std::string_view name, const Place& place, Hands& hands) {
  const std::filesystem::path file = journal_file(name, place);
  if (is_applied(name, place))
    return fail(fmt::format("It was done before, as {} says. Undo that first.", file.native()), EEXIST);
  Worker worker(place, hands);
  Journal journal{.boot = place.boot, .folders_made = missing_folders(file.parent_path()), .entries = {}};
  for (const Action& action : actions) {
    JournalEntry entry{.action = action, .earlier = {}, .folders_made = {}};
    if (const auto ready = worker.prepare(entry); !ready) return ready;
  }
  if (auto made = make_folders(journal.folders_made); !made) return made;
  for (const Action& action : actions) {
    JournalEntry entry{.action = action, .earlier = {}, .folders_made = {}};
    // Again: an action before it may have made a folder.
    Result<void> done = worker.prepare(entry);
    if (done) {
      journal.entries.push_back(entry);
      done = write_journal(file, journal);
    }
    if (done) done = worker.carry_out(entry);
    if (done) continue;
    const auto undone = undo_all(std::move(journal), file, place, worker);
    return fail(
        done.error().message + (undone ? " All that was done before it has been undone."
                                       : " Undoing what was done before it failed too: " + undone.error().message),
        done.error().code);
  }
  return {};
}

Result<std::vector<std::string>> what_take_back_does(std::string_view name, const Place& place) {
  const auto journal = read_journal(journal_file(name, place));
  if (!journal) return std::unexpected(journal.error());
  const bool same_boot = place.boot.empty() || journal->boot.empty() || journal->boot == place.boot;
  std::vector<std::string> lines;
  for (const JournalEntry& entry : journal->entries | std::views::reverse)
    if (std::string line = told(entry, same_boot); !line.empty()) lines.push_back(std::move(line));
  return lines;
}

Result<void> take_back(std::string_view name, const Place& place, Hands& hands) {
  const std::filesystem::path file = journal_file(name, place);
  auto journal = read_journal(file);
  if (!journal) return std::unexpected(journal.error());
  Worker worker(place, hands);
  for (const JournalEntry& entry : journal->entries)
    if (auto unchanged = worker.check(entry); !unchanged) return unchanged;
  return undo_all(std::move(*journal), file, place, worker);
}

}  // namespace hesper::advice
