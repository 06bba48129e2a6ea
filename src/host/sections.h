// Sections: what a description holds, as data; its text, read and written. Answers no question; see description.h,
// which has the text's grammar.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "host/system.h"

namespace hesper::host {

struct Sections {
  // What is known of one path. With nothing set, only rights to it are.
  struct Entry {
    std::optional<std::string> text;
    std::optional<FileStatus> status;
    std::optional<std::string> link;
    std::optional<std::set<std::string>> names;  // of a folder
    int error = 0;                               // errno
  };
  struct Command {
    CommandOutput output;
    int error = 0;  // errno: it has no output
  };

  std::map<std::string, Entry> files;                         // by normal_path()
  std::map<std::pair<std::string, Access>, int> rights;       // likewise; 0 or errno
  std::map<std::vector<std::string>, Command> commands;       // by words
  std::set<std::string> programs;                             // absolute paths
  std::map<std::string, std::string, std::less<>> variables;  // by name
  std::set<Holder> holders;
  std::optional<User> user;
};

// Errors: the first line that cannot be understood, with its number.
[[nodiscard]] Result<Sections> parse_sections(std::string_view text);
// parse_sections() of it gives the same again.
[[nodiscard]] std::string text_of(const Sections& sections);

// Without ".", "..", "//" and a "/" at its end.
[[nodiscard]] std::string normal_path(const std::filesystem::path& path);
[[nodiscard]] std::string_view name_of(Access access) noexcept;
// "EACCES". Of an errno that descriptions do not know: "EIO".
[[nodiscard]] std::string_view name_of_errno(int error) noexcept;

}  // namespace hesper::host
