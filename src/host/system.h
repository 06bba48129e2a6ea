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

// What one file or one command may have to say; what is longer is cut, and said to be.
inline constexpr std::size_t kMostText = std::size_t{1} << 20;

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

enum class Access : std::uint8_t { read, write, read_write, execute };

// Paths are absolute. May be used by several threads at once. Errors name what was asked for, and why it has no answer:
// errno in their code, ETIMEDOUT for a command that did not end.
class System {
 public:
  virtual ~System() = default;

  // A whole file, up to kMostText; never blocks on what is not a regular file.
  [[nodiscard]] virtual Result<std::string> read(const std::filesystem::path& file) const = 0;
  // The names in a folder, sorted; at most 65,536.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::filesystem::path& folder) const = 0;
  // Where a symbolic link leads, as it is written in it.
  [[nodiscard]] virtual Result<std::string> read_link(const std::filesystem::path& link) const = 0;
  // Of what a path leads to, through links.
  [[nodiscard]] virtual Result<FileStatus> status(const std::filesystem::path& file) const = 0;
  // Whether this process may do that, by asking the system and not by reading permission bits; a device is opened.
  [[nodiscard]] virtual Result<void> may(Access access, const std::filesystem::path& file) const = 0;
  // A command without a shell and without standard input; its program is found as PATH says, and Hesper's own beside
  // this one. Errors: it is not there, cannot be executed, or did not end in time and was killed.
  [[nodiscard]] virtual Result<CommandOutput> run(
      const std::vector<std::string>& command,
      std::chrono::milliseconds patience = std::chrono::milliseconds(5000)) const = 0;
  // The absolute path of the program that run() would start.
  [[nodiscard]] virtual std::optional<std::filesystem::path> find_program(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<std::string> variable(std::string_view name) const = 0;
  [[nodiscard]] virtual User user() const = 0;
};

// This machine. root: what paths begin at, "/" but for tests. own_folder: where Hesper's programs are.
[[nodiscard]] std::unique_ptr<System> real_system(std::filesystem::path root, std::filesystem::path own_folder);

}  // namespace hesper::host
