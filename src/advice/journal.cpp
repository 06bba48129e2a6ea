// The journal as JSON. Contents are hexadecimal: files need not be UTF-8.
#include "advice/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/unique_fd.h"

namespace hesper::advice {
namespace {

using nlohmann::json;

constexpr std::size_t kMostJournal = std::size_t{16} << 20;

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// Throws as nlohmann's json does.
std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data() + at, hex.data() + at + 2, value, 16);
    if (error != std::errc() || end != hex.data() + at + 2)
      throw json::other_error::create(501, "not hexadecimal", nullptr);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::vector<std::string> texts_of(const std::vector<std::filesystem::path>& paths) {
  return {paths.begin(), paths.end()};
}

std::vector<std::filesystem::path> paths_of(const json& texts) {
  const auto strings = texts.get<std::vector<std::string>>();
  return {strings.begin(), strings.end()};
}

struct Writer {
  const JournalEntry& entry;

  json operator()(const WriteFile& action) const {
    json object = {{"do", "write_file"},
                   {"path", action.file.path.native()},
                   {"mode", action.file.mode},
                   {"contents", hex_of(action.file.contents)},
                   {"folders_made", texts_of(entry.folders_made)}};
    if (entry.earlier)
      object["earlier"] = {{"contents", hex_of(entry.earlier->contents)},
                           {"mode", entry.earlier->mode},
                           {"owner", entry.earlier->owner},
                           {"group", entry.earlier->group}};
    return object;
  }
  json operator()(const RunCommand& action) const {
    return {{"do", "run"}, {"command", action.command}, {"undo", action.undo}};
  }
  json operator()(const TellKernel& action) const {
    return {{"do", "tell_kernel"},
            {"file", action.file.native()},
            {"text", action.text},
            {"undo_file", action.undo_file.native()},
            {"undo_text", action.undo_text}};
  }
};

// Throws as nlohmann's json does.
JournalEntry entry_of(const json& object) {
  const auto kind = object.at("do").get<std::string>();
  if (kind == "run")
    return {.action = RunCommand{object.at("command"), object.at("undo")}, .earlier = {}, .folders_made = {}};
  if (kind == "tell_kernel")
    return {.action = TellKernel{.file = object.at("file").get<std::string>(),
                                 .text = object.at("text"),
                                 .undo_file = object.at("undo_file").get<std::string>(),
                                 .undo_text = object.at("undo_text")},
            .earlier = {},
            .folders_made = {}};
  if (kind != "write_file") throw json::other_error::create(501, "an unknown entry", nullptr);
  JournalEntry entry{.action = WriteFile{{.path = object.at("path").get<std::string>(),
                                          .contents = bytes_of(object.at("contents")),
                                          .mode = object.at("mode")}},
                     .earlier = {},
                     .folders_made = paths_of(object.at("folders_made"))};
  if (object.contains("earlier")) {
    const json& earlier = object.at("earlier");
    entry.earlier = EarlierFile{.contents = bytes_of(earlier.at("contents")),
                                .mode = earlier.at("mode"),
                                .owner = earlier.at("owner"),
                                .group = earlier.at("group")};
  }
  return entry;
}

Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(fmt::format("Cannot write {}", file.native()), errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::string> read_regular_file(const std::filesystem::path& file, std::size_t most) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) return fail_errno(fmt::format("Cannot open {}", file.native()), errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(fmt::format("Cannot look at {}", file.native()), errno);
  if (!S_ISREG(status.st_mode)) return fail(fmt::format("{} is not a regular file.", file.native()), EINVAL);
  if (static_cast<std::uintmax_t>(status.st_size) > most)
    return fail(fmt::format("{} is larger than {} bytes.", file.native(), most), EFBIG);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("Cannot read {}", file.native()), errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

Result<void> replace_file(const std::filesystem::path& file, const EarlierFile& contents) {
  std::filesystem::path fresh = file;
  fresh += ".hesper-new";
  (void)::unlink(fresh.c_str());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) return fail_errno(fmt::format("Cannot write {}", file.native()), errno);
  const auto give_up = [&](Error error) -> Result<void> {
    (void)::unlink(fresh.c_str());
    return std::unexpected(std::move(error));
  };
  if (auto written = write_all(fd.get(), contents.contents, file); !written) return give_up(written.error());
  if (::fchown(fd.get(), contents.owner, contents.group) != 0 || ::fchmod(fd.get(), contents.mode) != 0 ||
      ::fsync(fd.get()) != 0 || ::rename(fresh.c_str(), file.c_str()) != 0)
    return give_up(fail_errno(fmt::format("Cannot write {}", file.native()), errno).error());
  // So that the new name is on the disk too. A file system that cannot do that is no reason to fail.
  const UniqueFd folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) (void)::fsync(folder.get());
  return {};
}

Result<Journal> read_journal(const std::filesystem::path& file) {
  const auto text = read_regular_file(file, kMostJournal);
  if (!text) return std::unexpected(text.error());
  try {
    const json object = json::parse(*text);
    Journal journal{.boot = object.at("boot"), .folders_made = paths_of(object.at("folders_made")), .entries = {}};
    if (object.at("version") != 1) return fail(fmt::format("{} is of another version of Hesper.", file.native()));
    for (const json& entry : object.at("entries")) journal.entries.push_back(entry_of(entry));
    return journal;
  } catch (const json::exception& error) {
    return fail(fmt::format("{} is damaged: {}.", file.native(), error.what()));
  }
}

Result<void> write_journal(const std::filesystem::path& file, const Journal& journal) {
  json entries = json::array();
  for (const JournalEntry& entry : journal.entries) entries.push_back(std::visit(Writer{entry}, entry.action));
  const json object = {{"version", 1},
                       {"boot", journal.boot},
                       {"folders_made", texts_of(journal.folders_made)},
                       {"entries", std::move(entries)}};
  return replace_file(file, {.contents = object.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
                             .mode = 0600,
                             .owner = ::geteuid(),
                             .group = ::getegid()});
}

}  // namespace hesper::advice
