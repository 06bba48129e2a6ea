// System: the only way in which this folder looks at a host: files, links, rights and the output of commands. The real
// one looks at the machine; a Description (description.h) answers in its place, in tests and for somebody else's host.
// Changes nothing on any host.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hesper::host {

// What one file or one command may have to say; one that says more has no answer (EFBIG).
inline constexpr std::size_t kMostText = std::size_t{4} << 20;
// What a data base may have that excerpt() looks through; likewise.
inline constexpr std::size_t kMostDataBase = std::size_t{32} << 20;

struct FileStatus {
  enum class Kind : std::uint8_t { file, folder, device, socket, other };
  Kind kind = Kind::file;
  std::uint32_t mode = 0;  // permission bits
  std::string owner;       // by name; the number where it has none
  std::string group;       // likewise
  friend bool operator==(const FileStatus&, const FileStatus&) = default;
};

struct CommandOutput {
  int status = 0;      // as a shell gives it: 128 + N for signal N
  std::string output;  // at most kMostText
  std::string errors;  // likewise
  friend bool operator==(const CommandOutput&, const CommandOutput&) = default;
};

struct User {
  std::string name;
  std::uint32_t id = 0;
  std::vector<std::string> groups;  // by name, the first one is the primary one; of this process, not of the data base
  friend bool operator==(const User&, const User&) = default;
};

// A process that has a file open.
struct Holder {
  std::filesystem::path file;
  std::uint32_t process = 0;
  std::string program;  // its name, as ps tells it
  friend auto operator<=>(const Holder&, const Holder&) = default;
};

enum class Access : std::uint8_t { read, write, read_write, execute };

// Paths are absolute. May be used by several threads at once. Errors name what was asked for, and why it has no answer:
// errno in their code, ETIMEDOUT for a command that did not end.
class System {
 public:
  virtual ~System() = default;

  // A whole file, up to kMostText; never blocks on what is not a regular file, and does not open such.
  [[nodiscard]] virtual Result<std::string> read(const std::filesystem::path& file) const = 0;
  // Of a file up to kMostDataBase, such as pci.ids: the lines that begin with one of these texts, in their order; and
  // before one that is indented (by tabs), the lines that it stands below. May be empty.
  [[nodiscard]] virtual Result<std::string> excerpt(const std::filesystem::path& file,
                                                    const std::vector<std::string>& beginnings) const = 0;
  // The names in a folder, sorted; at most 65,536.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::filesystem::path& folder) const = 0;
  // Where a symbolic link leads, as it is written in it.
  [[nodiscard]] virtual Result<std::string> read_link(const std::filesystem::path& link) const = 0;
  // Of what a path leads to, through links.
  [[nodiscard]] virtual Result<FileStatus> status(const std::filesystem::path& file) const = 0;
  // Whether this process may do that, by asking the system and not by reading permission bits. Character devices are
  // opened, but for /dev/dri/card*: who opens one first is its master for that time.
  [[nodiscard]] virtual Result<void> may(Access access, const std::filesystem::path& file) const = 0;
  // Who has one of these files open, as far as this user may see; sorted. Empty where the system does not tell.
  [[nodiscard]] virtual std::vector<Holder> holders(const std::vector<std::filesystem::path>& files) const = 0;
  // A command without a shell and without standard input, in the C locale; its program is found as find_program() has
  // it. Errors: it is not there, cannot be executed, writes more than kMostText, or did not end in time; then it was
  // killed, with all that it had started.
  [[nodiscard]] virtual Result<CommandOutput> run(
      const std::vector<std::string>& command,
      std::chrono::milliseconds patience = std::chrono::milliseconds(5000)) const = 0;
  // The absolute path of the program that run() would start: Hesper's own beside this one, then in PATH, then in the
  // folders that hold programs of administrators and of Homebrew.
  [[nodiscard]] virtual std::optional<std::filesystem::path> find_program(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::string> variable(std::string_view name) const = 0;
  [[nodiscard]] virtual User user() const = 0;
};

// This machine. root: what paths begin at, "/" but for tests. own_folder: where Hesper's programs are.
[[nodiscard]] std::unique_ptr<System> real_system(std::filesystem::path root, std::filesystem::path own_folder);

// excerpt() of a text. Pure.
[[nodiscard]] std::string excerpt_of(std::string_view text, const std::vector<std::string>& beginnings);
// holders() by /proc, of which at most 200,000 links are read. Asks nothing else of the system.
[[nodiscard]] std::vector<Holder> holders_by_proc(const System& system,
                                                  const std::vector<std::filesystem::path>& files);

}  // namespace hesper::host
