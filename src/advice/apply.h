// apply: carries actions out on this host, and takes them back exactly: a journal has each file's earlier contents, and
// is written before the host is changed. Decides nothing: see passthrough.h.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "advice/action.h"
#include "base/error.h"

namespace hesper::advice {

// Where on the host. Tests have another root, below which every path of an action lies.
struct Place {
  std::filesystem::path root = "/";
  std::filesystem::path journals = "/var/lib/hesper/journals";  // below root
  std::string boot;  // platform::boot_identity(): what was told to a kernel is gone with it; empty: not known
};

// What touches more than files. May be stood in for.
class Hands {
 public:
  virtual ~Hands() = default;
  // Errors: it cannot be started, or its exit status is not 0; the sentence has what it wrote to standard error.
  [[nodiscard]] virtual Result<void> run(const std::vector<std::string>& command) = 0;
  // In one write; the file must be there.
  [[nodiscard]] virtual Result<void> tell_kernel(const std::filesystem::path& file, std::string_view text) = 0;
};
[[nodiscard]] std::unique_ptr<Hands> real_hands();

// Whether something was applied under this name and not taken back. name: letters, digits, '-', '_', '.' and ':'.
[[nodiscard]] bool is_applied(std::string_view name, const Place& place);

// One after the other. If one fails, those before it are taken back; the error says what failed, and what could not be
// taken back. Errors, before anything is changed: the name is applied already; a file is there that is not a regular
// one; the journal cannot be written.
[[nodiscard]] Result<void> apply(const std::vector<Action>& actions, std::string_view name, const Place& place,
                                 Hands& hands);

// What take_back() would do, a line each.
[[nodiscard]] Result<std::vector<std::string>> what_take_back_does(std::string_view name, const Place& place);

// Afterwards every file has its earlier contents, owner and mode, or is gone. Errors, before anything is changed:
// nothing is applied under that name; somebody has changed one of the files since. An error in the middle leaves the
// rest in the journal, for another try.
[[nodiscard]] Result<void> take_back(std::string_view name, const Place& place, Hands& hands);

}  // namespace hesper::advice
